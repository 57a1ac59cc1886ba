//! The scoreboard as Markdown and as a plot.

use std::fmt::Write;

use parallax_captcha::strength::Strengths;

use super::{
    Cost, Legibility, Scoreboard,
    board::{GOALS, PROGRAM_GOAL, Standing},
    race,
};
use crate::plot::{COLOURS, Plot};

/// The page; it names the plot `scoreboard.svg`.
#[must_use]
pub fn markdown(board: &Scoreboard, command: &str) -> String {
    let mut text = format!(
        "# Scoreboard\n\n`{command}`: {} captchas (scheme {}, seed {}) in every cell, one text and one try each. *Best* is the \
         filter with which the solver reads most of these very captchas, which flatters the solver; the interval is Wilson's at \
         95 %, of one filter. A solver is *attacked* if any of \
         these captchas were made to mislead it, otherwise *held out*. Budgets are those before the readability gate, which weakens \
         what fails it. Three tries are three captchas, with the best filter; *vote* is what most filters let the solver read.\n\n\
         ![epsilon against success](scoreboard.svg)\n\n## Effect against cost\n\n",
        board.count, board.scheme_version, board.seed,
    );
    text.push_str(&effect_against_cost(board));
    text.push_str(&goals(board));
    text.push_str(&solvers(board));
    for cost in &board.costs {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n## {}\n\n| solver | as it is | best | filter | three tries | vote | |\n| --- | --- | --- | --- | --- | --- | --- |\n",
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
                "| {} | {raw} | {best} | {filter} | {:.1} % | {:.1} % | {role} |",
                cell.solver,
                100.0 * cell.three_tries.rate(),
                100.0 * cell.vote.rate()
            );
        }
    }
    if let Some(adaptive) = &board.adaptive {
        text.push_str(&race::section(adaptive));
    }
    text.push_str(&legibility(board));
    text.push_str(&every_filter(board));
    text
}

/// How readable each configuration is, by the gate's figures.
fn legibility(board: &Scoreboard) -> String {
    let mut text =
        "\n## Readability\n\nThe gate's figures after the gate, median and worst captcha.\n\n| captchas |".to_owned();
    let figures = board.costs.first().map_or(&[][..], |cost| &cost.legibility.figures);
    let names = figures.iter().map(|figure| format!(" {} |", figure.name));
    let rule = " --- |".repeat(figures.len());
    // Writing to a String cannot fail.
    let _ = write!(text, "{} meet all |\n| --- |{rule} --- |\n", names.collect::<String>());
    for cost in &board.costs {
        let Legibility { figures, passed } = &cost.legibility;
        let values = figures
            .iter()
            .map(|figure| format!(" {:.2}, {:.2} |", figure.median, figure.worst));
        let _ = writeln!(
            text,
            "| {} |{} {:.1} % |",
            cost.configuration,
            values.collect::<String>(),
            100.0 * passed.rate()
        );
    }
    text
}

/// How the product's configuration stands against the goals: lines of Markdown.
fn goals(board: &Scoreboard) -> String {
    let mut text = "\n## Goals\n\n".to_owned();
    let mut standing = |who: &str, standing: Standing| {
        let [mean, worst] = GOALS;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "- {who}: on the mean {:.1} % (goal: at most {:.0} %, {}), the worst {} (at most {:.0} %, {}).",
            100.0 * standing.mean,
            100.0 * mean,
            if standing.mean <= mean { "met" } else { "missed" },
            standing.most,
            100.0 * worst,
            standing.most.at_most(worst),
        );
    };
    let product = board.costs.iter().find(|cost| cost.factor == Some(1.0));
    if let Some(held_out) = product.and_then(|cost| board.held_out(cost)) {
        standing("Models that were not attacked", held_out);
    }
    let spared = board.leave_one_out();
    if let Some(spared_standing) = Standing::of(&spared) {
        standing(
            "All models, each on captchas that it did not help to make",
            spared_standing,
        );
        for cell in spared {
            let (filter, best) = cell.best();
            let _ = writeln!(
                text,
                "  - {} on *{}*: {best} ({filter})",
                cell.solver, cell.configuration
            );
        }
    }
    let cells = product.into_iter().flat_map(|cost| board.of(cost));
    for cell in cells.filter(|cell| board.programs().any(|name| name == cell.solver)) {
        let (filter, best) = cell.best();
        let _ = writeln!(
            text,
            "- {}: {best} with its best filter, {filter} (goal: at most {:.0} %, {}).",
            cell.solver,
            100.0 * PROGRAM_GOAL,
            best.at_most(PROGRAM_GOAL),
        );
    }
    text
}

/// Who takes part, and where they come from.
fn solvers(board: &Scoreboard) -> String {
    let mut text = "\n## Solvers\n\n".to_owned();
    for solver in &board.solvers {
        let digest = solver.digest.get(..16).unwrap_or(&solver.digest);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- {} ({digest}): `{}`", solver.name, solver.command);
    }
    text
}

/// What each configuration costs, and what it does to solvers that it does not attack; a Markdown table.
fn effect_against_cost(board: &Scoreboard) -> String {
    let programs: Vec<&str> = board.programs().collect();
    let mut text = format!(
        "| captchas | gradients | ms each, one thread | pass the gate in full | models not attacked, mean | least | most |{}\n\
         | --- | --- | --- | --- | --- | --- | --- |{}\n",
        programs.iter().map(|name| format!(" {name} |")).collect::<String>(),
        " --- |".repeat(programs.len()),
    );
    for cost in &board.costs {
        let held_out = board.held_out(cost).map_or(" |  | ".to_owned(), |standing| {
            let rates = [standing.mean, standing.least.rate(), standing.most.rate()];
            rates.map(|rate| format!("{:.1} %", 100.0 * rate)).join(" | ")
        });
        let of_program = |name: &&str| {
            let mut cells = board.of(cost);
            let cell = cells.find(|cell| cell.solver == **name);
            cell.map_or(" |".to_owned(), |cell| {
                format!(" {:.1} % |", 100.0 * cell.best().1.rate())
            })
        };
        // What was not weakened passes as it is.
        let passed = match cost.strengths {
            Some(Strengths { full, weakened, plain }) => f64::from(full) / f64::from((full + weakened + plain).max(1)),
            None => cost.legibility.passed.rate(),
        };
        let passed = format!("{:.1} %", 100.0 * passed);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {passed} | {held_out} |{}",
            cost.configuration,
            cost.gradients,
            cost.milliseconds,
            programs.iter().map(of_program).collect::<String>(),
        );
    }
    text
}

/// The lines that the table of effect against cost stands between; a text may have several, by name.
#[must_use]
pub fn markers(name: Option<&str>) -> [String; 2] {
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    [
        format!("<!-- scoreboard{name} -->"),
        format!("<!-- /scoreboard{name} -->"),
    ]
}

/// Whether `text` has these [`markers`].
#[must_use]
pub fn has_place(text: &str, [start, end]: &[String; 2]) -> bool {
    text.split_once(start).is_some_and(|(_, rest)| rest.contains(end))
}

/// `text` with the table of effect against cost between these [`markers`]; `None` if they are not there.
#[must_use]
pub fn with_table(text: &str, [start, end]: &[String; 2], board: &Scoreboard) -> Option<String> {
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
        // More solvers than colours.
        let dashed = index >= COLOURS.len();
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
        plot.line(&line, colour, dashed);
        plot.legend(index, solver, colour, dashed);
    }
    plot.finish()
}

#[cfg(test)]
mod tests;
