//! Measures drawing: `cargo run --release -p parallax-captcha --example draw_speed`.
//!
//! Prints images a second on one core for each style, beside a peer in the same run: encoding the same pictures as PNG.

use std::hint::black_box;
use std::io::Cursor;
use std::time::Instant;

use image::ImageFormat;
use parallax_captcha::text::{Captcha, Style, draw};

const PICTURES: u64 = 4_000;
/// The best of several rounds: what else the machine does only slows down.
const ROUNDS: usize = 5;

fn main() {
    let default = rate(|seed| drop(black_box(draw(&Style::default(), seed))));
    let paper = rate(|seed| drop(black_box(draw(&Style::paper(), seed))));
    let drawn: Vec<Captcha> = (0..64).map(|seed| draw(&Style::default(), seed)).collect();
    let png = rate(|seed| {
        let mut file = Cursor::new(Vec::new());
        let written = drawn[seed as usize % drawn.len()]
            .image
            .write_to(&mut file, ImageFormat::Png);
        assert!(written.is_ok() && !black_box(file).into_inner().is_empty());
    });
    println!(
        "draw, default style: {default:>7.0} images/s, {:.2} times the PNG encoder",
        default / png
    );
    println!(
        "draw, paper style:   {paper:>7.0} images/s, {:.2} times the PNG encoder",
        paper / png
    );
    println!("image's PNG encoder: {png:>7.0} images/s");
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
