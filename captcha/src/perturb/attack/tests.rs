//! The attack as a whole, on models small enough to reason about.

mod soft;

use std::convert::Infallible;

use image::Luma;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::*;
use crate::perturb::{Budget, Epsilon, Sparse};

fn label() -> Label {
    Label::new("A2FKN").unwrap()
}

fn reply(loss: f32, image: Vec<f32>) -> Gradient {
    Gradient {
        loss,
        image,
        logits: Some(vec![0.0; FRAMES * CLASSES]),
    }
}

/// A model that calls a function, and remembers the losses and frame weights it saw.
struct Model<F> {
    answer: F,
    losses: Vec<f32>,
    weights: Vec<Vec<f32>>,
}

impl<F: FnMut(&[f32]) -> Gradient> GradientModel for Model<F> {
    type Error = Infallible;

    fn gradient(&mut self, image: &[f32], _: &Label, frame_weights: &[f32]) -> Result<Gradient, Infallible> {
        let gradient = (self.answer)(image);
        self.losses.push(gradient.loss);
        self.weights.push(frame_weights.to_vec());
        Ok(gradient)
    }
}

fn model<F: FnMut(&[f32]) -> Gradient>(answer: F) -> Model<F> {
    Model {
        answer,
        losses: Vec::new(),
        weights: Vec::new(),
    }
}

fn unit(rng: &mut ChaCha8Rng) -> f32 {
    rng.next_u32() as f32 / u32::MAX as f32
}

fn noise(rng: &mut ChaCha8Rng) -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |_, _| Luma([rng.next_u32() as u8]))
}

/// Five bars of strokes.
fn mask() -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let stroke = (14..46).contains(&y) && (30..170).contains(&x) && x % 28 < 6;
        Luma([if stroke { 255 } else { 0 }])
    })
}

/// What visitors get, without the gate: the pictures here show nothing readable.
fn ungated() -> PerturbConfig {
    PerturbConfig {
        gate: None,
        ..PerturbConfig::default()
    }
}

fn random_config(rng: &mut ChaCha8Rng) -> PerturbConfig {
    let mut epsilon = || Epsilon::new(unit(rng)).unwrap();
    let (near, far) = (epsilon(), epsilon());
    let budget = match rng.next_u32() % 2 {
        0 => Budget::Stroke {
            near,
            far,
            ramp_px: 20.0 * unit(rng),
        },
        _ => Budget::Uniform { epsilon: near },
    };
    let sparse = rng.next_u32().is_multiple_of(2).then(|| Sparse {
        pixels: rng.next_u32() % 300,
        block_px: 1 + rng.next_u32() % 9,
        epsilon: Epsilon::new(unit(rng)).unwrap(),
    });
    PerturbConfig {
        budget,
        sparse,
        steps: 1 + rng.next_u32() % 6,
        step_size: 0.1 + 4.0 * unit(rng),
        softness_px: [0.0, 0.1 + 3.0 * unit(rng)][rng.next_u32() as usize % 2],
        gradient_blur_px: 0.1 + 3.0 * unit(rng),
        ..ungated()
    }
}

/// How far each pixel moved, and which way, shares of the range.
fn movement(a: &GrayImage, b: &GrayImage) -> Vec<f64> {
    let pairs = a.iter().zip(b.iter());
    pairs.map(|(a, b)| (f64::from(*b) - f64::from(*a)) / 255.0).collect()
}

/// How far each pixel moved, shares of the range.
fn moved(a: &GrayImage, b: &GrayImage) -> Vec<f64> {
    movement(a, b).into_iter().map(f64::abs).collect()
}

#[test]
fn the_quantised_picture_is_within_the_budget_whatever_the_gradients() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for case in 0..40 {
        let (image, config) = (noise(&mut rng), random_config(&mut rng));
        let mut gradients = ChaCha8Rng::seed_from_u64(case);
        let mut random = model(|_| reply(0.0, (0..MODEL_PIXELS).map(|_| unit(&mut gradients) - 0.5).collect()));
        let perturbed = perturb(&mut random, &image, &mask(), &label(), &config).unwrap().image;
        assert_eq!(random.losses.len(), config.steps as usize);

        let (on_strokes, anywhere) = match config.budget {
            Budget::Uniform { epsilon } => (epsilon.get(), epsilon.get()),
            Budget::Stroke { near, far, .. } => (near.get(), near.get().max(far.get())),
        };
        let mask = mask();
        let beyond: Vec<f64> = moved(&image, &perturbed)
            .into_iter()
            .zip(mask.iter())
            .filter(|(moved, stroke)| *moved > f64::from(if **stroke > 0 { on_strokes } else { anywhere }) + 1e-6)
            .map(|(moved, _)| moved)
            .collect();
        let allowed = config.sparse.map_or(0, |s| s.pixels as usize);
        assert!(
            beyond.len() <= allowed,
            "case {case}: {} beyond the dense budget, {config:?}",
            beyond.len()
        );
        let sparse = config.sparse.map_or(0.0, |s| s.epsilon.get());
        let limit = f64::from(anywhere + sparse) + 1e-6;
        assert!(beyond.iter().all(|moved| *moved <= limit), "case {case}: {config:?}");
    }
}

