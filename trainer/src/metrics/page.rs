//! One self-contained page of HTML: curves, which characters are taken for which, samples.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use parallax_captcha::alphabet::DRAWN;

use super::{Confusion, Edit, RunHeader, Scalar};
use crate::plot::{Plot, escape};

/// A captcha and what was read in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// PNG.
    pub png: Vec<u8>,
    /// What it says.
    pub text: String,
    /// What was read.
    pub reading: String,
}

/// What a page is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Which run.
    pub header: RunHeader,
    /// Its scalars.
    pub scalars: Vec<Scalar>,
    /// Unseen captchas that its checkpoint was tried on, all of them; `None` where the run is not finished.
    pub samples: Option<Vec<Sample>>,
}

/// Samples that are shown: those read wrong first.
const SHOWN: usize = 48;
/// Points of a curve: more would not be seen.
const POINTS: usize = 400;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;\
background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem}code{background:#f3f3f3;padding:.1em .3em;\
overflow-wrap:anywhere}.curves{display:flex;flex-wrap:wrap;gap:1rem}.curves svg{width:28rem;max-width:100%}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15em .35em;text-align:center;\
font-weight:400}.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:.75rem}\
figure{margin:0}figcaption{font-family:ui-monospace,monospace}.wrong{color:#b00020}";

impl Page {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let RunHeader {
            command, model, seed, ..
        } = &self.header;
        let title = format!("{} of seed {seed}", escape(model));
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\n<h1>{title}</h1>\n\
             <p><code>{}</code></p>\n<div class=\"curves\">\n",
            escape(command)
        );
        let mut tags: Vec<&str> = self.scalars.iter().map(|scalar| scalar.tag.as_str()).collect();
        tags.sort_unstable();
        tags.dedup();
        for tag in tags {
            html.push_str(&self.curve(tag));
        }
        html.push_str("</div>\n");
        match &self.samples {
            Some(samples) => {
                html.push_str(&confusion(samples));
                html.push_str(&shown(samples));
            }
            None => html.push_str("<p>The run is not finished: there is no checkpoint to try yet.</p>\n"),
        }
        html.push_str("</html>\n");
        html
    }

    /// A number over the steps, from 0 or the smallest value to the largest.
    fn curve(&self, tag: &str) -> String {
        let points: Vec<(f64, f64)> = self
            .scalars
            .iter()
            .filter(|scalar| scalar.tag == tag && scalar.value.is_finite())
            .map(|scalar| (scalar.step as f64, f64::from(scalar.value)))
            .collect();
        let steps = points.iter().fold(1.0_f64, |most, point| most.max(point.0));
        let low = points.iter().fold(0.0_f64, |low, point| low.min(point.1));
        let high = points.iter().fold(f64::MIN_POSITIVE, |high, point| high.max(point.1));
        let mut plot = Plot::bare("steps", tag);
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            plot.x_tick(share, &format!("{:.0}", share * steps));
            plot.y_tick(share, &tick(low + share * (high - low), high));
        }
        let every = points.len().div_ceil(POINTS).max(1);
        let last = points.len().saturating_sub(1);
        let line: Vec<[f64; 2]> = points
            .iter()
            .enumerate()
            .filter(|(index, _)| index % every == 0 || *index == last)
            .map(|(_, (step, value))| [step / steps, (value - low) / (high - low)])
            .collect();
        plot.line(&line, "#0072b2", false);
        plot.finish()
    }
}

/// `value` on an axis that ends at `high`: a learning rate has digits too.
fn tick(value: f64, high: f64) -> String {
    if high >= 100.0 {
        format!("{value:.0}")
    } else if high >= 0.1 || value == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1e}")
    }
}

