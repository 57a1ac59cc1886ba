//! The score on recorded human traces, where the file is at hand (it carries no licence, so it is not in the project).

use super::{environment::tests::honest_browser, score};
use crate::wire::{Input, Slider, Trace};

/// Reads `id x,y,t;x,y,t;... target label`. The recordings' target has another meaning than ours, so the slider's is
/// put where the trace ends; slides to the left are mirrored.
fn read(line: &str) -> Option<(Trace, Slider, bool)> {
    let mut fields = line.split(' ').skip(1);
    let points = fields.next()?.split(';').filter(|s| !s.is_empty()).map(|sample| {
        let mut numbers = sample.split(',').map(str::parse::<f64>);
        Some([numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?])
    });
    let points = points.collect::<Option<Vec<_>>>()?;
    let human = fields.nth(1)? == "1";
    let (first, last) = (points.first()?, points.last()?);
    let direction = if last[0] < first[0] { -1.0 } else { 1.0 };
    let relative = |p: &[f64; 3]| [(p[0] - first[0]) * direction, p[1] - first[1], p[2] - first[2]];
    let samples: Vec<[f32; 3]> = points.iter().map(|p| relative(p).map(|v| v as f32)).collect();
    let reached = samples.last()?[0];
    let track = reached.max(1.0) * 1.5;
    let slider = Slider {
        target: reached / track,
        tolerance: 0.02,
    };
    Some((
        Trace {
            version: Trace::VERSION,
            input: Input::Mouse,
            samples,
            track,
        },
        slider,
        human,
    ))
}

/// The recorded slides of people, each with its slider; `None` where `PARALLAX_TRACES` names no file.
pub(super) fn humans() -> Option<Vec<(Trace, Slider)>> {
    let text = std::fs::read_to_string(std::env::var_os("PARALLAX_TRACES")?).ok()?;
    let slides = text.lines().filter_map(read).filter(|(_, _, human)| *human);
    Some(slides.map(|(trace, slider, _)| (trace, slider)).collect())
}

#[test]
fn recorded_humans_pass() {
    let Some(path) = std::env::var_os("PARALLAX_TRACES") else {
        eprintln!("recorded_humans_pass: nothing done, PARALLAX_TRACES does not name a file of recorded traces");
        return;
    };
    let text = std::fs::read_to_string(&path).expect("PARALLAX_TRACES names a readable file");
    let (mut humans, mut suspected, mut machines, mut caught) = (0_u32, 0_u32, 0_u32, 0_u32);
    for line in text.lines() {
        let (trace, slider, human) = read(line).unwrap_or_else(|| panic!("unreadable line: {line:.80}"));
        let verdict = score(&trace, &slider, &honest_browser());
        let bot = u32::from(verdict.p_bot >= 0.5);
        if human {
            humans += 1;
            suspected += bot;
            if bot == 1 {
                eprintln!(
                    "suspected human: {} samples, {:?}",
                    trace.samples.len(),
                    verdict.reasons
                );
            }
        } else {
            machines += 1;
            caught += bot;
        }
    }
    eprintln!("suspected {suspected} of {humans} humans; {caught} of {machines} machines by the rules alone");
    assert!(humans >= 1_000, "{humans} human traces");
    assert!(suspected * 100 <= humans, "{suspected} of {humans} humans suspected");
}