#[test]
fn a_linear_model_is_driven_to_the_end_of_the_budget() {
    let direction = |i: usize| if (i / 10).is_multiple_of(2) { 1.0 } else { -1.0 };
    let weights: Vec<f32> = (0..MODEL_PIXELS).map(direction).collect();
    let mut linear = model(|x| reply(x.iter().zip(&weights).map(|(x, w)| x * w).sum(), weights.clone()));
    let image = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([128]));
    let config = PerturbConfig {
        budget: Budget::Uniform {
            epsilon: Epsilon::new(0.2).unwrap(),
        },
        softness_px: 0.0,
        gradient_blur_px: 0.0,
        step_size: 1.0,
        ..ungated()
    };
    let perturbed = perturb(&mut linear, &image, &mask(), &label(), &config).unwrap().image;
    assert!(linear.losses.is_sorted_by(|a, b| a < b), "{:?}", linear.losses);
    assert!(
        moved(&image, &perturbed)
            .iter()
            .all(|m| (m - 51.0 / 255.0).abs() < 1e-9)
    );
}

#[test]
fn the_loss_of_a_quadratic_model_rises_with_every_step() {
    // The loss is the squared distance to a pattern, so the way up is away from it.
    let pattern: Vec<f32> = (0..MODEL_PIXELS).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
    let mut quadratic = model(|x| {
        let difference: Vec<f32> = x.iter().zip(&pattern).map(|(x, p)| x - p).collect();
        reply(
            difference.iter().map(|d| d * d).sum(),
            difference.iter().map(|d| 2.0 * d).collect(),
        )
    });
    let image = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([128]));
    let config = PerturbConfig {
        gradient_blur_px: 0.0,
        ..ungated()
    };
    perturb(&mut quadratic, &image, &mask(), &label(), &config).unwrap();
    // The later half may stand at the border of the budget.
    assert!(
        quadratic.losses.is_sorted() && quadratic.losses[4] > quadratic.losses[0],
        "{:?}",
        quadratic.losses
    );
}

