//! Perturbations that are blurred, and where an ensemble's turns begin.

use super::*;

#[test]
fn a_soft_perturbation_has_no_outlines() {
    // Bars of 10 pixels of the input, up and down in turns.
    let direction = |i: usize| if (i % 100 / 10).is_multiple_of(2) { 1.0 } else { -1.0 };
    let weights: Vec<f32> = (0..MODEL_PIXELS).map(direction).collect();
    let image = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([128]));
    let steepest = |softness_px: f32| {
        let config = PerturbConfig {
            budget: Budget::Uniform {
                epsilon: Epsilon::new(0.2).unwrap(),
            },
            softness_px,
            ..ungated()
        };
        let mut linear = model(|_| reply(0.0, weights.clone()));
        let made = perturb(&mut linear, &image, &mask(), &label(), &config).unwrap().image;
        let row = &movement(&image, &made)[30 * 200..31 * 200];
        // Away from the bars' borders as far as without a blur.
        assert!((row[70].abs() - 0.2).abs() < 1e-9, "{}", row[70]);
        row.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max)
    };
    // A step of 0.4, of which a Gaussian leaves the share in its middle: 1 / (sigma * sqrt(2 pi)).
    let density = 0.4 / (1.25 * (2.0 * std::f64::consts::PI).sqrt());
    assert!((steepest(0.0) - 0.4).abs() < 1e-9);
    assert!((steepest(1.25) - density).abs() < 0.01, "{} {density}", steepest(1.25));
}

#[test]
fn gradients_pass_through_the_blur_of_the_perturbation() {
    // Only one pixel of the input counts, four of the picture.
    let mut weights = vec![0.0; MODEL_PIXELS];
    weights[15 * 100 + 50] = 1.0;
    let mut linear = model(|_| reply(0.0, weights.clone()));
    let image = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([128]));
    let config = PerturbConfig {
        budget: Budget::Uniform {
            epsilon: Epsilon::new(0.2).unwrap(),
        },
        softness_px: 1.25,
        ..ungated()
    };
    let made = perturb(&mut linear, &image, &mask(), &label(), &config).unwrap().image;
    let row = &movement(&image, &made)[30 * 200..31 * 200];
    // Every pixel that the blur carries there helps, 4 to each side, and all are carried 4 further.
    assert!((row[100] - 0.2).abs() < 1e-9, "{}", row[100]);
    assert!(row[97] > 0.15 && row[90] == 0.0 && row[111] == 0.0, "{row:?}");
}

/// The sums that a picture's model is told.
#[derive(Default)]
struct Told(Vec<u32>);

impl GradientModel for Told {
    type Error = Infallible;

    fn begin(&mut self, sum: u32) {
        self.0.push(sum);
    }

    fn gradient(&mut self, _: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, Infallible> {
        Ok(reply(0.0, vec![1.0; MODEL_PIXELS]))
    }
}

#[test]
fn turns_begin_where_the_picture_says_and_everywhere_alike() {
    let mut told = Told::default();
    let config = PerturbConfig { steps: 1, ..ungated() };
    let pictures: Vec<_> = (0..300)
        .map(|seed| crate::text::draw(&crate::text::Style::default(), seed))
        .collect();
    for picture in pictures.iter().chain(&pictures[..3]) {
        perturb(&mut told, &picture.image, &picture.mask, &picture.label, &config).unwrap();
    }
    assert_eq!(told.0[300..], told.0[..3], "the same picture, the same turn");
    for members in 2..=4 {
        let mut begun = vec![0; members as usize];
        told.0[..300]
            .iter()
            .for_each(|sum| begun[(sum % members) as usize] += 1);
        // Four standard deviations of a binomial of 300.
        let mean = 300.0 / f64::from(members);
        let four = 4.0 * (mean * (1.0 - 1.0 / f64::from(members))).sqrt();
        assert!(
            begun.iter().all(|n| (f64::from(*n) - mean).abs() < four),
            "{members}: {begun:?}"
        );
    }
}
