//! The report as Markdown.

use std::fmt::Write;

use super::{DomainReport, Report};
use crate::risk::{
    generators::Family,
    validation::{LeftOutRow, PRIOR},
};

/// What is asked of every generator left out.
const GOAL: f64 = 0.9;

/// A few lines for a terminal.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    for (name, domain) in [("recordings", &report.recording), ("widget", &report.widget)] {
        for row in &domain.left_out {
            // Writing to a String cannot fail.
            let caught = 100.0 * row.tpr;
            let _ = writeln!(
                text,
                "{name:<11}{:<18}{caught:5.1} % caught, left out of training",
                row.left_out
            );
        }
        let suspected = 100.0 * domain.joined_false_positives;
        let _ = writeln!(
            text,
            "{name:<11}recorded people suspected by the joined score: {suspected:.2} %"
        );
    }
    text.trim_end().to_owned()
}

/// The whole page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut text = String::from("# The models of slides: what they catch and what they miss\n\n");
    let percent = 100.0 * report.false_positives;
    let _ = writeln!(
        text,
        "Written by `parallax risk report`, seed {}. {} recorded people ({} of them move enough for a model to judge) and {} \
         recorded machines ({}), five folds; attackers of a fold draw geometry, clocks and strokes only from people of that \
         fold. True-positive rates are at {percent} % false positives on people, out of fold. The rules alone suspect \
         {:.2} % of recorded people.\n\n\
         A family that is left out shares neither the shape of its movements nor its noise with any family that stays. \
         Families that only train (`chain`, `wandering`, `spring`, `mixture`, people's steps shuffled, people's paths through \
         other clocks, as they are and smoothed) are never judged.\n\n\
         Habits of sampling; all but `display` put positions onto the recordings' grid. `stamp`, the path at the recorded time \
         stamps of a person, rests included. Harder: `hold`, the same, resting where the person did. `tick`, a person's \
         intervals without rests. `poll`, a timer of the attacker's own, an event at every tick. `display`, the widget's \
         pixels and a display's frames. A replay moves like a person; what is caught of replays is their jitter, the rest is \
         for the cluster score.\n",
        report.seed,
        report.people,
        report.judged_people,
        report.machines,
        report.judged_machines,
        100.0 * report.rules_false_positives
    );
    text.push_str("## Recordings\n\nThe model of `parallax risk score`. People: the recorded ones.\n\n");
    domain(&mut text, &report.recording, "recording");
    text.push_str(
        "\n## The widget\n\nThe model of the edge. People: the recorded ones, moved to the widget's slider by shortening \
         rests, quickening and resampling at a display's frames, because nobody's slide on the widget itself was recorded. \
         These figures are therefore an estimate, not a measurement.\n\n",
    );
    domain(&mut text, &report.widget, "widget");
    sizes(&mut text, report);
    text
}

fn sizes(text: &mut String, report: &Report) {
    let names: Vec<&str> = Family::JUDGED.into_iter().map(Family::name).collect();
    let _ = writeln!(
        text,
        "\n### Accuracy against size\n\nThe model travels in the visitor path, so it is as small as it can be. Families left out, as \
         above.\n\n| trees | bytes | {} |\n| --- | --- |{}",
        names.join(" | "),
        " --- |".repeat(names.len())
    );
    for size in &report.sizes {
        let cells: String = size.tpr.iter().map(|tpr| format!(" {tpr:.3} |")).collect();
        let _ = writeln!(text, "| {} | {} |{cells}", size.trees, size.bytes);
    }
}

fn domain(text: &mut String, report: &DomainReport, name: &str) {
    let _ = writeln!(
        text,
        "{} trees, {} bytes. The joined score (rules and model, noisy-or) reaches 0.5 for **{:.2} %** of recorded people, the model alone for \
         {:.2} % of this domain's people. Of recorded machines the joined score suspects {:.1} % when none of them was \
         trained on.\n\n### Whole families left out of training\n",
        report.trees,
        report.bytes,
        100.0 * report.joined_false_positives,
        100.0 * report.model_false_positives,
        100.0 * report.joined_machines
    );
    table(text, &report.left_out);
    missed(text, report);
    let _ = writeln!(
        text,
        "\n![ROC]({name}-roc.svg)\n\n### Every family in training, only folds apart\n"
    );
    table(text, &report.seen);
    let used: Vec<String> = report
        .features
        .iter()
        .map(|(name, uses)| format!("{name} {uses}"))
        .collect();
    let _ = writeln!(
        text,
        "\n### Calibration\n\nOut of fold (Platt), to machines being {} % of all, families counting alike; both axes are log odds. \
         Above 50 % a bin holds a handful of people at most, where one more or less moves the curve from edge to edge.\n\n\
         ![Calibration]({name}-calibration.svg)\n\n### Features, by the number of splits\n\n{}",
        100.0 * PRIOR,
        used.join(", ")
    );
}

fn table(text: &mut String, rows: &[LeftOutRow]) {
    let mut names: Vec<&str> = rows.iter().flat_map(|row| row.by_sampling.keys().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let columns: String = names.iter().map(|name| format!(" {name} |")).collect();
    let _ = writeln!(text, "| judged | all |{columns} AUC | replays | traces |");
    let _ = writeln!(text, "| --- | --- |{} --- | --- | --- |", " --- |".repeat(names.len()));
    for row in rows {
        let cell = |name: &&str| {
            row.by_sampling
                .get(name)
                .map_or(" - |".to_owned(), |tpr| format!(" {tpr:.3} |"))
        };
        let cells: String = names.iter().map(cell).collect();
        let _ = writeln!(
            text,
            "| {} | {:.3} |{cells} {:.4} | {:.3} | {} |",
            row.left_out, row.tpr, row.auc, row.replays, row.count
        );
    }
}

fn missed(text: &mut String, report: &DomainReport) {
    let mut missed = Vec::new();
    for row in &report.left_out {
        if row.by_sampling.is_empty() && row.tpr < GOAL {
            missed.push(format!("{} ({:.3})", row.left_out, row.tpr));
        }
        for (sampling, tpr) in row.by_sampling.iter().filter(|(_, tpr)| **tpr < GOAL) {
            missed.push(format!("{} by {sampling} ({tpr:.3})", row.left_out));
        }
    }
    let missed = if missed.is_empty() {
        "nothing".to_owned()
    } else {
        missed.join(", ")
    };
    let _ = writeln!(text, "\n**Missed, below {GOAL}:** {missed}.");
}
