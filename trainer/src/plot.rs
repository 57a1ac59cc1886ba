//! Line plots of shares as plain SVG.

use std::fmt::Write;

const WIDTH: f64 = 570.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 66.0;
const TOP: f64 = 16.0;
const PLOT: [f64; 2] = [330.0, 330.0];
/// Distinguishable without colour vision (Okabe and Ito 2008).
pub(crate) const COLOURS: [&str; 10] = [
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#8a8a8a", "#7a4a1e", "#9b9b00",
];

/// A plot of lines; both axes go from 0 to 1.
pub(crate) struct Plot {
    body: String,
}

impl Plot {
    /// With shares from 0 to 1 upwards.
    pub(crate) fn new(x_title: &str, y_title: &str) -> Self {
        let mut plot = Self::bare(x_title, y_title);
        for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
            plot.y_tick(tick, &tick.to_string());
        }
        plot
    }

    /// Without ticks.
    pub(crate) fn bare(x_title: &str, y_title: &str) -> Self {
        let mut plot = Self { body: String::new() };
        let [width, height] = PLOT;
        plot.element(&format!(
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#000\"/>"
        ));
        let (middle, below) = (LEFT + width / 2.0, TOP + height + 36.0);
        plot.element(&format!(
            "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
            escape(x_title)
        ));
        let half = TOP + height / 2.0;
        plot.element(&format!(
            "<text transform=\"translate(11 {half}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(y_title)
        ));
        plot
    }

    fn element(&mut self, element: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// A mark on the vertical axis.
    pub(crate) fn y_tick(&mut self, y: f64, label: &str) {
        let inside = y > 0.0 && y < 1.0;
        let [left, y] = place([0.0, y]);
        if inside {
            self.grid([left, y], [left + PLOT[0], y]);
        }
        let (x, y) = (left - 6.0, y + 4.0);
        self.element(&format!(
            "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
            escape(label)
        ));
    }

    /// A mark on the horizontal axis.
    pub(crate) fn x_tick(&mut self, x: f64, label: &str) {
        let inside = x > 0.0 && x < 1.0;
        let [x, y] = place([x, 0.0]);
        if inside {
            self.grid([x, y], [x, TOP]);
        }
        let y = y + 16.0;
        self.element(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
            escape(label)
        ));
    }

    fn grid(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        self.element(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#e4e4e4\"/>"
        ));
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: &[[f64; 2]], colour: &str, dashed: bool) {
        let at = |point: &[f64; 2]| {
            let [x, y] = place(*point);
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<String> = points.iter().map(at).collect();
        let (points, dash) = (points.join(" "), dash(dashed));
        self.element(&format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>"
        ));
    }

    /// A point.
    pub(crate) fn dot(&mut self, point: [f64; 2], colour: &str) {
        let [x, y] = place(point);
        self.element(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        ));
    }

    /// The name of a line; the first is number 0.
    pub(crate) fn legend(&mut self, index: usize, label: &str, colour: &str, dashed: bool) {
        let (x, y) = (LEFT + PLOT[0] + 14.0, TOP + 14.0 + 18.0 * index as f64);
        let (end, text, middle, dash) = (x + 18.0, x + 24.0, y - 4.0, dash(dashed));
        self.element(&format!(
            "<line x1=\"{x}\" y1=\"{middle}\" x2=\"{end}\" y2=\"{middle}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>\
             <text x=\"{text}\" y=\"{y}\">{}</text>",
            escape(label)
        ));
    }

    /// The SVG.
    pub(crate) fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// `text` as it stands in markup.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// The attribute of a dashed line.
fn dash(dashed: bool) -> &'static str {
    if dashed { " stroke-dasharray=\"4 3\"" } else { "" }
}

/// From `[0, 1]` squared to the picture.
fn place([x, y]: [f64; 2]) -> [f64; 2] {
    [
        LEFT + x.clamp(0.0, 1.0) * PLOT[0],
        TOP + (1.0 - y.clamp(0.0, 1.0)) * PLOT[1],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_not_markup() {
        let mut plot = Plot::new("a < b", "share");
        plot.legend(0, "<script>&", COLOURS[0], false);
        let svg = plot.finish();
        assert!(svg.contains(">a &lt; b</text>"), "{svg}");
        assert!(svg.contains(">&lt;script>&amp;</text>"), "{svg}");
    }
}
