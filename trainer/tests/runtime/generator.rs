//! `parallax train --generator` from its command line: the shipped models' own generator misleads them, one that has hardly
//! learned does not, and what has none is refused.

use std::fs;

use parallax_captcha::perturb::{Budget, Epsilon, PerturbConfig, Start};
use parallax_trainer::{
    attack::{Gradients, Picture, Surrogate, perturbed_pictures},
    data::seeds::Stream,
    experiment::Setting,
    generator::{Misleader, Task, initial_weights},
    models::{Checkpoint, Recognizer},
    train::{Learner, TrainingState, accuracy},
    zoo::{Generator, GeneratorArchitecture},
};
use tempfile::TempDir;

use crate::{
    CPU,
    program::{failure, misuse, names, printed, success},
};

const SIZE: [usize; 2] = [30, 100];

#[test]
fn a_checkpoint_gets_a_generator_that_perturbs_alone_or_before_gradients() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let small = "--batch 8 --seed 3 --threads 2 --device cpu --unseen 20";
    success(
        root,
        &format!("train --model lenet-ctc --samples 16 --out model {small} --json"),
    );
    for (kind, out) in [("unet", "one"), ("unet", "same"), ("tile", "tile")] {
        let line = format!("train --generator {kind} --from model --samples 24 --out {out} {small} --json");
        let trained = success(root, &line);
        assert!((0.0..=1.0).contains(&trained["read"].as_f64().unwrap()), "{trained}");
    }
    let files = ["attack.onnx", "generator.onnx", "manifest.json", "recognizer.onnx"];
    assert_eq!(names(&root.join("one")), files);
    let read = |path: &str| fs::read(root.join(path)).unwrap();
    assert_eq!(
        read("one/generator.onnx"),
        read("same/generator.onnx"),
        "a function of the seed"
    );
    assert_eq!(read("one/attack.onnx"), read("model/attack.onnx"));
    let about = Checkpoint::open_or_shipped(Some(&root.join("one"))).unwrap();
    let about = about.manifest().generator.clone().unwrap();
    let command = about.training.command.strip_prefix("parallax ").unwrap();
    assert!(
        command.starts_with("train --generator unet --from 'model'"),
        "{command}"
    );
    let again = command.replace('\'', "");
    success(root, &format!("{again} --device cpu --unseen 20 --out again --json"));
    assert_eq!(
        read("one/generator.onnx"),
        read("again/generator.onnx"),
        "the command says all"
    );

    success(root, "dataset --count 4 --seed 5 --out plain --json");
    for (checkpoint, steps) in [("one", ""), ("one", " --steps 1"), ("tile", "")] {
        let out = format!("{checkpoint}{}", steps.len());
        let line = format!("perturb --in plain --out out-{out} --checkpoint {checkpoint} --generator{steps} --json");
        let perturbed = success(root, &line);
        assert_eq!(perturbed["config"]["start"], "generator");
        assert_eq!(perturbed["config"]["steps"], u64::from(!steps.is_empty()));
        assert_ne!(read(&format!("out-{out}/00000.png")), read("plain/00000.png"));
    }
    assert_ne!(read("out-one0/00000.png"), read("out-tile0/00000.png"));

    for (line, says) in [
        (
            "perturb --in plain --out no --checkpoint model --generator",
            "--generator: the checkpoint has none",
        ),
        (
            "perturb --in plain --out no --checkpoint model --steps 0",
            "without --generator",
        ),
        ("scoreboard --generator model --count 10", "--generator: model has none"),
    ] {
        let error = misuse(root, line);
        assert!(error.contains(says), "{error}");
    }
    fs::copy(root.join("tile/generator.onnx"), root.join("one/generator.onnx")).unwrap();
    let error = failure(root, "perturb --in plain --out no --checkpoint one --generator");
    assert!(error.contains("not the file that the manifest names"), "{error}");
    let help = String::from_utf8(printed(root, "train --help")).unwrap();
    assert!(help.contains("--generator"), "{help}");
}

fn config() -> PerturbConfig {
    PerturbConfig {
        start: Start::Generator,
        steps: 0,
        gate: None,
        ..PerturbConfig::default()
    }
}

fn shipped() -> Checkpoint {
    Checkpoint::open_or_shipped(None).unwrap()
}

/// What the shipped recogniser reads of 100 captchas that a generator perturbed alone.
fn read(graph: Vec<u8>, config: PerturbConfig) -> f64 {
    let surrogate = Surrogate {
        gradients: Gradients::Generator {
            graph,
            members: Vec::new(),
        },
        config,
        session: CPU,
    };
    let style = Setting::product().style;
    let pictures = perturbed_pictures(&surrogate, &style, Stream::Final, 9, 0..100).unwrap();
    let samples: Vec<_> = pictures.iter().map(Picture::sample).collect();
    let mut recognizer = Recognizer::new(&shipped().recognizer().unwrap(), CPU).unwrap();
    accuracy(&mut recognizer, &samples).unwrap()
}

#[test]
fn the_shipped_generator_misleads_the_shipped_models_and_an_untrained_one_does_not() {
    let untrained = Generator::new(GeneratorArchitecture::Unet, SIZE).unwrap();
    let graph = untrained.direction(&initial_weights(&untrained, 1)).unwrap();
    let untrained = read(parallax_onnx::codec::encode(&graph), config());
    let shipped = read(shipped().generator().unwrap().unwrap(), config());
    assert!(
        shipped <= 0.05 && untrained >= 0.10,
        "{shipped} read, untrained {untrained}"
    );
}

#[test]
fn training_lowers_what_is_left_of_the_victims_certainty() {
    let task = Task {
        generator: Generator::new(GeneratorArchitecture::Tile, SIZE).unwrap(),
        victims: shipped()
            .models()
            .unwrap()
            .into_iter()
            .map(|member| (member.model, member.weight))
            .collect(),
        setting: Setting {
            perturb: PerturbConfig {
                budget: Budget::Uniform {
                    epsilon: Epsilon::new(0.2).unwrap(),
                },
                ..PerturbConfig::default()
            },
            ..Setting::product()
        },
    };
    let state = TrainingState::untrained(initial_weights(&task.generator, 1));
    let mut learner = Misleader::new(&task, 8, &state, [1, 4], CPU).unwrap();
    let mut batches = parallax_trainer::generator::batches(&task.setting, 1, 8, 0, 1);
    let batch = batches.next().unwrap();
    let losses: Vec<f32> = (0..12).map(|_| learner.step(&batch, 0.05).unwrap().loss).collect();
    assert!(
        losses[11] < 0.8 * losses[0],
        "the same pictures over and over: {losses:?}"
    );
    assert_eq!(learner.state().unwrap().step, 12);
}
