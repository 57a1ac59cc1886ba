//! Figure 10: some of the answers are people's.

use super::{
    ADAPTIVE, ATTACKER, Bench, ExperimentError, Row, Use,
    report::{Page, Place, Told, verdicts},
    with_people,
};

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

/// At 40 % people at most two points more than without any, and never more than without fine-tuning.
fn findings(told: &Told<'_>) -> Vec<String> {
    let mut findings = Vec::new();
    let tuned = |percent: u32| told.place("fine-tuned", f64::from(percent));
    let above = |some: Place<'_>, other: Place<'_>, points: f64| {
        let (raw, best) = (
            some.raw.at_most_above(other.raw, points),
            some.best.at_most_above(other.best, points),
        );
        verdicts(raw, best)
    };
    if let (Some(none), Some(some)) = (tuned(0), tuned(40)) {
        let points = 100.0 * (some.raw.rate() - none.raw.rate());
        findings.push(format!(
            "At 40 % people {points:+.1} points against none (goal: at most 2 more, {}).",
            above(some, none, 0.02)
        ));
    }
    let worst = PEOPLE
        .into_iter()
        .filter_map(tuned)
        .max_by(|a, b| a.raw.rate().total_cmp(&b.raw.rate()));
    if let (Some(worst), Some(before)) = (worst, told.place("not fine-tuned", 0.0)) {
        findings.push(format!(
            "Fine-tuned at most {}, not fine-tuned {} (goal: never more, {}).",
            worst.raw,
            before.raw,
            above(worst, before, 0.0)
        ));
    }
    findings
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
        goal: |_, _| None,
        findings,
    }
}
