//! The scoreboard as Markdown and as a plot.

use std::fmt::Write;

use super::{Cell, Cost, Scoreboard};
use crate::plot::{COLOURS, Plot};

/// Success at most so, on the mean of the solvers that were not attacked and for the worst of them.
const GOALS: [f64; 2] = [0.05, 0.10];

impl Scoreboard {
    fn of<'a>(&'a self, cost: &'a Cost) -> impl Iterator<Item = &'a Cell> {
        self.cells
            .iter()
            .filter(|cell| cell.configuration == cost.configuration)
    }

    /// Success, with each solver's best filter, of those that `cost`'s configuration does not attack: mean and most.
    fn held_out(&self, cost: &Cost) -> Option<[f64; 2]> {
        let rates: Vec<f64> = self
            .of(cost)
            .filter(|cell| !cell.is_attacked)
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
         95 %, of one filter. A solver is *attacked* if the captchas were \
         made to mislead it, otherwise *held out*. Three tries are three captchas, with the best filter.\n\n\
         ![epsilon against success](scoreboard.svg)\n\n## Effect against cost\n\n\
         | configuration | gradients | ms a captcha, one thread | held-out solvers, mean of the best | the worst of them |\n\
         | --- | --- | --- | --- | --- |\n",
        board.count, board.scheme_version, board.seed,
    );
    for cost in &board.costs {
        let held_out = board.held_out(cost).map_or(" | ".to_owned(), |[mean, most]| {
            format!("{:.1} % | {:.1} %", 100.0 * mean, 100.0 * most)
        });
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {held_out} |",
            cost.configuration,
            cost.gradients,
            cost.milliseconds
                .map_or(String::new(), |milliseconds| format!("{milliseconds:.0}")),
        );
    }
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
            let role = if cell.is_attacked { "attacked" } else { "held out" };
            let _ = writeln!(
                text,
                "| {} | {raw} | {best} | {filter} | {:.1} % | {role} |",
                cell.solver,
                100.0 * cell.three_tries.rate()
            );
        }
    }
    text.push_str(&every_filter(board));
    text
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
    let mut plot = Plot::new("budget, as a multiple of the product's", "success, best filter");
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
    use crate::experiment::statistics::Share;

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
        }
    }

    #[test]
    fn held_out_solvers_count_with_their_best_filter() {
        let text = markdown(&board(), "parallax scoreboard");
        assert!(text.contains("| plain | 0 | 62 | 82.0 % | 99.0 % |"), "{text}");
        assert!(
            text.contains("| default | 10 | 62 | 8.0 % | 8.0 % |"),
            "the attacked one is left out: {text}"
        );
        assert!(text.contains("| otsu | 21.2 % | held out |"), "{text}");
        assert!(text.contains("| ocr | 3.0 | 8.0 |"), "{text}");
    }

    #[test]
    fn each_solver_is_a_line_of_points() {
        assert_eq!(svg(&board()).matches("<circle").count(), 4);
    }
}
