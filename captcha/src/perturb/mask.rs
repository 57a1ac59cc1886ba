//! Strokes where nobody says where they are: ink is what differs from the ground around it.

use image::{GrayImage, Luma};

/// Tones that Otsu's threshold tells apart.
const BINS: usize = 128;

/// A stroke mask for a picture without one: 255 on what looks like ink, else 0; of any size.
///
/// The local ground is a box mean a third of the picture high, taken a second time without what the first look took
/// for ink; the difference from it, smoothed so that thin decoys and grain fade, is cut at Otsu's threshold (1979).
/// Ink may be darker or lighter than the ground: it is the smaller share of the two. Good enough to place a budget, not
/// to read by.
#[must_use]
pub fn estimate_mask(image: &GrayImage) -> GrayImage {
    let (width, height) = image.dimensions();
    let plane = Plane {
        width: width as usize,
        pixels: image.as_raw().iter().map(|&level| f32::from(level)).collect(),
    };
    let smooth = plane.box_mean(1);
    let radius = (height / 3).max(1) as usize;

    let first = smooth.minus(&smooth.box_mean(radius));
    let mut ink = threshold(&first.towards_ink());
    // Weights of the ground; a small rest keeps the mean defined where everything seems to be ink.
    let ground = smooth.like(ink.iter().map(|&ink| if ink { 1e-3 } else { 1.0 }));
    let weighted = smooth.like(smooth.pixels.iter().zip(&ground.pixels).map(|(p, w)| p * w));
    let (sums, weights) = (weighted.box_mean(radius), ground.box_mean(radius));
    let mean = smooth.like(sums.pixels.iter().zip(&weights.pixels).map(|(s, w)| s / w));
    ink = threshold(&smooth.minus(&mean).towards_ink());

    let mut mask = GrayImage::new(width, height);
    for (pixel, ink) in mask.pixels_mut().zip(ink) {
        *pixel = Luma([if ink { u8::MAX } else { 0 }]);
    }
    mask
}

/// Numbers on the grid of a picture, row-major.
struct Plane {
    width: usize,
    pixels: Vec<f32>,
}

impl Plane {
    fn like(&self, pixels: impl Iterator<Item = f32>) -> Self {
        Self {
            width: self.width,
            pixels: pixels.collect(),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        self.like(self.pixels.iter().zip(&other.pixels).map(|(a, b)| a - b))
    }

    /// Differences from the ground, signed so that ink is positive: the rarer side has the longer tail.
    fn towards_ink(&self) -> Vec<f32> {
        let count = self.pixels.len().max(1) as f32;
        let mean = self.pixels.iter().sum::<f32>() / count;
        let skew: f32 = self.pixels.iter().map(|p| (p - mean) * (p - mean) * (p - mean)).sum();
        let sign = if skew < 0.0 { -1.0 } else { 1.0 };
        self.pixels.iter().map(|p| p * sign).collect()
    }

    /// Mean over the square of side `2 * radius + 1` around each pixel, as far as it is in the picture.
    fn box_mean(&self, radius: usize) -> Self {
        // Averaging rows and transposing, twice, averages columns too.
        let (rows, height) = (self.row_means(radius), self.pixels.len() / self.width.max(1));
        let columns = rows.transposed().row_means(radius);
        debug_assert_eq!(columns.width, height);
        columns.transposed()
    }

    fn row_means(&self, radius: usize) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for row in self.pixels.chunks_exact(self.width.max(1)) {
            let mut prefix = Vec::with_capacity(row.len() + 1);
            prefix.push(0.0);
            prefix.extend(row.iter().scan(0.0, |sum, p| {
                *sum += f64::from(*p);
                Some(*sum)
            }));
            let at = |i: usize| prefix.get(i.min(row.len())).copied().unwrap_or(0.0);
            pixels.extend((0..row.len()).map(|x| {
                let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(row.len()));
                ((at(to) - at(from)) / (to - from).max(1) as f64) as f32
            }));
        }
        Self {
            width: self.width,
            pixels,
        }
    }

    fn transposed(&self) -> Self {
        let height = self.pixels.len() / self.width.max(1);
        let column = |x: usize| self.pixels.iter().skip(x).step_by(self.width.max(1)).copied();
        Self {
            width: height,
            pixels: (0..self.width).flat_map(column).collect(),
        }
    }
}

