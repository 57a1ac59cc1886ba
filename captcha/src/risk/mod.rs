//! A first risk score: how likely a slide was made by a machine, from one trace and what the browser says of itself.
//!
//! Rules and a model. Each [`Reason`] that a rule finds carries a probability of its own ([`RiskConfig`]), [`model`] adds
//! one for the movement as a whole, and noisy-or joins them, `p_bot = 1 - (1 - prior) * product(1 - p_i)`, or naive Bayes
//! where that says more. Every rule holds for some honest visitor, so one weak reason alone stays below 0.5. Pure arithmetic without formatting, because
//! it is part of the visitor path.
//!
//! A replayed human trace passes this score. Evidence across sessions (rates, near-duplicate traces) is judged by
//! [`cluster`] and [`similarity`], and added by [`join`].

pub mod cluster;
mod config;
mod environment;
pub mod features;
pub mod join;
pub mod model;
mod motion;
#[cfg(test)]
mod recorded;
pub mod similarity;
#[cfg(test)]
mod simulated;

pub use config::RiskConfig;

use serde::{Deserialize, Serialize};

use crate::wire::{Environment, Input, Slider, Trace};
use features::{Features, Group};
use join::noisy_or;
use model::Model;

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
    /// No sample is off a straight line, though its speed changes: weak, some pointing devices lock to an axis.
    StraightPath,
    /// The handle was let go away from the target.
    MissedTarget,
    /// The model finds the movement unlike a person's, and most of all when its events came. This and the next four say
    /// why, they weigh nothing themselves: what counts is the model's probability ([`RiskConfig::model`]).
    UnusualTiming,
    /// Likewise: the sizes, the order and the noise of its steps.
    UnusualSteps,
    /// Likewise: where it went.
    UnusualPath,
    /// Likewise: its smoothed speed.
    UnusualSpeed,
    /// Likewise: what it did across the slide.
    UnusualHeight,
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
    let modelled = judge_by_model(config, Model::shipped(), trace, &mut reasons);
    environment::judge(trace.input, environment, &mut reasons);
    verdict(config, modelled, reasons)
}

/// Scores a movement alone: by the rules on it, without a target, and by `model`. Straight paths do not count: on what
/// grid a recording lies is not known, and on a coarse one people's paths are straight too.
#[must_use]
pub fn score_movement(config: &RiskConfig, model: Option<&Model>, trace: &Trace) -> Verdict {
    let config = &RiskConfig {
        straight_path: 0.0,
        ..*config
    };
    let mut reasons = Vec::new();
    let anywhere = Slider {
        target: 0.5,
        tolerance: 1.0,
    };
    motion::judge(config, trace, &anywhere, &mut reasons);
    let modelled = judge_by_model(config, model, trace, &mut reasons);
    verdict(config, modelled, reasons)
}

fn verdict(config: &RiskConfig, modelled: f32, reasons: Vec<Reason>) -> Verdict {
    let weights = |of_browser: bool| {
        let those = reasons
            .iter()
            .filter(move |reason| reason.is_of_browser() == of_browser);
        those.map(|reason| config.weight(*reason))
    };
    let prior = config.prior.clamp(0.0, 1.0);
    let browser = noisy_or(weights(true).chain([prior]));
    let browser_and_model = noisy_or([browser, modelled]).max(given_the_browser(prior, browser, modelled));
    Verdict {
        p_bot: noisy_or(weights(false).chain([browser_and_model])),
        reasons,
    }
}

/// The model's probability in a browser that is suspect with probability `browser`. The model is calibrated to browsers as
/// they come; what this one gave away multiplies its odds by as much as it multiplied those of the prior (naive Bayes). A
/// movement that one person in fifty has is nothing in an ordinary browser, and something in one that draws without a
/// graphics card. Rules on the movement have no part in it: the model has seen what they see.
fn given_the_browser(prior: f32, browser: f32, modelled: f32) -> f32 {
    let odds = |p: f32| p / (1.0 - p);
    let found = odds(modelled) * odds(browser) / odds(prior);
    // Of certainties nothing is left to say.
    if found.is_finite() { found / (1.0 + found) } else { 0.0 }
}

