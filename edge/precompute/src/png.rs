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