/// Which values are above Otsu's threshold.
fn threshold(values: &[f32]) -> Vec<bool> {
    let (low, high) = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        });
    if low >= high {
        return vec![false; values.len()];
    }
    let bin = |v: f32| (((v - low) / (high - low) * BINS as f32) as usize).min(BINS - 1);
    let mut histogram = [0_u32; BINS];
    for &v in values {
        if let Some(count) = histogram.get_mut(bin(v)) {
            *count += 1;
        }
    }
    let cut = otsu(&histogram);
    values.iter().map(|&v| bin(v) > cut).collect()
}

/// The last bin of the lower class, with the largest variance between the classes.
fn otsu(histogram: &[u32]) -> usize {
    let moments = || {
        histogram
            .iter()
            .enumerate()
            .map(|(i, &n)| (f64::from(n), f64::from(n) * i as f64))
    };
    let (count, sum) = moments().fold((0.0, 0.0), |(n, s), (dn, ds)| (n + dn, s + ds));
    let (mut below, mut below_sum, mut best) = (0.0, 0.0, (0.0, 0));
    for (i, (n, s)) in moments().enumerate() {
        (below, below_sum) = (below + n, below_sum + s);
        let above = count - below;
        if below > 0.0 && above > 0.0 {
            let difference = below_sum / below - (sum - below_sum) / above;
            let between = below * above * difference * difference;
            if between > best.0 {
                best = (between, i);
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn box_mean_equals_the_naive_mean() {
        let (width, height, radius) = (17_i32, 11_i32, 3_i32);
        let pixels: Vec<f32> = (0..width * height).map(|i| ((i * 31) % 23) as f32).collect();
        let plane = Plane {
            width: width as usize,
            pixels: pixels.clone(),
        };
        let means = plane.box_mean(radius as usize);
        for y in 0..height {
            for x in 0..width {
                let (mut sum, mut count) = (0.0, 0.0);
                for v in (y - radius).max(0)..=(y + radius).min(height - 1) {
                    for u in (x - radius).max(0)..=(x + radius).min(width - 1) {
                        (sum, count) = (sum + pixels[(v * width + u) as usize], count + 1.0);
                    }
                }
                assert!(
                    (means.pixels[(y * width + x) as usize] - sum / count).abs() < 1e-4,
                    "{x},{y}"
                );
            }
        }
    }

    #[test]
    fn otsu_separates_two_heaps() {
        let mut histogram = [0; 10];
        histogram[1..4].copy_from_slice(&[50, 80, 50]);
        histogram[7..9].copy_from_slice(&[10, 10]);
        assert!((3..7).contains(&otsu(&histogram)));
    }

    #[test]
    fn ink_is_found_whether_dark_or_light_under_a_gradient() {
        let ink =
            |x: u32, y: u32| (40..44).contains(&x) && (12..48).contains(&y) || (90..130).contains(&x) && y / 4 == 7;
        for sign in [-1, 1] {
            let image = GrayImage::from_fn(200, 60, |x, y| {
                let ground = 100 + x as i32 / 4;
                Luma([(ground + if ink(x, y) { 60 * sign } else { 0 }) as u8])
            });
            let mask = estimate_mask(&image);
            let wrong = mask
                .enumerate_pixels()
                .filter(|(x, y, p)| (p.0[0] > 0) != ink(*x, *y))
                .count();
            assert!(wrong < 60, "{wrong} pixels wrong, ink {sign}");
        }
    }

    #[test]
    fn odd_pictures_have_masks_of_their_size() {
        for (width, height) in [(0, 0), (1, 1), (1, 60), (200, 1), (301, 77)] {
            for level in [0, 255] {
                let mask = estimate_mask(&GrayImage::from_pixel(width, height, Luma([level])));
                assert_eq!(mask.dimensions(), (width, height));
                assert!(mask.iter().all(|p| *p == 0), "a plain picture has no ink");
            }
        }
    }

    /// Intersection over union with the renderer's own mask.
    #[cfg(feature = "text")]
    #[test]
    fn drawn_strokes_are_found() {
        use crate::text::{Style, draw};
        for (name, style, least) in [("default", Style::default(), 0.5), ("paper", Style::paper(), 0.7)] {
            let (mut both, mut either) = (0_u32, 0_u32);
            for seed in 0..16 {
                let captcha = draw(&style, seed);
                for (found, drawn) in estimate_mask(&captcha.image).iter().zip(captcha.mask.iter()) {
                    both += u32::from(*found > 0 && *drawn > 0);
                    either += u32::from(*found > 0 || *drawn > 0);
                }
            }
            let overlap = f64::from(both) / f64::from(either);
            eprintln!("{name}: IoU {overlap:.3}");
            assert!(overlap >= least, "{name}: IoU {overlap:.3}");
        }
    }
}
