//! Attacks whose work was done beforehand: a generator, trained against the very models whose gradients it stands for, says in
//! one forward pass where the first movement goes (Baluja and Fischer 2018; Poursaeed et al. 2018).
//!
//! It knows the picture and not its text, and costs about a third of a gradient. What it says is treated as a gradient:
//! pulled back, blurred, and followed by its signs within the budget.

use image::GrayImage;

use super::attack::strokes_of;
use super::budget::epsilon_map;
use super::config::PerturbConfig;
use super::grid::model_input;
use super::hull::TextBox;
use super::{Gradient, GradientModel, insertion};
use crate::alphabet::Label;

/// A generator: from a picture to a direction.
pub trait DirectionModel {
    /// Why it said none.
    type Error: core::error::Error + Send + Sync + 'static;

    /// `image: [30 * 100]` row-major in `[0, 1]`; the reply, of the same shape, is followed as a gradient would be.
    ///
    /// # Errors
    /// Whatever the runtime says.
    fn direction(&mut self, image: &[f32]) -> Result<Vec<f32>, Self::Error>;
}

/// Models, and a generator that can go before them.
#[derive(Debug, Clone, PartialEq)]
pub struct Amortised<G, M> {
    /// Says the first movement, where a configuration asks for it.
    pub generator: Option<G>,
    /// Say the others.
    pub models: M,
}

impl<G, M> GradientModel for Amortised<G, M>
where
    G: DirectionModel<Error = M::Error>,
    M: GradientModel,
{
    type Error = M::Error;

    fn begin(&mut self, sum: u32) {
        self.models.begin(sum);
    }

    fn gradient(&mut self, image: &[f32], label: &Label, frame_weights: &[f32]) -> Result<Gradient, M::Error> {
        self.models.gradient(image, label, frame_weights)
    }

    fn direction(&mut self, image: &[f32]) -> Result<Option<Vec<f32>>, M::Error> {
        self.generator
            .as_mut()
            .map(|generator| generator.direction(image))
            .transpose()
    }
}

/// What a perturbation is held to, as a recogniser sees it: what a generator has to know of a picture while it learns.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraints {
    /// How far each pixel of the input may move before the movement is blurred, `[30 * 100]`: the mean of the picture's four.
    pub epsilon: Vec<f32>,
    /// Rewards for blanks outside the text, `[FRAMES * CLASSES]`, as [`GradientModel::gradient`] takes them.
    pub frame_weights: Vec<f32>,
}

