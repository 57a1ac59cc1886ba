//! The three graphs of a small model against each other and against finite differences, through the reference
//! interpreter.

mod generator;

use std::collections::BTreeMap;

use parallax_onnx::ctc::{Target, greedy_decode};
use parallax_onnx::reference::{Array, run};
use parallax_onnx::{Builder, Dialect, codec};

use super::head::as_frames;
use super::net::{Mode, Net};
use super::{
    AdamConfig, Architecture, Backbone, Head, InceptionModule, Model, ModelConfig, PlainBlock, Stage, Weights,
    WeightsError,
};

type Arrays = BTreeMap<String, Array>;

/// A row is left over by the first pooling: for tract that block is convolved and pooled.
fn small() -> Model {
    crnn_of_height(9)
}

/// With 8 rows none is left over: for tract the first block is a product of patches.
fn crnn_of_height(height: usize) -> Model {
    let recurrent = Head::Recurrent { hidden: 3, layers: 2 };
    model(height, plain(), recurrent, 0.5, AdamConfig::default().max_norm(1e9))
}

fn plain() -> Backbone {
    let block = |filters, pool| PlainBlock {
        filters,
        kernel: 3,
        pool,
    };
    Backbone::Plain(vec![block(2, [2, 2]), block(3, [4, 1])])
}

/// A small model of each kind of backbone and head.
fn kinds() -> Vec<Model> {
    let residual = Backbone::Residual(vec![
        Stage {
            filters: 3,
            pool: [2, 2],
        },
        Stage {
            filters: 4,
            pool: [4, 1],
        },
    ]);
    let inception = Backbone::Inception {
        stem: Stage {
            filters: 2,
            pool: [2, 2],
        },
        modules: vec![InceptionModule {
            one: 2,
            three: [2, 3],
            five: [2, 2],
            pool: [4, 1],
        }],
    };
    let adam = AdamConfig::default().max_norm(1e9);
    vec![
        small(),
        crnn_of_height(8),
        model(9, plain(), Head::Convolutional { hidden: 3 }, 0.0, adam),
        model(8, residual.clone(), Head::Convolutional { hidden: 3 }, 0.0, adam),
        model(8, residual, Head::Attention { keys: 3, hidden: 4 }, 0.0, adam),
        model(9, inception.clone(), Head::Positions { hidden: 5 }, 0.5, adam),
        model(8, inception, Head::Attention { keys: 2, hidden: 3 }, 0.5, adam),
    ]
}

fn model(height: usize, backbone: Backbone, head: Head, auxiliary: f32, adam: AdamConfig) -> Model {
    Model::new(ModelConfig {
        height,
        width: 8,
        backbone,
        head,
        auxiliary,
        classes: 4,
        max_label: 2,
        adam,
        ..Architecture::Crnn.config()
    })
    .unwrap()
}

impl AdamConfig {
    /// With a large norm nothing is clipped, so that the first moment shows the gradient.
    fn max_norm(self, max_norm: f32) -> Self {
        Self { max_norm, ..self }
    }
}

