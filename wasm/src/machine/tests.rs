//! Every way through the state machine, as a page and a visitor would go it.

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
fn an_expired_token_is_taken_back() {
    for (refresh_expired, opens, button) in [
        (Refresh::Auto, true, None),
        (Refresh::Manual, false, Some(Text::Continue)),
        (Refresh::Never, false, None),
    ] {
        let mut visit = Visit::passed(Policy {
            refresh_expired,
            ..POLICY
        });
        let effects = visit.0.handle(Event::Deadline);
        assert_eq!(effects.first(), Some(&Effect::Respond(None)), "{refresh_expired:?}");
        assert_eq!(
            effects.last(),
            Some(&notify(Callback::Expired, "")),
            "{refresh_expired:?}"
        );
        assert_eq!(effects.contains(&Effect::OpenSession), opens, "{refresh_expired:?}");
        assert_eq!(
            (visit.state(), visit.0.token()),
            (State::Expired, None),
            "{refresh_expired:?}"
        );
        assert_eq!(visit.0.face().button, button, "{refresh_expired:?}");
        if opens {
            visit.reply(session());
            assert_eq!(visit.state(), State::Expired);
            assert!(visit.0.face().slider.is_some(), "the new slider works at once");
            assert_eq!(visit.0.handle(released()).len(), 2);
        }
    }
}

#[test]
fn a_captcha_left_alone_times_out() {
    for (refresh_timeout, opens) in [(Refresh::Auto, true), (Refresh::Manual, false), (Refresh::Never, false)] {
        let mut visit = Visit::challenged(Policy {
            refresh_timeout,
            ..POLICY
        });
        visit.0.handle(answered("A234"));
        let late = visit.0.round();
        let effects = visit.0.handle(Event::Deadline);
        let tail = [notify(Callback::AfterInteractive, ""), notify(Callback::Timeout, "")];
        assert_eq!(effects[effects.len() - 2..], tail, "{refresh_timeout:?}");
        assert_eq!(effects.contains(&Effect::OpenSession), opens, "{refresh_timeout:?}");
        let pass = Reply::Outcome(Outcome::Pass {
            token: "t".into(),
            expires_in: 300,
        });
        assert_eq!(visit.0.reply(late, pass, 0.0), [], "{refresh_timeout:?}: a late reply");
    }
}

#[test]
fn unused_sessions_are_replaced_quietly() {
    let mut visit = Visit::ready(POLICY);
    assert_eq!(
        visit.0.handle(Event::Deadline),
        [Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession]
    );
    assert_eq!((visit.state(), visit.0.face().message), (State::Idle, Text::SlideToEnd));
    visit.reply(session());
    assert!(visit.0.face().slider.is_some());
}

#[test]
fn lost_sessions_and_captchas_lead_to_a_new_slider() {
    for code in [
        ErrorCode::SessionExpired,
        ErrorCode::SessionUsed,
        ErrorCode::SessionInvalid,
    ] {
        let mut visit = Visit::sliding(POLICY);
        assert_eq!(
            visit.reply(refused(code)),
            [Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession],
            "{code:?}"
        );
        visit.reply(session());
        assert_eq!(
            (visit.state(), visit.0.face().message),
            (State::Idle, Text::Expired),
            "{code:?}"
        );
    }
    for code in [
        ErrorCode::ChallengeExpired,
        ErrorCode::ChallengeUsed,
        ErrorCode::ChallengeInvalid,
    ] {
        let mut visit = Visit::challenged(POLICY);
        visit.0.handle(answered("A234"));
        let effects = visit.reply(refused(code));
        let expected = [
            Effect::Wait(Some(REPLY_WITHIN_MS)),
            Effect::OpenSession,
            notify(Callback::AfterInteractive, ""),
        ];
        assert_eq!(effects, expected, "{code:?}");
    }
}

