//! What an experiment found: JSON rows, a Markdown page beside the paper's figures, a plot.

use std::{collections::HashSet, fmt::Write};

use serde::{Deserialize, Serialize};

use super::statistics::{Share, Verdict};
use crate::plot::{COLOURS, Plot};

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Style and budget.
    pub setting: String,
    /// Repetition.
    pub seed: u64,
    /// Which line of the plot.
    pub series: String,
    /// Where on it.
    pub x: f64,
    /// What was done before.
    pub stage: String,
    /// Success of the attacker without any filter.
    pub raw: Share,
    /// The filter with which it does best, of all that are tried.
    pub best_filter: String,
    /// Success with that.
    pub best: Share,
    /// Clean captchas that the substitute reads.
    pub original: Option<Share>,
}

/// All measurements of an experiment, and how large it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its name.
    pub experiment: String,
    /// 1 has the paper's counts.
    pub scale: f64,
    /// Repetitions.
    pub seeds: u64,
    /// Captchas in a measurement.
    pub measured: usize,
    /// Clean captchas that base models learned from; `None` as many as suffice.
    pub base_samples: Option<u64>,
    /// The measurements.
    pub rows: Vec<Row>,
}

/// How an experiment is told.
pub(super) struct Page {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// Title of the horizontal axis.
    pub(super) x: &'static str,
    /// The paper's figure for a series at a place.
    pub(super) paper: fn(&str, f64) -> Option<&'static str>,
    /// What success of a series should at most be at a place.
    pub(super) goal: fn(&str, f64) -> Option<f64>,
    /// Goals that are about several places at once, each in a sentence that says what was found.
    pub(super) findings: fn(&Told<'_>) -> Vec<String>,
}

/// What an experiment found in one setting, of all seeds together.
pub(super) struct Told<'a> {
    groups: Vec<&'a Group<'a>>,
}

/// A place of a series, of all seeds together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place<'a> {
    /// What was done before.
    pub(super) stage: &'a str,
    /// Success without any filter.
    pub(super) raw: Share,
    /// Success with the best filter.
    pub(super) best: Share,
}

impl<'a> Told<'a> {
    /// A series at a place.
    pub(super) fn place(&self, series: &str, x: f64) -> Option<Place<'a>> {
        let group = self.groups.iter().find(|group| group.series == series && group.x == x);
        group.map(|group| group.place())
    }

    /// A place of every series that has it.
    pub(super) fn at(&self, x: f64) -> Vec<Place<'a>> {
        let groups = self.groups.iter().filter(|group| group.x == x);
        groups.map(|group| group.place()).collect()
    }

    /// The least that the substitutes of a seed read of clean captchas, anywhere on a series; `None` if none was measured.
    pub(super) fn least_original(&self, series: &str) -> Option<Share> {
        let groups = self.groups.iter().filter(|group| group.series == series);
        let originals = groups.flat_map(|group| group.rows.iter().filter_map(|row| row.original));
        originals.min_by(|a, b| a.rate().total_cmp(&b.rate()))
    }
}

/// Rows of all seeds at one place.
struct Group<'a> {
    setting: &'a str,
    series: &'a str,
    x: f64,
    stage: &'a str,
    rows: Vec<&'a Row>,
}

impl<'a> Group<'a> {
    fn place(&self) -> Place<'a> {
        Place {
            stage: self.stage,
            raw: self.raw(),
            best: self.best(),
        }
    }

    fn raw(&self) -> Share {
        Share::sum(self.rows.iter().map(|row| row.raw))
    }

    fn best(&self) -> Share {
        Share::sum(self.rows.iter().map(|row| row.best))
    }

    /// The lowest and the highest raw success of a seed, percent; nothing of one seed.
    fn seeds(&self) -> String {
        if self.rows.len() < 2 {
            return String::new();
        }
        let rates = self.rows.iter().map(|row| 100.0 * row.raw.rate());
        let (low, high) = rates.fold((f64::INFINITY, 0.0_f64), |(low, high), rate| {
            (low.min(rate), high.max(rate))
        });
        format!("{low:.1} to {high:.1}")
    }

    fn original(&self) -> Option<Share> {
        let shares: Option<Vec<_>> = self.rows.iter().map(|row| row.original).collect();
        shares.map(Share::sum)
    }

    /// The filters that were best, each once.
    fn filters(&self) -> String {
        let mut names: Vec<_> = self.rows.iter().map(|row| row.best_filter.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    }
}

