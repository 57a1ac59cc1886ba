//! The measurements of [`Readability`].

use super::Readability;
use crate::perturb::blur::Gaussian;
use crate::perturb::distance::squared_distance;
use crate::perturb::grid::PIXELS;
use crate::perturb::hull::{components, glyphs, index};

/// Standard deviation of the window that tones of ink and ground are averaged in, pixels: about a glyph.
const LOCAL: f32 = 8.0;
/// The weight that the average over the whole picture has beside that window's, of 1.
const TRACE: f32 = 1e-4;
/// Of the blur before a pixel is taken for ink.
const FINE: f32 = 1.0;
/// Of the blur before structures are compared.
const EYE: f32 = 1.5;
/// Of the windows of the structural similarity.
const WINDOW: f32 = 4.0;
/// Squared distances to strokes, pixels: what is nearer than the first is their border, neither ink nor ground; ground nearer
/// than the second is around a glyph; what is nearer than the third belongs to the strokes when structures are compared, and
/// no phantom grows there.
const BORDER: i32 = 2;
const AROUND: i32 = 36;
const BESIDE: i32 = 9;
/// The smallest deviation of tones that counts: eyes see no finer ones on a screen.
const VISIBLE: f32 = 0.02;
/// The fewest pixels of a glyph; less is a speck.
const SPECK: usize = 60;

/// A plain picture and what is known of it.
pub(super) struct Scene {
    plain: Vec<f32>,
    strokes: Vec<bool>,
    /// Squared distance to the nearest stroke.
    distance: Vec<i32>,
    glyphs: Vec<Glyph>,
    /// 1 where ink is darker, -1 where it is lighter.
    sign: f32,
    ink: Region,
    ground: Region,
    /// What looks like ink in the plain picture.
    inked: Vec<bool>,
    seen: Seen,
}

/// Some of the pixels, to tell the tone of those around each.
struct Region {
    inside: Vec<bool>,
    /// How many of them there are in the window around each pixel, of 1.
    density: Vec<f32>,
}

/// A picture as the eye sees it, with its mean and mean square in the window around each pixel.
struct Seen {
    pixels: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

/// Indices of pixels.
struct Glyph {
    strokes: Vec<usize>,
    ground: Vec<usize>,
}

impl Scene {
    /// `None` without strokes, or without ground, or if the sizes are wrong.
    pub(super) fn new(plain: &[f32], strokes: &[bool], count: usize) -> Option<Self> {
        if plain.len() != PIXELS || strokes.len() != PIXELS {
            return None;
        }
        let distance = squared_distance(strokes);
        let glyphs: Vec<Glyph> = glyphs(strokes, count)
            .into_iter()
            .filter(|points| points.len() >= SPECK)
            .filter_map(|points| {
                let own: Vec<usize> = points.into_iter().filter_map(index).collect();
                let mut inside = vec![false; PIXELS];
                own.iter()
                    .filter_map(|&i| inside.get_mut(i).map(|p| *p = true))
                    .for_each(drop);
                let near = squared_distance(&inside).into_iter().zip(&distance).enumerate();
                let ground: Vec<usize> = near
                    .filter(|(_, (own, all))| *own <= AROUND && **all > BORDER)
                    .map(|(i, _)| i)
                    .collect();
                (!ground.is_empty()).then_some(Glyph { strokes: own, ground })
            })
            .collect();
        let (ink, ground) = glyphs.iter().fold((0.0, 0.0), |(ink, ground), glyph| {
            (
                ink + moments(plain, &glyph.strokes).0,
                ground + moments(plain, &glyph.ground).0,
            )
        });
        if glyphs.is_empty() {
            return None;
        }
        let mut scene = Self {
            plain: plain.to_vec(),
            ink: Region::new(strokes.to_vec()),
            ground: Region::new(distance.iter().map(|d| *d > BORDER).collect()),
            strokes: strokes.to_vec(),
            distance,
            glyphs,
            sign: if ink <= ground { 1.0 } else { -1.0 },
            inked: Vec::new(),
            seen: Seen::new(plain),
        };
        scene.inked = scene.looks_like_ink(plain);
        Some(scene)
    }

