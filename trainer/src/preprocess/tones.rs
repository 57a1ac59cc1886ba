//! Filters that look at one pixel's tone at a time, and JPEG.

use image::{DynamicImage, GrayImage, Luma, codecs::jpeg::JpegEncoder};

/// Quality of the JPEG, of 100.
const JPEG_QUALITY: u8 = 30;
/// Bits that are dropped of eight.
const DROPPED_BITS: u8 = 5;

/// Black where a pixel is at most `level`, else white.
pub fn keep_darker(picture: &GrayImage, level: u8) -> GrayImage {
    mapped(picture, |tone| if tone <= level { 0 } else { u8::MAX })
}

/// Black for the `share` of pixels that are darkest, else white.
pub fn darkest(picture: &GrayImage, share: f64) -> GrayImage {
    let mut counts = [0_u32; 256];
    for &tone in picture.as_raw() {
        if let Some(count) = counts.get_mut(usize::from(tone)) {
            *count += 1;
        }
    }
    let wanted = share * f64::from(picture.width()) * f64::from(picture.height());
    let mut darker = 0;
    for (tone, count) in (0..=u8::MAX).zip(counts) {
        darker += count;
        if f64::from(darker) >= wanted {
            return keep_darker(picture, tone);
        }
    }
    picture.clone()
}

/// Fewer tones, each the middle of those it stands for.
pub fn bit_depth(picture: &GrayImage) -> GrayImage {
    mapped(picture, |tone| {
        (tone >> DROPPED_BITS << DROPPED_BITS) + (1 << (DROPPED_BITS - 1))
    })
}

/// What a JPEG of low quality keeps.
pub fn jpeg(picture: &GrayImage) -> GrayImage {
    let mut bytes = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(picture);
    let decoded = encoded.and_then(|()| image::load_from_memory(&bytes));
    // Neither can fail on a gray picture in memory; if one did, the solver would read the picture as it is.
    decoded.map_or_else(|_| picture.clone(), DynamicImage::into_luma8)
}

fn mapped(picture: &GrayImage, tone: impl Fn(u8) -> u8) -> GrayImage {
    let mut picture = picture.clone();
    for Luma([level]) in picture.pixels_mut() {
        *level = tone(*level);
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> GrayImage {
        GrayImage::from_fn(20, 10, |x, y| Luma([(x + 20 * y) as u8]))
    }

    #[test]
    fn the_darkest_share_is_kept() {
        for share in [0.1, 0.15, 0.2] {
            let black = darkest(&ramp(), share).pixels().filter(|pixel| pixel.0[0] == 0).count();
            assert_eq!(black, (200.0 * share).ceil() as usize, "{share}");
        }
    }

    #[test]
    fn eight_tones_are_left() {
        let mut tones: Vec<_> = bit_depth(&GrayImage::from_fn(256, 1, |x, _| Luma([x as u8]))).into_raw();
        tones.dedup();
        assert_eq!(tones, [16, 48, 80, 112, 144, 176, 208, 240]);
    }

    #[test]
    fn jpeg_keeps_what_is_smooth() {
        let flat = GrayImage::from_pixel(32, 16, Luma([128]));
        assert_eq!(jpeg(&flat), flat);
    }
}
