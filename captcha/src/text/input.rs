//! A picture as a recogniser sees it.

use image::GrayImage;
use image::imageops::{FilterType, resize};

use super::{HEIGHT, WIDTH};

/// Width of a recogniser's input, pixels.
pub const MODEL_WIDTH: u32 = 100;
/// Height of a recogniser's input, pixels.
pub const MODEL_HEIGHT: u32 = 30;

/// The input of a recogniser: `[MODEL_HEIGHT * MODEL_WIDTH]`, row-major, in `[0, 1]`, each value the mean of a block of
/// 2 x 2 pixels.
///
/// A picture of another size is first resized to [`WIDTH`] x [`HEIGHT`].
#[must_use]
pub fn model_input(image: &GrayImage) -> Vec<f32> {
    let resized;
    let image: &GrayImage = if image.dimensions() == (WIDTH, HEIGHT) {
        image
    } else {
        resized = resize(image, WIDTH, HEIGHT, FilterType::Triangle);
        &resized
    };
    let width = WIDTH as usize;
    let mut input = Vec::with_capacity((MODEL_WIDTH * MODEL_HEIGHT) as usize);
    for rows in image.as_raw().chunks_exact(2 * width) {
        let (upper, lower) = rows.split_at(width);
        for (a, b) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
            let sum: u16 = a.iter().chain(b).map(|pixel| u16::from(*pixel)).sum();
            input.push(f32::from(sum) / (4.0 * 255.0));
        }
    }
    input
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn is_the_mean_of_each_block() {
        let image = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([(x * 7 + y * 13) as u8]));
        let input = model_input(&image);
        assert_eq!(input.len(), (MODEL_WIDTH * MODEL_HEIGHT) as usize);
        for (x, y) in [(0, 0), (99, 29), (17, 4)] {
            let block =
                [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| image.get_pixel(2 * x + i, 2 * y + j).0[0] as f32);
            let mean = block.iter().sum::<f32>() / 4.0 / 255.0;
            assert!((input[(y * MODEL_WIDTH + x) as usize] - mean).abs() < 1e-6);
        }
    }

    #[test]
    fn other_sizes_are_resized() {
        let input = model_input(&GrayImage::from_pixel(61, 33, Luma([51])));
        assert!(input.len() == 3_000 && input.iter().all(|v| (v - 0.2).abs() < 1e-6));
        assert_eq!(model_input(&GrayImage::new(0, 0)).len(), 3_000);
    }
}