#[test]
fn an_edge_that_refuses_every_session_is_an_error() {
    let mut visit = Visit::ready(POLICY);
    for _ in 0..MAX_RENEWALS {
        visit.0.handle(released());
        visit.reply(refused(ErrorCode::SessionInvalid));
        visit.reply(session());
    }
    visit.0.handle(released());
    visit.reply(refused(ErrorCode::SessionInvalid));
    assert_eq!(visit.state(), State::Error);
}

#[test]
fn passing_errors_are_tried_again_ever_more_slowly() {
    let mut visit = Visit::begin(POLICY);
    for (expected_ms, jitter) in [
        (8_000, 0.0),
        (16_000, 0.0),
        (40_000, 1.0),
        (64_000, 0.0),
        (128_000, 0.0),
        (128_000, 0.0),
    ] {
        let effects = visit.0.reply(visit.0.round(), Reply::Failed(Failure::Network), jitter);
        assert_eq!(
            effects,
            [
                Effect::Wait(Some(expected_ms)),
                notify(Callback::Error, "network-error")
            ]
        );
        assert_eq!(
            (visit.state(), visit.0.face().button),
            (State::Error, Some(Text::TryAgain))
        );
        assert_eq!(
            visit.0.handle(Event::Deadline),
            [Effect::Wait(Some(REPLY_WITHIN_MS)), Effect::OpenSession]
        );
    }
    visit.reply(session());
    assert_eq!(visit.state(), State::Idle);
    visit.0.handle(released());
    assert_eq!(
        visit.reply(Reply::Failed(Failure::Network))[0],
        Effect::Wait(Some(8_000)),
        "success starts anew"
    );

    let mut visit = Visit::begin(Policy { retry: false, ..POLICY });
    assert_eq!(visit.reply(Reply::Failed(Failure::Network))[0], Effect::Wait(None));
    assert_eq!(
        visit.0.handle(Event::Pressed).len(),
        2,
        "the button tries again all the same"
    );
}

#[test]
fn silence_is_an_error_too() {
    let mut visit = Visit::sliding(POLICY);
    let late = visit.0.round();
    assert_eq!(
        visit.0.handle(Event::Deadline).last(),
        Some(&notify(Callback::Error, "network-error"))
    );
    assert_eq!(visit.state(), State::Error);
    assert_eq!(visit.0.reply(late, session(), 0.0), []);
}

#[test]
fn the_pages_own_mistakes_are_not_tried_again() {
    for (code, name) in [
        (ErrorCode::InvalidSitekey, "invalid-sitekey"),
        (ErrorCode::OriginNotAllowed, "origin-not-allowed"),
        (ErrorCode::BadRequest, "bad-request"),
    ] {
        let mut visit = Visit::begin(POLICY);
        assert_eq!(
            visit.reply(refused(code)),
            [Effect::Wait(None), notify(Callback::Error, name)]
        );
        let face = visit.0.face();
        assert_eq!(
            (face.state, face.message, face.button),
            (State::Error, Text::Misconfigured, None),
            "{name}"
        );
        assert_eq!(visit.0.handle(Event::Pressed), [], "{name}");
    }
}

#[test]
fn error_codes_are_named_as_on_the_wire() {
    use ErrorCode::*;
    for code in [
        BadRequest,
        NotFound,
        MethodNotAllowed,
        PayloadTooLarge,
        UnsupportedMediaType,
        InvalidSitekey,
        OriginNotAllowed,
        SessionInvalid,
        SessionExpired,
        SessionUsed,
        ChallengeInvalid,
        ChallengeExpired,
        ChallengeUsed,
        RateLimited,
        NoImages,
        InternalError,
    ] {
        assert_eq!(
            serde_json::to_string(&code).unwrap(),
            format!("\"{}\"", code_name(code))
        );
    }
}

#[test]
fn a_lost_connection_keeps_the_captcha() {
    let mut visit = Visit::challenged(POLICY);
    visit.0.handle(answered("A234"));
    assert_eq!(visit.reply(Reply::Failed(Failure::Network)), []);
    let face = visit.0.face();
    assert_eq!(
        (face.busy, face.notice, face.challenge.is_some()),
        (false, Some(Text::Unreachable), true)
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
