//! Sets of captchas as bytes.

use image::GrayImage;
use parallax_captcha::{
    alphabet::Label,
    strength::Strength,
    text::{HEIGHT, WIDTH},
};

use crate::{attack::Picture, experiment::ExperimentError};

/// Bytes of a label, zeros behind its end, the last one the strength.
const LABEL: usize = 8;
/// By the byte that stands for each.
const STRENGTHS: [Strength; 3] = [Strength::Full, Strength::Weakened, Strength::Plain];
const PIXELS: usize = (WIDTH * HEIGHT) as usize;

/// Labels and pixels, one captcha after the other.
pub(crate) fn pack(pictures: &[Picture]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pictures.len() * (LABEL + PIXELS));
    for picture in pictures {
        let mut label = [0; LABEL];
        for (place, byte) in label.iter_mut().zip(picture.label.as_str().bytes()) {
            *place = byte;
        }
        if let Some(byte) = label.last_mut() {
            *byte = STRENGTHS
                .iter()
                .zip(0..)
                .find(|(one, _)| **one == picture.strength)
                .map_or(0, |(_, i)| i);
        }
        bytes.extend_from_slice(&label);
        bytes.extend_from_slice(picture.image.as_raw());
    }
    bytes
}

/// What [`pack`] made.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<Picture>, ExperimentError> {
    let damaged = || ExperimentError::Cache("a set of captchas is damaged".to_owned());
    if !bytes.len().is_multiple_of(LABEL + PIXELS) {
        return Err(damaged());
    }
    let picture = |bytes: &[u8]| {
        let (label, pixels) = bytes.split_at_checked(LABEL)?;
        let (strength, label) = label.split_last()?;
        let text = std::str::from_utf8(label).ok()?.trim_end_matches('\0');
        Some(Picture {
            image: GrayImage::from_raw(WIDTH, HEIGHT, pixels.to_vec())?,
            label: Label::new(text).ok()?,
            strength: *STRENGTHS.get(usize::from(*strength))?,
        })
    };
    bytes
        .chunks(LABEL + PIXELS)
        .map(|bytes| picture(bytes).ok_or_else(damaged))
        .collect()
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn sets_are_read_back_and_damage_is_noticed() {
        let picture = |text: &str, level: u8, strength| Picture {
            image: GrayImage::from_fn(WIDTH, HEIGHT, |x, _| Luma([level.wrapping_add(x as u8)])),
            label: Label::new(text).unwrap(),
            strength,
        };
        let set = vec![
            picture("A2FH", 3, Strength::Full),
            picture("HJKLMN", 200, Strength::Weakened),
            picture("A2D3", 9, Strength::Plain),
        ];
        let bytes = pack(&set);
        assert_eq!(unpack(&bytes).unwrap(), set);
        assert_eq!(unpack(&[]).unwrap(), []);
        assert!(unpack(&bytes[1..]).is_err(), "cut");
        let mut other = bytes.clone();
        other[0] = b'#';
        assert!(unpack(&other).is_err(), "no label");
        let mut other = bytes;
        other[LABEL - 1] = 3;
        assert!(unpack(&other).is_err(), "no strength");
    }
}
