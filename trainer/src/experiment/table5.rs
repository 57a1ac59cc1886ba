//! Table 5: lambda against the share of people among those that answer.

use super::{ADAPTIVE, ATTACKER, Bench, ExperimentError, Row, Use, report::Page, statistics::Share, with_people};
use crate::finetune::Lambda;

/// Shares of people, percent.
const PEOPLE: [u32; 3] = [0, 10, 70];
/// Clean captchas that fine-tuned substitutes should still read.
const ORIGINALS: f64 = 0.90;

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let (substitutes, attacker) = bench.retrained(ATTACKER)?;
    let served = bench.images(&substitutes, Use::Queries, 1, bench.size.scaled(100_000))?;
    let texts = bench.lab.answers(&attacker, &served)?;
    let lambdas = [
        ("lambda 0", Lambda::Fixed(0.0)),
        ("lambda 1", Lambda::Fixed(1.0)),
        ("lambda 10", Lambda::Fixed(10.0)),
        ("adaptive", ADAPTIVE),
    ];
    let mut rows = Vec::new();
    for (series, lambda) in lambdas {
        for percent in PEOPLE {
            let answers = with_people(&texts, &served, f64::from(percent) / 100.0);
            let tuned = bench.finetune(&substitutes, &served, &answers, lambda)?;
            let success = bench.success(&attacker, &tuned, 1)?;
            let row = bench.row(series, f64::from(percent), &format!("{percent} % people"), &success);
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
        title: "Table 5: lambda against the share of people",
        about: "As Figure 10, with lambda fixed as in the paper, and adaptive. In brackets the paper's accuracy on originals.",
        x: "people, %",
        paper: |series, x| match (series, x as u32) {
            ("lambda 0", 0) => Some("40.3 % (80.1)"),
            ("lambda 0", 10) => Some("50.5 % (81.2)"),
            ("lambda 0", 70) => Some("70.2 % (83.2)"),
            ("lambda 1", 0) => Some("25.5 % (83.7)"),
            ("lambda 1", 10) => Some("32.5 % (85.3)"),
            ("lambda 1", 70) => Some("42.8 % (90.2)"),
            ("lambda 10", 0) => Some("41.3 % (87.3)"),
            ("lambda 10", 10) => Some("43.6 % (90.3)"),
            ("lambda 10", 70) => Some("51.5 % (92.1)"),
            _ => None,
        },
        goal: |series, x| match (series, x as u32) {
            ("adaptive", 0) => Some(0.13),
            ("adaptive", 10) => Some(0.15),
            ("adaptive", _) => Some(0.30),
            _ => None,
        },
        findings: |told| {
            let Some(least) = told.least_original("adaptive") else {
                return Vec::new();
            };
            // At least so many are read where at most the others are not.
            let missed = Share {
                success: least.count.saturating_sub(least.success),
                ..least
            };
            vec![format!(
                "With adaptive lambda the substitutes of every seed read at least {:.1} % of clean captchas (goal: {:.0} %, {}).",
                100.0 * least.rate(),
                100.0 * ORIGINALS,
                missed.at_most(1.0 - ORIGINALS)
            )]
        },
    }
}
