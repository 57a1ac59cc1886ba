//! The two pixel grids: the picture, 200 x 60, and the recogniser's input, 100 x 30, each pixel the mean of 2 x 2.

use image::GrayImage;

/// Width of a picture, pixels.
pub const WIDTH: u32 = 200;
/// Height of a picture, pixels.
pub const HEIGHT: u32 = 60;
/// Width of a recogniser's input, pixels.
pub const MODEL_WIDTH: u32 = WIDTH / 2;
/// Height of a recogniser's input, pixels.
pub const MODEL_HEIGHT: u32 = HEIGHT / 2;

/// [`WIDTH`], to index with.
pub(super) const COLUMNS: usize = WIDTH as usize;
/// [`HEIGHT`], to index with.
pub(super) const ROWS: usize = HEIGHT as usize;
/// Pixels of a picture.
pub(super) const PIXELS: usize = COLUMNS * ROWS;
/// Pixels of a recogniser's input.
pub(super) const MODEL_PIXELS: usize = PIXELS / 4;

const MODEL_COLUMNS: usize = MODEL_WIDTH as usize;

/// The pixels of a picture in `[0, 1]`, row-major.
pub(super) fn to_unit(image: &GrayImage) -> Vec<f32> {
    image.as_raw().iter().map(|&level| f32::from(level) / 255.0).collect()
}

/// The picture of `pixels` in `[0, 1]`, each rounded to the nearest of 256 levels.
pub(super) fn to_image(pixels: &[f32]) -> GrayImage {
    let mut image = GrayImage::new(WIDTH, HEIGHT);
    for (level, &pixel) in image.iter_mut().zip(pixels) {
        *level = to_level(pixel);
    }
    image
}

/// The nearest of 256 levels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and rounds towards zero"
)]
fn to_level(pixel: f32) -> u8 {
    (pixel * 255.0 + 0.5) as u8
}

/// `pixels: [60 * 200] -> [30 * 100]`.
pub(super) fn model_input(pixels: &[f32]) -> Vec<f32> {
    let mut input = Vec::with_capacity(MODEL_PIXELS);
    for rows in pixels.chunks_exact(2 * COLUMNS) {
        let (upper, lower) = rows.split_at(COLUMNS);
        let blocks = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        input.extend(blocks.map(|(a, b)| a.iter().chain(b).sum::<f32>() / 4.0));
    }
    input
}

/// The vjp of [`model_input`]: `cotangent: [30 * 100] -> [60 * 200]`, a quarter to each pixel of a block.
pub(super) fn pull_back(cotangent: &[f32]) -> Vec<f32> {
    let mut pixels = Vec::with_capacity(PIXELS);
    for row in cotangent.chunks_exact(MODEL_COLUMNS) {
        for _ in 0..2 {
            pixels.extend(row.iter().flat_map(|&c| [c / 4.0; 2]));
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;

    fn noise(seed: u64, len: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..len).map(|_| rng.next_u32() as f32 / u32::MAX as f32).collect()
    }

    #[test]
    fn the_pull_back_is_the_adjoint_of_the_mean() {
        let (x, c) = (noise(1, PIXELS), noise(2, MODEL_PIXELS));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let (left, right) = (dot(&model_input(&x), &c), dot(&x, &pull_back(&c)));
        assert!((left - right).abs() < 1e-6 * left.abs(), "{left} {right}");
    }

    #[test]
    fn levels_round_trip() {
        let mut image = GrayImage::new(WIDTH, HEIGHT);
        image
            .iter_mut()
            .enumerate()
            .for_each(|(i, level)| *level = (i % 256) as u8);
        assert_eq!(to_image(&to_unit(&image)), image);
    }

    #[cfg(feature = "text")]
    #[test]
    fn the_grids_are_those_of_the_text_scheme() {
        use crate::text;
        assert_eq!((WIDTH, HEIGHT), (text::WIDTH, text::HEIGHT));
        assert_eq!((MODEL_WIDTH, MODEL_HEIGHT), (text::MODEL_WIDTH, text::MODEL_HEIGHT));
        let mut image = GrayImage::new(WIDTH, HEIGHT);
        image
            .iter_mut()
            .zip(noise(3, PIXELS))
            .for_each(|(level, v)| *level = (v * 255.0) as u8);
        for (ours, theirs) in model_input(&to_unit(&image)).iter().zip(text::model_input(&image)) {
            assert!((ours - theirs).abs() < 1e-6);
        }
    }
}
