//! Drawing captchas, beside encoding the same pictures as PNG.

use std::hint::black_box;
use std::io::Cursor;
use std::time::Instant;

use image::ImageFormat;
use parallax_captcha::text::{Captcha, Style, draw};

use crate::table::Row;

const PICTURES: u64 = 4000;
/// The best of several rounds: whatever else the machine does only slows down.
const ROUNDS: usize = 3;

/// One core, the product's style.
pub fn measure() -> Vec<Row> {
    let style = Style::default();
    let ours = rate(|seed| drop(black_box(draw(&style, seed))));
    let drawn: Vec<Captcha> = (0..64).map(|seed| draw(&style, seed)).collect();
    let theirs = rate(|seed| {
        let mut file = Cursor::new(Vec::new());
        let captcha = &drawn[usize::try_from(seed).unwrap() % drawn.len()];
        captcha.image.write_to(&mut file, ImageFormat::Png).unwrap();
        black_box(file);
    });
    vec![Row {
        what: "draw a captcha with its mask, one core",
        ours: format!("{ours:.0} images/s"),
        peer: "the PNG encoder of `image`, same pictures",
        theirs: format!("{theirs:.0} images/s"),
        ratio: Some(ours / theirs),
        goal: "2,000 images/s",
    }]
}

/// Calls a second.
fn rate(call: impl Fn(u64)) -> f64 {
    let round = || {
        let start = Instant::now();
        (0..PICTURES).for_each(&call);
        PICTURES as f64 / start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| round()).fold(0.0, f64::max)
}
