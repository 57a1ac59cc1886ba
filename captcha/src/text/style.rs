//! How captchas look: every number the renderer uses.

use core::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Font;

/// How captchas look. Ranges are drawn from uniformly; lengths are pixels of the picture; tones and contrasts are
/// shares of the range from black to white.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Style {
    /// Fonts to choose from; every one of [`Font::ALL`] if empty.
    pub fonts: Vec<Font>,
    /// Probability that a character changes the font of the one before it.
    pub font_change: f32,
    /// Height of a capital letter before it is scaled to fill the width, per captcha.
    pub cap_height: RangeInclusive<f32>,
    /// Relative change of that height, each character: 0.1 is up to 10 % more or less.
    pub size_jitter: f32,
    /// Space left of and right of the text, per side.
    pub margin: RangeInclusive<f32>,
    /// Largest rotation either way, each character, degrees.
    pub rotation: f32,
    /// Largest horizontal shear either way, each character: 0.2 moves the top by a fifth of the height.
    pub shear: f32,
    /// Largest shift up or down, each character.
    pub baseline_jitter: f32,
    /// How far the boxes of neighbours overlap; below 0 is a gap. Short texts are spread wider than this.
    pub overlap: RangeInclusive<f32>,
    /// Largest displacement by the warp along each axis, before its smoothing.
    pub warp: f32,
    /// Distance of the warp's nodes.
    pub warp_cell: f32,
    /// Fewest and most decoy strokes across the text.
    pub decoys: RangeInclusive<u8>,
    /// Width of a decoy stroke.
    pub decoy_width: RangeInclusive<f32>,
    /// Contrast of decoy strokes, as a share of the ink's.
    pub decoy_strength: f32,
    /// The share of its contrast that a decoy stroke loses where characters cover a third of its surroundings, 7 pixels
    /// around; proportionally less where they cover less. A stroke across an opening makes a C a 6.
    pub decoy_sparing: f32,
    /// Tone of the ground, per captcha.
    pub background: RangeInclusive<f32>,
    /// Mean difference of ink and ground, per captcha.
    pub contrast: RangeInclusive<f32>,
    /// Which of ink and ground is darker.
    pub polarity: Polarity,
    /// Largest deviation of the ground's tone by its cloudy texture, which lies under the ink too.
    pub texture: f32,
    /// Size of that texture's coarse clouds; the fine ones have a third of it.
    pub texture_cell: f32,
    /// Largest deviation of the tone of ground and ink alike by slow shading across the picture: eyes see past it, while
    /// no one threshold parts ink from ground.
    pub shading: f32,
    /// Size of the shading's clouds.
    pub shading_cell: f32,
    /// Largest deviation of a single pixel by grain.
    pub grain: f32,
    /// Largest deviation of the ink's contrast by its own texture.
    pub ink_texture: f32,
}

/// Which of ink and ground is darker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Polarity {
    /// The ink is.
    Dark,
    /// The ground is.
    Light,
    /// Either, per captcha.
    Any,
}

impl Default for Style {
    /// What visitors get: mid-tone textured ground, and ink of low contrast, so that a perturbed ground comes near it.
    fn default() -> Self {
        Self {
            fonts: Font::ALL.to_vec(),
            font_change: 0.25,
            cap_height: 34.0..=39.0,
            size_jitter: 0.15,
            margin: 6.0..=12.0,
            rotation: 18.0,
            shear: 0.06,
            baseline_jitter: 5.0,
            overlap: -4.0..=-1.5,
            warp: 4.0,
            warp_cell: 22.0,
            decoys: 1..=2,
            decoy_width: 1.0..=1.5,
            decoy_strength: 0.7,
            decoy_sparing: 0.75,
            background: 0.57..=0.68,
            contrast: 0.26..=0.28,
            polarity: Polarity::Dark,
            texture: 0.07,
            texture_cell: 18.0,
            shading: 0.15,
            shading_cell: 45.0,
            grain: 0.05,
            ink_texture: 0.10,
        }
    }
}

impl Style {
    /// Black on white with the default's shapes: full contrast, no texture, as the paper's captchas.
    #[must_use]
    pub fn paper() -> Self {
        Self {
            background: 1.0..=1.0,
            contrast: 1.0..=1.0,
            decoy_strength: 1.0,
            decoy_sparing: 0.0,
            texture: 0.0,
            shading: 0.0,
            grain: 0.0,
            ink_texture: 0.0,
            ..Self::default()
        }
    }

