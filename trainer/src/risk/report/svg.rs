//! The plots of the report.

use super::DomainReport;
use crate::plot::{COLOURS, Plot};

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
        plot.legend(index, curve.left_out, colour, false);
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
    plot.legend(0, "out of fold", "#0072b2", false);
    plot.legend(1, "perfect", "#999999", true);
    points.iter().for_each(|point| plot.dot(*point, "#0072b2"));
    plot.finish()
}
