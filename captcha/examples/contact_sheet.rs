//! Draws captchas of consecutive seeds side by side, to be looked at:
//! `cargo run --release -p parallax-captcha --example contact_sheet -- OUT.png [default|paper] [FIRST_SEED] [COUNT]`.
//!
//! The labels go to `OUT.txt`, one a line, so that a reader can write a transcript before seeing them.

use std::error::Error;
use std::path::PathBuf;

use image::{GrayImage, imageops};
use parallax_captcha::text::{HEIGHT, Style, WIDTH, draw};

const COLUMNS: u32 = 4;
const GAP: u32 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().ok_or("name the picture to write")?);
    let style = match arguments.next().as_deref() {
        None | Some("default") => Style::default(),
        Some("paper") => Style::paper(),
        Some(other) => return Err(format!("no style {other}: default or paper").into()),
    };
    let first: u64 = arguments.next().map_or(Ok(0), |seed| seed.parse())?;
    let count: u32 = arguments.next().map_or(Ok(24), |count| count.parse())?;

    let rows = count.div_ceil(COLUMNS);
    let mut sheet = GrayImage::from_pixel(GAP + COLUMNS * (WIDTH + GAP), GAP + rows * (HEIGHT + GAP), [255].into());
    let mut labels = String::new();
    for i in 0..count {
        let captcha = draw(&style, first + u64::from(i));
        let (x, y) = (GAP + i % COLUMNS * (WIDTH + GAP), GAP + i / COLUMNS * (HEIGHT + GAP));
        imageops::replace(&mut sheet, &captcha.image, i64::from(x), i64::from(y));
        labels += &format!("{}\n", captcha.label);
    }
    sheet.save(&out)?;
    std::fs::write(out.with_extension("txt"), labels)?;
    Ok(())
}
