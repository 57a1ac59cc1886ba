//! The scoreboard as Markdown and as a plot.

use std::fmt::Write;

use parallax_captcha::strength::Strengths;

use super::{Adaptive, Cell, Cost, Scoreboard};
use crate::plot::{COLOURS, Plot};

/// Success at most so, on the mean of the solvers that were not attacked and for the worst of them.
const GOALS: [f64; 2] = [0.05, 0.10];

impl Scoreboard {
    fn of<'a>(&'a self, cost: &'a Cost) -> impl Iterator<Item = &'a Cell> {
        self.cells
            .iter()
            .filter(|cell| cell.configuration == cost.configuration)
    }

    /// Whether no configuration attacks this solver.
    fn is_held_out(&self, solver: &str) -> bool {
        !self.cells.iter().any(|cell| cell.is_attacked && cell.solver == solver)
    }

    /// Success on `cost`'s captchas, with each solver's best filter, of those that no configuration attacks, so that rows
    /// compare: mean and most.
    fn held_out(&self, cost: &Cost) -> Option<[f64; 2]> {
        let rates: Vec<f64> = self
            .of(cost)
            .filter(|cell| self.is_held_out(&cell.solver))
            .map(|cell| cell.best().1.rate())
            .collect();
        let most = rates.iter().copied().reduce(f64::max)?;
        Some([rates.iter().sum::<f64>() / rates.len() as f64, most])
    }
}

/// The page; it names the plot `scoreboard.svg`.
#[must_use]
pub fn markdown(board: &Scoreboard, command: &str) -> String {
    let mut text = format!(
        "# Scoreboard\n\n`{command}`: {} captchas (scheme {}, seed {}) in every cell, one text and one try each. *Best* is the \
         filter with which the solver reads most of these very captchas, which flatters the solver; the interval is Wilson's at \
         95 %, of one filter. A solver is *attacked* if any of \
         these captchas were made to mislead it, otherwise *held out*. Budgets are those before the readability gate, which weakens \
         what fails it. Three tries are three captchas, with the best filter.\n\n\
         ![epsilon against success](scoreboard.svg)\n\n## Effect against cost\n\n",
        board.count, board.scheme_version, board.seed,
    );
    text.push_str(&effect_against_cost(board));
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\nThe goal is at most {:.0} % on the mean and {:.0} % for the worst.",
        100.0 * GOALS[0],
        100.0 * GOALS[1]
    );
    for cost in &board.costs {
        let _ = write!(
            text,
            "\n## {}\n\n| solver | as it is | best | filter | three tries | |\n| --- | --- | --- | --- | --- | --- |\n",
            cost.configuration
        );
        for cell in board.of(cost) {
            let raw = cell.by_preprocess.first().map(|(_, share)| *share).unwrap_or_default();
            let (filter, best) = cell.best();
            let role = match (cell.is_attacked, board.is_held_out(&cell.solver)) {
                (true, _) => "attacked",
                (false, true) => "held out",
                (false, false) => "attacked elsewhere",
            };
            let _ = writeln!(
                text,
                "| {} | {raw} | {best} | {filter} | {:.1} % | {role} |",
                cell.solver,
                100.0 * cell.three_tries.rate()
            );
        }
    }
    if let Some(adaptive) = &board.adaptive {
        text.push_str(&race(adaptive));
    }
    text.push_str(&every_filter(board));
    text
}

/// The attacker that adapts; it names the plot `adaptive.svg`.
fn race(adaptive: &Adaptive) -> String {
    let mut text = format!(
        "\n## An attacker that retrains\n\n{}, trained on captchas as they are drawn, buys the texts of perturbed ones and \
         retrains on them until what it reads of held-out ones rises no more, for twenty passes at most, two of more than \
         30,000. The models then learn from its answers to new captchas, and new ones are perturbed with them. Success with the best filter.\n\n![captchas bought against success](adaptive.svg)\n\n\
         | bought | before | retrained | answers | after the models learned from them | left of what it gained | plain ones \
         that the worst model reads |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        adaptive.attacker,
    );
    for point in &adaptive.points {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} ({}) | {} ({}) | {} | {} ({}) | {} | {} |",
            point.bought,
            point.before.share,
            point.before.filter,
            point.retrained.share,
            point.retrained.filter,
            point.answers,
            point.answered.share,
            point.answered.filter,
            point
                .kept()
                .map_or(String::new(), |kept| format!("{:.0} %", 100.0 * kept)),
            point.originals,
        );
    }
    let _ = writeln!(text, "\nThe goal is that at most half is left.");
    text
}

