//! The budget as a map: how far each pixel may move.

use super::config::Budget;
use super::distance::squared_distance;
use super::grid::PIXELS;
use super::hull::{TextBox, glyph_hulls};

/// Epsilon of every pixel, `[60 * 200]`, from the `strokes` of a text of `glyphs` characters.
///
/// Without strokes a [`Budget::Stroke`] is `near` everywhere: what is unknown is not to be painted over.
pub(super) fn epsilon_map(budget: Budget, strokes: &[bool], glyphs: usize) -> Vec<f32> {
    let (near, far, ramp_px) = match budget {
        Budget::Uniform { epsilon } => return vec![epsilon.get(); PIXELS],
        Budget::Stroke { near, far, ramp_px } => (near.get(), far.get(), ramp_px),
    };
    let Some(text) = TextBox::of(strokes) else {
        return vec![near; PIXELS];
    };
    let from_glyphs = squared_distance(&glyph_hulls(strokes, glyphs));
    let each = from_glyphs.into_iter().enumerate().map(|(i, squared)| {
        let rise = smooth_step(distance(squared) / ramp_px);
        // The opposite ramp, beyond the first: stretches of ground wide enough for a letter get no room for one.
        let fall = smooth_step(distance(text.squared_distance(i)) / ramp_px - 1.0);
        near + (far - near) * (rise - fall).max(0.0)
    });
    each.collect()
}

#[expect(clippy::cast_precision_loss, reason = "less than 70,000")]
fn distance(squared: i32) -> f32 {
    (squared as f32).sqrt()
}

/// 0 below 0, 1 above 1, without a kink between; 0 for NaN, which is 0 / 0, on a glyph with no ramp.
fn smooth_step(t: f32) -> f32 {
    let t = if t > 0.0 { t.min(1.0) } else { 0.0 };
    t * t * (3.0 - 2.0 * t)
}

/// Where each pixel may be, in `[0, 1]`: within its epsilon of where it was, and no closer to that border than a
/// multiple of 1 / 255, so that rounding to 8 bits in the end cannot leave the budget.
pub(super) struct Bounds {
    range: Vec<(f32, f32)>,
}

impl Bounds {
    /// `pixels: [60 * 200]` of an 8-bit picture, `epsilon: [60 * 200]`.
    pub(super) fn around(pixels: &[f32], epsilon: &[f32]) -> Self {
        let range = pixels.iter().zip(epsilon).map(|(&pixel, &epsilon)| {
            let radius = whole_levels(epsilon);
            ((pixel - radius).max(0.0), (pixel + radius).min(1.0))
        });
        Self { range: range.collect() }
    }

    /// Lower and upper bound of each pixel.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        self.range.iter().copied()
    }
}

/// The largest multiple of 1 / 255 that `epsilon` allows. In double precision: the product is exact there.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a multiple of 1 / 255 is meant to be rounded"
)]
fn whole_levels(epsilon: f32) -> f32 {
    (libm::floor(f64::from(epsilon) * 255.0) / 255.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perturb::Epsilon;
    use crate::perturb::grid::{COLUMNS, ROWS};

    fn strokes(set: impl Fn(usize, usize) -> bool) -> Vec<bool> {
        (0..PIXELS).map(|i| set(i % COLUMNS, i / COLUMNS)).collect()
    }

    fn stroke_budget(near: f32, far: f32, ramp_px: f32) -> Budget {
        Budget::Stroke {
            near: Epsilon::new(near).unwrap(),
            far: Epsilon::new(far).unwrap(),
            ramp_px,
        }
    }

    #[test]
    fn rises_from_the_glyph_and_falls_again() {
        // One upright bar in the columns 20 to 24, over the whole height.
        let map = epsilon_map(
            stroke_budget(0.05, 0.25, 14.0),
            &strokes(|x, _| (20..25).contains(&x)),
            1,
        );
        let row = &map[30 * COLUMNS..31 * COLUMNS];
        let expected = [
            (20, 0.05),
            (24, 0.05),
            (31, 0.15),
            (38, 0.25),
            (45, 0.15),
            (52, 0.05),
            (199, 0.05),
        ];
        for (x, epsilon) in expected {
            assert!((row[x] - epsilon).abs() < 1e-6, "column {x}: {}", row[x]);
        }
        let largest_step = row.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(largest_step < 1.5 * 0.2 / 14.0 + 1e-6, "{largest_step}");
    }

    #[test]
    fn is_far_between_letters_that_stand_apart() {
        let bars = strokes(|x, y| (10..50).contains(&y) && ((40..45).contains(&x) || (100..105).contains(&x)));
        let map = epsilon_map(stroke_budget(0.05, 0.25, 14.0), &bars, 2);
        assert!((map[30 * COLUMNS + 72] - 0.25).abs() < 1e-6);
    }

    #[test]
    fn odd_maps_are_finite_and_between_near_and_far() {
        for ramp_px in [0.0, 0.01, 100.0] {
            for (name, strokes) in [
                ("dot", strokes(|x, y| x == 7 && y == 9)),
                ("none", vec![false; PIXELS]),
                ("all", vec![true; PIXELS]),
            ] {
                let map = epsilon_map(stroke_budget(0.3, 0.1, ramp_px), &strokes, 6);
                assert_eq!(map.len(), ROWS * COLUMNS);
                assert!(
                    map.iter().all(|e| (0.1 - 1e-6..=0.3 + 1e-6).contains(e)),
                    "{name}, ramp {ramp_px}"
                );
            }
        }
    }

    #[test]
    fn bounds_are_whole_levels_within_epsilon() {
        for level in [0_u8, 1, 100, 254, 255] {
            for epsilon in [0.0, 0.003, 0.06, 0.2, 0.3, 1.0] {
                let pixel = f32::from(level) / 255.0;
                let (low, high) = Bounds::around(&[pixel], &[epsilon]).iter().next().unwrap();
                let levels = [low, high].map(|v| f64::from(v) * 255.0);
                for bound in levels {
                    assert!(
                        (bound - bound.round()).abs() < 1e-4,
                        "level {level}, epsilon {epsilon}: {bound}"
                    );
                    let moved = (bound.round() - f64::from(level)).abs() / 255.0;
                    assert!(moved <= f64::from(epsilon), "level {level}, epsilon {epsilon}: {bound}");
                }
            }
        }
    }
}
