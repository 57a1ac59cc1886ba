//! An attacker that adapts, as Markdown and as a plot.

use std::fmt::Write;

use super::{Adaptive, Best, Point};
use crate::plot::{COLOURS, Plot};

/// The attacker that adapts; it names the plot `adaptive.svg`.
pub(super) fn section(adaptive: &Adaptive) -> String {
    let mut text = format!(
        "\n## An attacker that retrains\n\n{}, trained on captchas as they are drawn, buys the texts of perturbed ones and \
         retrains on them until what it reads of held-out ones rises no more, for twenty passes (or 100 steps) at most, two of more than \
         30,000. The models then learn from its answers to new captchas, and new ones are perturbed with them alone, and in turns with the models \
         from before. Success with the best filter.\n\n![captchas bought against success](adaptive.svg)\n\n\
         | bought | before | retrained | passes | held out, half-way and at last | answers | after the models learned from them \
         | in turns with those from before | left of what it gained, alone and in turns | plain ones that the worst model reads |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        adaptive.attacker,
    );
    for point in &adaptive.points {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} ({}) | {} ({}) | {:.0} | {:.1}, {:.1} % | {} | {} ({}) | {} | {} | {} |",
            point.bought,
            point.before.share,
            point.before.filter,
            point.retrained.share,
            point.retrained.filter,
            point.passes,
            100.0 * point.held_out[0],
            100.0 * point.held_out[1],
            point.answers,
            point.answered.share,
            point.answered.filter,
            point
                .in_turns
                .as_ref()
                .map_or(String::new(), |best| format!("{} ({})", best.share, best.filter)),
            left(point),
            point.originals,
        );
    }
    for share in [0.10, 0.25, 0.50] {
        if let Some(bought) = bought_until(adaptive, share) {
            let _ = write!(text, "\n{:.0} % are read after about {bought:.0}.", 100.0 * share);
        }
    }
    let _ = writeln!(
        text,
        "\n\nThe goal is that at most half of what it gained is left, of both columns after the models learned."
    );
    text
}

/// What is left of a gain against the models that learned, alone and in turns with those from before.
fn left(point: &Point) -> String {
    let afterwards = [Some(&point.answered), point.in_turns.as_ref()];
    let left = afterwards.into_iter().flatten().filter_map(|after| point.kept(after));
    let percent: Vec<_> = left.map(|share| format!("{:.0} %", 100.0 * share)).collect();
    percent.join(", ")
}

/// How many captchas it has to buy to read this share of new ones, on a line between two races (of the number's logarithm);
/// `None` if the share is below or above what all of them found.
fn bought_until(adaptive: &Adaptive, share: f64) -> Option<f64> {
    let at = |point: &Point| ((point.bought.max(1) as f64).ln(), point.retrained.share.rate());
    let mut points: Vec<_> = adaptive.points.iter().map(at).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.windows(2).find_map(|pair| {
        let &[(few, low), (many, high)] = pair else { return None };
        let is_between = low <= share && share <= high && low < high;
        is_between.then(|| (few + (many - few) * (share - low) / (high - low)).exp())
    })
}

/// What is plotted of a race, if it was measured.
type Stage = fn(&Point) -> Option<&Best>;

/// Captchas bought, on a logarithmic axis, against success before and after retraining, and after the models' answer: alone, and
/// in turns with those from before where that was measured.
#[must_use]
pub fn adaptive_svg(adaptive: &Adaptive) -> String {
    let mut plot = Plot::new("captchas bought", "success, best filter");
    let bought = || adaptive.points.iter().map(|point| point.bought.max(1) as f64);
    let (fewest, most) = (bought().fold(f64::INFINITY, f64::min), bought().fold(1.0, f64::max));
    // One point alone stands at the right.
    let place = |bought: usize| {
        if fewest < most {
            (bought.max(1) as f64 / fewest).ln() / (most / fewest).ln()
        } else {
            1.0
        }
    };
    for point in &adaptive.points {
        plot.x_tick(place(point.bought), &point.bought.to_string());
    }
    let lines: [(&str, Stage); 4] = [
        ("before", |point| Some(&point.before)),
        ("retrained", |point| Some(&point.retrained)),
        ("after the models learned", |point| Some(&point.answered)),
        ("in turns with those from before", |point| point.in_turns.as_ref()),
    ];
    for (index, (name, best)) in lines.into_iter().enumerate() {
        let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#000000");
        let mut line = Vec::new();
        for point in &adaptive.points {
            let Some(best) = best(point) else { continue };
            let (x, share) = (place(point.bought), best.share);
            let [low, high] = share.interval();
            plot.line(&[[x, low], [x, high]], colour, false);
            plot.dot([x, share.rate()], colour);
            line.push([x, share.rate()]);
        }
        plot.line(&line, colour, false);
        plot.legend(index, name, colour, false);
    }
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::statistics::Share;

    #[test]
    fn what_is_left_of_a_gain_is_a_share_of_it() {
        let best = |success| Best {
            filter: "median".to_owned(),
            share: Share { success, count: 100 },
        };
        let point = Point {
            bought: 1_000,
            before: best(10),
            retrained: best(50),
            passes: 20.0,
            held_out: [0.4, 0.5],
            answers: 1_000,
            answered: best(20),
            in_turns: Some(best(30)),
            originals: Share {
                success: 96,
                count: 100,
            },
        };
        let adaptive = Adaptive {
            attacker: "resnet-attention".to_owned(),
            points: vec![
                point.clone(),
                Point {
                    retrained: best(10),
                    ..point
                },
            ],
        };
        let text = section(&adaptive);
        assert!(
            text.contains("| 20.0 % (13.3 to 28.9) (median) | 30.0 % (21.9 to 39.6) (median) | 25 %, 50 % | 96.0 %"),
            "{text}"
        );
        assert!(text.contains("|  | 96.0 %"), "nothing was gained: {text}");
        assert!(text.contains("| 20 | 40.0, 50.0 % | 1000 |"), "{text}");
        assert_eq!(adaptive_svg(&adaptive).matches("<circle").count(), 8);

        let mut before = serde_json::to_value(&adaptive).unwrap();
        for point in before["points"].as_array_mut().unwrap() {
            point.as_object_mut().unwrap().remove("in_turns");
        }
        let before: Adaptive = serde_json::from_value(before).unwrap();
        assert!(
            section(&before).contains("(median) |  | 25 % | 96.0 %"),
            "{}",
            section(&before)
        );
        assert_eq!(adaptive_svg(&before).matches("<circle").count(), 6);
    }

    #[test]
    fn the_price_of_a_share_lies_between_two_races() {
        let best = |success| Best {
            filter: "none".to_owned(),
            share: Share { success, count: 100 },
        };
        let point = |bought, success| Point {
            bought,
            before: best(0),
            retrained: best(success),
            passes: 20.0,
            held_out: [0.0; 2],
            answers: bought,
            answered: best(0),
            in_turns: None,
            originals: Share::default(),
        };
        let adaptive = Adaptive {
            attacker: "resnet-attention".to_owned(),
            points: vec![point(1_000, 60), point(10, 20), point(100, 40)],
        };
        let until = |share| bought_until(&adaptive, share);
        // Half-way between 20 and 40 %: half-way between the logarithms of 10 and 100.
        assert!((until(0.3).unwrap() - 1_000_f64.sqrt()).abs() < 1e-6);
        assert_eq!((until(0.1), until(0.7)), (None, None));
    }
}
