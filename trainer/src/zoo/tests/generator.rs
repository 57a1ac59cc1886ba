//! The graphs of generators against finite differences, and against the attack graphs of their victims.

use parallax_onnx::ctc::Target;
use parallax_onnx::reference::run;
use parallax_onnx::{Builder, Dialect};

use super::{Arrays, array, attack_inputs, check_gradient, crnn_of_height, images, model, plain, uniform, weights};
use crate::zoo::layout::cut;
use crate::zoo::net::Mode;
use crate::zoo::{AdamConfig, Blurs, Generator, GeneratorArchitecture, Head, Model, Victim, Weights};

/// Rows and columns that a U-Net takes.
const SIZE: [usize; 2] = [12, 8];

fn generator(architecture: GeneratorArchitecture) -> (Generator, Weights) {
    let generator = Generator::with_channels(architecture, SIZE, [2, 3, 4]).unwrap();
    let weights = generator.layout().initial_weights(&mut uniform(3));
    (generator, weights)
}

/// A model that reads by frames, and one that reads by positions.
fn victims() -> [Model; 2] {
    let by_positions = model(
        SIZE[0],
        plain(),
        Head::Positions { hidden: 4 },
        0.0,
        AdamConfig::default(),
    );
    [crnn_of_height(SIZE[0]), by_positions]
}

/// Inputs of a step over two pictures.
fn step_inputs(victim: &Model, weights: &Weights) -> Arrays {
    let encode = |label: &[usize]| Target::encode(label, victim.config().max_label, 4).unwrap();
    let target = Target::batch(&[encode(&[1, 2]), encode(&[3])]).unwrap();
    let (states, frames, p) = (victim.states(), victim.image_frames(), weights.parameters.len());
    let mut next = uniform(8);
    let mut uniform = |len: usize, scale: f32| (0..len).map(|_| scale * next()).collect::<Vec<f32>>();
    let shape = [2, 1, SIZE[0], SIZE[1]];
    let pixels = 2 * SIZE[0] * SIZE[1];
    [
        ("image", images(victim, 2)),
        ("target", array(&[2, states, 4], &target.target)),
        ("start", array(&[4, states], &target.start)),
        ("skip", array(&[4, states], &target.skip)),
        ("epsilon", array(&shape, &uniform(pixels, 0.2))),
        ("frame_weights", array(&[2, frames, 4], &uniform(2 * frames * 4, 0.5))),
        ("hyper", array(&[2], &AdamConfig::default().hyper(1e-3, 1))),
        ("parameters", array(&[p], &weights.parameters)),
        ("first_moment", array(&[p], &vec![0.0; p])),
        ("second_moment", array(&[p], &vec![0.0; p])),
        ("running", array(&[weights.running.len()], &weights.running)),
    ]
    .map(|(name, array)| (name.to_owned(), array))
    .into()
}

#[test]
fn a_step_follows_the_gradient_of_its_loss_through_its_victims() {
    let (models, victim_weights) = (victims(), victims().map(|model| weights(&model)));
    let victims = [
        (&models[0], &victim_weights[0], 2.0),
        (&models[1], &victim_weights[1], 1.0),
    ];
    let victims = victims.map(|(model, weights, weight)| Victim { model, weights, weight });
    follows(&victims, &[GeneratorArchitecture::Unet, GeneratorArchitecture::Tile]);
    // Who reads by positions alone has no frames to reward, and is given as many.
    follows(&victims[1..], &[GeneratorArchitecture::Tile]);
}

