//! An experiment at a tiny scale: every stage runs, and a second run makes none.

use std::num::NonZeroUsize;

use parallax_trainer::{
    experiment::{Cache, Experiment, Lab, Setting, Size},
    finetune::FinetuneConfig,
    interrupt,
    runtime::SessionConfig,
    zoo::Architecture,
};
use tempfile::TempDir;

use crate::CPU;

#[test]
fn a_repeated_experiment_makes_nothing_again() {
    let folder = TempDir::new().unwrap();
    let size = Size {
        scale: 1e-9,
        seeds: 2,
        measured: 20,
        base_samples: Some(64),
        rounds: 1,
        substitutes: vec![Architecture::Crnn, Architecture::LenetCtc],
    };
    let mut setting = Setting::product();
    setting.perturb.steps = 1;
    assert!(!interrupt::requested());
    let run = |experiment: Experiment, seeds: u64| {
        let size = Size { seeds, ..size.clone() };
        let one_thread = SessionConfig { threads: 1, ..CPU };
        let jobs = NonZeroUsize::new(2).unwrap();
        let small_batches = FinetuneConfig {
            batch: 8,
            measured_originals: 20,
            ..FinetuneConfig::default()
        };
        let lab = Lab::new(Cache::open(folder.path()).unwrap(), one_thread, jobs, CPU.threads);
        let lab = lab.with_learning(small_batches);
        let report = experiment.run(&lab, &size, &[("product", setting.clone())]).unwrap();
        (report, lab.made())
    };
    let (report, made) = run(Experiment::Fig8, 2);
    assert!(made >= 22, "{made} stages");
    let stages: Vec<_> = report.rows.iter().map(|row| (row.seed, row.stage.as_str())).collect();
    let of_seed = |seed| {
        [
            "at first",
            "round 1: the attacker has retrained",
            "round 1: the substitutes were fine-tuned",
        ]
        .map(|stage| (seed, stage))
    };
    assert_eq!(stages, [of_seed(0), of_seed(1)].concat());
    assert!(report.rows.iter().all(|row| row.raw.count == 20));
    assert_eq!(run(Experiment::Fig8, 2), (report.clone(), 0));

    // Of the same attackers and substitutes: only another model and what is made with it are new. Whoever learned nothing from
    // so few captchas is measured once.
    let (rotation, made) = run(Experiment::Rotation, 2);
    assert!((7..=17).contains(&made), "{made} stages");
    assert_eq!(rotation.rows.len(), 2 * 4 * 2, "seeds, models, attackers");
    let fine_tuned = rotation
        .rows
        .iter()
        .filter(|row| row.x == 3.0 && row.series == "retrained");
    let in_fig8 = report.rows.iter().filter(|row| row.x == 2.0);
    assert!(fine_tuned.map(|row| row.raw).eq(in_fig8.map(|row| row.raw)));

    // Four attackers and five numbers of queries; three kinds of captchas and four numbers; two sets and three attackers, of which
    // one cannot have bought any before the first set.
    for (experiment, rows, told) in [
        (
            Experiment::Fig9,
            4 * 5,
            &[
                "| resnet-attention | 50 queries |",
                "- Mean of the 4 attackers after 50 queries: ",
            ] as &[_],
        ),
        (Experiment::Fig11, 3 * 4, &["| near the boundary | 50 queries |"]),
        (
            Experiment::Generations,
            2 * 3 - 1,
            &[
                "| never retrained | set 1 |",
                "| retrained on the sets before | set 1 |",
            ],
        ),
    ] {
        let (report, _) = run(experiment, 1);
        assert_eq!(report.rows.len(), rows, "{}", experiment.name());
        assert!(report.rows.iter().all(|row| row.raw.count == 20));
        let (page, _) = experiment.render(&report, "the command");
        for line in told {
            assert!(page.contains(line), "{line}: {page}");
        }
        // Of fifty there is no half.
        assert!(!page.contains("near the boundary 0"), "{page}");
    }
}
