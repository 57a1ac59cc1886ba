//! `attack.onnx`: its logits are the recogniser's, its gradient is that of its loss.

use parallax_captcha::{
    alphabet::CLASSES,
    perturb::{FRAMES, Gradient, GradientModel},
};
use parallax_trainer::models::{AttackModel, Recognizer};

use crate::{CPU, Untrained, samples};

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Some frame weights: a few frames push towards the blank, one away from a letter.
fn frame_weights() -> Vec<f32> {
    let weight = |(index, _): (usize, ())| match (index / CLASSES, index % CLASSES) {
        (0..=4, 0) => 1.0,
        (12, 7) => -0.5,
        _ => 0.0,
    };
    std::iter::repeat_n((), FRAMES * CLASSES)
        .enumerate()
        .map(weight)
        .collect()
}

#[test]
fn it_sees_what_the_recogniser_sees() {
    let model = Untrained::new(3);
    let mut recognizer = Recognizer::new(&model.recognizer, CPU).unwrap();
    let mut attack = AttackModel::new(&model.attack, CPU).unwrap();
    let samples = samples(3);
    let images: Vec<_> = samples.iter().map(|sample| &sample.image).collect();
    let readings = recognizer.read(&images).unwrap();
    for (sample, reading) in samples.iter().zip(readings) {
        let attacked = attack
            .gradient(&sample.image, &sample.label, &[0.0; FRAMES * CLASSES])
            .unwrap();
        let largest = reading
            .logits
            .iter()
            .fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
        let logits = attacked.logits.unwrap();
        assert_eq!(logits.len(), reading.logits.len());
        for (a, b) in logits.iter().zip(&reading.logits) {
            // The attack's weights are stored in 16 bits: 11 bits of significand.
            assert!((a - b).abs() < 5e-3 * largest, "{a} {b}");
        }
    }
}

#[test]
fn its_gradient_is_that_of_its_loss() {
    let mut attack = AttackModel::new(&Untrained::new(3).attack, CPU).unwrap();
    for (sample, weights) in samples(2).iter().zip([vec![0.0; FRAMES * CLASSES], frame_weights()]) {
        let mut at = |image: &[f32]| -> Gradient { attack.gradient(image, &sample.label, &weights).unwrap() };
        let gradient = at(&sample.image).image;
        let length = dot(&gradient, &gradient).sqrt();
        assert!(length > 1e-3);
        // Central differences in 32 bits: along the gradient, where the change is far above the rounding, and along
        // half of its pixels; no further than few poolings change their maximum.
        let half: Vec<f32> = gradient
            .iter()
            .enumerate()
            .map(|(n, g)| if n % 2 == 0 { *g } else { 0.0 })
            .collect();
        for direction in [&gradient, &half] {
            let reach = 0.02 / dot(direction, direction).sqrt();
            let moved = |sign: f64| -> Vec<f32> {
                let pairs = sample.image.iter().zip(direction);
                pairs
                    .map(|(x, d)| (f64::from(*x) + sign * reach * f64::from(*d)) as f32)
                    .collect()
            };
            let difference = f64::from(at(&moved(1.0)).loss) - f64::from(at(&moved(-1.0)).loss);
            let (numeric, exact) = (difference / (2.0 * reach), dot(&gradient, direction));
            assert!((numeric / exact - 1.0).abs() < 0.05, "{numeric} instead of {exact}");
        }
    }
}

#[test]
fn labels_of_every_length_have_a_gradient() {
    let mut attack = AttackModel::new(&Untrained::new(3).attack, CPU).unwrap();
    for text in ["2222", "A2A2A", "XYBXYB"] {
        let label = parallax_captcha::alphabet::Label::new(text).unwrap();
        let gradient = attack
            .gradient(&[0.5; 3_000], &label, &[0.0; FRAMES * CLASSES])
            .unwrap();
        assert!(gradient.loss.is_finite() && gradient.loss > 0.0, "{text}");
        assert!(
            gradient.image.iter().all(|g| g.is_finite()) && gradient.image.iter().any(|g| *g != 0.0),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let model = Untrained::new(3);
    for bytes in [&b"no model"[..], &[], &model.attack[..1_000]] {
        let error = AttackModel::new(bytes, CPU).unwrap_err().to_string();
        assert!(
            error.starts_with("ONNX Runtime refuses the model: ") && !error.contains('\n'),
            "{error}"
        );
    }
    let error = AttackModel::new(&model.recognizer, CPU).unwrap_err().to_string();
    assert!(error.contains("no output `loss`"), "{error}");
    assert!(Recognizer::new(&model.attack, CPU).is_ok_and(|mut attack| attack.read(&[vec![0.5; 3_000]]).is_err()));
}
