//! Every way through the state machine, as a page and a visitor would go it.

mod failures;

use super::*;
use parallax_captcha::wire::{ChallengeKind, Input, Slider};

const POLICY: Policy = Policy {
    deferred: false,
    retry: true,
    retry_interval_ms: 8_000,
    refresh_expired: Refresh::Auto,
    refresh_timeout: Refresh::Auto,
};

fn session() -> Reply {
    let slider = Slider {
        target: 1.0,
        tolerance: 0.03,
    };
    Reply::Session(SessionReply {
        session: "s1".into(),
        slider,
        expires_in: 300,
    })
}

fn trace() -> Trace {
    Trace {
        version: 1,
        input: Input::Mouse,
        samples: vec![[0.0; 3]],
        track: 200.0,
    }
}

fn released() -> Event {
    Event::Released {
        share: 1.0,
        trace: trace(),
    }
}

fn challenge(id: &str) -> Challenge {
    Challenge {
        id: id.into(),
        kind: ChallengeKind::Text,
        image: "/v1/challenge/c/image".into(),
        size: [200, 60],
        expires_in: 120,
    }
}

fn answered(answer: &str) -> Event {
    Event::Answered {
        answer: answer.into(),
        behaviour: AnswerBehaviour::default(),
    }
}

fn refused(code: ErrorCode) -> Reply {
    Reply::Failed(Failure::Refused {
        code,
        retry_after: None,
    })
}

/// A machine and the replies to its latest request.
struct Visit(Machine);

impl Visit {
    fn begin(policy: Policy) -> Self {
        let mut machine = Machine::new(policy);
        assert_eq!(
            machine.handle(Event::Execute),
            [Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession]
        );
        Self(machine)
    }

    fn ready(policy: Policy) -> Self {
        let mut visit = Self::begin(policy);
        visit.reply(session());
        visit
    }

    fn sliding(policy: Policy) -> Self {
        let mut visit = Self::ready(policy);
        visit.0.handle(released());
        visit
    }

    fn challenged(policy: Policy) -> Self {
        let mut visit = Self::sliding(policy);
        visit.reply(Reply::Outcome(Outcome::Challenge {
            challenge: challenge("c1"),
        }));
        visit
    }

    fn passed(policy: Policy) -> Self {
        let mut visit = Self::sliding(policy);
        visit.reply(Reply::Outcome(Outcome::Pass {
            token: "t1".into(),
            expires_in: 300,
        }));
        visit
    }

    fn reply(&mut self, reply: Reply) -> Vec<Effect> {
        self.0.reply(self.0.round(), reply, 0.0)
    }

    fn state(&self) -> State {
        self.0.state()
    }
}

fn notify(callback: Callback, argument: &str) -> Effect {
    Effect::Notify(callback, argument.into())
}

#[test]
fn a_clear_human_passes_with_the_slide_alone() {
    let mut visit = Visit::begin(POLICY);
    assert_eq!(visit.state(), State::Verifying);
    assert_eq!(visit.0.face().slider, None);
    assert_eq!(visit.reply(session()), [Effect::Wait(Some(285_000))]);
    assert_eq!(visit.state(), State::Idle);
    assert!(visit.0.face().slider.is_some());

    let sent = visit.0.handle(released());
    assert_eq!(
        sent,
        [
            Effect::Wait(Some(REPLY_WITHIN_MS)),
            Effect::SendSlide {
                session: "s1".into(),
                trace: trace()
            }
        ]
    );
    assert_eq!(visit.state(), State::Verifying);

    let effects = visit.reply(Reply::Outcome(Outcome::Pass {
        token: "t1".into(),
        expires_in: 300,
    }));
    let expected = [
        Effect::Wait(Some(300_000)),
        Effect::Respond(Some("t1".into())),
        notify(Callback::Pass, "t1"),
    ];
    assert_eq!(effects, expected);
    assert_eq!((visit.state(), visit.0.token()), (State::Passed, Some("t1")));
}

#[test]
fn a_handle_let_go_too_early_costs_nothing() {
    let mut visit = Visit::ready(POLICY);
    assert_eq!(
        visit.0.handle(Event::Released {
            share: 0.5,
            trace: trace()
        }),
        []
    );
    assert_eq!((visit.state(), visit.0.face().message), (State::Idle, Text::Missed));
    assert_eq!(visit.0.handle(released()).len(), 2);
}

