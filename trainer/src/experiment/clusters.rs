//! Several attackers at once: one substitute against several, and several that share the attackers among them. The paper's
//! future work.

use super::{ADAPTIVE, Bench, ExperimentError, Row, Use, by_machine, lab::Heard, report::Page};
use crate::zoo::Architecture;

/// Of unlike backbones, heads and losses.
const ATTACKERS: [Architecture; 2] = [Architecture::ResnetAttention, Architecture::InceptionCtc];
/// Pseudonyms that the answers of an attacker come under.
const SOURCES: usize = 5;

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let substitutes = bench.substitutes()?;
    let attackers: Vec<_> = ATTACKERS
        .into_iter()
        .map(|architecture| Ok(bench.retrained(architecture)?.1))
        .collect::<Result<_, ExperimentError>>()?;
    let served = bench.images(&substitutes, Use::Queries, 1, bench.size.scaled(100_000))?;
    // Each answers every other captcha.
    let read: Vec<_> = attackers
        .iter()
        .map(|attacker| bench.lab.answers(attacker, &served))
        .collect::<Result<_, _>>()?;
    let number = |index: usize| index % ATTACKERS.len();
    let texts = (0..served.pictures.len()).filter_map(|index| read.get(number(index))?.get(index).cloned());
    let answers = by_machine(&texts.collect::<Vec<_>>());
    let from: Vec<_> = (0..answers.len())
        .map(|index| (number(index) * SOURCES + index / ATTACKERS.len() % SOURCES) as u64)
        .collect();
    let heard = Heard {
        images: &served,
        answers: &answers,
        from: &from,
    };

    let of_all = bench.finetune(&substitutes, &served, &answers, ADAPTIVE)?;
    let first = of_all.get(..1).unwrap_or_default().to_vec();
    let config = bench.finetuning(ADAPTIVE);
    let clustered = bench.lab.finetune_clusters(&substitutes, &heard, &config)?;
    let (last, clustered) = match clustered {
        Some(clustered) => ("several, each its cluster's", clustered),
        None => ("several, no clusters found, each all answers", of_all.clone()),
    };
    let stages = [
        ("no answers", substitutes),
        ("one substitute, all answers", first),
        ("several, each all answers", of_all),
        (last, clustered),
    ];
    let mut rows = Vec::new();
    for (x, (stage, defenders)) in stages.iter().enumerate() {
        for attacker in &attackers {
            let success = bench.success(attacker, defenders, 1)?;
            let row = bench.row(attacker.architecture.name(), x as f64, stage, &success);
            rows.push(Row {
                original: bench.clean(defenders)?,
                ..row
            });
        }
    }
    Ok(rows)
}

pub(super) fn page() -> Page {
    Page {
        title: "Several attackers, several substitutes",
        about: "Models 4 and 6 retrain on perturbed captchas and then answer every other one of those that are served, under \
                five pseudonyms each. Captchas are perturbed anew with the first substitute alone, fine-tuned on all answers; \
                with several, each fine-tuned on all answers; and with several, each fine-tuned on the answers of the sources \
                that it is most like. The paper names this as future work and gives no figures.",
        x: "0 before, 1 one substitute, 2 several, 3 several with clusters",
        paper: |_, _| None,
        goal: |_, _| None,
        findings: |_| Vec::new(),
    }
}
