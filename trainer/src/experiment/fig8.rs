//! Figure 8: the race. The attacker retrains on captchas it has bought the texts of, the substitute is fine-tuned on the
//! answers it then gives, and new captchas are perturbed with that; then again.

use super::{ADAPTIVE, ATTACKER, Bench, ExperimentError, Row, Use, by_machine, report::Page};

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let count = bench.size.scaled(100_000);
    let mut substitutes = bench.substitutes()?;
    let mut attacker = bench.base(ATTACKER)?;
    let series = ATTACKER.name();
    let mut rows = vec![bench.row(series, 0.0, "at first", &bench.success(&attacker, &substitutes, 0)?)];
    for round in 1..=bench.size.rounds {
        let known = bench.images(&substitutes, Use::Retraining, round, count)?;
        attacker = bench.lab.retrain(&attacker, &[&known], bench.setting, bench.seed)?.0;
        let x = (2 * round) as f64;
        let stage = format!("round {round}: the attacker has retrained");
        rows.push(bench.row(series, x - 1.0, &stage, &bench.success(&attacker, &substitutes, round)?));

        let served = bench.images(&substitutes, Use::Queries, round, count)?;
        let answers = bench.lab.answers(&attacker, &served)?;
        substitutes = bench.finetune(&substitutes, &served, &by_machine(&answers), ADAPTIVE)?;
        let stage = format!("round {round}: the substitutes were fine-tuned");
        let success = bench.success(&attacker, &substitutes, round)?;
        rows.push(Row {
            original: bench.clean(&substitutes)?,
            ..bench.row(series, x, &stage, &success)
        });
    }
    Ok(rows)
}

pub(super) fn page() -> Page {
    Page {
        title: "Figure 8: the attacker retrains, the substitute answers",
        about: "The attacker (Model 4) begins from a model of clean captchas and retrains on perturbed ones with known texts \
                until what it reads of held-out ones rises no more. Each substitute is fine-tuned on as many of its \
                answers. Success is on captchas perturbed with the substitutes of that moment.",
        x: "step: retrained (odd), fine-tuned (even)",
        paper: |_, x| match x as u32 {
            0 => Some("7 %"),
            1 => Some("43 %"),
            2 => Some("13 %"),
            _ => None,
        },
        goal: |_, x| match x as u32 {
            0 => None,
            x if x % 2 == 1 => Some(0.30),
            10 => Some(0.15),
            _ => Some(0.10),
        },
        findings: |_| Vec::new(),
    }
}
