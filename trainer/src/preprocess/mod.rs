//! What a solver does to a picture before it reads: filters that may wash a perturbation out.
//!
//! Every filter takes and gives a gray picture of 200 x 60; parameters are pixels of that size. The common ones come from
//! `imageproc`; `smooth` and `tones` hold the rest.

mod smooth;
mod tones;

use std::{borrow::Cow, fmt};

use image::{GrayImage, imageops};
use imageproc::{contrast, filter, morphology};
use parallax_captcha::text::{HEIGHT, WIDTH};

/// A filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Preprocess {
    /// The picture as it is
    #[value(alias = "raw")]
    None,
    /// Black and white, split where Otsu's method splits
    Otsu,
    /// Black and white, split at the mean of the surroundings
    AdaptiveThreshold,
    /// Only the darkest 10 % of the pixels
    #[value(name = "darkest-10")]
    Darkest10,
    /// Only the darkest 15 % of the pixels
    #[value(name = "darkest-15")]
    Darkest15,
    /// Only the darkest 20 % of the pixels
    #[value(name = "darkest-20")]
    Darkest20,
    /// Median of 3 x 3
    Median,
    /// Gaussian blur
    Gaussian,
    /// Bilateral filter
    Bilateral,
    /// Non-local means
    Nlm,
    /// Morphological closing
    Closing,
    /// Regions of high local variance blanked
    LocalVariance,
    /// JPEG of low quality
    Jpeg,
    /// Eight tones
    BitDepth,
    /// Half the size
    HalfSize,
    /// Outlines: a Gaussian blur less a wider one
    DifferenceOfGaussians,
}

impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use clap::ValueEnum as _;
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Radius of the surroundings that a local threshold compares with.
const THRESHOLD_RADIUS: u32 = 12;
/// How much darker than these a pixel must be, levels.
const THRESHOLD_MARGIN: i32 = 4;
/// Standard deviation of the Gaussian blur.
const BLUR: f32 = 1.5;
/// Radius, standard deviation in space, and in levels of the bilateral filter.
const BILATERAL: (u8, f32, f32) = (4, 2.5, 30.0);

/// Standard deviations of the two blurs whose difference is taken, pixels.
const DIFFERENCE_OF_GAUSSIANS: (f32, f32) = (0.7, 1.5);

impl Preprocess {
    /// The picture after the filter, at 200 x 60.
    #[must_use]
    pub fn apply(self, picture: &GrayImage) -> GrayImage {
        let picture = at_full_size(picture);
        match self {
            Self::None => picture.into_owned(),
            Self::Otsu => tones::keep_darker(&picture, contrast::otsu_level(&picture)),
            Self::AdaptiveThreshold => contrast::adaptive_threshold(&picture, THRESHOLD_RADIUS, THRESHOLD_MARGIN),
            Self::Darkest10 => tones::darkest(&picture, 0.10),
            Self::Darkest15 => tones::darkest(&picture, 0.15),
            Self::Darkest20 => tones::darkest(&picture, 0.20),
            Self::Median => filter::median_filter(&picture, 1, 1),
            Self::Gaussian => filter::gaussian_blur_f32(&picture, BLUR),
            Self::Bilateral => {
                let (radius, spatial, tonal) = BILATERAL;
                let distance = filter::bilateral::GaussianEuclideanColorDistance::new(tonal);
                filter::bilateral::bilateral_filter(picture.as_ref(), radius, spatial, distance)
            }
            Self::Nlm => smooth::non_local_means(&picture),
            Self::Closing => morphology::grayscale_close(&picture, &morphology::Mask::square(1)),
            Self::LocalVariance => smooth::blank_rough_regions(&picture),
            Self::Jpeg => tones::jpeg(&picture),
            Self::BitDepth => tones::bit_depth(&picture),
            Self::HalfSize => {
                let half = resized(&picture, WIDTH / 2, HEIGHT / 2);
                resized(&half, WIDTH, HEIGHT)
            }
            Self::DifferenceOfGaussians => {
                smooth::difference_of_gaussians(&picture, DIFFERENCE_OF_GAUSSIANS.0, DIFFERENCE_OF_GAUSSIANS.1)
            }
        }
    }
}

fn at_full_size(picture: &GrayImage) -> Cow<'_, GrayImage> {
    if picture.dimensions() == (WIDTH, HEIGHT) {
        Cow::Borrowed(picture)
    } else {
        Cow::Owned(resized(picture, WIDTH, HEIGHT))
    }
}

fn resized(picture: &GrayImage, width: u32, height: u32) -> GrayImage {
    imageops::resize(picture, width, height, imageops::FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use image::Luma;
    use parallax_captcha::text::{self, Style};

    use super::*;

    #[test]
    fn every_filter_gives_a_picture_of_the_size_that_is_read() {
        let small = GrayImage::from_fn(7, 3, |x, y| Luma([(x * 30 + y) as u8]));
        let flat = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([90]));
        for filter in Preprocess::value_variants() {
            for picture in [&small, &flat] {
                assert_eq!(filter.apply(picture).dimensions(), (WIDTH, HEIGHT), "{filter}");
            }
        }
    }

    #[test]
    fn every_filter_does_something_but_none() {
        let captcha = text::draw(&Style::default(), 1).image;
        for filter in Preprocess::value_variants() {
            let changed = filter.apply(&captcha) != captcha;
            assert_eq!(changed, *filter != Preprocess::None, "{filter}");
        }
    }

    #[test]
    fn names_are_as_documented() {
        let names: Vec<_> = Preprocess::value_variants().iter().map(ToString::to_string).collect();
        let expected = "none otsu adaptive-threshold darkest-10 darkest-15 darkest-20 median gaussian bilateral nlm \
                        closing local-variance jpeg bit-depth half-size difference-of-gaussians";
        assert_eq!(names.join(" "), expected);
    }
}
