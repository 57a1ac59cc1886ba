//! Plots as plain SVG.

use std::fmt::Write;

use super::DomainReport;

const WIDTH: f64 = 570.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 66.0;
const TOP: f64 = 16.0;
const PLOT: [f64; 2] = [330.0, 330.0];
/// Distinguishable without colour vision (Okabe and Ito 2008).
const COLOURS: [&str; 7] = [
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7",
];

/// True positives over false positives, logarithmic from 0.001 to 1.
pub(super) fn roc(report: &DomainReport, false_positives: f64) -> String {
    let x = |share: f64| (share.max(1e-3).log10() + 3.0) / 3.0;
    let mut plot = Plot::new("false positives on people", "true positives, family left out");
    for (share, label) in [(0.001, "0.1 %"), (0.01, "1 %"), (0.1, "10 %"), (1.0, "100 %")] {
        plot.x_tick(x(share), label);
    }
    plot.line(&[[x(false_positives), 0.0], [x(false_positives), 1.0]], "#999999", true);
    for (index, curve) in report.roc.iter().enumerate() {
        let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#000000");
        let points: Vec<[f64; 2]> = curve.points.iter().map(|[f, t]| [x(*f), *t]).collect();
        plot.line(&points, colour, false);
        plot.legend(index, curve.left_out, colour);
    }
    plot.finish()
}

/// Share of machines over the mean probability of a bin, both axes in log odds.
pub(super) fn calibration(report: &DomainReport) -> String {
    let axis = |p: f64| ((p.max(1e-9) / (1.0 - p).max(1e-9)).ln() / 14.0 + 0.5).clamp(0.0, 1.0);
    let mut plot = Plot::bare("mean probability", "share of machines, at the prior");
    for (p, label) in [
        (0.001, "0.1 %"),
        (0.01, "1 %"),
        (0.1, "10 %"),
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
    ] {
        plot.x_tick(axis(p), label);
        plot.y_tick(axis(p), label);
    }
    plot.line(&[[0.0, 0.0], [1.0, 1.0]], "#999999", true);
    let points: Vec<[f64; 2]> = report
        .calibration
        .iter()
        .map(|[p, share, _]| [axis(*p), axis(*share)])
        .collect();
    plot.line(&points, "#0072b2", false);
    plot.legend(0, "out of fold", "#0072b2");
    plot.legend(1, "perfect", "#999999");
    points.iter().for_each(|point| plot.dot(*point, "#0072b2"));
    plot.finish()
}

struct Plot {
    body: String,
}

impl Plot {
    /// With shares from 0 to 1 upwards.
    fn new(x_title: &str, y_title: &str) -> Self {
        let mut plot = Self::bare(x_title, y_title);
        for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
            plot.y_tick(tick, &tick.to_string());
        }
        plot
    }

    /// Without ticks.
    fn bare(x_title: &str, y_title: &str) -> Self {
        let mut plot = Self { body: String::new() };
        let [width, height] = PLOT;
        plot.element(&format!(
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#000\"/>"
        ));
        let (middle, below) = (LEFT + width / 2.0, TOP + height + 36.0);
        plot.element(&format!(
            "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{x_title}</text>"
        ));
        let half = TOP + height / 2.0;
        plot.element(&format!(
            "<text transform=\"translate(11 {half}) rotate(-90)\" text-anchor=\"middle\">{y_title}</text>"
        ));
        plot
    }

    fn element(&mut self, element: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    fn y_tick(&mut self, y: f64, label: &str) {
        let inside = y > 0.0 && y < 1.0;
        let [left, y] = place([0.0, y]);
        if inside {
            self.grid([left, y], [left + PLOT[0], y]);
        }
        let (x, y) = (left - 6.0, y + 4.0);
        self.element(&format!(
            "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>"
        ));
    }

    fn x_tick(&mut self, x: f64, label: &str) {
        let inside = x > 0.0 && x < 1.0;
        let [x, y] = place([x, 0.0]);
        if inside {
            self.grid([x, y], [x, TOP]);
        }
        let y = y + 16.0;
        self.element(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>"
        ));
    }

    fn grid(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        self.element(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#e4e4e4\"/>"
        ));
    }

    fn line(&mut self, points: &[[f64; 2]], colour: &str, dashed: bool) {
        let at = |point: &[f64; 2]| {
            let [x, y] = place(*point);
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<String> = points.iter().map(at).collect();
        let dash = if dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        let points = points.join(" ");
        self.element(&format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dash}/>"
        ));
    }

    fn dot(&mut self, point: [f64; 2], colour: &str) {
        let [x, y] = place(point);
        self.element(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        ));
    }

    fn legend(&mut self, index: usize, label: &str, colour: &str) {
        let (x, y) = (LEFT + PLOT[0] + 14.0, TOP + 14.0 + 18.0 * index as f64);
        let (end, text, middle) = (x + 18.0, x + 24.0, y - 4.0);
        self.element(&format!(
            "<line x1=\"{x}\" y1=\"{middle}\" x2=\"{end}\" y2=\"{middle}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{text}\" y=\"{y}\">{label}</text>"
        ));
    }

    fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// From `[0, 1]` squared to the picture.
fn place([x, y]: [f64; 2]) -> [f64; 2] {
    [
        LEFT + x.clamp(0.0, 1.0) * PLOT[0],
        TOP + (1.0 - y.clamp(0.0, 1.0)) * PLOT[1],
    ]
}