/// Captchas bought, on a logarithmic axis, against success before and after retraining, and after the models' answer.
#[must_use]
pub fn adaptive_svg(adaptive: &Adaptive) -> String {
    let mut plot = Plot::new("captchas bought", "success, best filter");
    let most = adaptive.points.iter().map(|point| point.bought).max().unwrap_or(1);
    let place = |bought: usize| (bought.max(1) as f64).log10() / (most.max(10) as f64).log10();
    for point in &adaptive.points {
        plot.x_tick(place(point.bought), &point.bought.to_string());
    }
    for (index, name) in ["before", "retrained", "after the models learned"]
        .into_iter()
        .enumerate()
    {
        let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#000000");
        let mut line = Vec::new();
        for point in &adaptive.points {
            let best = match index {
                0 => &point.before,
                1 => &point.retrained,
                _ => &point.answered,
            };
            let (x, share) = (place(point.bought), best.share);
            let [low, high] = share.interval();
            plot.line(&[[x, low], [x, high]], colour, false);
            plot.dot([x, share.rate()], colour);
            line.push([x, share.rate()]);
        }
        plot.line(&line, colour, false);
        plot.legend(index, name, colour);
    }
    plot.finish()
}

/// What each configuration costs, and what it does to solvers that it does not attack; a Markdown table.
fn effect_against_cost(board: &Scoreboard) -> String {
    let mut text = "| captchas | gradients | ms each, one thread | pass the gate in full | held-out solvers, mean of the best | the \
                    worst of them |\n| --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for cost in &board.costs {
        let held_out = board.held_out(cost).map_or(" | ".to_owned(), |[mean, most]| {
            format!("{:.1} % | {:.1} %", 100.0 * mean, 100.0 * most)
        });
        let passed = cost
            .strengths
            .map_or(String::new(), |Strengths { full, weakened, plain }| {
                let all = (full + weakened + plain).max(1);
                format!("{:.1} %", 100.0 * f64::from(full) / f64::from(all))
            });
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {passed} | {held_out} |",
            cost.configuration,
            cost.gradients,
            cost.milliseconds
                .map_or(String::new(), |milliseconds| format!("{milliseconds:.0}")),
        );
    }
    text
}

/// The lines that the table of effect against cost stands between.
pub const MARKERS: [&str; 2] = ["<!-- scoreboard -->", "<!-- /scoreboard -->"];

/// Whether `text` has the [`MARKERS`].
#[must_use]
pub fn has_place(text: &str) -> bool {
    let [start, end] = MARKERS;
    text.split_once(start).is_some_and(|(_, rest)| rest.contains(end))
}

/// `text` with the table of effect against cost between the [`MARKERS`]; `None` if they are not there.
#[must_use]
pub fn with_table(text: &str, board: &Scoreboard) -> Option<String> {
    let [start, end] = MARKERS;
    let (before, rest) = text.split_once(start)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{start}\n{}{end}{after}", effect_against_cost(board)))
}

/// Success of every solver after every filter.
fn every_filter(board: &Scoreboard) -> String {
    let mut text = "\n## Every filter\n\nSuccess, %.\n".to_owned();
    for cost in &board.costs {
        let Some(first) = board.of(cost).next() else {
            continue;
        };
        let names = first.by_preprocess.iter().map(|(name, _)| format!(" {name} |"));
        let rule = "--- |".repeat(first.by_preprocess.len());
        let _ = write!(
            text,
            "\n| {} |{}\n| --- |{rule}\n",
            cost.configuration,
            names.collect::<String>()
        );
        for cell in board.of(cost) {
            let shares = cell
                .by_preprocess
                .iter()
                .map(|(_, share)| format!(" {:.1} |", 100.0 * share.rate()));
            let _ = writeln!(text, "| {} |{}", cell.solver, shares.collect::<String>());
        }
    }
    text
}

