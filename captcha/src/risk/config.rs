//! Thresholds and weights of the risk score.

use serde::{Deserialize, Serialize};

use super::Reason;

/// Where the rules begin, and how much each reason counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RiskConfig {
    /// Shorter slides are [`Reason::TooFast`], milliseconds (Appendix B of CCS 2020, "Text Captcha Is Dead?").
    pub min_duration_ms: f32,
    /// Arrow keys that repeat faster on average are [`Reason::TooFast`], milliseconds; keyboards repeat at 20 to 40.
    pub min_key_interval_ms: f32,
    /// Fewer samples of a pointer are [`Reason::FewSamples`].
    pub min_samples: usize,
    /// Fewer key presses are [`Reason::FewSamples`].
    pub min_keys: usize,
    /// A path is exactly linear when no sample is further from its best line, as a share of the length moved.
    pub linear_path: f32,
    /// A speed is exactly linear when the position is, on average (root mean square), no further from constant speed,
    /// as a share of the length moved.
    pub linear_speed: f32,
    /// A path is straight when no sample is further from its best line, CSS pixels; less than what a pixel's rounding
    /// leaves of any line that is not level.
    pub straight_path_px: f32,
    /// Shorter paths are not called straight, CSS pixels.
    pub min_straight_px: f32,
    /// Intervals are constant when their coefficient of variation is below this; single ones are the same as the median
    /// when they are no further from it, as a share of it.
    pub constant_interval: f32,
    /// Intervals at the pace of a display are constant when at least this share of them is the same: a generator's clock goes
    /// on while nothing moves, which makes a few longer ones.
    pub constant_share: f32,
    /// Constant intervals up to this may be a display's frames, milliseconds.
    pub frame_ms: f32,
    /// Probability with no reason at all.
    pub prior: f32,
    /// What the probability of the [`model`](super::model) is multiplied by, in `[0, 1]`; 0 turns the model off.
    pub model: f32,
    /// Weight of [`Reason::ImpossibleTrace`]; this and the following are in `[0, 1]`.
    pub impossible_trace: f32,
    /// Weight of [`Reason::FewSamples`].
    pub few_samples: f32,
    /// Weight of [`Reason::TooFast`].
    pub too_fast: f32,
    /// Weight of [`Reason::Linear`].
    pub linear: f32,
    /// Weight of [`Reason::ConstantInterval`].
    pub constant_interval_weight: f32,
    /// Weight of [`Reason::ConstantFrames`].
    pub constant_frames: f32,
    /// Weight of [`Reason::StraightPath`]. Very weak: of 1,300 people, recorded on a coarse grid, 45 have such.
    pub straight_path: f32,
    /// Weight of [`Reason::MissedTarget`].
    pub missed_target: f32,
    /// Weight of [`Reason::WebDriver`]: the standard obliges driven browsers to say so. Honest exception: people who
    /// browse in a window that their own tests or assistants opened.
    pub web_driver: f32,
    /// Weight of [`Reason::AutomatedAgent`]: nobody looks at a headless browser. Honest exception: services that take
    /// pictures of pages, which slide nothing.
    pub automated_agent: f32,
    /// Weight of [`Reason::IncompleteEnvironment`]: what a client without a browser forgets. Honest exception: none of
    /// today's browsers; very old or exotic ones.
    pub incomplete_environment: f32,
    /// Weight of [`Reason::ContradictoryEnvironment`]: a user agent was made up. Honest exceptions: extensions that
    /// switch the user agent, exotic ports of browsers, developers who emulate a phone. Weak for them.
    pub contradictory_environment: f32,
    /// Weight of [`Reason::AutomationProperties`]: names that only drivers use. Honest exception: as for
    /// [`RiskConfig::web_driver`].
    pub automation_properties: f32,
    /// Weight of [`Reason::HiddenWebDriver`]: who hides the flag has one to hide. Honest exceptions: a few forks of old
    /// engines that never had it, and extensions that "protect from detection".
    pub hidden_web_driver: f32,
    /// Weight of [`Reason::ScriptedInput`]: browsers mark what scripts send. Honest exceptions: user scripts and some
    /// aids that turn one kind of input into another.
    pub scripted_input: f32,
    /// Weight of [`Reason::InjectedInput`]: a mouse has pressure while its button is down, the debugging protocol's has
    /// none unless told. Honest exceptions: assistants that operate a browser for their owner. Remote desktops and
    /// accessibility tools are not among them: the system makes their events like any others.
    pub injected_input: f32,
    /// Weight of [`Reason::TamperedBrowser`]: how stealth scripts look, and how privacy browsers (Tor, Brave, Firefox
    /// that resists fingerprinting) and privacy extensions do. Weak for them.
    pub tampered_browser: f32,
    /// Weight of [`Reason::SoftwareGraphics`]: rented machines have no graphics card. Honest exceptions: virtual
    /// machines, remote desktops, blocked drivers, browsers with WebGL turned off. Very weak for them.
    pub software_graphics: f32,
    /// Weight of [`Reason::OddWindow`]: headless browsers and emulated screens. Honest exceptions: full screen and kiosks,
    /// browsers that resist fingerprinting, pages zoomed out on dense screens, embedded views. Very weak for them.
    pub odd_window: f32,
}

