//! What the visitor is shown, as a function of the state alone.

use super::{Machine, State};
use crate::language::Text;
use crate::slider;
use parallax_captcha::wire::{Challenge, Slider};

/// Everything that the view draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face<'a> {
    /// The state.
    pub state: State,
    /// Not executed yet.
    pub dormant: bool,
    /// On the track, or beside the button.
    pub message: Text,
    /// The slider's geometry, while it can be moved.
    pub slider: Option<&'a Slider>,
    /// The button in place of the slider.
    pub button: Option<Text>,
    /// The captcha, while its dialog is open.
    pub challenge: Option<&'a Challenge>,
    /// The dialog waits for the edge.
    pub busy: bool,
    /// In the dialog, below the input.
    pub notice: Option<Text>,
}

impl Machine {
    /// What the visitor is shown.
    #[must_use]
    pub fn face(&self) -> Face<'_> {
        let movable = matches!(self.state, State::Idle | State::Expired);
        let slider = self.session.as_ref().filter(|_| movable).map(|session| &session.slider);
        let invitation = if slider.is_some_and(slider::has_mark) {
            Text::SlideToMark
        } else {
            Text::SlideToEnd
        };
        Face {
            state: self.state,
            dormant: !self.executed,
            message: match self.state {
                State::Idle => self.notice.unwrap_or(invitation),
                State::Verifying => Text::Verifying,
                State::Challenge => Text::OneMoreStep,
                State::Passed => Text::Passed,
                State::Expired => self.notice.unwrap_or(Text::Expired),
                State::Blocked => Text::Blocked,
                State::Error => self.notice.unwrap_or(Text::Unreachable),
            },
            slider,
            button: match self.state {
                State::Challenge => Some(Text::Continue),
                State::Expired if self.button => Some(Text::Continue),
                State::Error if self.button => Some(Text::TryAgain),
                _ => None,
            },
            challenge: self.challenge.as_ref().filter(|_| self.dialog),
            busy: self.busy,
            notice: self.notice.filter(|_| self.state == State::Challenge),
        }
    }
}
