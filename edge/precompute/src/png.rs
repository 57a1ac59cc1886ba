//! Pictures as PNG.

use image::{
    ExtendedColorType, GrayImage, ImageEncoder, ImageError,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

/// `picture` as an 8 bit gray PNG.
///
/// # Errors
/// Never in practice: the encoder's, which writes to memory.
pub fn encode(picture: &GrayImage) -> Result<Vec<u8>, ImageError> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive);
    encoder.write_image(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ExtendedColorType::L8,
    )?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_survive() {
        let picture = GrayImage::from_fn(7, 5, |x, y| image::Luma([(x * 31 + y * 7) as u8]));
        let decoded = image::load_from_memory(&encode(&picture).unwrap()).unwrap();
        assert_eq!(decoded.as_luma8(), Some(&picture));
    }
}