impl Default for RiskConfig {
    /// Chosen so that at most 1 % of 1,300 recorded human traces reach 0.5.
    fn default() -> Self {
        Self {
            min_duration_ms: 100.0,
            min_key_interval_ms: 12.0,
            min_samples: 6,
            min_keys: 3,
            linear_path: 0.01,
            linear_speed: 0.02,
            straight_path_px: 0.25,
            min_straight_px: 60.0,
            constant_interval: 0.03,
            constant_share: 0.9,
            frame_ms: 17.5,
            prior: 0.02,
            model: 1.0,
            impossible_trace: 0.99,
            few_samples: 0.6,
            too_fast: 0.95,
            linear: 0.9,
            constant_interval_weight: 0.6,
            constant_frames: 0.3,
            straight_path: 0.15,
            missed_target: 0.7,
            web_driver: 0.95,
            automated_agent: 0.9,
            incomplete_environment: 0.6,
            contradictory_environment: 0.4,
            automation_properties: 0.9,
            hidden_web_driver: 0.7,
            scripted_input: 0.9,
            injected_input: 0.6,
            tampered_browser: 0.25,
            software_graphics: 0.1,
            odd_window: 0.15,
        }
    }
}

impl RiskConfig {
    /// The probability that `reason` alone stands for a machine.
    #[must_use]
    pub fn weight(&self, reason: Reason) -> f32 {
        match reason {
            Reason::ImpossibleTrace => self.impossible_trace,
            Reason::FewSamples => self.few_samples,
            Reason::TooFast => self.too_fast,
            Reason::Linear => self.linear,
            Reason::ConstantInterval => self.constant_interval_weight,
            Reason::ConstantFrames => self.constant_frames,
            Reason::StraightPath => self.straight_path,
            Reason::MissedTarget => self.missed_target,
            // The model's own probability stands for these.
            Reason::UnusualTiming
            | Reason::UnusualSteps
            | Reason::UnusualPath
            | Reason::UnusualSpeed
            | Reason::UnusualHeight => 0.0,
            Reason::WebDriver => self.web_driver,
            Reason::AutomatedAgent => self.automated_agent,
            Reason::IncompleteEnvironment => self.incomplete_environment,
            Reason::ContradictoryEnvironment => self.contradictory_environment,
            Reason::AutomationProperties => self.automation_properties,
            Reason::HiddenWebDriver => self.hidden_web_driver,
            Reason::ScriptedInput => self.scripted_input,
            Reason::InjectedInput => self.injected_input,
            Reason::TamperedBrowser => self.tampered_browser,
            Reason::SoftwareGraphics => self.software_graphics,
            Reason::OddWindow => self.odd_window,
        }
    }
}