/// Epsilon, as a multiple of the product's, against success with the best filter: a line for each solver.
#[must_use]
pub fn svg(board: &Scoreboard) -> String {
    let mut points: Vec<(&Cost, f32)> = board
        .costs
        .iter()
        .filter_map(|cost| Some((cost, cost.factor?)))
        .collect();
    points.sort_by(|a, b| a.1.total_cmp(&b.1));
    let most = points.iter().fold(f32::MIN_POSITIVE, |most, point| most.max(point.1));
    let place = |factor: f32| f64::from(factor / most);
    let mut plot = Plot::new(
        "budget before the gate, as a multiple of the product's",
        "success, best filter",
    );
    for (_, factor) in &points {
        plot.x_tick(place(*factor), &factor.to_string());
    }
    let mut solvers: Vec<&str> = Vec::new();
    for cell in &board.cells {
        if !solvers.contains(&cell.solver.as_str()) {
            solvers.push(&cell.solver);
        }
    }
    for (index, solver) in solvers.iter().enumerate() {
        let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#000000");
        let mut line = Vec::new();
        for (cost, factor) in &points {
            for cell in board.of(cost).filter(|cell| cell.solver == *solver) {
                let (x, share) = (place(*factor), cell.best().1);
                let [low, high] = share.interval();
                plot.line(&[[x, low], [x, high]], colour, false);
                plot.dot([x, share.rate()], colour);
                line.push([x, share.rate()]);
            }
        }
        plot.line(&line, colour, index >= COLOURS.len());
        plot.legend(index, solver, colour);
    }
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiment::statistics::Share,
        scoreboard::{Best, Point},
    };

    fn board() -> Scoreboard {
        let cell = |configuration: &str, solver: &str, is_attacked, raw, otsu| Cell {
            configuration: configuration.to_owned(),
            solver: solver.to_owned(),
            is_attacked,
            by_preprocess: [("none", raw), ("otsu", otsu)]
                .map(|(name, success)| (name.to_owned(), Share { success, count: 100 }))
                .to_vec(),
            three_tries: Share { success: 7, count: 33 },
        };
        let cost = |configuration: &str, factor, gradients| Cost {
            configuration: configuration.to_owned(),
            factor,
            gradients,
            milliseconds: Some(61.7),
            strengths: (gradients > 0).then_some(Strengths {
                full: 97,
                weakened: 2,
                plain: 1,
            }),
        };
        Scoreboard {
            count: 100,
            seed: 7,
            scheme_version: 5,
            costs: vec![cost("plain", Some(0.0), 0), cost("default", Some(1.0), 10)],
            cells: vec![
                cell("plain", "crnn", false, 99, 90),
                cell("plain", "ocr", false, 60, 65),
                cell("default", "crnn", true, 1, 2),
                cell("default", "ocr", false, 3, 8),
            ],
            adaptive: None,
        }
    }

    #[test]
    fn held_out_solvers_count_with_their_best_filter() {
        let text = markdown(&board(), "parallax scoreboard");
        assert!(text.contains("| plain | 0 | 62 |  | 65.0 % | 65.0 % |"), "{text}");
        assert!(
            text.contains("| default | 10 | 62 | 97.0 % | 8.0 % | 8.0 % |"),
            "the attacked one is left out: {text}"
        );
        assert!(text.contains("| otsu | 21.2 % | held out |"), "{text}");
        assert!(text.contains("| ocr | 3.0 | 8.0 |"), "{text}");
    }

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
            answers: 1_000,
            answered: best(20),
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
        let text = race(&adaptive);
        assert!(text.contains("| 25 % | 96.0 %"), "{text}");
        assert!(text.contains("|  | 96.0 %"), "nothing was gained: {text}");
        assert_eq!(adaptive_svg(&adaptive).matches("<circle").count(), 6);
    }

    #[test]
    fn a_table_between_markers_is_replaced() {
        let text = "a\n<!-- scoreboard -->\nold\n<!-- /scoreboard -->\nb\n";
        let once = with_table(text, &board()).unwrap();
        assert!(once.starts_with("a\n<!-- scoreboard -->\n| captchas |"), "{once}");
        assert!(
            once.ends_with("8.0 % |\n<!-- /scoreboard -->\nb\n") && !once.contains("old"),
            "{once}"
        );
        assert_eq!(with_table(&once, &board()).unwrap(), once);
        assert_eq!(with_table("<!-- /scoreboard --><!-- scoreboard -->", &board()), None);
    }

    #[test]
    fn each_solver_is_a_line_of_points() {
        assert_eq!(svg(&board()).matches("<circle").count(), 4);
    }
}