    /// `None` if the size is wrong.
    pub(super) fn judge(&self, pixels: &[f32]) -> Option<Readability> {
        if pixels.len() != PIXELS {
            return None;
        }
        let inked = self.looks_like_ink(pixels);
        let on_strokes = self.strokes.iter().zip(self.inked.iter().zip(&inked));
        let faded = on_strokes
            .filter(|(stroke, (before, after))| **stroke && **before && !**after)
            .count();
        let strokes = self.strokes.iter().filter(|stroke| **stroke).count();
        let differences = self.plain.iter().zip(pixels).zip(&self.strokes);
        let differences = differences
            .filter(|(_, stroke)| **stroke)
            .map(|((a, b), _)| color_difference(*a, *b));
        Some(Readability {
            lost: share(faded, strokes),
            contrast: least(self.glyphs.iter().map(|glyph| self.contrast(pixels, glyph))),
            wholeness: least(self.glyphs.iter().map(|glyph| wholeness(&inked, glyph))),
            similarity: self.similarity(pixels),
            color_difference: mean(differences),
            phantom: self.phantom(&inked),
        })
    }

    /// Whether each pixel is nearer to the tone of the ink around it than to the ground's.
    fn looks_like_ink(&self, pixels: &[f32]) -> Vec<bool> {
        let (ink, ground) = (self.ink.tones(pixels), self.ground.tones(pixels));
        let tones = ink
            .into_iter()
            .zip(ground)
            .map(|(ink, ground)| f32::midpoint(ink, ground));
        let fine = blurred(pixels, FINE);
        fine.into_iter()
            .zip(tones)
            .map(|(pixel, middle)| self.sign * (middle - pixel) > 0.0)
            .collect()
    }

    fn contrast(&self, pixels: &[f32], glyph: &Glyph) -> f32 {
        let ((ink, ink_variance), (ground, ground_variance)) =
            (moments(pixels, &glyph.strokes), moments(pixels, &glyph.ground));
        let deviation = libm::sqrtf(f32::midpoint(ink_variance, ground_variance)).max(VISIBLE);
        self.sign * (ground - ink) / deviation
    }

