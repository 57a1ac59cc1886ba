//! Slides: whatever the trace.

use super::*;

#[test]
fn slides_are_checked_before_the_session_is_consumed() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let session = visitor.session();
    let hand = slides::hand(&session.slider);
    let slide = |session: &str, trace: Trace| {
        json!(SlideRequest {
            session: session.to_owned(),
            trace,
            environment: slides::browser()
        })
    };
    let good = slide(&session.session, hand.clone());
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        edge.client.post("/v1/slide").from(SHOP.origin).json(&body)
    };
    let of = |text: &str| visitor.post("/v1/slide").json(&slide(text, hand.clone()));
    let from = |origin: &str| edge.client.post("/v1/slide").from(origin).json(&good);

    let body = claims::Session {
        page: forge::page(&SHOP),
        target: 1.0,
        tolerance: 0.02,
    };
    let expired = forge::ticket(edge, &SHOP, Purpose::Session, body.clone(), 700, 600);
    let as_token = forge::ticket(edge, &SHOP, Purpose::Token, body.clone(), 0, 600);
    let gone_site = parallax_tests::edge::Site { name: "closed", ..SHOP };
    let of_closed = forge::ticket(edge, &gone_site, Purpose::Session, body, 0, 600);
    let flipped = format!(
        "{}{}",
        if session.session.starts_with('A') { 'B' } else { 'A' },
        &session.session[1..]
    );

    let mut cases = malformed_bodies("/v1/slide", 1024 * 1024);
    cases.extend([
        case("empty session", of(""), 401, "session-invalid"),
        case("no session of ours", of("abc"), 401, "session-invalid"),
        case("not base64url", of("é✓ /../"), 401, "session-invalid"),
        case("overlong session", of(&"A".repeat(10_000)), 401, "session-invalid"),
        case("forged session", of(&flipped), 401, "session-invalid"),
        case("token for a session", of(&as_token), 401, "session-invalid"),
        case("session of a closed site", of(&of_closed), 401, "session-invalid"),
        case("expired session", of(&expired), 410, "session-expired"),
        case("other site", from("https://evil.example"), 403, "origin-not-allowed"),
        case("other site of ours", from(FORUM.origin), 403, "origin-not-allowed"),
        case(
            "no origin",
            edge.client.post("/v1/slide").json(&good),
            403,
            "origin-not-allowed",
        ),
        case(
            "samples of two",
            with("/trace/samples", json!([[1.0, 2.0]])),
            400,
            "bad-request",
        ),
        case(
            "samples of text",
            with("/trace/samples", json!([["a", "b", "c"]])),
            400,
            "bad-request",
        ),
        case(
            "unknown input",
            with("/trace/input", json!("telepathy")),
            400,
            "bad-request",
        ),
        case(
            "version out of range",
            with("/trace/version", json!(-1)),
            400,
            "bad-request",
        ),
        case(
            "long user agent",
            with("/environment/user_agent", json!("x".repeat(513))),
            400,
            "bad-request",
        ),
        case(
            "negative screen",
            with("/environment/screen", json!([-1, 5])),
            400,
            "bad-request",
        ),
    ]);
    check(cases);

    let outcome: Outcome = visitor.try_slide(&session, hand.clone()).json();
    assert!(
        matches!(outcome, Outcome::Pass { .. }),
        "the session survived: {outcome:?}"
    );
    assert_eq!(
        visitor.try_slide(&session, hand).error(),
        (410, "session-used".to_owned())
    );
}

#[test]
fn absurd_traces_are_suspicious_not_fatal() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let hand = |slider: &_| slides::hand(slider);
    type Spoil = fn(&mut Trace);
    let absurd: [(&str, Spoil); 10] = [
        ("nothing moved", |trace| trace.samples.clear()),
        ("time runs backwards", |trace| trace.samples.reverse()),
        ("all at once", |trace| {
            trace.samples.iter_mut().for_each(|sample| sample[2] = 0.0)
        }),
        ("out of this world", |trace| {
            trace.samples.iter_mut().for_each(|sample| sample[0] = f32::MAX)
        }),
        ("another version", |trace| trace.version = 9),
        ("10,000 samples", |trace| {
            trace.samples = (0..10_000_u16)
                .map(|i| [f32::from(i) * 0.028, 0.5, f32::from(i)])
                .collect();
        }),
        ("one sample too many", |trace| {
            trace.samples = vec![[1.0, 0.0, 1.0]; Trace::MAX_SAMPLES + 1]
        }),
        ("one step back", |trace| trace.samples[3][2] = -1.0),
        ("no track", |trace| trace.track = 0.0),
        ("negative track", |trace| trace.track = -1.0),
    ];
    for (name, spoil) in absurd {
        let session = visitor.session();
        let mut trace = hand(&session.slider);
        spoil(&mut trace);
        let reply = visitor.try_slide(&session, trace);
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        let outcome: Outcome = reply.json();
        assert!(matches!(outcome, Outcome::Challenge { .. }), "{name}: {outcome:?}");
    }
    // Numbers that JSON can write and f32 cannot hold.
    let session = visitor.session();
    let slide = SlideRequest {
        session: session.session,
        trace: hand(&session.slider),
        environment: slides::browser(),
    };
    let body = serde_json::to_string(&slide)
        .unwrap()
        .replacen("\"track\":280.0", "\"track\":1e999", 1);
    let reply = visitor.post("/v1/slide").body("application/json", body).send();
    tells_nothing("infinite track", &reply);
    match reply.status {
        400 => {}
        200 => assert!(matches!(reply.json(), Outcome::Challenge { .. }), "{reply:?}"),
        _ => panic!("{reply:?}"),
    }
}
