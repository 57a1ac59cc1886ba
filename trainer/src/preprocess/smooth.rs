//! Filters that compare neighbourhoods: non-local means, blanking of what is rougher than text, and outlines.

use image::{GrayImage, Luma};
use imageproc::{contrast::otsu_level, filter::gaussian_blur_f32, map};

/// Radius of the patches that non-local means compares.
const PATCH: usize = 2;
/// How far it looks for similar ones.
const SEARCH: isize = 6;
/// Difference of patches, in levels, at which the weight has fallen to 1 / e.
const STRENGTH: f32 = 18.0;
/// Radius of the neighbourhood whose variance counts.
const ROUGHNESS: usize = 4;

/// Level of what is neither lighter nor darker than its surroundings, in a difference of blurs: three quarters of the range, since ink is
/// darker than its ground and falls further below it than anything rises above.
const OFFSET: f32 = 191.0;
/// How much stronger a difference is shown than it is: ink, a quarter of the range darker than its ground, then has about the
/// contrast that it had, as solvers know it.
const GAIN: f32 = 1.5;

/// Row-major numbers with the size of a picture.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    fn of(picture: &GrayImage) -> Self {
        Self {
            width: picture.width() as usize,
            height: picture.height() as usize,
            values: picture.as_raw().iter().map(|&level| f32::from(level)).collect(),
        }
    }

    /// The value at a place, that of the nearest edge outside.
    fn at(&self, x: isize, y: isize) -> f32 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.values.get(y * self.width + x).copied().unwrap_or_default()
    }

    fn map(&self, value: impl Fn(isize, isize) -> f32) -> Self {
        let places = (0..self.height as isize).flat_map(|y| (0..self.width as isize).map(move |x| (x, y)));
        Self {
            values: places.map(|(x, y)| value(x, y)).collect(),
            ..*self
        }
    }

    /// The mean over squares of `2 * radius + 1`.
    fn box_mean(&self, radius: usize) -> Self {
        let reach = radius as isize;
        let side = (2 * reach + 1) as f32;
        let rows = self.map(|x, y| (-reach..=reach).map(|dx| self.at(x + dx, y)).sum::<f32>() / side);
        rows.map(|x, y| (-reach..=reach).map(|dy| rows.at(x, y + dy)).sum::<f32>() / side)
    }

    fn to_picture(&self) -> GrayImage {
        let mut picture = GrayImage::new(self.width as u32, self.height as u32);
        for (Luma([level]), value) in picture.pixels_mut().zip(&self.values) {
            *level = value.round() as u8;
        }
        picture
    }
}

/// What is there at a scale between two: a blur of standard deviation `fine` less one of `coarse`, pixels (Marr and Hildreth 1980).
/// Whoever knows that what was added has no sharp outline looks for what has.
pub fn difference_of_gaussians(picture: &GrayImage, fine: f32, coarse: f32) -> GrayImage {
    let exact = map::map_pixels(picture, |pixel| Luma([f32::from(pixel.0[0])]));
    let (fine, coarse) = (gaussian_blur_f32(&exact, fine), gaussian_blur_f32(&exact, coarse));
    map::map_pixels2(&fine, &coarse, |fine, coarse| {
        Luma([(OFFSET + GAIN * (fine.0[0] - coarse.0[0])).round() as u8])
    })
}

/// Each pixel as the mean of those whose surroundings look alike (Buades et al. 2005).
pub fn non_local_means(picture: &GrayImage) -> GrayImage {
    let plane = Plane::of(picture);
    let mut weights = vec![0.0; plane.values.len()];
    let mut sums = weights.clone();
    // One shift of the whole picture at a time: the patch distances of all pixels are then one box mean.
    for dy in -SEARCH..=SEARCH {
        for dx in -SEARCH..=SEARCH {
            let squares = plane.map(|x, y| (plane.at(x, y) - plane.at(x + dx, y + dy)).powi(2));
            let shifted = plane.map(|x, y| plane.at(x + dx, y + dy));
            let distances = squares.box_mean(PATCH).values;
            for (((weight, sum), distance), value) in
                weights.iter_mut().zip(&mut sums).zip(distances).zip(shifted.values)
            {
                let similarity = (-distance / (STRENGTH * STRENGTH)).exp();
                *weight += similarity;
                *sum += similarity * value;
            }
        }
    }
    // The shift by nothing has weight 1: no division by zero.
    let values = sums.iter().zip(&weights).map(|(sum, weight)| sum / weight).collect();
    Plane { values, ..plane }.to_picture()
}

