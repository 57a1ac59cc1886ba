//! Figure 10: some of the answers are people's.

use super::{ADAPTIVE, ATTACKER, Bench, ExperimentError, Row, Use, report::Page, with_people};

/// Shares of people, percent.
const PEOPLE: [u32; 7] = [0, 10, 20, 30, 40, 70, 100];

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let (substitutes, attacker) = bench.retrained(ATTACKER)?;
    let served = bench.images(&substitutes, Use::Queries, 1, bench.size.scaled(100_000))?;
    let texts = bench.lab.answers(&attacker, &served)?;
    let before = bench.success(&attacker, &substitutes, 1)?;
    let mut rows = Vec::new();
    for percent in PEOPLE {
        let answers = with_people(&texts, &served, f64::from(percent) / 100.0);
        let tuned = bench.finetune(&substitutes, &served, &answers, ADAPTIVE)?;
        let stage = format!("{percent} % people");
        rows.push(bench.row("not fine-tuned", f64::from(percent), &stage, &before));
        rows.push(Row {
            original: bench.clean(&tuned)?,
            ..bench.row(
                "fine-tuned",
                f64::from(percent),
                &stage,
                &bench.success(&attacker, &tuned, 1)?,
            )
        });
    }
    Ok(rows)
}

pub(super) fn page() -> Page {
    Page {
        title: "Figure 10: some of the answers are people's",
        about: "The attacker is Model 4, retrained. A share of its answers is replaced by the right texts, as people who were \
                suspected would give; all answers count alike.",
        x: "people, %",
        paper: |series, x| match (series, x as u32) {
            ("fine-tuned", 20) => Some("as at 0 %"),
            ("fine-tuned", 100) => Some("never worse than not fine-tuned"),
            _ => None,
        },
        goal: |_| None,
    }
}
