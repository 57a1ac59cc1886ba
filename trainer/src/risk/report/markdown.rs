//! The report as Markdown.

use std::fmt::Write;

use super::Report;
use crate::risk::{generators::sampling::Sampling, validation::LeftOutRow};

/// What the issue asks of every generator left out.
const GOAL: f64 = 0.9;

/// A few lines for a terminal.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.left_out {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<18} left out: {:5.1} % caught at 0.5 % false positives",
            row.left_out,
            100.0 * row.tpr
        );
    }
    let _ = write!(
        text,
        "people suspected by the joined score: {:.2} %",
        100.0 * report.joined_false_positives
    );
    text
}

/// The whole page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut text = String::from("# The model of slides: what it catches and what it misses\n\n");
    let _ = writeln!(
        text,
        "Written by `parallax risk report`, seed {}. {} recorded people ({} of them move enough for the model to judge) and \
         {} recorded machines ({}), five folds; attackers of a fold draw geometry, clocks and strokes only from people of \
         that fold. Every figure is at {} % false positives on recorded people, out of fold.\n",
        report.seed,
        report.people,
        report.judged_people,
        report.machines,
        report.judged_machines,
        100.0 * report.false_positives
    );
    let _ = writeln!(
        text,
        "The joined score (rules and model, noisy-or) reaches 0.5 for **{:.2} %** of recorded people; the rules alone for \
         {:.2} %. Of recorded machines it reaches 0.5 for {:.1} % when none of them was trained on.\n",
        100.0 * report.joined_false_positives,
        100.0 * report.rules_false_positives,
        100.0 * report.joined_machines
    );
    text.push_str(
        "## Whole families left out of training\n\nTrue-positive rate, by the attacker's habit of sampling.\n\n",
    );
    table(&mut text, &report.left_out);
    missed(&mut text, report);
    text.push_str("\n![ROC](roc.svg)\n\n## Every family in training, only folds apart\n\n");
    table(&mut text, &report.seen);
    text.push_str(
        "\n## Calibration\n\nProbabilities are calibrated out of fold (Platt) to machines being 2 % of all, families counting \
         alike.\n\n![Calibration](calibration.svg)\n\n## Features by use\n\nNumber of splits.\n\n",
    );
    let used: Vec<String> = report
        .features
        .iter()
        .map(|(name, uses)| format!("{name} {uses}"))
        .collect();
    let _ = writeln!(text, "{}", used.join(", "));
    text.push_str(
        "\n## How to read this\n\n\
         - `stamp`: the path at the time stamps of a person, rests included. `hold`: the same, resting where the person did. \
         `tick`: a person's intervals without rests. `poll`: a timer of the attacker's own, an event at every tick. \
         `display`: the widget's pixels and a display's frames.\n\
         - `people on a display` are the recorded people, moved to the widget's slider by resampling: the recordings are of \
         another slider at about 30 Hz, and nobody's slide on the widget itself is among them. That column says how often \
         the threshold of the recordings would suspect them.\n\
         - A replay of a person's trace moves like a person. What is caught of replays is their jitter; the rest is for the \
         cluster score.\n",
    );
    text
}

fn table(text: &mut String, rows: &[LeftOutRow]) {
    let names = Sampling::ALL.map(Sampling::name);
    let _ = writeln!(
        text,
        "| judged | all | {} | AUC | people on a display | replays | traces |",
        names.join(" | ")
    );
    let _ = writeln!(
        text,
        "| --- | --- | {} | --- | --- | --- | --- |",
        names.map(|_| "---").join(" | ")
    );
    for row in rows {
        let cell = |name: &&str| {
            row.by_sampling
                .get(name)
                .map_or("-".to_owned(), |tpr| format!("{tpr:.3}"))
        };
        let cells: Vec<String> = names.iter().map(cell).collect();
        let _ = writeln!(
            text,
            "| {} | {:.3} | {} | {:.4} | {:.3} | {:.3} | {} |",
            row.left_out,
            row.tpr,
            cells.join(" | "),
            row.auc,
            row.display_false_positives,
            row.replays,
            row.count
        );
    }
}

fn missed(text: &mut String, report: &Report) {
    let mut missed = Vec::new();
    for row in &report.left_out {
        if row.by_sampling.is_empty() && row.tpr < GOAL {
            missed.push(format!("{} ({:.3})", row.left_out, row.tpr));
        }
        for (sampling, tpr) in row.by_sampling.iter().filter(|(_, tpr)| **tpr < GOAL) {
            missed.push(format!("{} by {sampling} ({tpr:.3})", row.left_out));
        }
    }
    if missed.is_empty() {
        text.push_str("\nNothing is below 0.9.\n");
    } else {
        let _ = writeln!(text, "\n**Missed, below 0.9:** {}.", missed.join(", "));
    }
}
