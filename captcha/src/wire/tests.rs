//! The protocol's JSON as it stands in `goldens.txt`, and what hostile JSON does.
//!
//! After a change that is meant: `PARALLAX_UPDATE_GOLDENS=1 cargo test -p parallax-captcha wire`, and look at the diff.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn trace() -> Trace {
    let samples = vec![[0.0, 0.0, 0.0], [10.25, -1.0, 16.75], [240.0, 2.5, 812.125]];
    Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples,
        track: 240.0,
    }
}

fn environment() -> Environment {
    Environment {
        version: Environment::VERSION,
        webdriver: false,
        languages: true,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64)".to_owned(),
        platform: "Linux x86_64".to_owned(),
        screen: [1920, 1080],
        touch_points: 0,
        language_count: 2,
        hints: Some(ClientHints {
            brands: "Chromium 140, Not=A?Brand 24".to_owned(),
            mobile: false,
            platform: "Linux".to_owned(),
        }),
        webgl: Some(WebGl {
            vendor: "Google Inc. (Intel)".to_owned(),
            renderer: "ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)".to_owned(),
        }),
        signs: Signs::NO_WINDOW.with(Signs::CANVAS_DISAGREES),
    }
}

fn challenge() -> Challenge {
    Challenge {
        id: "sealed".to_owned(),
        kind: ChallengeKind::Text,
        image: "/v1/challenge/sealed/image".to_owned(),
        size: [200, 60],
        expires_in: 120,
    }
}

/// Writes a message, reads it back, and returns its line of the goldens.
fn line<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(name: &str, message: &T) -> String {
    let text = serde_json::to_string(message).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), message, "{name}");
    format!("{name} {text}\n")
}

#[test]
fn messages_look_as_documented() {
    let sitekey = "demo".to_owned();
    let token = Outcome::Pass {
        token: "sealed".to_owned(),
        expires_in: 300,
    };
    let error = |code, retry_after| ErrorReply {
        error: ErrorBody {
            code,
            message: "Why.".to_owned(),
            retry_after,
        },
    };
    let lines = [
        line(
            "session-request",
            &SessionRequest {
                sitekey: sitekey.clone(),
                action: None,
                cdata: None,
            },
        ),
        line(
            "session-request-full",
            &SessionRequest {
                sitekey,
                action: Some("login".to_owned()),
                cdata: Some("order \"7\" ü".to_owned()),
            },
        ),
        line(
            "session-reply",
            &SessionReply {
                session: "sealed".to_owned(),
                slider: Slider {
                    target: 1.0,
                    tolerance: 0.03125,
                },
                expires_in: 600,
            },
        ),
        line(
            "slide-request",
            &SlideRequest {
                session: "sealed".to_owned(),
                trace: trace(),
                environment: environment(),
            },
        ),
        line("pass", &token),
        line("challenge", &Outcome::Challenge { challenge: challenge() }),
        line("retry", &Outcome::Retry { challenge: challenge() }),
        line("block", &Outcome::Block { retry_after: 60 }),
        line(
            "answer-request",
            &AnswerRequest {
                challenge: "sealed".to_owned(),
                answer: "a2fkn".to_owned(),
                behaviour: AnswerBehaviour {
                    elapsed_ms: 4_210,
                    keys: 5,
                },
            },
        ),
        line("error", &error(ErrorCode::SessionUsed, None)),
        line("error-later", &error(ErrorCode::NoImages, Some(5))),
    ];
    let found = lines.concat();
    if std::env::var_os("PARALLAX_UPDATE_GOLDENS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/goldens.txt"), &found).unwrap();
        return;
    }
    for (found, golden) in found.lines().zip(include_str!("goldens.txt").lines()) {
        assert_eq!(found, golden);
    }
    assert_eq!(found.lines().count(), include_str!("goldens.txt").lines().count());
}

#[test]
fn error_codes_have_the_documented_names_and_statuses() {
    let documented = [
        (ErrorCode::BadRequest, "bad-request", 400),
        (ErrorCode::NotFound, "not-found", 404),
        (ErrorCode::MethodNotAllowed, "method-not-allowed", 405),
        (ErrorCode::PayloadTooLarge, "payload-too-large", 413),
        (ErrorCode::UnsupportedMediaType, "unsupported-media-type", 415),
        (ErrorCode::InvalidSitekey, "invalid-sitekey", 403),
        (ErrorCode::OriginNotAllowed, "origin-not-allowed", 403),
        (ErrorCode::SessionInvalid, "session-invalid", 401),
        (ErrorCode::SessionExpired, "session-expired", 410),
        (ErrorCode::SessionUsed, "session-used", 410),
        (ErrorCode::ChallengeInvalid, "challenge-invalid", 401),
        (ErrorCode::ChallengeExpired, "challenge-expired", 410),
        (ErrorCode::ChallengeUsed, "challenge-used", 410),
        (ErrorCode::RateLimited, "rate-limited", 429),
        (ErrorCode::NoImages, "no-images", 503),
        (ErrorCode::InternalError, "internal-error", 500),
    ];
    for (code, name, status) in documented {
        assert_eq!(
            (serde_json::to_value(code).unwrap(), code.status()),
            (json!(name), status),
            "{name}"
        );
    }
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let answer: AnswerRequest = serde_json::from_value(json!({"challenge": "c", "answer": ""})).unwrap();
    assert_eq!(answer.behaviour, AnswerBehaviour::default());
    assert_eq!(
        serde_json::from_value::<Environment>(json!({})).unwrap(),
        Environment::default()
    );
}

