//! `parallax train --generator` from its command line: the shipped models' own generator misleads them, one that has hardly
//! learned does not, and what has none is refused.

use std::fs;

use parallax_captcha::{
    perturb::{PerturbConfig, Start},
    text::SCHEME_VERSION,
};
use parallax_trainer::{
    attack::{Gradients, Picture, Surrogate, perturbed_pictures},
    data::seeds::Stream,
    experiment::Setting,
    generator::{GeneratorSession, Measured, Task, batches},
    models::{Checkpoint, Recognizer},
    train::{
        self, Learner, Observer, Outcome, RunConfig, StepReport, TrainConfig, TrainingState, accuracy, drive,
        saved_state,
    },
    zoo::{Generator, GeneratorArchitecture},
};
use tempfile::TempDir;

use crate::{
    CPU,
    program::{failure, misuse, names, printed, success},
};

const SIZE: [usize; 2] = [30, 100];
const MEASURED: Measured = Measured {
    seed: 1,
    count: 4,
    session: CPU,
};

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

    for option in ["--model crnn", "--filtered", "--fonts rubik", "--feature-steps 2"] {
        let error = misuse(root, &format!("train --generator unet --out no {option}"));
        assert!(error.contains("cannot be used with"), "{error}");
    }
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
    let graph = untrained
        .direction(&train::seeded_weights(untrained.layout(), 1))
        .unwrap();
    let untrained = read(parallax_onnx::codec::encode(&graph), config());
    let shipped = read(shipped().generator().unwrap().unwrap(), config());
    assert!(
        shipped <= 0.05 && untrained >= 0.10,
        "{shipped} read, untrained {untrained}"
    );
}

/// To mislead the shipped models.
fn task(architecture: GeneratorArchitecture) -> Task {
    let victims = shipped().models().unwrap().into_iter();
    Task {
        generator: Generator::new(architecture, SIZE).unwrap(),
        victims: victims.map(|member| (member.model, member.weight)).collect(),
        setting: Setting::product(),
    }
}

/// Stops after some steps.
struct Until(u64, u64);

impl Observer for Until {
    fn step(&mut self, done: u64, _: StepReport) {
        self.1 = done;
    }

    fn measured(&mut self, _: u64, _: f64) {}

    fn stop(&self) -> bool {
        self.1 >= self.0
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let folder = TempDir::new().unwrap();
    let task = task(GeneratorArchitecture::Unet);
    let config = TrainConfig {
        model: "generator unet".to_owned(),
        samples: 24,
        seed: 5,
        batch: 4,
        learning_rate: 1e-3,
        warmup: 2,
        floor: 0.02,
        feature_steps: 0,
        cycles: 1,
        threads: CPU.threads,
        style: task.setting.style.clone(),
        filtered: false,
        perturb: Some(task.setting.perturb.clone()),
        scheme_version: SCHEME_VERSION,
        from: None,
    };
    let settings = RunConfig {
        state: folder.path().join("state"),
        session: CPU,
        save_every: 100,
        measure_every: 100,
        measure_on: 1,
        drawing_threads: 2,
    };
    let run = |state: Option<TrainingState>, stop: u64| {
        let untrained = || TrainingState::untrained(train::seeded_weights(task.generator.layout(), 5));
        let state = state.unwrap_or_else(untrained);
        let mut learner = GeneratorSession::new(&task, 4, &state, MEASURED).unwrap();
        let batches = batches(&task.setting, 5, 4, state.step, 2);
        drive(
            &mut learner,
            batches,
            state.step,
            &config,
            &settings,
            &mut Until(stop, 0),
        )
        .unwrap()
    };
    let whole = run(None, u64::MAX);
    assert_eq!(run(None, 2), Outcome::Stopped { done: 2 });
    let saved = saved_state(&settings.state, &config).unwrap();
    assert!(run(saved, u64::MAX) == whole, "a run that was stopped differs");
    let weaker = TrainConfig {
        perturb: Some(task.setting.perturb.clone().scaled(0.5)),
        ..config.clone()
    };
    let error = saved_state(&settings.state, &weaker).unwrap_err().to_string();
    assert!(error.contains("an interrupted run with perturb"), "{error}");
}

#[test]
fn training_lowers_what_is_left_of_the_victims_certainty() {
    let task = task(GeneratorArchitecture::Tile);
    let state = TrainingState::untrained(train::seeded_weights(task.generator.layout(), 1));
    let mut learner = GeneratorSession::new(&task, 8, &state, MEASURED).unwrap();
    let batch = batches(&task.setting, 1, 8, 0, 1).next().unwrap();
    let losses: Vec<f32> = (0..12).map(|_| learner.step(&batch, 0.05).unwrap().loss).collect();
    assert!(
        losses[11] < 0.8 * losses[0],
        "the same pictures over and over: {losses:?}"
    );
    assert_eq!(learner.state().unwrap().step, 12);
}
