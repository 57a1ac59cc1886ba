//! The widget's state machine, pure: events in, effects out. It touches no DOM, no network and no clock, so that every
//! way through it has a native test.

mod face;
#[cfg(test)]
mod tests;
mod words;

pub use face::Face;
pub use words::{Callback, Effect, Event, Failure, Reply, State, code_name};

use crate::language::Text;
use crate::options::{Policy, Refresh};
use crate::slider;
use parallax_captcha::wire::{AnswerBehaviour, AnswerRequest, Challenge, ErrorCode, Outcome, SessionReply, Trace};

/// Seconds before its expiry at which an unused session is replaced.
const RENEW_BEFORE_S: u32 = 15;
/// Seconds to wait when the edge says "too many" without saying how long.
const DEFAULT_WAIT_S: u32 = 30;
/// Longer than this no reply is waited for, milliseconds.
const REPLY_WITHIN_MS: u32 = 20_000;
/// Errors in a row after which the pause between tries stops doubling.
const MAX_DOUBLINGS: u32 = 4;
/// Sessions refused in a row before that counts as an error.
const MAX_RENEWALS: u32 = 2;

/// The state machine of one widget.
#[derive(Debug)]
pub struct Machine {
    policy: Policy,
    state: State,
    executed: bool,
    session: Option<SessionReply>,
    challenge: Option<Challenge>,
    token: Option<String>,
    notice: Option<Text>,
    /// The captcha dialog is open.
    dialog: bool,
    /// An answer is on its way.
    busy: bool,
    /// The answer on its way is an answer, not a wish for another picture.
    answered: bool,
    /// A button may lead out of the present error or expiry.
    button: bool,
    errors: u32,
    renewals: u32,
    round: u32,
}