/// Rows of all seeds together, series after series.
fn groups(rows: &[Row]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in rows {
        let known = groups
            .iter_mut()
            .find(|group| group.setting == row.setting && group.series == row.series && group.x == row.x);
        match known {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                setting: &row.setting,
                series: &row.series,
                x: row.x,
                stage: &row.stage,
                rows: vec![row],
            }),
        }
    }
    // Experiments measure several series at each place: here one series follows the other.
    let order = series(&groups);
    groups.sort_by_key(|group| order.iter().position(|one| *one == (group.setting, group.series)));
    groups
}

/// Settings and series, as they first appear.
fn series<'a>(groups: &[Group<'a>]) -> Vec<(&'a str, &'a str)> {
    let mut seen = HashSet::new();
    let names = groups.iter().map(|group| (group.setting, group.series));
    names.filter(|name| seen.insert(*name)).collect()
}

impl Page {
    pub(super) fn markdown(&self, report: &Report, command: &str) -> String {
        let base = report.base_samples.map_or(String::new(), |samples| {
            format!(", base models trained on {samples} clean ones")
        });
        let mut text = format!(
            "# {}\n\n{}\n\n`{command}`: scale {} of the paper's counts, {} seeds, {} captchas in a measurement{base}. \
             Success is the whole text right, of all seeds together, with the 95 % Wilson \
             interval, which takes all captchas for independent, and beside it the lowest and highest seed; *raw* without any filter, *best*, dashed, with the best of none, Otsu, median, JPEG and blur, chosen for each \
             measurement.\n\n![{}]({}.svg)\n",
            self.title, self.about, report.scale, report.seeds, report.measured, self.title, report.experiment,
        );
        let groups = groups(&report.rows);
        let mut setting = "";
        for group in &groups {
            if group.setting != setting {
                self.findings(&mut text, &groups, setting);
                setting = group.setting;
                // Writing to a String cannot fail.
                let _ = write!(
                    text,
                    "\n## {setting}\n\n| series | step | raw | seeds | best | filter | clean, substitute | paper | goal |\n\
                     | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
                );
            }
            let original = group
                .original()
                .map_or(String::new(), |share| format!("{:.1} %", 100.0 * share.rate()));
            let goal = (self.goal)(group.series, group.x).map_or(String::new(), |goal| told(group, goal));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {original} | {} | {goal} |",
                group.series,
                group.stage,
                group.raw(),
                group.seeds(),
                group.best(),
                group.filters(),
                (self.paper)(group.series, group.x).unwrap_or_default(),
            );
        }
        self.findings(&mut text, &groups, setting);
        text
    }

    fn findings(&self, text: &mut String, groups: &[Group<'_>], setting: &str) {
        let groups: Vec<_> = groups.iter().filter(|group| group.setting == setting).collect();
        if groups.is_empty() {
            return;
        }
        let findings = (self.findings)(&Told { groups });
        if !findings.is_empty() {
            text.push('\n');
        }
        for finding in findings {
            let _ = writeln!(text, "- {finding}");
        }
    }

    /// Success without filters, a line for each setting and series, with its intervals; with the best filter a dashed line.
    pub(super) fn svg(&self, report: &Report) -> String {
        let groups = groups(&report.rows);
        let most = groups.iter().fold(1.0_f64, |most, group| most.max(group.x));
        let mut plot = Plot::new(self.x, "success of the attacker (dashed: best filter)");
        let mut ticks: Vec<f64> = groups.iter().map(|group| group.x).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        for tick in ticks {
            plot.x_tick(tick / most, &tick.to_string());
        }
        let names = series(&groups);
        let several = names
            .iter()
            .any(|(setting, _)| Some(*setting) != names.first().map(|first| first.0));
        for (index, name) in names.iter().enumerate() {
            let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#000000");
            let points = groups.iter().filter(|group| (group.setting, group.series) == *name);
            let (mut line, mut best) = (Vec::new(), Vec::new());
            for group in points {
                let (x, share) = (group.x / most, group.raw());
                let [low, high] = share.interval();
                plot.line(&[[x, low], [x, high]], colour, false);
                plot.dot([x, share.rate()], colour);
                line.push([x, share.rate()]);
                best.push([x, group.best().rate()]);
            }
            plot.line(&line, colour, false);
            plot.line(&best, colour, true);
            let label = if several {
                format!("{}: {}", name.0, name.1)
            } else {
                name.1.to_owned()
            };
            plot.legend(index, &label, colour, false);
        }
        plot.finish()
    }
}