/// Numbers in `[0, 1)` without structure.
fn uniform(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// Random weights, statistics included: a scale or a mean that is forgotten shows.
fn weights(model: &Model) -> Weights {
    let mut next = uniform(3);
    let mut weights = model.layout().initial_weights(&mut next);
    weights.parameters.iter_mut().for_each(|w| *w += 0.3 * (next() - 0.5));
    weights.running.iter_mut().for_each(|w| *w += 0.3 * next());
    weights
}

fn array(shape: &[usize], values: &[f32]) -> Array {
    Array::new(shape, values.iter().map(|v| f64::from(*v)).collect()).unwrap()
}

fn images(model: &Model, count: usize) -> Array {
    let mut next = uniform(5);
    Array::from_fn(&[count, 1, model.config().height, model.config().width], |_| {
        f64::from(next())
    })
}

/// Inputs of a training step over two labels, the second weighted half.
fn training_inputs(model: &Model, weights: &Weights) -> Arrays {
    let encode = |label: &[usize]| Target::encode(label, model.config().max_label, model.config().classes).unwrap();
    let target = Target::batch(&[encode(&[1, 2]), encode(&[3])]).unwrap();
    let (states, p) = (model.states(), weights.parameters.len());
    [
        ("image", images(model, 2)),
        ("target", array(&[2, states, 4], &target.target)),
        ("start", array(&[4, states], &target.start)),
        ("skip", array(&[4, states], &target.skip)),
        ("sample_weight", array(&[2], &[1.0, 0.5])),
        ("hyper", array(&[2], &model.config().adam.hyper(1e-3, 1))),
        ("parameters", array(&[p], &weights.parameters)),
        ("first_moment", array(&[p], &vec![0.0; p])),
        ("second_moment", array(&[p], &vec![0.0; p])),
        ("running", array(&[weights.running.len()], &weights.running)),
    ]
    .map(|(name, array)| (name.to_owned(), array))
    .into()
}

/// Places at which a gradient is checked.
const CHECKED: usize = 40;

/// Checks `gradient` of the output `loss` by the input `name` at some places, by central differences.
fn check_gradient(loss: impl Fn(&Arrays) -> f64, point: &Arrays, name: &str, gradient: &[f64]) {
    assert_eq!(gradient.len(), point[name].values().len());
    let largest = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    for place in (0..gradient.len()).step_by(gradient.len().div_ceil(CHECKED)) {
        let moved = |step: f64| {
            let mut point = point.clone();
            point.get_mut(name).unwrap().values_mut()[place] += step;
            loss(&point)
        };
        let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
        let error = (gradient[place] - expected).abs() / largest;
        assert!(
            error < 1e-5,
            "{name}[{place}]: {}, differences say {expected}",
            gradient[place]
        );
    }
}

#[test]
fn a_training_step_follows_the_gradient_of_its_loss() {
    for model in kinds() {
        follows_its_gradient(&model);
    }
}

fn follows_its_gradient(model: &Model) {
    let step = model.training_step(2).unwrap();
    let point = training_inputs(model, &weights(model));
    let result = run(&step, &point).unwrap();
    let beta = f64::from(1.0 - model.config().adam.beta1);
    let gradient: Vec<_> = result["first_moment_next"].values().iter().map(|m| m / beta).collect();
    check_gradient(
        |p| run(&step, p).unwrap()["loss"].values()[0],
        &point,
        "parameters",
        &gradient,
    );
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((result["grad_norm"].values()[0] - norm).abs() < 1e-6 * norm);
    // The first step of Adam is the learning rate in the direction of each sign, where the gradient is not tiny.
    for ((old, new), g) in point["parameters"]
        .values()
        .iter()
        .zip(result["parameters_next"].values())
        .zip(&gradient)
    {
        if g.abs() > 1e-3 {
            assert!(
                (old - new - 1e-3 * g.signum()).abs() < 1e-6,
                "from {old} to {new} along {g}"
            );
        }
    }
}

#[test]
fn a_long_gradient_is_clipped() {
    let clipped = AdamConfig::default().max_norm(0.01);
    let model = model(9, plain(), Head::Recurrent { hidden: 3, layers: 2 }, 0.5, clipped);
    let point = training_inputs(&model, &weights(&model));
    let result = run(&model.training_step(2).unwrap(), &point).unwrap();
    let beta = f64::from(1.0 - model.config().adam.beta1);
    let moment = result["first_moment_next"]
        .values()
        .iter()
        .map(|m| (m / beta).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!((moment - 0.01).abs() < 1e-6, "{moment}");
    assert!(result["grad_norm"].values()[0] > 0.01, "reported before clipping");
}

#[test]
fn a_sample_of_no_weight_changes_nothing_but_the_statistics() {
    let model = small();
    let step = model.training_step(2).unwrap();
    let mut point = training_inputs(&model, &weights(&model));
    point.insert("sample_weight".to_owned(), array(&[2], &[0.0, 0.0]));
    let result = run(&step, &point).unwrap();
    assert_eq!(result["parameters_next"], point["parameters"]);
    assert_ne!(result["running_next"], point["running"]);
}

/// Inputs of the attack graph for the label `[2, 3]`.
fn attack_inputs(model: &Model) -> Arrays {
    let target = Target::encode(&[2, 3], model.config().max_label, model.config().classes).unwrap();
    let (states, frames, mut next) = (model.states(), model.frames(), uniform(9));
    [
        ("image", images(model, 1)),
        ("target", array(&[1, states, 4], &target.target)),
        ("start", array(&[2, states], &target.start)),
        ("skip", array(&[2, states], &target.skip)),
        (
            "frame_weights",
            Array::from_fn(&[1, frames, 4], |_| f64::from(next()) - 0.5),
        ),
    ]
    .map(|(name, array)| (name.to_owned(), array))
    .into()
}

#[test]
fn the_attack_graph_gives_the_gradient_of_its_loss() {
    for model in kinds() {
        let attack = model.attack(&weights(&model)).unwrap();
        let point = attack_inputs(&model);
        let result = run(&attack, &point).unwrap();
        check_gradient(
            |p| run(&attack, p).unwrap()["loss"].values()[0],
            &point,
            "image",
            result["gradient"].values(),
        );
    }
}

#[test]
fn attack_and_recogniser_read_alike() {
    for model in kinds() {
        let weights = weights(&model);
        let recognizer = model.recognizer(&weights).unwrap();
        let read = run(&recognizer, &[("image".to_owned(), images(&model, 1))].into()).unwrap();
        let attacked = run(&model.attack(&weights).unwrap(), &attack_inputs(&model)).unwrap();
        for (a, b) in attacked["logits"].values().iter().zip(read["logits"].values()) {
            assert!((a - b).abs() < 2e-3, "{a} with weights of 16 bits, {b} with 32");
        }
        assert_eq!(read["logits"].shape(), [model.frames(), 1, 4]);
        assert_eq!(read.contains_key("aux_logits"), model.config().auxiliary > 0.0);
    }
}

#[test]
fn the_recogniser_reads_each_image_of_a_batch_by_itself() {
    for model in kinds() {
        reads_each_by_itself(&model);
    }
}

fn reads_each_by_itself(model: &Model) {
    let recognizer = model.recognizer(&weights(model)).unwrap();
    let logits = |count| run(&recognizer, &[("image".to_owned(), images(model, count))].into()).unwrap();
    let (alone, together) = (&logits(1)["logits"], &logits(3)["logits"]);
    for (alone, together) in alone.values().chunks(4).zip(together.values().chunks(3 * 4)) {
        assert_eq!(alone, &together[..4]);
    }
}

#[test]
fn weights_are_read_back_from_the_recogniser() {
    for model in kinds() {
        let weights = weights(&model);
        assert_eq!(
            model.layout().weights_of(&model.recognizer(&weights).unwrap()).unwrap(),
            weights
        );
    }
    let (small, large) = (small(), Architecture::Crnn.model().unwrap());
    let weights = weights(&small);
    assert!(matches!(
        large.layout().weights_of(&small.recognizer(&weights).unwrap()),
        Err(WeightsError::Shape(_))
    ));
    assert!(matches!(large.recognizer(&weights), Err(WeightsError::Length { .. })));
}

/// Positions are read by CTC's decoding: what is behind the end is dropped, equal neighbours stay two.
#[test]
fn positions_are_spelled_as_frames() {
    let b = Builder::new(Dialect::OnnxRuntime);
    let scores = b.input("scores", &[4, 2, 3]);
    let net = Net::new(&b, Mode::Declare, 0.1);
    b.output("frames", as_frames(&net, scores, [4, 3]).unwrap()).unwrap();
    // Four positions of two pictures: "bb" and "abba".
    let classes = [[2, 1], [2, 2], [0, 2], [0, 1]];
    let one_hot = classes
        .iter()
        .flatten()
        .flat_map(|class| (0..3).map(move |k| f32::from(u8::from(k == *class))));
    let scores = array(&[4, 2, 3], &one_hot.collect::<Vec<_>>());
    let frames = run(&b.finish(), &[("scores".to_owned(), scores)].into()).unwrap();
    assert_eq!(frames["frames"].shape(), [7, 2, 3]);
    let of_picture = |n: usize| -> Vec<f32> {
        let rows = frames["frames"].values().chunks(3).skip(n).step_by(2);
        rows.flatten().map(|score| *score as f32).collect()
    };
    assert_eq!(greedy_decode(&of_picture(0), 3), [2, 2]);
    assert_eq!(greedy_decode(&of_picture(1), 3), [1, 2, 2, 1]);
}

#[test]
fn every_architecture_fits_the_input_and_has_its_name() {
    for architecture in Architecture::ALL {
        assert_eq!(Architecture::by_name(architecture.name()), Some(architecture));
        let possible = clap::ValueEnum::to_possible_value(&architecture).unwrap();
        assert_eq!(possible.get_name(), architecture.name());
        let model = architecture.model().unwrap();
        let by_frames = !matches!(model.config().head, Head::Positions { .. } | Head::Attention { .. });
        assert_eq!(model.frames(), if by_frames { 25 } else { 11 }, "{architecture:?}");
    }
}

#[test]
fn model_1_is_table_6() {
    let model = Architecture::Crnn.model().unwrap();
    assert_eq!((model.frames(), model.states()), (25, 13));
    let conv = 9 * (64 + 64 * 128 + 128 * 128 + 128 * 64) + 2 * (64 + 128 + 128 + 64);
    let lstm = 1024 * (64 + 256 + 1) + 1024 * (256 + 256 + 1);
    let heads = 24 * (256 + 1) + 24 * (64 + 1);
    assert_eq!(
        model.layout().parameters.iter().map(super::Spec::len).sum::<usize>(),
        conv + lstm + heads
    );
}

/// Whoever changes the export has to make the shipped files anew: the edge runs these, not what the code would make.
#[test]
fn the_shipped_graphs_are_what_this_code_exports() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../onnx/checkpoints/shipped");
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let manifest = parallax_onnx::checkpoint::read_manifest(&file("manifest.json")).unwrap();
    let architectures: Vec<_> = manifest.members.iter().map(|member| &*member.architecture).collect();
    assert_eq!(architectures, ["crnn", "lenet-ctc"]);
    for member in manifest.members {
        let recognizer = file(&member.recognizer);
        let model = Architecture::by_name(&member.architecture).unwrap().model().unwrap();
        let weights = model.layout().weights_of(&codec::decode(&recognizer).unwrap()).unwrap();
        let exported = codec::encode(&model.recognizer(&weights).unwrap());
        assert!(exported == recognizer, "{}", member.recognizer);
        let exported = codec::encode(&model.attack(&weights).unwrap());
        assert!(exported == file(&member.attack), "{}", member.attack);
    }
}
