//! A first risk score: how likely a slide was made by a machine, from one trace and what the browser says of itself.
//!
//! Rules, not a model: each [`Reason`] found carries a probability of its own ([`RiskConfig`]), and noisy-or joins
//! them, `p_bot = 1 - (1 - prior) * product(1 - p_i)`. Every rule holds for some honest visitor, so one weak reason
//! alone stays below 0.5. Pure arithmetic without formatting or tables, because it is part of the visitor path.
//!
//! A replayed human trace passes this score. Evidence across sessions (rates, near-duplicate traces) is judged by
//! [`cluster`] and [`similarity`], and added by [`join`].

pub mod cluster;
mod config;
mod environment;
pub mod features;
pub mod join;
mod motion;
#[cfg(test)]
mod recorded;
pub mod similarity;
#[cfg(test)]
mod simulated;

pub use config::RiskConfig;

use serde::{Deserialize, Serialize};

use crate::wire::{Environment, Slider, Trace};

/// What a slide is judged to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Probability that a machine moved the handle, in `[0, 1]`.
    pub p_bot: f32,
    /// What was found, in the order of [`Reason`]; never told to the visitor.
    pub reasons: Vec<Reason>,
}

/// One thing that speaks against a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No widget of ours writes this: another version, too many samples, numbers that are not finite or out of all
    /// proportion, time running backwards. Nothing else of the trace is looked at.
    ImpossibleTrace,
    /// Hardly any samples.
    FewSamples,
    /// Quicker than people are.
    TooFast,
    /// Path and speed are both exactly linear.
    Linear,
    /// Samples at equal distances in time, slower than a display refreshes.
    ConstantInterval,
    /// Samples at equal distances in time, at the pace of a display: weak, some browsers smooth events like that.
    ConstantFrames,
    /// The handle was let go away from the target.
    MissedTarget,
    /// The browser says that a program drives it.
    WebDriver,
    /// User agent or client hints name a headless browser or a tool.
    AutomatedAgent,
    /// What every browser has is missing: user agent, languages, a screen; or no widget of ours writes it like this.
    IncompleteEnvironment,
    /// User agent, platform, client hints, graphics and input contradict each other.
    ContradictoryEnvironment,
    /// Automation frameworks left properties in the page.
    AutomationProperties,
    /// `navigator.webdriver` was hidden.
    HiddenWebDriver,
    /// A script of the page made the events that moved the handle.
    ScriptedInput,
    /// A debugging interface made them.
    InjectedInput,
    /// Functions of the browser were replaced, or what it reads back is not what is there.
    TamperedBrowser,
    /// Nothing draws WebGL, or a program in place of a graphics card.
    SoftwareGraphics,
    /// The window has no size or no frame, or does not fit its screen.
    OddWindow,
}

/// Scores a slide with [`RiskConfig::default`].
///
/// `trace` and `environment` are whatever a visitor sent; `slider` is the geometry that the session was sealed with.
#[must_use]
pub fn score(trace: &Trace, slider: &Slider, environment: &Environment) -> Verdict {
    score_with(&RiskConfig::default(), trace, slider, environment)
}

/// Scores a slide; see [`score`].
#[must_use]
pub fn score_with(config: &RiskConfig, trace: &Trace, slider: &Slider, environment: &Environment) -> Verdict {
    let mut reasons = Vec::new();
    motion::judge(config, trace, slider, &mut reasons);
    environment::judge(trace.input, environment, &mut reasons);
    let p_human = reasons.iter().fold(1.0 - config.prior, |p_human, reason| {
        p_human * (1.0 - config.weight(*reason))
    });
    Verdict {
        p_bot: (1.0 - p_human).clamp(0.0, 1.0),
        reasons,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::{environment::tests::honest_browser, motion::tests::human};

    const SLIDER: Slider = Slider {
        target: 0.5,
        tolerance: 0.02,
    };

    #[test]
    fn a_human_in_an_ordinary_browser_passes() {
        let verdict = score(&human(), &SLIDER, &honest_browser());
        assert!(verdict.reasons.is_empty() && verdict.p_bot < 0.1, "{verdict:?}");
    }

    #[test]
    fn reasons_join_by_noisy_or() {
        let config = RiskConfig {
            prior: 0.1,
            web_driver: 0.5,
            incomplete_environment: 0.2,
            ..RiskConfig::default()
        };
        let environment = Environment {
            webdriver: true,
            languages: false,
            ..honest_browser()
        };
        let verdict = score_with(&config, &human(), &SLIDER, &environment);
        assert_eq!(verdict.reasons, [Reason::WebDriver, Reason::IncompleteEnvironment]);
        assert!((verdict.p_bot - (1.0 - 0.9 * 0.5 * 0.8)).abs() < 1e-6, "{verdict:?}");
    }

    #[test]
    fn a_web_driver_is_suspect_however_it_moves() {
        let environment = Environment {
            webdriver: true,
            ..honest_browser()
        };
        assert!(score(&human(), &SLIDER, &environment).p_bot > 0.9);
    }

    #[test]
    fn an_impossible_trace_is_suspect_whatever_the_configuration_of_other_rules() {
        let trace = Trace { version: 9, ..human() };
        let verdict = score(&trace, &SLIDER, &honest_browser());
        assert!(
            verdict.p_bot > 0.9 && verdict.reasons == [Reason::ImpossibleTrace],
            "{verdict:?}"
        );
    }

    #[test]
    fn p_bot_is_a_probability_whatever_the_weights() {
        let config = RiskConfig {
            prior: -3.0,
            impossible_trace: 7.0,
            ..RiskConfig::default()
        };
        let verdict = score_with(&config, &Trace { version: 9, ..human() }, &SLIDER, &honest_browser());
        assert!((0.0..=1.0).contains(&verdict.p_bot), "{verdict:?}");
    }
}