fn follows(victims: &[Victim<'_>], architectures: &[GeneratorArchitecture]) {
    for architecture in architectures {
        let (generator, weights) = generator(*architecture);
        let step = generator.training_step(victims, 2, BLURS).unwrap();
        let point = step_inputs(victims[0].model, &weights);
        let result = run(&step, &point).unwrap();
        let norm = result["grad_norm"].values()[0];
        // What Adam keeps is the clipped gradient.
        let scale = (norm / 5.0).max(1.0) / 0.1;
        let gradient: Vec<_> = result["first_moment_next"].values().iter().map(|m| m * scale).collect();
        check_gradient(
            |p| run(&step, p).unwrap()["loss"].values()[0],
            &point,
            "parameters",
            &gradient,
        );
        assert_eq!(result["running_next"].shape(), [weights.running.len()]);
    }
}

/// Of direction and movement.
const BLURS: Blurs = Blurs {
    direction: 1.0,
    movement: 0.625,
};

/// A Gaussian within 3 pixels, as a loop over rows and columns; nothing beyond the border.
fn blurred(tile: &[f64], deviation: f32) -> Vec<f64> {
    let variance = f64::from(deviation).powi(2);
    let weight = |d: i64| (-(d * d) as f64 / (2.0 * variance)).exp();
    let sum: f64 = (-3..=3).map(weight).sum();
    let [rows, columns] = SIZE.map(|size| size as i64);
    let at = |y: i64, x: i64| {
        let inside = (0..rows).contains(&y) && (0..columns).contains(&x);
        if inside { tile[(y * columns + x) as usize] } else { 0.0 }
    };
    let around = (-3..=3).flat_map(|dy| (-3..=3).map(move |dx| (dy, dx)));
    (0..rows * columns)
        .map(|i| {
            let sums = around
                .clone()
                .map(|(dy, dx)| weight(dy) * weight(dx) * at(i / columns + dy, i % columns + dx));
            sums.sum::<f64>() / (sum * sum)
        })
        .collect()
}

#[test]
fn the_loss_is_what_the_victims_attack_graph_says_of_the_moved_picture() {
    let victim = crnn_of_height(SIZE[0]);
    let victim_weights = weights(&victim);
    let victims = [Victim {
        model: &victim,
        weights: &victim_weights,
        weight: 1.0,
    }];
    let (generator, weights) = generator(GeneratorArchitecture::Tile);
    let point = step_inputs(&victim, &weights);
    let loss = run(&generator.training_step(&victims, 2, BLURS).unwrap(), &point).unwrap()["loss"].values()[0];

    let tile: Vec<f64> = weights.parameters.iter().map(|v| f64::from(*v)).collect();
    let signs: Vec<f64> = blurred(&tile, 1.0).iter().map(|v| (4.0 * v).tanh()).collect();
    let (pixels, frames) = (SIZE[0] * SIZE[1], victim.frames() * 4);
    let mut expected = 0.0;
    for (n, label) in [vec![1, 2], vec![3]].into_iter().enumerate() {
        let of = |name: &str, len: usize| point[name].values()[n * len..(n + 1) * len].to_vec();
        let movement: Vec<f64> = of("epsilon", pixels).iter().zip(&signs).map(|(e, s)| e * s).collect();
        let moved: Vec<f32> = of("image", pixels)
            .iter()
            .zip(blurred(&movement, 0.625))
            .map(|(image, movement)| (image + movement).clamp(0.0, 1.0) as f32)
            .collect();
        let mut inputs = attack_inputs(&victim);
        let target = Target::encode(&label, victim.config().max_label, 4).unwrap();
        inputs.insert("target".to_owned(), array(&[1, victim.states(), 4], &target.target));
        inputs.insert("start".to_owned(), array(&[2, victim.states()], &target.start));
        inputs.insert("skip".to_owned(), array(&[2, victim.states()], &target.skip));
        inputs.insert("image".to_owned(), array(&[1, 1, SIZE[0], SIZE[1]], &moved));
        let mut attacked = |frame_weights: Vec<f64>| {
            let frame_weights: Vec<f32> = frame_weights.iter().map(|w| *w as f32).collect();
            let shape = [1, victim.frames(), 4];
            inputs.insert("frame_weights".to_owned(), array(&shape, &frame_weights));
            run(&victim.attack(&victim_weights).unwrap(), &inputs).unwrap()["loss"].values()[0]
        };
        let label_loss = attacked(vec![0.0; frames]);
        let rewards = attacked(of("frame_weights", frames)) - label_loss;
        expected += (10.0 * (-label_loss / 10.0).exp() - rewards) / 2.0;
    }
    assert!(
        (loss - expected).abs() < 1e-4 * expected.abs(),
        "{loss}, by hand {expected}"
    );
}

#[test]
fn what_is_exported_is_what_was_trained_with_the_statistics_that_were_kept() {
    let (generator, mut weights) = generator(GeneratorArchitecture::Unet);
    let mut next = uniform(6);
    weights.running.iter_mut().for_each(|value| *value = 0.5 + next());
    let image = images(&victims()[0], 1);
    let exported = run(
        &generator.direction(&weights).unwrap(),
        &[("image".to_owned(), image.clone())].into(),
    );
    let b = Builder::new(Dialect::OnnxRuntime);
    let input = b.input("image", &[1, 1, SIZE[0], SIZE[1]]);
    let constants = |specs: &[_], flat: &[f32]| -> Vec<_> {
        let literals = cut(specs, flat).unwrap().into_iter();
        literals.map(|literal| b.constant(literal)).collect()
    };
    let parameters = constants(&generator.layout().parameters, &weights.parameters).into_iter();
    let running = constants(&generator.layout().running, &weights.running).into_iter();
    let mut net = generator.net(&b, Mode::Read(parameters, running));
    let direction = generator.forward(&mut net, input).unwrap();
    b.output("direction", direction).unwrap();
    let read = run(&b.finish(), &[("image".to_owned(), image)].into()).unwrap();
    let exported = &exported.unwrap()["direction"];
    assert_eq!(exported.shape(), [1, 1, SIZE[0], SIZE[1]]);
    let largest = read["direction"].values().iter().fold(0.0, |m: f64, d| m.max(d.abs()));
    assert!(largest > 0.1, "{largest}");
    for (a, b) in exported.values().iter().zip(read["direction"].values()) {
        assert!(
            (a - b).abs() < 5e-3 * largest,
            "{a} with weights of 16 bits, {b} with 32"
        );
    }
}

#[test]
fn a_tile_is_the_same_for_every_picture() {
    let (generator, weights) = generator(GeneratorArchitecture::Tile);
    let graph = generator.direction(&weights).unwrap();
    let model = &victims()[0];
    let mut other = images(model, 1);
    other.values_mut().iter_mut().for_each(|pixel| *pixel = 1.0 - *pixel);
    let directions = [images(model, 1), other].map(|image| {
        let inputs = [("image".to_owned(), image)].into();
        run(&graph, &inputs).unwrap()["direction"].values().to_vec()
    });
    assert_eq!(directions[0], directions[1]);
    for (found, tile) in directions[0].iter().zip(&weights.parameters) {
        assert!((found - f64::from(*tile)).abs() < 1e-3, "{found} {tile}");
    }
}