/// The model's probability that a machine moved a pointer, weighed; 0 for what the model does not judge: keys, which the
/// browser repeats, and what is too short or impossible, which the rules judge.
fn judge_by_model(config: &RiskConfig, model: Option<&Model>, trace: &Trace, reasons: &mut Vec<Reason>) -> f32 {
    if trace.input == Input::Keyboard || config.model <= 0.0 || reasons.contains(&Reason::ImpossibleTrace) {
        return 0.0;
    }
    let (Some(model), Some(features)) = (model, Features::of(&trace.samples)) else {
        return 0.0;
    };
    let p_bot = model.judge(&features).p_bot;
    if p_bot >= SUSPICIOUS {
        let mut why: Vec<Reason> = model
            .explain(&features)
            .iter()
            .take(MOST_REASONS)
            .map(|contribution| contribution.group.into())
            .collect();
        why.sort_unstable();
        reasons.append(&mut why);
    }
    p_bot * config.model.min(1.0)
}

/// From this probability on the model says why.
const SUSPICIOUS: f32 = 0.5;
/// What it names at most.
const MOST_REASONS: usize = 2;

impl Reason {
    /// Whether it is about the browser rather than about the movement.
    #[must_use]
    pub fn is_of_browser(self) -> bool {
        self >= Self::WebDriver
    }
}

impl From<Group> for Reason {
    fn from(group: Group) -> Self {
        match group {
            Group::Timing => Self::UnusualTiming,
            Group::Steps => Self::UnusualSteps,
            Group::Path => Self::UnusualPath,
            Group::Speed => Self::UnusualSpeed,
            Group::Height => Self::UnusualHeight,
        }
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

    /// The rules alone: the movement of these tests is drawn by a formula, which the model is there to find.
    fn rules() -> RiskConfig {
        RiskConfig {
            model: 0.0,
            ..RiskConfig::default()
        }
    }

    #[test]
    fn the_rules_pass_a_smooth_slide_in_an_ordinary_browser() {
        let verdict = score_with(&rules(), &human(), &SLIDER, &honest_browser());
        assert!(verdict.reasons.is_empty() && verdict.p_bot < 0.1, "{verdict:?}");
    }

    #[test]
    fn reasons_join_by_noisy_or() {
        let config = RiskConfig {
            prior: 0.1,
            web_driver: 0.5,
            incomplete_environment: 0.2,
            ..rules()
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
    fn the_model_adds_its_probability_and_says_why() {
        let by_rules = score_with(&rules(), &human(), &SLIDER, &honest_browser());
        let verdict = score(&human(), &SLIDER, &honest_browser());
        let modelled = Model::shipped()
            .zip(Features::of(&human().samples))
            .map(|(model, features)| model.judge(&features).p_bot)
            .expect("a movement that the shipped model judges");
        let joined = 1.0 - (1.0 - by_rules.p_bot) * (1.0 - modelled);
        assert!((verdict.p_bot - joined).abs() < 1e-6, "{verdict:?}");
        assert_eq!(verdict.reasons.is_empty(), modelled < 0.5, "{verdict:?}");
        assert!(verdict.reasons.len() <= MOST_REASONS, "{verdict:?}");
        let keys = Trace {
            input: Input::Keyboard,
            ..human()
        };
        let verdict = score_with(&RiskConfig::default(), &keys, &SLIDER, &honest_browser());
        assert_eq!(verdict, score_with(&rules(), &keys, &SLIDER, &honest_browser()));
    }

    #[test]
    fn what_the_browser_gives_away_multiplies_the_odds_of_the_model() {
        let config = RiskConfig {
            prior: 0.1,
            odd_window: 0.4,
            ..rules()
        };
        // The browser raises odds of 1 : 9 to 0.46 : 0.54, by 7.67: those of the model from 1 : 4 to 1.92 : 1.
        let verdict = verdict(&config, 0.2, vec![Reason::OddWindow]);
        assert!((verdict.p_bot - 0.657).abs() < 1e-3, "{verdict:?}");
        // Where the model finds nothing, or the browser gives nothing away, noisy-or is left; rules on the movement are
        // joined by it.
        for (modelled, reasons, expected) in [
            (0.0, vec![Reason::OddWindow], 0.46),
            (0.2, vec![], 0.28),
            (0.2, vec![Reason::StraightPath], 0.388),
        ] {
            let verdict = super::verdict(&config, modelled, reasons);
            assert!((verdict.p_bot - expected).abs() < 1e-6, "{verdict:?}");
        }
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