/// Which characters are taken for which: a table, and the most frequent mistakes in words.
fn confusion(samples: &[Sample]) -> String {
    let mut confusion = Confusion::default();
    for sample in samples {
        confusion.add(&sample.text, &sample.reading);
    }
    let right = samples.iter().filter(|sample| sample.text == sample.reading).count();
    let mut html = format!(
        "<h2>What is taken for what</h2>\n<p>{right} of {} unseen captchas are read right. Rows are what is there, columns \
         what was read; the last column is what was not read at all.</p>\n<table>\n<tr><th></th>",
        samples.len()
    );
    let mut cell = |text: String| html.push_str(&text);
    DRAWN.chars().for_each(|read| cell(format!("<th>{read}</th>")));
    cell("<th>–</th></tr>\n".to_owned());
    for there in DRAWN.chars() {
        let edits = DRAWN
            .chars()
            .map(|read| Edit::Read(there, read))
            .chain([Edit::Missed(there)]);
        let counts: Vec<(Edit, usize)> = edits.map(|edit| (edit, confusion.count(edit))).collect();
        let total: usize = counts.iter().map(|(_, count)| count).sum();
        cell(format!("<tr><th>{there}</th>"));
        for (edit, count) in counts {
            let share = count as f64 / total.max(1) as f64;
            let colour = if edit == Edit::Read(there, there) {
                "0,114,178"
            } else {
                "213,94,0"
            };
            // Mistakes are rare: their shade grows as the root.
            let shade = if edit == Edit::Read(there, there) {
                0.6 * share
            } else {
                share.sqrt()
            };
            let text = if count > 0 { count.to_string() } else { String::new() };
            cell(format!(
                "<td style=\"background:rgba({colour},{shade:.2})\">{text}</td>"
            ));
        }
        cell("</tr>\n".to_owned());
    }
    cell("</table>\n<ol>\n".to_owned());
    for (edit, count) in confusion.mistakes().into_iter().take(12) {
        let words = match edit {
            Edit::Read(there, read) => format!("{there} read as {read}"),
            Edit::Missed(there) => format!("{there} not read"),
            Edit::Invented(read) => format!("{read} read where nothing is"),
        };
        cell(format!("<li>{words}: {count}</li>\n"));
    }
    cell("</ol>\n".to_owned());
    html
}

fn shown(samples: &[Sample]) -> String {
    let mut html = String::from("<h2>Samples, those read wrong first</h2>\n<div class=\"samples\">\n");
    let is_right = |sample: &&Sample| sample.text == sample.reading;
    let wrong = samples.iter().filter(|sample| !is_right(sample));
    for sample in wrong.chain(samples.iter().filter(is_right)).take(SHOWN) {
        let class = if is_right(&sample) { "" } else { " class=\"wrong\"" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            html,
            "<figure><img width=\"200\" height=\"60\" alt=\"{}\" src=\"data:image/png;base64,{}\">\
             <figcaption{class}>{}</figcaption></figure>",
            escape(&sample.text),
            STANDARD.encode(&sample.png),
            if is_right(&sample) {
                escape(&sample.text)
            } else {
                format!("{} → {}", escape(&sample.text), escape(&sample.reading))
            },
        );
    }
    html.push_str("</div>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_have_the_digits_that_their_axis_needs() {
        let ticks = [(62.86, 251.4), (0.75, 1.0), (2.5e-4, 1e-3), (0.0, 1e-3)].map(|(value, high)| tick(value, high));
        assert_eq!(ticks, ["63", "0.75", "2.5e-4", "0.00"]);
    }

    #[test]
    fn a_page_has_curves_mistakes_and_samples_and_needs_nothing_else() {
        let scalar = |step: u64, tag: &str, value: f32| Scalar {
            step,
            tag: tag.to_owned(),
            value,
        };
        let sample = |text: &str, reading: &str| Sample {
            png: vec![1, 2, 3],
            text: text.to_owned(),
            reading: reading.to_owned(),
        };
        let page = Page {
            header: RunHeader {
                command: "parallax train --out <dir>".to_owned(),
                model: "crnn".to_owned(),
                style: "default".to_owned(),
                seed: 3,
                checkpoint: "dir".into(),
            },
            scalars: vec![
                scalar(1, "loss", 3.0),
                scalar(2, "loss", f32::NAN),
                scalar(3, "loss", 1.0),
                scalar(3, "accuracy", 0.5),
            ],
            samples: Some(vec![sample("ACDE", "ACDE"), sample("HJKL", "HJXL")]),
        };
        let html = page.html();
        assert_eq!(html.matches("<svg").count(), 2);
        assert!(
            html.contains("--out &lt;dir>") && html.contains("1 of 2 unseen captchas"),
            "{html}"
        );
        assert!(
            html.contains("<li>K read as X: 1</li>") && html.contains("HJKL → HJXL"),
            "{html}"
        );
        let (wrong, right) = (html.find("HJKL →").unwrap(), html.find("<figcaption>ACDE").unwrap());
        assert!(wrong < right, "mistakes first");
        for outside in ["<script", "<link", "@import"] {
            assert!(!html.contains(outside), "{outside}");
        }
        let unfinished = Page { samples: None, ..page }.html();
        assert!(unfinished.contains("not finished"));
    }
}
