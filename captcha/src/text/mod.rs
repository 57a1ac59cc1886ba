//! The text scheme: 4 to 6 warped characters on a textured ground, drawn from a seed. No perturbation here.
//!
//! A picture is a pure function of ([`SCHEME_VERSION`], [`Style`], seed), bit-equal on every platform: randomness is
//! ChaCha8 with mappings of our own, and floats see only operations that IEEE 754 rounds exactly, or `libm`.
//!
//! ```
//! use parallax_captcha::text::{Style, draw};
//! let captcha = draw(&Style::default(), 7);
//! assert_eq!(captcha.image, draw(&Style::default(), 7).image);
//! assert!((4..=6).contains(&captcha.label.as_str().len()));
//! ```

mod canvas;
mod font;
mod input;
mod layout;
mod nearness;
mod random;
mod style;
mod texture;
mod warp;

pub use font::Font;
pub use input::{MODEL_HEIGHT, MODEL_WIDTH, model_input};
pub use style::{Polarity, Style, StyleError};

use image::GrayImage;

use crate::alphabet::Label;
use random::{Random, Stream};

/// Width of every picture, pixels.
pub const WIDTH: u32 = 200;
/// Height of every picture, pixels.
pub const HEIGHT: u32 = 60;
/// Changes whenever the same style and seed give other pixels than before.
pub const SCHEME_VERSION: u32 = 6;

/// The share of a pixel that a character must cover for the pixel to be in [`Captcha::mask`].
const MASK_COVERAGE: f32 = 0.3;

/// Decoy strokes that cover less of a pixel move its tone by less than half a level, and are left out.
const FAINTEST: f32 = 1.0 / 512.0;

/// A drawn captcha with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Captcha {
    /// The picture, [`WIDTH`] x [`HEIGHT`].
    pub image: GrayImage,
    /// 255 where a character's stroke covers the pixel (decoy strokes do not count), else 0; size as the picture.
    pub mask: GrayImage,
    /// The answer.
    pub label: Label,
    /// What it was drawn from.
    pub seed: u64,
}

/// Draws the captcha of a seed.
///
/// The label depends on the seed alone; label, layout, decoys, and texture have a random stream each, so that a style
/// without decoys has the same letters in the same places. Every [`Style`] is drawn, without panic, however odd its
/// values; [`Style::validate`] tells which make sense.
#[must_use]
pub fn draw(style: &Style, seed: u64) -> Captcha {
    let label = Random::new(seed, Stream::Label).label();
    let letters = canvas::fill(&layout::letters(style, &label, &mut Random::new(seed, Stream::Layout)));
    let decoys = canvas::fill(&layout::decoys(style, &mut Random::new(seed, Stream::Decoys)));
    let ground = texture::Ground::new(style, &mut Random::new(seed, Stream::Texture));
    let mask = picture(letters.iter().map(|c| if *c >= MASK_COVERAGE { u8::MAX } else { 0 }));
    let near = nearness::Nearness::new(&mask);
    let (strength, sparing) = (
        style.decoy_strength.clamp(0.0, 1.0),
        style.decoy_sparing.clamp(0.0, 1.0),
    );
    let ink = (0..).zip(letters.iter().zip(&decoys)).map(|(i, (letter, decoy))| {
        // The surroundings of few pixels are looked at: away from strokes there are rounding errors, not zeros.
        if *decoy < FAINTEST {
            return *letter;
        }
        letter.max(decoy * strength * (1.0 - sparing * near.at(i % WIDTH, i / WIDTH)))
    });
    Captcha {
        image: picture(ground.paint(ink)),
        mask,
        label,
        seed,
    }
}

/// A picture of `pixels`, row-major.
fn picture(pixels: impl Iterator<Item = u8>) -> GrayImage {
    let mut picture = GrayImage::new(WIDTH, HEIGHT);
    picture.iter_mut().zip(pixels).for_each(|(into, pixel)| *into = pixel);
    picture
}

#[cfg(test)]
mod tests;