/// A goal and whether it was met, with the best filter as well if that says otherwise.
fn told(group: &Group<'_>, goal: f64) -> String {
    let [raw, best] = [group.raw(), group.best()].map(|share| share.at_most(goal));
    format!("{:.0} %: {}", 100.0 * goal, verdicts(raw, best))
}

/// Whether a goal was met, with the best filter as well if that says otherwise.
pub(super) fn verdicts(raw: Verdict, best: Verdict) -> String {
    if raw == best {
        raw.to_string()
    } else {
        format!("{raw} raw, {best} with the best filter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seed: u64, x: f64, success: usize) -> Row {
        let share = Share { success, count: 100 };
        Row {
            setting: "paper".to_owned(),
            seed,
            series: "model".to_owned(),
            x,
            stage: format!("step {x}"),
            raw: share,
            best_filter: if seed == 0 { "otsu" } else { "none" }.to_owned(),
            best: share,
            original: None,
        }
    }

    #[test]
    fn seeds_are_told_together() {
        let report = Report {
            experiment: "fig8".to_owned(),
            scale: 0.5,
            seeds: 2,
            measured: 100,
            base_samples: Some(10),
            rows: vec![row(0, 0.0, 10), row(0, 1.0, 40), row(1, 0.0, 20), row(1, 1.0, 20)],
        };
        let (markdown, svg) = crate::experiment::Experiment::Fig8.render(&report, "parallax experiment fig8");
        let line = |stage: &str| markdown.lines().find(|line| line.contains(stage)).unwrap().to_owned();
        assert!(
            line("step 0").contains("| 15.0 % (10.7 to 20.6) | 10.0 to 20.0 |"),
            "{markdown}"
        );
        assert!(
            line("step 0").contains("| none, otsu |") && line("step 0").contains("| 7 % |"),
            "{markdown}"
        );
        assert!(
            line("step 1").contains("| 30.0 % (24.1 to 36.7) |")
                && line("step 1").contains("30 %: within the interval"),
            "{markdown}"
        );
        assert_eq!(svg.matches("<circle").count(), 2);
    }

    #[test]
    fn series_measured_in_turns_are_told_one_after_the_other() {
        let of = |series: &str, x| Row {
            series: series.to_owned(),
            ..row(0, x, 10)
        };
        let report = Report {
            experiment: "fig10".to_owned(),
            scale: 0.5,
            seeds: 1,
            measured: 100,
            base_samples: None,
            rows: vec![of("without", 0.0), of("with", 0.0), of("without", 1.0), of("with", 1.0)],
        };
        let (markdown, svg) = crate::experiment::Experiment::Fig10.render(&report, "parallax experiment fig10");
        let told: Vec<_> = markdown
            .lines()
            .filter_map(|line| line.strip_prefix("| with"))
            .filter_map(|line| line.get(..3))
            .collect();
        assert_eq!(told, ["out", "out", " | ", " | "]);
        assert_eq!(
            (svg.matches(">with<").count(), svg.matches(">without<").count()),
            (1, 1)
        );
    }

    #[test]
    fn what_several_places_show_is_told_once_for_each_setting() {
        let originals = Share {
            success: 93,
            count: 100,
        };
        let adaptive = Row {
            series: "adaptive".to_owned(),
            original: Some(originals),
            ..row(0, 10.0, 1)
        };
        let report = Report {
            experiment: "table5".to_owned(),
            scale: 0.5,
            seeds: 1,
            measured: 100,
            base_samples: None,
            rows: vec![adaptive],
        };
        let (markdown, _) = crate::experiment::Experiment::Table5.render(&report, "parallax experiment table5");
        let findings: Vec<_> = markdown.lines().filter(|line| line.starts_with("- ")).collect();
        assert!(
            findings.len() == 1 && findings[0].contains("at least 93.0 %"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_filter_that_undoes_a_met_goal_is_told() {
        let with_best = |success| Row {
            best: Share { success, count: 100 },
            ..row(0, 2.0, 0)
        };
        let goal = |best| {
            let rows = vec![with_best(best)];
            let groups = groups(&rows);
            told(groups.first().unwrap(), 0.1)
        };
        assert_eq!(goal(1), "10 %: met");
        assert_eq!(goal(50), "10 %: met raw, missed with the best filter");
    }
}