/// The constraints of a picture with these strokes (above 127 in `mask`, which has to be 200 x 60) and so many `glyphs`. Pixels of
/// [`PerturbConfig::sparse`] are not among them: where they go is known only once there is a direction.
#[must_use]
pub fn constraints(mask: &GrayImage, glyphs: usize, config: &PerturbConfig) -> Constraints {
    let strokes = strokes_of(mask);
    Constraints {
        epsilon: model_input(&epsilon_map(config.budget, &strokes, glyphs)),
        frame_weights: insertion::outside_text(&config.insertion, TextBox::of(&strokes)),
    }
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use super::*;
    use crate::perturb::{Budget, Epsilon, PerturbError, Start, perturb};
    use image::Luma;

    /// Always says the same.
    struct Constant(Vec<f32>);

    impl DirectionModel for Constant {
        type Error = Infallible;

        fn direction(&mut self, _: &[f32]) -> Result<Vec<f32>, Infallible> {
            Ok(self.0.clone())
        }
    }

    /// Brightens; counts how often it was asked, and keeps the weights that it was asked with.
    #[derive(Default)]
    struct Brightens(u32, Vec<f32>);

    impl GradientModel for Brightens {
        type Error = Infallible;

        fn gradient(&mut self, image: &[f32], _: &Label, weights: &[f32]) -> Result<Gradient, Infallible> {
            self.0 += 1;
            self.1 = weights.to_vec();
            Ok(Gradient {
                loss: 0.0,
                image: vec![1.0; image.len()],
                logits: None,
            })
        }
    }

    fn config(start: Start, steps: u32) -> PerturbConfig {
        PerturbConfig {
            budget: Budget::Uniform {
                epsilon: Epsilon::new(0.1).unwrap(),
            },
            start,
            steps,
            step_size: 1.0,
            momentum: 0.0,
            softness_px: 0.0,
            gate: None,
            ..PerturbConfig::default()
        }
    }

    /// Level of every pixel afterwards, and how many gradients it took; every pixel was 100.
    fn level(direction: f32, config: &PerturbConfig) -> Result<(u8, u32), PerturbError<Infallible>> {
        let mut model = Amortised {
            generator: Some(Constant(vec![direction; 3000])),
            models: Brightens::default(),
        };
        let (image, mask) = (GrayImage::from_pixel(200, 60, Luma([100])), GrayImage::new(200, 60));
        let perturbed = perturb(&mut model, &image, &mask, &Label::new("A236").unwrap(), config)?;
        let first = perturbed.image.get_pixel(0, 0).0[0];
        assert!(perturbed.image.pixels().all(|pixel| pixel.0[0] == first));
        Ok((first, model.models.0))
    }

    #[test]
    fn the_generator_says_the_first_movement_and_gradients_the_rest() {
        // 0.1 of 255 is 25 whole levels; of two movements each has half.
        assert_eq!(level(-7.0, &config(Start::Generator, 0)), Ok((75, 0)));
        assert_eq!(level(-7.0, &config(Start::Gradient, 1)), Ok((125, 1)), "not asked");
        assert_eq!(
            level(-7.0, &config(Start::Generator, 1)),
            Ok((100, 1)),
            "there and back"
        );
        assert_eq!(level(7.0, &config(Start::Generator, 1)), Ok((125, 1)));
    }

    #[test]
    fn replies_of_no_use_are_named() {
        let run = |direction: Option<Vec<f32>>| {
            let mut model = Amortised {
                generator: direction.map(Constant),
                models: Brightens::default(),
            };
            let (image, mask) = (GrayImage::new(200, 60), GrayImage::new(200, 60));
            let label = Label::new("A236").unwrap();
            perturb(&mut model, &image, &mask, &label, &config(Start::Generator, 0)).unwrap_err()
        };
        assert_eq!(run(None), PerturbError::NoGenerator);
        assert_eq!(run(Some(vec![f32::NAN; 3000])), PerturbError::DirectionNotFinite);
        let shape = PerturbError::Shape {
            tensor: "direction",
            expected: 3000,
            found: 2,
        };
        assert_eq!(run(Some(vec![1.0; 2])), shape);
    }

    #[test]
    fn constraints_are_those_of_the_attack() {
        let mut mask = GrayImage::new(200, 60);
        for (x, y, pixel) in mask.enumerate_pixels_mut() {
            let ink = (60..140).contains(&x) && (20..40).contains(&y);
            *pixel = Luma([if ink { 255 } else { 0 }]);
        }
        let config = PerturbConfig {
            steps: 1,
            // Beside the border a blur leaves less.
            softness_px: 0.0,
            gate: None,
            ..PerturbConfig::default()
        };
        let Constraints { epsilon, frame_weights } = constraints(&mask, 4, &config);
        let (mut model, plain) = (Brightens::default(), GrayImage::from_pixel(200, 60, Luma([100])));
        let perturbed = perturb(&mut model, &plain, &mask, &Label::new("A236").unwrap(), &config).unwrap();
        assert_eq!(frame_weights, model.1);
        assert!(frame_weights.contains(&1.0) && frame_weights.contains(&0.0));
        // One movement of twice the budget reaches it everywhere, in whole levels.
        let moved: Vec<f32> = perturbed
            .image
            .iter()
            .map(|level| f32::from(*level - 100) / 255.0)
            .collect();
        for (moved, epsilon) in model_input(&moved).iter().zip(&epsilon) {
            assert!((-0.004..=1e-6).contains(&(moved - epsilon)), "{moved} of {epsilon}");
        }
    }
}
