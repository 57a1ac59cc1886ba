//! Takes comments and layout out of the style sheet that the widget carries.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/widget.css");
    let out = env::var("OUT_DIR")?;
    fs::write(
        Path::new(&out).join("widget.css"),
        shrink(&fs::read_to_string("src/widget.css")?),
    )?;
    Ok(())
}

/// Drops comments, indentation and line ends, and the spaces and semicolons that stand beside other punctuation. Knows
/// nothing of quoted text: the style sheet has none with such characters in it.
fn shrink(css: &str) -> String {
    let mut parts = css.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        text + part.split_once("*/").map_or("", |(_, rest)| rest)
    });
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mark = |line: String, from: &str, to: &str| line.replace(from, to);
    [
        (" {", "{"),
        ("{ ", "{"),
        ("; ", ";"),
        ("} ", "}"),
        (": ", ":"),
        (", ", ","),
        (" > ", ">"),
        (";}", "}"),
    ]
    .into_iter()
    .fold(line, |line, (from, to)| mark(line, from, to))
}