#[test]
fn a_widget_from_before_versions_is_understood() {
    let old = json!({
        "webdriver": false, "languages": true, "user_agent": "Mozilla/5.0 (X11)", "platform": "Linux",
        "screen": [800, 600], "touch_points": 1,
    });
    let expected = Environment {
        languages: true,
        user_agent: "Mozilla/5.0 (X11)".to_owned(),
        platform: "Linux".to_owned(),
        screen: [800, 600],
        touch_points: 1,
        ..Environment::default()
    };
    assert_eq!(serde_json::from_value::<Environment>(old).unwrap(), expected);
    assert_eq!(expected.version, 0);
}

#[test]
fn every_text_of_an_environment_has_a_limit() {
    type Change = fn(&mut Environment, String);
    let changes: [(&str, usize, Change); 6] = [
        ("user agent", 512, |e, text| e.user_agent = text),
        ("platform", 64, |e, text| e.platform = text),
        ("brands", 128, |e, text| e.hints.as_mut().unwrap().brands = text),
        ("hinted platform", 64, |e, text| {
            e.hints.as_mut().unwrap().platform = text
        }),
        ("vendor", 128, |e, text| e.webgl.as_mut().unwrap().vendor = text),
        ("renderer", 128, |e, text| e.webgl.as_mut().unwrap().renderer = text),
    ];
    for (name, limit, change) in changes {
        for (length, expected) in [(limit, true), (limit + 1, false)] {
            let mut changed = environment();
            change(&mut changed, "x".repeat(length));
            assert_eq!(changed.is_bounded(), expected, "{name} of {length}");
        }
    }
    assert!(Environment::default().is_bounded());
}

#[test]
fn fields_of_later_versions_are_ignored() {
    let request = json!({"sitekey": "demo", "colour": "red"});
    assert_eq!(
        serde_json::from_value::<SessionRequest>(request).unwrap().sitekey,
        "demo"
    );
}

#[test]
fn malformed_traces_are_refused() {
    let good = || serde_json::to_value(trace()).unwrap();
    let changes: [(&str, &str, Value); 8] = [
        ("a version out of range", "version", json!(256)),
        ("a negative version", "version", json!(-1)),
        ("an input nobody has", "input", json!("telepathy")),
        ("no list", "samples", json!("0,0,0")),
        ("a short sample", "samples", json!([[0.0, 0.0]])),
        ("a long sample", "samples", json!([[0.0, 0.0, 0.0, 0.0]])),
        ("null in a sample", "samples", json!([[0.0, null, 0.0]])),
        ("text for a number", "track", json!("240")),
    ];
    assert!(serde_json::from_value::<Trace>(good()).is_ok());
    for (name, field, value) in changes {
        let mut bad = good();
        bad[field] = value;
        assert!(serde_json::from_value::<Trace>(bad).is_err(), "{name}");
    }
    for text in ["", "null", "[]", "{", "{}", "NaN", &"[".repeat(100_000)] {
        assert!(serde_json::from_str::<Trace>(text).is_err(), "{text:.20}");
    }
}

/// JSON has no NaN, but numbers too large for an `f32` arrive as infinity: whoever reads traces must expect them.
#[test]
fn numbers_beyond_f32_are_infinite() {
    let text = r#"{"version": 1, "input": "mouse", "samples": [[1e39, 0, 0]], "track": 240}"#;
    assert!(serde_json::from_str::<Trace>(text).unwrap().samples[0][0].is_infinite());
}

#[test]
fn damaged_messages_never_panic() {
    let request = SlideRequest {
        session: "sealed".to_owned(),
        trace: trace(),
        environment: environment(),
    };
    let text = serde_json::to_string(&request).unwrap().into_bytes();
    for position in 0..text.len() {
        assert!(
            serde_json::from_slice::<SlideRequest>(&text[..position]).is_err(),
            "cut at {position}"
        );
        for byte in [0, b'"', b'9', b'{', b']', 0xff] {
            let mut damaged = text.clone();
            damaged[position] = byte;
            // Some damage is valid JSON of another meaning; what counts is that an answer comes at all.
            drop(serde_json::from_slice::<SlideRequest>(&damaged));
        }
    }
}