/// The picture with its rougher parts (Otsu's split of the local standard deviation) filled with its median tone.
pub fn blank_rough_regions(picture: &GrayImage) -> GrayImage {
    let plane = Plane::of(picture);
    let squares = plane.map(|x, y| plane.at(x, y).powi(2));
    let (means, squares) = (plane.box_mean(ROUGHNESS), squares.box_mean(ROUGHNESS));
    let deviations = plane.map(|x, y| (squares.at(x, y) - means.at(x, y).powi(2)).max(0.0).sqrt());
    let rough = deviations.to_picture();
    let limit = otsu_level(&rough);
    let mut tones = picture.as_raw().clone();
    tones.sort_unstable();
    let median = tones.get(tones.len() / 2).copied().unwrap_or_default();
    let mut calm = picture.clone();
    for (Luma([level]), Luma([roughness])) in calm.pixels_mut().zip(rough.pixels()) {
        if *roughness > limit {
            *level = median;
        }
    }
    calm
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half flat, right half a checkerboard.
    fn half_rough() -> GrayImage {
        GrayImage::from_fn(60, 30, |x, y| {
            let high = x >= 30 && (x + y) % 2 == 0;
            Luma([if high { 200 } else { 100 }])
        })
    }

    #[test]
    fn the_box_mean_is_a_mean() {
        let plane = Plane::of(&GrayImage::from_fn(5, 4, |x, y| Luma([(x * x + 7 * y) as u8])));
        let mean = plane.box_mean(1);
        let naive: f32 = (1..4)
            .flat_map(|x| (1..4).map(move |y| (x * x + 7 * y) as f32))
            .sum::<f32>()
            / 9.0;
        assert!((mean.at(2, 2) - naive).abs() < 1e-4);
    }

    #[test]
    fn rough_regions_are_blanked() {
        let calm = blank_rough_regions(&half_rough());
        assert!(
            (35..60).all(|x| calm.get_pixel(x, 15).0 == [100]),
            "the checkerboard has the median tone"
        );
        assert!((0..25).all(|x| calm.get_pixel(x, 15).0 == [100]));
    }

    #[test]
    fn outlines_are_where_a_tone_ends_and_slow_shading_has_none() {
        let picture = GrayImage::from_fn(60, 30, |x, _| Luma([if x < 30 { 60 + x as u8 } else { 180 }]));
        let outlines = difference_of_gaussians(&picture, 0.7, 1.5);
        let level = |x| i16::from(outlines.get_pixel(x, 15).0[0]);
        for x in (8..22).chain(38..52) {
            assert!((level(x) - 191).abs() <= 1, "column {x}: {}", level(x));
        }

        // Of a step alone it is known: a Gaussian makes its own distribution function of it, here summed pixel by pixel.
        let step = GrayImage::from_fn(60, 30, |x, _| Luma([if x < 30 { 100 } else { 140 }]));
        let outlines = difference_of_gaussians(&step, 0.7, 1.5);
        let right = |x: i32, sigma: f64| {
            let weight = |d: i32| (-0.5 * (f64::from(d) / sigma).powi(2)).exp();
            let of = |from: i32| (from..=20).map(weight).sum::<f64>();
            of(30 - x) / of(-20)
        };
        for x in 24..36 {
            let expected = 191.0 + 1.5 * 40.0 * (right(x, 0.7) - right(x, 1.5));
            let found = f64::from(outlines.get_pixel(x as u32, 15).0[0]);
            assert!(
                (found - expected).abs() <= 2.0,
                "column {x}: {found}, not {expected:.1}"
            );
        }
    }

    #[test]
    fn noise_is_averaged_and_edges_stay() {
        let noisy = GrayImage::from_fn(60, 30, |x, y| {
            let noise = (x * 7 + y * 13) % 11;
            Luma([if x < 30 { 60 } else { 180 } + noise as u8])
        });
        let clean = non_local_means(&noisy);
        let spread = |x: std::ops::Range<u32>| {
            let tones: Vec<_> = x
                .flat_map(|x| (5..25).map(move |y| (x, y)))
                .map(|(x, y)| clean.get_pixel(x, y).0[0])
                .collect();
            (
                tones.iter().min().copied().unwrap(),
                tones.iter().max().copied().unwrap(),
            )
        };
        let ((dark_low, dark_high), (light_low, light_high)) = (spread(5..29), spread(31..55));
        assert!(dark_high - dark_low <= 4 && light_high - light_low <= 4 && light_low - dark_high >= 110);
    }
}