#[test]
fn a_suspect_solves_a_captcha() {
    let mut visit = Visit::sliding(POLICY);
    let effects = visit.reply(Reply::Outcome(Outcome::Challenge {
        challenge: challenge("c1"),
    }));
    assert_eq!(
        effects,
        [Effect::Wait(Some(120_000)), notify(Callback::BeforeInteractive, "")]
    );
    let face = visit.0.face();
    assert_eq!(
        (face.state, face.notice, face.challenge),
        (State::Challenge, None, Some(&challenge("c1")))
    );

    assert_eq!(
        visit.0.handle(answered("  ")),
        [],
        "an empty answer would ask for another picture"
    );
    let Some(Effect::SendAnswer(request)) = visit.0.handle(answered("A234")).pop() else {
        panic!("nothing sent")
    };
    assert_eq!((request.challenge.as_str(), request.answer.as_str()), ("c1", "A234"));
    assert!(visit.0.face().busy);
    assert_eq!(visit.0.handle(answered("A234")), [], "one answer at a time");

    let effects = visit.reply(Reply::Outcome(Outcome::Retry {
        challenge: challenge("c2"),
    }));
    assert_eq!(effects, [Effect::Wait(Some(120_000))]);
    let face = visit.0.face();
    assert_eq!(
        (face.busy, face.notice, face.challenge),
        (false, Some(Text::Wrong), Some(&challenge("c2")))
    );

    visit.0.handle(answered("ZZZZ"));
    let effects = visit.reply(Reply::Outcome(Outcome::Pass {
        token: "t".into(),
        expires_in: 300,
    }));
    assert_eq!(
        effects[2..],
        [notify(Callback::AfterInteractive, ""), notify(Callback::Pass, "t")]
    );
    assert_eq!(visit.0.face().challenge, None);
}

#[test]
fn another_picture_is_no_wrong_answer() {
    let mut visit = Visit::challenged(POLICY);
    let Some(Effect::SendAnswer(request)) = visit.0.handle(Event::Refreshed).pop() else {
        panic!("nothing sent")
    };
    assert_eq!(request.answer, "");
    visit.reply(Reply::Outcome(Outcome::Retry {
        challenge: challenge("c2"),
    }));
    assert_eq!(
        (visit.0.face().notice, visit.0.face().challenge),
        (None, Some(&challenge("c2")))
    );
}

#[test]
fn a_closed_dialog_can_be_opened_again() {
    let mut visit = Visit::challenged(POLICY);
    visit.0.handle(Event::Dismissed);
    let face = visit.0.face();
    assert_eq!(
        (face.state, face.challenge, face.button),
        (State::Challenge, None, Some(Text::Continue))
    );
    visit.0.handle(Event::Pressed);
    assert!(visit.0.face().challenge.is_some());
}

#[test]
fn blocked_visitors_wait_and_begin_again() {
    let mut visit = Visit::challenged(POLICY);
    visit.0.handle(answered("A234"));
    let effects = visit.reply(Reply::Outcome(Outcome::Block { retry_after: 60 }));
    let expected = [
        Effect::Wait(Some(60_000)),
        notify(Callback::AfterInteractive, ""),
        notify(Callback::Error, "blocked"),
    ];
    assert_eq!(effects, expected);
    assert_eq!((visit.state(), visit.0.face().button), (State::Blocked, None));
    assert_eq!(visit.0.handle(released()), []);
    assert_eq!(
        visit.0.handle(Event::Deadline),
        [Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession]
    );
    visit.reply(session());
    assert_eq!(visit.state(), State::Idle);

    let mut visit = Visit::sliding(POLICY);
    let effects = visit.reply(Reply::Failed(Failure::Refused {
        code: ErrorCode::RateLimited,
        retry_after: Some(7),
    }));
    assert_eq!(
        (visit.state(), &effects[0]),
        (State::Blocked, &Effect::Wait(Some(7_000)))
    );
}

#[test]
fn reset_forgets_everything_and_ignores_late_replies() {
    let mut visit = Visit::passed(POLICY);
    let expected = [
        Effect::Wait(None),
        Effect::Respond(None),
        Effect::Wait(Some(REPLY_WITHIN_MS)),
        Effect::OpenSession,
    ];
    assert_eq!(visit.0.handle(Event::Reset), expected);
    assert_eq!((visit.state(), visit.0.token()), (State::Verifying, None));

    let mut visit = Visit::sliding(POLICY);
    let late = visit.0.round();
    visit.0.handle(Event::Reset);
    assert_eq!(
        visit
            .0
            .reply(late, Reply::Outcome(Outcome::Block { retry_after: 1 }), 0.0),
        []
    );
    assert_eq!(visit.state(), State::Verifying);
}

#[test]
fn a_deferred_widget_waits_for_execute() {
    let policy = Policy {
        deferred: true,
        ..POLICY
    };
    let mut machine = Machine::new(policy);
    assert_eq!(
        (machine.state(), machine.face().slider, machine.face().dormant),
        (State::Idle, None, true)
    );
    assert_eq!(machine.handle(released()), []);
    assert_eq!(
        machine.handle(Event::Execute),
        [Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession]
    );
    assert_eq!(machine.handle(Event::Execute), [], "a second call changes nothing");

    let mut visit = Visit::passed(policy);
    assert_eq!(
        visit.0.handle(Event::Reset),
        [Effect::Wait(None), Effect::Respond(None)]
    );
    assert_eq!(visit.state(), State::Idle);
}
