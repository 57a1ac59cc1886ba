//! Figure 11: which captchas to serve to suspects, if they are to tell the most.

use super::{
    ADAPTIVE, ATTACKER, Bench, ExperimentError, Images, Row, Trained, Use, by_machine,
    report::{Page, Told, verdicts},
};
use crate::zoo::Architecture;

/// Queries of the paper, thousands.
const QUERIES: [u32; 4] = [10, 20, 50, 100];

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let (substitutes, attacker) = bench.retrained(ATTACKER)?;
    let most = bench.size.scaled(100_000);
    let perturbed = bench.images(&substitutes, Use::Queries, 1, most)?;
    let kinds = [
        (
            "ordinary",
            bench
                .lab
                .images(&[], &bench.setting.clean(), 1_000_000 + bench.seed, most)?,
        ),
        ("near the boundary", near_boundary(bench, &substitutes, &perturbed)?),
        ("perturbed", perturbed),
    ];
    let mut rows = Vec::new();
    for (series, served) in kinds {
        let answers = by_machine(&bench.lab.answers(&attacker, &served)?);
        for thousands in QUERIES {
            let count = bench.size.scaled(1_000 * thousands);
            let first = answers.get(..count).unwrap_or(&answers);
            let tuned = bench.finetune(&substitutes, &served, first, ADAPTIVE)?;
            let success = bench.success(&attacker, &tuned, 1)?;
            rows.push(bench.row(series, f64::from(thousands), &format!("{count} queries"), &success));
        }
    }
    Ok(rows)
}

/// The captchas ordered by how much a committee, the substitutes and one model more, disagrees about them and how unsure it
/// is.
fn near_boundary(bench: &Bench<'_>, substitutes: &[Trained], images: &Images) -> Result<Images, ExperimentError> {
    let another = bench.base(Architecture::InceptionCtc)?;
    bench.lab.by_uncertainty(&[substitutes, &[another]].concat(), images)
}

/// Half as many queries near the boundary should do as much as ordinary perturbed ones.
fn findings(told: &Told<'_>) -> Vec<String> {
    let half = |(half, whole): (u32, u32)| {
        let near = told.place("near the boundary", f64::from(half))?;
        let perturbed = told.place("perturbed", f64::from(whole))?;
        // At the smallest scales both are as few as can be learned from.
        let verdict = verdicts(
            near.raw.at_most_above(perturbed.raw, 0.0),
            near.best.at_most_above(perturbed.best, 0.0),
        );
        (near.stage != perturbed.stage).then(|| {
            format!(
                "After {} near the boundary {}, after {} that were not chosen {} (goal: at most as much, {verdict}).",
                near.stage, near.raw, perturbed.stage, perturbed.raw
            )
        })
    };
    [(10, 20), (50, 100)].into_iter().filter_map(half).collect()
}

pub(super) fn page() -> Page {
    Page {
        title: "Figure 11: which captchas to serve",
        about: "The attacker is Model 4, retrained. Its answers are to captchas that are not perturbed, to perturbed ones, or \
                to those of the perturbed ones first about which a committee (the substitutes and Model 6) disagrees and is least \
                sure; all of them, at 100 thousand, are the same captchas in another order.",
        x: "queries, thousands at scale 1",
        paper: |series, x| match (series, x as u32) {
            ("ordinary", 100) => Some("about as perturbed at 10"),
            _ => None,
        },
        goal: |_, _| None,
        findings,
    }
}