    fn similarity(&self, pixels: &[f32]) -> f32 {
        // (0.01, 0.03)^2 of the range, as in the paper.
        let (c1, c2) = (1e-4, 9e-4);
        let (a, b) = (&self.seen, Seen::new(pixels));
        let ab = mean_product(&a.pixels, &b.pixels);
        let means = a.mean.iter().zip(&b.mean);
        let squares = a.square.iter().zip(&b.square).zip(&ab);
        let each = means
            .zip(squares)
            .zip(&self.distance)
            .filter(|(_, distance)| **distance <= BESIDE);
        mean(each.map(|(((ma, mb), ((aa, bb), ab)), _)| {
            let (va, vb, covariance) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
            ((2.0 * ma * mb + c1) * (2.0 * covariance + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
        }))
    }

    fn phantom(&self, inked: &[bool]) -> f32 {
        let outside: Vec<bool> = inked
            .iter()
            .zip(&self.distance)
            .map(|(ink, d)| *ink && *d > BESIDE)
            .collect();
        let largest = components(&outside).iter().map(Vec::len).max().unwrap_or(0);
        let strokes: usize = self.glyphs.iter().map(|glyph| glyph.strokes.len()).sum();
        share(largest * self.glyphs.len(), strokes)
    }
}

impl Region {
    fn new(inside: Vec<bool>) -> Self {
        let weights: Vec<f32> = inside.iter().map(|of| f32::from(u8::from(*of))).collect();
        Self {
            inside,
            density: raw_blur(&weights, LOCAL),
        }
    }

    /// The tone that those around each pixel have, in the mean; far from all of them, where next to nothing is left of the
    /// window, what it is over the whole picture.
    fn tones(&self, pixels: &[f32]) -> Vec<f32> {
        let own = |(pixel, inside): (&f32, &bool)| if *inside { *pixel } else { 0.0 };
        let weighted: Vec<f32> = pixels.iter().zip(&self.inside).map(own).collect();
        let count = self.inside.iter().filter(|inside| **inside).count();
        let average = mean(weighted.iter().copied()) * PIXELS as f32 / count.max(1) as f32;
        let sums = raw_blur(&weighted, LOCAL).into_iter().zip(&self.density);
        sums.map(|(sum, density)| (sum + TRACE * average) / (density + TRACE))
            .collect()
    }
}

impl Seen {
    fn new(pixels: &[f32]) -> Self {
        let pixels = blurred(pixels, EYE);
        Self {
            mean: blurred(&pixels, WINDOW),
            square: mean_product(&pixels, &pixels),
            pixels,
        }
    }
}

/// The mean of the product in the window around each pixel.
fn mean_product(a: &[f32], b: &[f32]) -> Vec<f32> {
    blurred(&a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<_>>(), WINDOW)
}

/// The largest connected part of a glyph that looks like ink, a share of it.
fn wholeness(inked: &[bool], glyph: &Glyph) -> f32 {
    let mut kept = vec![false; PIXELS];
    for &i in &glyph.strokes {
        if let (Some(kept), Some(ink)) = (kept.get_mut(i), inked.get(i)) {
            *kept = *ink;
        }
    }
    let largest = components(&kept).iter().map(Vec::len).max().unwrap_or(0);
    share(largest, glyph.strokes.len())
}

/// Mean and variance of some pixels; (0, 0) of none.
fn moments(pixels: &[f32], indices: &[usize]) -> (f32, f32) {
    let some = || indices.iter().filter_map(|&i| pixels.get(i));
    let middle = mean(some().copied());
    (middle, mean(some().map(|p| (p - middle) * (p - middle))))
}

/// CIEDE2000 of two gray levels of sRGB (Sharma, Wu and Dalal 2005): without chroma, only lightness differs.
fn color_difference(a: f32, b: f32) -> f32 {
    let (a, b) = (lightness(a), lightness(b));
    let middle = f32::midpoint(a, b) - 50.0;
    let scale = 1.0 + 0.015 * middle * middle / libm::sqrtf(20.0 + middle * middle);
    (a - b).abs() / scale
}

/// CIE L* of a gray level of sRGB in `[0, 1]`.
fn lightness(level: f32) -> f32 {
    let linear = if level <= 0.040_45 {
        level / 12.92
    } else {
        libm::powf((level + 0.055) / 1.055, 2.4)
    };
    // (6 / 29)^3 and its slope.
    if linear > 0.008_856 {
        116.0 * libm::cbrtf(linear) - 16.0
    } else {
        903.3 * linear
    }
}

/// A blur in which what is beyond the border counts as nothing.
fn raw_blur(plane: &[f32], sigma: f32) -> Vec<f32> {
    let mut plane = plane.to_vec();
    Gaussian::new(sigma).apply(&mut plane);
    plane
}

/// A blur in which what is beyond the border does not count.
fn blurred(plane: &[f32], sigma: f32) -> Vec<f32> {
    let weights = raw_blur(&[1.0; PIXELS], sigma);
    let sums = raw_blur(plane, sigma);
    sums.into_iter()
        .zip(weights)
        .map(|(sum, weight)| sum / weight)
        .collect()
}

fn least(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(f32::INFINITY, f32::min)
}

/// 0 of none.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0_f64, 0.0_f64), |(sum, count), value| {
        (sum + f64::from(value), count + 1.0)
    });
    #[expect(clippy::cast_possible_truncation, reason = "a mean of f32")]
    let mean = (sum / count.max(1.0)) as f32;
    mean
}

#[expect(clippy::cast_precision_loss, reason = "a picture has 12,000 pixels")]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published pairs of CIEDE2000 have chroma; on the neutral axis it is L* alone, whose values are CIE's.
    #[test]
    fn lightness_of_known_grays() {
        for (level, expected) in [(0.0, 0.0), (119.0 / 255.0, 50.03), (1.0, 100.0), (51.0 / 255.0, 21.25)] {
            assert!(
                (lightness(level) - expected).abs() < 0.05,
                "{level}: {}",
                lightness(level)
            );
        }
        // At L* 50 the scale is 1; away from it differences count less.
        assert!((color_difference(119.0 / 255.0, 119.0 / 255.0)).abs() < 1e-6);
        let (middle, end) = (color_difference(0.45, 0.48), color_difference(0.95, 0.98));
        assert!(middle > 2.5 && end < middle, "{middle} {end}");
    }
}
