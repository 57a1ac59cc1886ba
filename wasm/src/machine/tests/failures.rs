//! What runs out of time, is refused or is lost.

use super::*;

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
