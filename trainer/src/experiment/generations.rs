//! Is it enough that each image set is made with models that have learned to read the set before, without any attacker's
//! answers?

use super::{ADAPTIVE, ATTACKER, Bench, ExperimentError, Row, Trained, Use, report::Page, with_people};

pub(super) fn rows(bench: &Bench<'_>) -> Result<Vec<Row>, ExperimentError> {
    let count = bench.size.scaled(100_000);
    let mut models = bench.substitutes()?;
    let first = bench.base(ATTACKER)?;
    let mut attacker = first.clone();
    let (mut bought, mut rows) = (Vec::new(), Vec::new());
    for set in 0..=bench.size.rounds {
        let clean = bench.clean(&models)?;
        let measured = |series: &str, solver: &Trained| {
            let success = bench.success(solver, &models, set + 1)?;
            Ok::<_, ExperimentError>(Row {
                original: clean,
                ..bench.row(series, set as f64, &format!("set {set}"), &success)
            })
        };
        rows.push(measured("never retrained", &first)?);
        if set > 0 {
            rows.push(measured("retrained on the sets before", &attacker)?);
        }
        let of_this_set = bench.images(&models, Use::Retraining, set + 1, count)?;
        bought.push(of_this_set.clone());
        let all: Vec<_> = bought.iter().collect();
        attacker = bench.lab.retrain(&first, &all, bench.setting, bench.seed)?.0;
        rows.push(measured("retrained on this set and those before", &attacker)?);

        if set == bench.size.rounds {
            break;
        }
        // Whoever drew a set knows its texts.
        let texts = vec![String::new(); of_this_set.pictures.len()];
        let right = with_people(&texts, &of_this_set, 1.0);
        models = bench.finetune(&models, &of_this_set, &right, ADAPTIVE)?;
    }
    Ok(rows)
}

pub(super) fn page() -> Page {
    Page {
        title: "Generations: each set's models have learned to read the set before",
        about: "Set 0 is perturbed with the substitutes; each later one with the same after they were fine-tuned on the right \
                texts of the set before, which whoever drew it knows: no attacker's answers are needed. The attacker (Model 4) \
                buys as many captchas of each set, and after each retrains, from its first weights, on all that it has bought so \
                far. The paper has no such figures.",
        x: "image set",
        paper: |_, _| None,
        goal: |_, _| None,
        findings: |_| Vec::new(),
    }
}