impl Machine {
    /// A machine at rest, in [`State::Verifying`] until its first session is there, or [`State::Idle`] until it is
    /// executed.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::Idle,
            executed: false,
            session: None,
            challenge: None,
            token: None,
            notice: None,
            dialog: false,
            busy: false,
            answered: false,
            button: false,
            errors: 0,
            renewals: 0,
            round: 0,
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The token, while it is good.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Number of the last request; a reply to an earlier one is stale.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Takes an event, says what to do.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        match (event, self.state) {
            (Event::Reset, _) => self.reset(&mut out),
            (Event::Execute, State::Idle) if !self.executed => {
                self.executed = true;
                self.open(State::Verifying, &mut out);
            }
            (Event::Released { share, trace }, State::Idle | State::Expired) => self.released(share, trace, &mut out),
            (Event::Answered { answer, behaviour }, State::Challenge) if !is_blank(&answer) => {
                self.answer(answer, behaviour, &mut out);
            }
            (Event::Refreshed, State::Challenge) => self.answer(String::new(), AnswerBehaviour::default(), &mut out),
            (Event::Dismissed, State::Challenge) => self.dialog = false,
            (Event::PictureFailed, State::Challenge) => self.notice = Some(Text::PictureMissing),
            (Event::Pressed, State::Challenge) => self.dialog = true,
            (Event::Pressed, State::Error | State::Expired) if self.button => self.open(State::Verifying, &mut out),
            (Event::Deadline, _) => self.deadline(&mut out),
            _ => {}
        }
        out
    }

    /// Takes the reply to request number `round`. `jitter` in `[0, 1)` spreads the next tries of many widgets after an
    /// outage.
    pub fn reply(&mut self, round: u32, reply: Reply, jitter: f32) -> Vec<Effect> {
        let mut out = Vec::new();
        if round == self.round {
            self.busy = false;
            match reply {
                Reply::Session(session) => self.opened(session, &mut out),
                Reply::Outcome(outcome) => self.judged(outcome, &mut out),
                Reply::Failed(failure) => self.failed(failure, jitter, &mut out),
            }
        }
        out
    }

    fn reset(&mut self, out: &mut Vec<Effect>) {
        let round = self.round + 1;
        *self = Self {
            round,
            ..Self::new(self.policy)
        };
        out.extend([Effect::Wait(None), Effect::Respond(None)]);
        if !self.policy.deferred {
            self.executed = true;
            self.open(State::Verifying, out);
        }
    }

    /// Asks for a session. Meanwhile the widget is in `state`.
    fn open(&mut self, state: State, out: &mut Vec<Effect>) {
        self.state = state;
        self.session = None;
        self.challenge = None;
        self.notice = None;
        self.dialog = false;
        self.button = false;
        self.round += 1;
        out.extend([Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession]);
    }

    fn opened(&mut self, session: SessionReply, out: &mut Vec<Effect>) {
        if self.state == State::Verifying {
            self.state = State::Idle;
        }
        out.push(wait_s(
            session.expires_in.saturating_sub(RENEW_BEFORE_S).max(RENEW_BEFORE_S),
        ));
        self.session = Some(session);
        self.errors = 0;
    }

    fn released(&mut self, share: f32, trace: Trace, out: &mut Vec<Effect>) {
        let Some(session) = &self.session else { return };
        if !slider::on_target(&session.slider, share) {
            self.notice = Some(Text::Missed);
            return;
        }
        out.extend([
            Effect::Wait(Some(REPLY_WITHIN_MS)),
            Effect::SendSlide {
                session: session.session.clone(),
                trace,
            },
        ]);
        self.state = State::Verifying;
        self.notice = None;
        self.round += 1;
    }

    /// Sends an answer; an empty one asks for another picture.
    fn answer(&mut self, answer: String, behaviour: AnswerBehaviour, out: &mut Vec<Effect>) {
        let Some(challenge) = self.challenge.as_ref().filter(|_| !self.busy) else {
            return;
        };
        let challenge = challenge.id.clone();
        self.answered = !answer.is_empty();
        self.busy = true;
        self.notice = None;
        self.round += 1;
        out.push(Effect::SendAnswer(AnswerRequest {
            challenge,
            answer,
            behaviour,
        }));
    }

    fn judged(&mut self, outcome: Outcome, out: &mut Vec<Effect>) {
        self.errors = 0;
        self.renewals = 0;
        match outcome {
            Outcome::Pass { token, expires_in } => {
                self.state = State::Passed;
                self.token = Some(token.clone());
                out.extend([wait_s(expires_in), Effect::Respond(Some(token.clone()))]);
                self.leave_challenge(out);
                out.push(Effect::Notify(Callback::Pass, token));
            }
            Outcome::Challenge { challenge } | Outcome::Retry { challenge } => {
                let first = self.challenge.is_none();
                self.notice = (!first && self.answered).then_some(Text::Wrong);
                self.state = State::Challenge;
                self.dialog = true;
                out.push(wait_s(challenge.expires_in));
                self.challenge = Some(challenge);
                if first {
                    out.push(Effect::Notify(Callback::BeforeInteractive, String::new()));
                }
            }
            Outcome::Block { retry_after } => self.block(retry_after, out),
        }
    }

    fn block(&mut self, retry_after: u32, out: &mut Vec<Effect>) {
        self.state = State::Blocked;
        out.push(wait_s(retry_after.max(1)));
        self.leave_challenge(out);
        out.push(Effect::Notify(Callback::Error, "blocked".into()));
    }

    /// Drops session and captcha; says so to the page if there was a captcha.
    fn leave_challenge(&mut self, out: &mut Vec<Effect>) {
        self.session = None;
        self.dialog = false;
        self.notice = None;
        if self.challenge.take().is_some() {
            out.push(Effect::Notify(Callback::AfterInteractive, String::new()));
        }
    }

    fn failed(&mut self, failure: Failure, jitter: f32, out: &mut Vec<Effect>) {
        let (code, retry_after) = match failure {
            // The picture still stands: let the visitor press the button again rather than slide again.
            Failure::Network if self.challenge.is_some() => {
                self.notice = Some(Text::Unreachable);
                return;
            }
            Failure::Network => (None, None),
            Failure::Refused { code, retry_after } => (Some(code), retry_after),
        };
        match code {
            Some(ErrorCode::RateLimited) => self.block(retry_after.unwrap_or(DEFAULT_WAIT_S), out),
            Some(
                ErrorCode::SessionInvalid
                | ErrorCode::SessionExpired
                | ErrorCode::SessionUsed
                | ErrorCode::ChallengeInvalid
                | ErrorCode::ChallengeExpired
                | ErrorCode::ChallengeUsed,
            ) if self.renewals < MAX_RENEWALS => {
                self.renewals += 1;
                let mut callbacks = Vec::new();
                self.leave_challenge(&mut callbacks);
                self.open(State::Verifying, out);
                self.notice = Some(Text::Expired);
                out.append(&mut callbacks);
            }
            _ => self.error(code, retry_after, jitter, out),
        }
    }

    fn error(&mut self, code: Option<ErrorCode>, retry_after: Option<u32>, jitter: f32, out: &mut Vec<Effect>) {
        self.state = State::Error;
        let passing = matches!(code, None | Some(ErrorCode::NoImages | ErrorCode::InternalError));
        let mut callbacks = Vec::new();
        self.leave_challenge(&mut callbacks);
        self.notice = Some(if passing {
            Text::Unreachable
        } else {
            Text::Misconfigured
        });
        self.button = passing;
        let pause = match retry_after {
            Some(seconds) => seconds.saturating_mul(1_000),
            None => self
                .policy
                .retry_interval_ms
                .saturating_mul(1 << self.errors.min(MAX_DOUBLINGS)),
        };
        self.errors += 1;
        out.push(Effect::Wait(
            (passing && self.policy.retry).then(|| spread(pause, jitter)),
        ));
        out.append(&mut callbacks);
        out.push(Effect::Notify(
            Callback::Error,
            code.map_or("network-error", code_name).into(),
        ));
    }

    fn deadline(&mut self, out: &mut Vec<Effect>) {
        match self.state {
            // A session nobody used yet is replaced quietly.
            State::Idle => self.open(State::Idle, out),
            State::Expired => self.open(State::Expired, out),
            State::Blocked | State::Error => self.open(State::Verifying, out),
            State::Passed => {
                self.token = None;
                out.push(Effect::Respond(None));
                self.expire(self.policy.refresh_expired, out);
                out.push(Effect::Notify(Callback::Expired, String::new()));
            }
            State::Challenge => {
                let mut callbacks = Vec::new();
                self.leave_challenge(&mut callbacks);
                // An answer on its way comes too late.
                self.busy = false;
                self.round += 1;
                self.expire(self.policy.refresh_timeout, out);
                out.append(&mut callbacks);
                out.push(Effect::Notify(Callback::Timeout, String::new()));
            }
            State::Verifying => {
                self.round += 1;
                self.failed(Failure::Network, 0.0, out);
            }
        }
    }

    fn expire(&mut self, refresh: Refresh, out: &mut Vec<Effect>) {
        match refresh {
            Refresh::Auto => self.open(State::Expired, out),
            Refresh::Manual | Refresh::Never => {
                self.state = State::Expired;
                self.session = None;
                self.button = refresh == Refresh::Manual;
            }
        }
        self.notice = Some(Text::Expired);
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace())
}

fn wait_s(seconds: u32) -> Effect {
    Effect::Wait(Some(seconds.saturating_mul(1_000)))
}

/// `pause` lengthened by up to a quarter.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rough time"
)]
fn spread(pause_ms: u32, jitter: f32) -> u32 {
    pause_ms.saturating_add((pause_ms as f32 * 0.25 * jitter) as u32)
}