    /// Whether every number makes sense; a style from outside is to be checked before use.
    ///
    /// # Errors
    /// [`StyleError`] names the first field that does not.
    pub fn validate(&self) -> Result<(), StyleError> {
        let ranges = [
            ("cap_height", &self.cap_height, 8.0, 56.0),
            ("margin", &self.margin, 0.0, 60.0),
            ("overlap", &self.overlap, -30.0, 10.0),
            ("decoy_width", &self.decoy_width, 0.1, 10.0),
            ("background", &self.background, 0.0, 1.0),
            ("contrast", &self.contrast, 0.0, 1.0),
        ];
        for (field, range, least, most) in ranges {
            between(field, *range.start(), least, most)?;
            between(field, *range.end(), least, most)?;
            if range.is_empty() {
                return Err(StyleError::Reversed { field });
            }
        }
        if self.decoys.is_empty() {
            return Err(StyleError::Reversed { field: "decoys" });
        }
        between("decoys", f32::from(*self.decoys.end()), 0.0, 16.0)?;
        between("font_change", self.font_change, 0.0, 1.0)?;
        between("size_jitter", self.size_jitter, 0.0, 0.5)?;
        between("rotation", self.rotation, 0.0, 45.0)?;
        between("shear", self.shear, 0.0, 1.0)?;
        between("baseline_jitter", self.baseline_jitter, 0.0, 20.0)?;
        between("warp", self.warp, 0.0, 30.0)?;
        between("warp_cell", self.warp_cell, 8.0, 200.0)?;
        between("decoy_strength", self.decoy_strength, 0.0, 1.0)?;
        between("decoy_sparing", self.decoy_sparing, 0.0, 1.0)?;
        between("texture", self.texture, 0.0, 1.0)?;
        between("texture_cell", self.texture_cell, 6.0, 200.0)?;
        between("shading", self.shading, 0.0, 1.0)?;
        between("shading_cell", self.shading_cell, 6.0, 200.0)?;
        between("grain", self.grain, 0.0, 1.0)?;
        between("ink_texture", self.ink_texture, 0.0, 1.0)
    }
}

/// Checks one number.
fn between(field: &'static str, value: f32, least: f32, most: f32) -> Result<(), StyleError> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(StyleError::OutOfRange {
            field,
            value,
            least,
            most,
        }),
    }
}

/// Why a [`Style`] makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StyleError {
    /// A number is too small, too large, or no number.
    #[error("{field} is {value}, outside {least} to {most}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What it is, or an end of it.
        value: f32,
        /// The least it may be.
        least: f32,
        /// The most it may be.
        most: f32,
    },
    /// A range ends before it begins.
    #[error("{field} ends before it begins")]
    Reversed {
        /// Which field.
        field: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_styles_are_valid() {
        assert_eq!(Style::default().validate(), Ok(()));
        assert_eq!(Style::paper().validate(), Ok(()));
    }

    #[test]
    fn senseless_styles_are_named() {
        let default = Style::default;
        let cases = [
            (
                Style {
                    warp: f32::NAN,
                    ..default()
                },
                "warp",
            ),
            (
                Style {
                    contrast: f32::NAN..=1.0,
                    ..default()
                },
                "contrast",
            ),
            (
                Style {
                    contrast: 0.3..=1.1,
                    ..default()
                },
                "contrast",
            ),
            (
                Style {
                    background: RangeInclusive::new(0.6, 0.5),
                    ..default()
                },
                "background",
            ),
            (
                Style {
                    decoys: RangeInclusive::new(3, 1),
                    ..default()
                },
                "decoys",
            ),
            (
                Style {
                    decoys: 0..=255,
                    ..default()
                },
                "decoys",
            ),
            (
                Style {
                    texture_cell: 0.0,
                    ..default()
                },
                "texture_cell",
            ),
        ];
        for (style, expected) in cases {
            match style.validate() {
                Err(StyleError::OutOfRange { field, .. } | StyleError::Reversed { field }) => {
                    assert_eq!(field, expected)
                }
                Ok(()) => panic!("{expected} passed"),
            }
        }
    }
}
