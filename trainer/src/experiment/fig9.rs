//! Figure 9: several attackers, and how many of their answers it takes.

use super::{
    ADAPTIVE, Bench, ExperimentError, Row, Use, by_machine,
    report::{Page, verdicts},
    statistics::Share,
};
use crate::zoo::Architecture;

/// Queries of the paper, thousands; 0 is before any.
const QUERIES: [u32; 5] = [0, 10, 20, 50, 100];
/// What the attackers should read on average after so many queries, thousands, at most.
const MEAN: [(u32, f64); 2] = [(20, 0.23), (100, 0.12)];
/// What each of them should read after all, at most.
const WORST: f64 = 0.18;

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let mut rows = Vec::new();
    for architecture in Architecture::ALL
        .into_iter()
        .filter(|model| !bench.size.substitutes.contains(model))
    {
        let (substitutes, attacker) = bench.retrained(architecture)?;
        let served = bench.images(&substitutes, Use::Queries, 1, bench.size.scaled(100_000))?;
        let answers = by_machine(&bench.lab.answers(&attacker, &served)?);
        for thousands in QUERIES {
            let count = if thousands == 0 {
                0
            } else {
                bench.size.scaled(1_000 * thousands)
            };
            let tuned = match answers.get(..count) {
                Some(first) if count > 0 => bench.finetune(&substitutes, &served, first, ADAPTIVE)?,
                _ => substitutes.clone(),
            };
            let success = bench.success(&attacker, &tuned, 1)?;
            let stage = format!("{count} queries");
            let row = bench.row(architecture.name(), f64::from(thousands), &stage, &success);
            rows.push(Row {
                original: bench.clean(&tuned)?,
                ..row
            });
        }
    }
    Ok(rows)
}

pub(super) fn page() -> Page {
    Page {
        title: "Figure 9: several attackers, and how many answers it takes",
        about: "All models of the zoo that are no substitute (five beside one substitute, as in the paper; four beside two) \
                retrain on perturbed captchas; the substitutes are fine-tuned on some of the answers of one of them at a \
                time.",
        x: "queries, thousands at scale 1",
        paper: |_, x| match x as u32 {
            0 => Some("41 to 46 %"),
            100 => Some("23 % on average"),
            _ => None,
        },
        goal: |_, x| (x as u32 == 100).then_some(WORST),
        findings: |told| {
            let mean = |(thousands, goal): (u32, f64)| {
                let of_each = told.at(f64::from(thousands));
                // Each was measured on as many captchas.
                let [raw, best] = [
                    Share::sum(of_each.iter().map(|place| place.raw)),
                    Share::sum(of_each.iter().map(|place| place.best)),
                ];
                Some(format!(
                    "Mean of the {} attackers after {}: {raw} (goal: at most {:.0} %, {}).",
                    of_each.len(),
                    of_each.first()?.stage,
                    100.0 * goal,
                    verdicts(raw.at_most(goal), best.at_most(goal)),
                ))
            };
            MEAN.into_iter().filter_map(mean).collect()
        },
    }
}