#[test]
fn same_gradients_same_pixels() {
    let run = || {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let image = noise(&mut rng);
        let mut random = model(|_| reply(0.0, (0..MODEL_PIXELS).map(|_| unit(&mut rng) - 0.5).collect()));
        perturb(&mut random, &image, &mask(), &label(), &ungated()).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn blanks_are_rewarded_from_the_first_and_from_the_second_gradient_on() {
    let mut flat = model(|_| reply(0.0, vec![0.0; MODEL_PIXELS]));
    perturb(
        &mut flat,
        &noise(&mut ChaCha8Rng::seed_from_u64(1)),
        &mask(),
        &label(),
        &ungated(),
    )
    .unwrap();
    let blank = |step: usize, frame: usize| flat.weights[step][frame * CLASSES];
    // Strokes begin at column 30, in frame 3; all logits are 0, so every frame counts as blank before.
    assert_eq!((blank(0, 0), blank(0, 3), blank(0, 10)), (1.0, 0.0, 0.0));
    assert_eq!((blank(1, 0), blank(1, 3), blank(1, 10)), (1.0, 0.25, 0.25));
}

#[test]
fn blank_frames_are_learned_from_the_first_model_that_tells_them() {
    /// Tells its logits from the third step on, as an ensemble does whose first members read by positions.
    struct Late {
        weights: Vec<Vec<f32>>,
    }

    impl GradientModel for Late {
        type Error = Infallible;

        fn gradient(&mut self, image: &[f32], _: &Label, weights: &[f32]) -> Result<Gradient, Infallible> {
            self.weights.push(weights.to_vec());
            let logits = (self.weights.len() > 2).then(|| vec![0.0; FRAMES * CLASSES]);
            Ok(Gradient {
                loss: 0.0,
                image: image.to_vec(),
                logits,
            })
        }
    }

    let mut late = Late { weights: vec![] };
    let image = noise(&mut ChaCha8Rng::seed_from_u64(1));
    perturb(&mut late, &image, &mask(), &label(), &ungated()).unwrap();
    let between: Vec<_> = late
        .weights
        .iter()
        .take(5)
        .map(|weights| weights[10 * CLASSES])
        .collect();
    assert_eq!(between, [0.0, 0.0, 0.0, 0.25, 0.25]);
}

#[test]
fn unusable_inputs_and_replies_are_errors() {
    let image = GrayImage::new(WIDTH, HEIGHT);
    let config = ungated();
    let attempt = |image: &GrayImage, mask: &GrayImage, config: &PerturbConfig, answer: fn(u32) -> Gradient| {
        let mut step = 0;
        let mut model = model(|_| {
            step += 1;
            answer(step - 1)
        });
        perturb(&mut model, image, mask, &label(), config).unwrap_err()
    };
    let good: fn(u32) -> Gradient = |_| reply(0.0, vec![0.0; MODEL_PIXELS]);
    let small = GrayImage::new(100, 30);
    assert_eq!(
        attempt(&small, &image, &config, good),
        PerturbError::Size { width: 100, height: 30 }
    );
    assert_eq!(
        attempt(&image, &small, &config, good),
        PerturbError::Size { width: 100, height: 30 }
    );
    let no_steps = PerturbConfig {
        steps: 0,
        ..config.clone()
    };
    assert_eq!(
        attempt(&image, &image, &no_steps, good),
        ConfigError { field: "steps" }.into()
    );

    let short = |_| reply(0.0, vec![0.0; 7]);
    let expected = PerturbError::Shape {
        tensor: "gradient",
        expected: MODEL_PIXELS,
        found: 7,
    };
    assert_eq!(attempt(&image, &image, &config, short), expected);
    let no_logits = |_| Gradient {
        logits: Some(Vec::new()),
        ..reply(0.0, vec![0.0; MODEL_PIXELS])
    };
    let expected = PerturbError::Shape {
        tensor: "logits",
        expected: FRAMES * CLASSES,
        found: 0,
    };
    assert_eq!(attempt(&image, &image, &config, no_logits), expected);

    let late_nan = |step| reply(0.0, vec![if step == 3 { f32::NAN } else { 1.0 }; MODEL_PIXELS]);
    assert_eq!(
        attempt(&image, &image, &config, late_nan),
        PerturbError::NotFinite { step: 3 }
    );
    let infinite_loss = |_| reply(f32::INFINITY, vec![0.0; MODEL_PIXELS]);
    assert_eq!(
        attempt(&image, &image, &config, infinite_loss),
        PerturbError::NotFinite { step: 0 }
    );
}

#[test]
fn the_models_own_error_is_kept() {
    #[derive(Debug, Clone, PartialEq, thiserror::Error)]
    #[error("no such checkpoint")]
    struct Broken;
    impl GradientModel for Broken {
        type Error = Self;
        fn gradient(&mut self, _: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, Self> {
            Err(Self)
        }
    }
    let image = GrayImage::new(WIDTH, HEIGHT);
    let failed = perturb(&mut Broken, &image, &image, &label(), &ungated());
    assert_eq!(failed, Err(PerturbError::Model(Broken)));
}

#[test]
fn huge_and_tiny_gradients_make_no_nan_pixels() {
    for size in [1e38_f32, 1e-38, 1e-45] {
        let mut extreme = model(|_| reply(0.0, vec![size; MODEL_PIXELS]));
        let image = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([100]));
        let perturbed = perturb(&mut extreme, &image, &mask(), &label(), &ungated()).unwrap();
        assert!(perturbed.image.iter().all(|p| *p >= 100), "{size}");
    }
}

/// What visitors get passes the gate, within the budget; however large that is.
#[cfg(feature = "text")]
#[test]
fn what_is_made_passes_the_gate() {
    use crate::{
        perturb::{Gate, Readability},
        strength::Strength,
        text::{Style, draw},
    };

    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let config = |near: f32| PerturbConfig {
        budget: Budget::Stroke {
            near: Epsilon::new(near).unwrap(),
            far: Epsilon::new(0.2).unwrap(),
            ramp_px: 12.0,
        },
        ..PerturbConfig::default()
    };
    let mut seen = Vec::new();
    for (seed, near) in [(0, 0.05), (1, 0.3), (2, 0.4), (3, 0.5), (4, 1.0)] {
        let captcha = draw(&Style::default(), seed);
        let noise: Vec<f32> = (0..3_000).map(|_| unit(&mut rng) - 0.5).collect();
        let config = config(near);
        let made = perturb(
            &mut model(|_: &[f32]| reply(1.0, noise.clone())),
            &captcha.image,
            &captcha.mask,
            &captcha.label,
            &config,
        )
        .unwrap();
        let glyphs = captcha.label.as_str().len();
        let found = Readability::of(&captcha.image, &made.image, &captcha.mask, glyphs).unwrap();
        assert!(found.passes(&Gate::default()), "seed {seed}: {found:?}");
        let strokes: Vec<bool> = captcha.mask.iter().map(|level| *level > 127).collect();
        let epsilon = epsilon_map(config.budget, &strokes, glyphs);
        let furthest = moved(&captcha.image, &made.image)
            .into_iter()
            .zip(epsilon)
            .map(|(moved, epsilon)| moved - f64::from(epsilon));
        assert!(furthest.fold(f64::MIN, f64::max) <= 1e-6, "seed {seed}");
        assert_eq!(
            made.strength == Strength::Plain,
            made.image == captcha.image,
            "seed {seed}"
        );
        seen.push(made.strength);
    }
    assert_eq!(seen.first(), Some(&Strength::Full));
    assert!(seen.contains(&Strength::Weakened), "{seen:?}");
    assert_eq!(seen.last(), Some(&Strength::Plain));
}
