//! Is it enough to change the models that captchas are perturbed with, and not to learn from the attacker?

use super::{ADAPTIVE, ATTACKER, Bench, ExperimentError, Row, Use, by_machine, report::Page};
use crate::zoo::Architecture;

/// Neither a substitute nor the attacker, and unlike both.
const ANOTHER: Architecture = Architecture::InceptionCtc;

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let (substitutes, retrained) = bench.retrained(ATTACKER)?;
    let another = bench.base(ANOTHER)?;
    let half = substitutes.iter().take(1).chain([&another]).cloned().collect();
    let served = bench.images(&substitutes, Use::Queries, 1, bench.size.scaled(100_000))?;
    let answers = by_machine(&bench.lab.answers(&retrained, &served)?);
    let tuned = bench.finetune(&substitutes, &served, &answers, ADAPTIVE)?;
    let stages = [
        ("the models of the captchas it bought", substitutes),
        ("the first of them, and Model 6", half),
        ("Model 6", vec![another]),
        ("the models of the captchas it bought, fine-tuned on its answers", tuned),
    ];
    let attackers = [("at first", bench.base(ATTACKER)?), ("retrained", retrained)];
    let mut rows = Vec::new();
    for (x, (stage, defenders)) in stages.iter().enumerate() {
        for (series, attacker) in &attackers {
            let success = bench.success(attacker, defenders, 1)?;
            rows.push(bench.row(series, x as f64, stage, &success));
        }
    }
    Ok(rows)
}

pub(super) fn page() -> Page {
    Page {
        title: "Other models instead of what the attacker taught",
        about: "The attacker (Model 4) retrains on captchas perturbed with the substitutes. Then captchas are perturbed with \
                other models that were trained on clean captchas alone, as if each image set had models of its own, and with \
                the substitutes after they were fine-tuned on its answers. The paper has no such figures.",
        x: "0 same models, 1 half others, 2 others, 3 fine-tuned",
        paper: |_, _| None,
        goal: |_, _| None,
        findings: |_| Vec::new(),
    }
}
