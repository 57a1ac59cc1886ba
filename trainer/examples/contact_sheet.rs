//! A contact sheet: captchas drawn at random from two folders, plain beside perturbed, at their real size.
//!
//! `cargo run -p parallax-trainer --example contact_sheet -- PLAIN PERTURBED COUNT SEED SHEET.png`
//!
//! No label stands in the picture; `SHEET.csv` beside it lists them (`row,column,file,label`), so that a reader who does
//! not know them can be compared with them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use image::{GrayImage, Luma, imageops};
use parallax_captcha::text::{HEIGHT, WIDTH};
use parallax_trainer::data::folder::{Entry, Folder, encode_png};
use parallax_trainer::data::seeds::{Stream, picture_seed};
use parallax_trainer::files;

/// Pairs in a row.
const COLUMNS: u32 = 3;
/// Between the two pictures of a pair, and around it.
const GAP: u32 = 4;
const MARGIN: u32 = 12;
const GROUND: Luma<u8> = Luma([255]);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plain, perturbed, count, seed, sheet] = arguments.as_slice() else {
        bail!("usage: contact_sheet PLAIN PERTURBED COUNT SEED SHEET.png");
    };
    let (plain, perturbed) = (Folder::open(Path::new(plain))?, Folder::open(Path::new(perturbed))?);
    let chosen = choose(
        plain.entries(),
        count.parse().context("COUNT")?,
        seed.parse().context("SEED")?,
    );
    let mut pairs = Vec::new();
    for entry in &chosen {
        if !perturbed.entries().contains(entry) {
            bail!("{} is not in both folders with the same label", entry.file);
        }
        pairs.push([plain.picture(entry)?, perturbed.picture(entry)?]);
    }
    let sheet = PathBuf::from(sheet);
    files::write(&sheet, &encode_png(&laid_out(&pairs))?)?;
    files::write(&sheet.with_extension("csv"), table(&chosen)?.as_slice())?;
    Ok(())
}

/// `count` entries without repetition, in an order that the seed decides.
fn choose(entries: &[Entry], count: usize, seed: u64) -> Vec<Entry> {
    let mut order: Vec<(u64, &Entry)> = (0..)
        .map(|n| picture_seed(Stream::Dataset, seed, n))
        .zip(entries)
        .collect();
    order.sort_by_key(|(key, _)| *key);
    order.into_iter().take(count).map(|(_, entry)| entry.clone()).collect()
}

fn laid_out(pairs: &[[GrayImage; 2]]) -> GrayImage {
    let (cell_width, cell_height) = (2 * WIDTH + GAP + MARGIN, HEIGHT + MARGIN);
    let rows = (pairs.len() as u32).div_ceil(COLUMNS);
    let mut sheet = GrayImage::from_pixel(COLUMNS * cell_width + MARGIN, rows * cell_height + MARGIN, GROUND);
    for (n, [plain, perturbed]) in (0..).zip(pairs) {
        let (x, y) = (MARGIN + n % COLUMNS * cell_width, MARGIN + n / COLUMNS * cell_height);
        imageops::replace(&mut sheet, plain, i64::from(x), i64::from(y));
        imageops::replace(&mut sheet, perturbed, i64::from(x + WIDTH + GAP), i64::from(y));
    }
    sheet
}

fn table(chosen: &[Entry]) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["row", "column", "file", "label"])?;
    for (n, entry) in (0..).zip(chosen) {
        let (row, column) = (n / COLUMNS + 1, n % COLUMNS + 1);
        table.write_record([&row.to_string(), &column.to_string(), &entry.file, entry.label.as_str()])?;
    }
    Ok(table.into_inner()?)
}
