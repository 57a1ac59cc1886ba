//! The readability gate: what every perturbed picture is judged by before it is served.
//!
//! No number proves that people can read a picture, and the attack never sees these: they catch what went wrong, letters
//! that fade, crumble, or grow where there are none. Of plain pictures all pass; of those perturbed by 0.3 everywhere at low
//! contrast, which people cannot read, none does (`docs/readability.md`).

mod measure;

use image::GrayImage;
use serde::{Deserialize, Serialize};

use super::grid::{to_image, to_unit};
use crate::strength::Strength;
use measure::Scene;

/// The shares of a perturbation that are tried, in this order. Solvers read what is weakened more often, so that it is
/// weakened no more than it takes.
const SHARES: [f32; 4] = [1.0, 0.85, 0.7, 0.5];

/// How readable a perturbed picture is, beside the plain one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Readability {
    /// The share of the strokes' pixels that looked like ink and no longer do: nearer, after a blur of 1 pixel, to the tone
    /// of the ground around than to that of the ink around.
    pub lost: f32,
    /// Of the worst glyph: the difference of its mean tone and that of the ground within 6 pixels, in standard deviations
    /// of the two (d', signal detection's), which count as 0.02 of the range at least.
    pub contrast: f32,
    /// Of the worst glyph: the largest connected part of it that looks like ink, a share of the glyph.
    pub wholeness: f32,
    /// Mean structural similarity (Wang et al. 2004; Gaussian windows of 4 pixels) on and within 3 pixels of strokes, after
    /// a blur of 1.5 pixels, which stands for the eye's contrast sensitivity at reading distance.
    pub similarity: f32,
    /// Mean colour difference on strokes (CIEDE2000, of which gray pixels only need the lightness).
    pub color_difference: f32,
    /// The largest connected part of the ground that looks like ink, as a multiple of the mean glyph's area.
    pub phantom: f32,
}

/// What a picture must keep to be served; see [`Readability`] for each. It passes if it meets all of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Most of [`Readability::lost`].
    pub lost: f32,
    /// Least of [`Readability::contrast`].
    pub contrast: f32,
    /// Least of [`Readability::wholeness`].
    pub wholeness: f32,
    /// Least of [`Readability::similarity`].
    pub similarity: f32,
    /// Most of [`Readability::color_difference`].
    pub color_difference: f32,
    /// Most of [`Readability::phantom`].
    pub phantom: f32,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            lost: 0.18,
            contrast: 1.0,
            wholeness: 0.3,
            similarity: 0.72,
            color_difference: 12.0,
            phantom: 0.8,
        }
    }
}

impl Readability {
    /// Judges `perturbed` beside `plain`. `mask`: above 127 is a stroke of one of `glyphs` characters.
    ///
    /// `None` if the pictures are not 200 x 60, or the mask has no strokes or nothing else.
    #[must_use]
    pub fn of(plain: &GrayImage, perturbed: &GrayImage, mask: &GrayImage, glyphs: usize) -> Option<Self> {
        let strokes: Vec<bool> = mask.as_raw().iter().map(|&level| level > 127).collect();
        Scene::new(&to_unit(plain), &strokes, glyphs)?.judge(&to_unit(perturbed))
    }

    /// Whether it meets every limit of `gate`. What is not a number meets none.
    #[must_use]
    pub fn passes(&self, gate: &Gate) -> bool {
        self.lost <= gate.lost
            && self.contrast >= gate.contrast
            && self.wholeness >= gate.wholeness
            && self.similarity >= gate.similarity
            && self.color_difference <= gate.color_difference
            && self.phantom <= gate.phantom
    }
}

impl Gate {
    /// Whether every limit is a number.
    pub(super) fn is_valid(&self) -> bool {
        let limits = [
            self.lost,
            self.contrast,
            self.wholeness,
            self.similarity,
            self.color_difference,
            self.phantom,
        ];
        limits.iter().all(|limit| limit.is_finite())
    }

    /// The picture with as much of its perturbation as passes. `original`, `perturbed`: `[60 * 200]` in `[0, 1]`; what is judged
    /// is rounded to 8 bits. Where there are no strokes, nothing is judged.
    pub(super) fn apply(
        &self,
        original: &[f32],
        perturbed: &[f32],
        strokes: &[bool],
        glyphs: usize,
    ) -> (GrayImage, Strength) {
        let Some(scene) = Scene::new(original, strokes, glyphs) else {
            return (to_image(perturbed), Strength::Full);
        };
        for share in SHARES {
            let pixels: Vec<f32> = original
                .iter()
                .zip(perturbed)
                .map(|(o, p)| o + share * (p - o))
                .collect();
            let image = to_image(&pixels);
            if scene.judge(&to_unit(&image)).is_some_and(|found| found.passes(self)) {
                let strength = if share < 1.0 {
                    Strength::Weakened
                } else {
                    Strength::Full
                };
                return (image, strength);
            }
        }
        (to_image(original), Strength::Plain)
    }
}

#[cfg(test)]
mod tests;
