//! Whatever is sent: the documented status and code, nothing consumed, and nothing told that should not be.

use parallax_captcha::ticket::Purpose;
use parallax_captcha::wire::{AnswerRequest, Outcome, SlideRequest, Trace};
use parallax_edge_shared::claims;
use parallax_edge_shared::digest::Digest;
use parallax_edge_shared::pack::Span;
use parallax_edge_shared::throttle::Level;
use parallax_tests::client::{Call, Reply};
use parallax_tests::edge::{FORUM, SHOP};
use parallax_tests::visitor::Visitor;
use parallax_tests::{forge, slides};
use serde_json::{Value, json};

use crate::shared;

/// One bad request and how it is answered.
struct Case {
    name: String,
    call: Call,
    expected: (u16, &'static str),
}

fn case(name: &str, call: Call, status: u16, code: &'static str) -> Case {
    Case {
        name: name.to_owned(),
        call,
        expected: (status, code),
    }
}

/// Sends all cases and names every one that is answered otherwise.
fn check(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for Case { name, call, expected } in cases {
        let reply = call.send();
        tells_nothing(&name, &reply);
        let (status, code) = reply.error();
        if (status, code.as_str()) != expected {
            wrong.push(format!("{name}: {status} {code} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn tells_nothing(name: &str, reply: &Reply) {
    let text = reply.text().to_lowercase();
    for word in [
        "panic",
        "unreachable",
        "stack",
        "wasm",
        "rusterror",
        "label",
        ".rs:",
        "<!doctype",
    ] {
        assert!(!text.contains(word), "{name}: the reply says {word:?}: {text}");
    }
    assert!(
        reply.header("content-type").starts_with("application/json"),
        "{name}: {:?}",
        reply.headers
    );
}

/// What every endpoint with a JSON body answers to bodies that are none of it.
fn malformed_bodies(path: &str, limit: usize) -> Vec<Case> {
    let (edge, _) = shared();
    let post = || edge.client.post(path).from(SHOP.origin);
    let json = "application/json";
    let deep = "[".repeat(3000);
    let name = |what: &str| format!("{path} {what}");
    vec![
        case(
            &name("no body"),
            post().header("content-type", json),
            400,
            "bad-request",
        ),
        case(&name("no type"), post().body("", "{}"), 415, "unsupported-media-type"),
        case(
            &name("text"),
            post().body("text/plain", "{}"),
            415,
            "unsupported-media-type",
        ),
        case(
            &name("form"),
            post().form(&[("sitekey", "x")]),
            415,
            "unsupported-media-type",
        ),
        case(&name("half"), post().body(json, "{\"sitekey\":"), 400, "bad-request"),
        case(&name("empty object"), post().body(json, "{}"), 400, "bad-request"),
        case(&name("array"), post().body(json, "[]"), 400, "bad-request"),
        case(&name("null"), post().body(json, "null"), 400, "bad-request"),
        case(&name("deep"), post().body(json, deep), 400, "bad-request"),
        case(
            &name("not UTF-8"),
            post().body(json, vec![0xFF, 0xFE, 0x00]),
            400,
            "bad-request",
        ),
        case(
            &name("oversized"),
            post().body(json, vec![b' '; limit + 1]),
            413,
            "payload-too-large",
        ),
        case(
            &name("GET"),
            edge.client.get(path).from(SHOP.origin),
            405,
            "method-not-allowed",
        ),
        case(
            &name("DELETE"),
            edge.client.call("DELETE", path).from(SHOP.origin),
            405,
            "method-not-allowed",
        ),
    ]
}

#[test]
fn sessions() {
    let (edge, _) = shared();
    let ask = |origin: &str, body: Value| edge.client.post("/v1/session").from(origin).json(&body);
    let shop = |body: Value| ask(SHOP.origin, body);
    let key = SHOP.sitekey;
    let mut cases = malformed_bodies("/v1/session", 64 * 1024);
    cases.extend([
        case(
            "unknown key",
            shop(json!({ "sitekey": "0xNOBODY" })),
            403,
            "invalid-sitekey",
        ),
        case("empty key", shop(json!({ "sitekey": "" })), 403, "invalid-sitekey"),
        case(
            "secret for a key",
            shop(json!({ "sitekey": SHOP.secret })),
            403,
            "invalid-sitekey",
        ),
        case("number for a key", shop(json!({ "sitekey": 7 })), 400, "bad-request"),
        case(
            "long action",
            shop(json!({ "sitekey": key, "action": "a".repeat(33) })),
            400,
            "bad-request",
        ),
        case(
            "odd action",
            shop(json!({ "sitekey": key, "action": "<b>" })),
            400,
            "bad-request",
        ),
        case(
            "long cdata",
            shop(json!({ "sitekey": key, "cdata": "c".repeat(256) })),
            400,
            "bad-request",
        ),
        case(
            "other site",
            ask("https://evil.example", json!({ "sitekey": key })),
            403,
            "origin-not-allowed",
        ),
        case(
            "other site's page",
            ask(FORUM.origin, json!({ "sitekey": key })),
            403,
            "origin-not-allowed",
        ),
        case(
            "null origin",
            ask("null", json!({ "sitekey": key })),
            403,
            "origin-not-allowed",
        ),
        case(
            "below the site",
            ask("https://a.shop.example", json!({ "sitekey": key })),
            403,
            "origin-not-allowed",
        ),
        case(
            "no origin",
            edge.client.post("/v1/session").json(&json!({ "sitekey": key })),
            403,
            "origin-not-allowed",
        ),
    ]);
    check(cases);
}

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

#[test]
fn answers_are_checked_before_the_challenge_is_consumed() {
    let (edge, set) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let challenge = visitor.challenged();
    let answer = |challenge: &str, answer: &str| {
        json!(AnswerRequest {
            challenge: challenge.to_owned(),
            answer: answer.to_owned(),
            behaviour: parallax_captcha::wire::AnswerBehaviour::default(),
        })
    };
    let of = |text: &str| visitor.post("/v1/answer").json(&answer(text, "AAAA"));
    let good = answer(&challenge.id, "AAAA");
    let from = |origin: &str| edge.client.post("/v1/answer").from(origin).json(&good);
    let body = claims::Challenge {
        page: forge::page(&SHOP),
        label: "AAAA".to_owned(),
        set: Digest::of(b"nothing"),
        checkpoint: Digest::of(b"nothing"),
        pack: Digest::of(b"nothing"),
        span: Span { offset: 0, length: 10 },
        wrong: 0,
        refreshed: 0,
        suspicion: claims::Suspicion::default(),
        level: Level::default(),
        sampled: false,
    };
    let expired = forge::ticket(edge, &SHOP, Purpose::Challenge, body.clone(), 200, 180);
    let as_session = forge::ticket(edge, &SHOP, Purpose::Session, body, 0, 180);

    let mut cases = malformed_bodies("/v1/answer", 64 * 1024);
    cases.extend([
        case("empty challenge", of(""), 401, "challenge-invalid"),
        case("no challenge of ours", of("abc"), 401, "challenge-invalid"),
        case("session for a challenge", of(&as_session), 401, "challenge-invalid"),
        case("expired challenge", of(&expired), 410, "challenge-expired"),
        case("other site", from("https://evil.example"), 403, "origin-not-allowed"),
        case("other site of ours", from(FORUM.origin), 403, "origin-not-allowed"),
        case(
            "no origin",
            edge.client.post("/v1/answer").json(&good),
            403,
            "origin-not-allowed",
        ),
        case(
            "long answer",
            visitor.post("/v1/answer").json(&answer(&challenge.id, &"A".repeat(65))),
            400,
            "bad-request",
        ),
        case(
            "number",
            visitor
                .post("/v1/answer")
                .json(&json!({ "challenge": challenge.id, "answer": 1 })),
            400,
            "bad-request",
        ),
    ]);
    check(cases);

    let outcome = visitor.answer(&challenge, set.answer_to(&visitor.picture(&challenge)));
    assert!(
        matches!(outcome, Outcome::Pass { .. }),
        "the challenge survived: {outcome:?}"
    );
    let again = visitor.try_answer(&challenge.id, "AAAA");
    tells_nothing("used challenge", &again);
    assert_eq!(again.error(), (410, "challenge-used".to_owned()));
}

#[test]
fn pictures() {
    let (edge, _) = shared();
    let get = |id: &str| edge.client.get(&format!("/v1/challenge/{id}/image"));
    let body = claims::Challenge {
        page: forge::page(&SHOP),
        label: "AAAA".to_owned(),
        set: Digest::of(b"nothing"),
        checkpoint: Digest::of(b"nothing"),
        pack: Digest::of(b"nothing"),
        span: Span { offset: 0, length: 10 },
        wrong: 0,
        refreshed: 0,
        suspicion: claims::Suspicion::default(),
        level: Level::default(),
        sampled: false,
    };
    let expired = forge::ticket(edge, &SHOP, Purpose::Challenge, body.clone(), 200, 180);
    let of_deleted_set = forge::ticket(edge, &SHOP, Purpose::Challenge, body, 0, 180);
    check(vec![
        case("no challenge", get("abc"), 401, "challenge-invalid"),
        case("overlong", get(&"A".repeat(6000)), 401, "challenge-invalid"),
        case("expired", get(&expired), 410, "challenge-expired"),
        case("of a deleted set", get(&of_deleted_set), 410, "challenge-expired"),
        case("no id", edge.client.get("/v1/challenge//image"), 404, "not-found"),
        case(
            "no such thing",
            edge.client.get("/v1/challenge/abc/answer"),
            404,
            "not-found",
        ),
        case("no path", edge.client.get("/v1/nothing"), 404, "not-found"),
        case(
            "POST",
            edge.client.post("/v1/challenge/abc/image"),
            405,
            "method-not-allowed",
        ),
    ]);
}

#[test]
fn no_reply_before_the_answer_holds_the_answer() {
    let (edge, set) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let session = visitor.session();
    let slid = visitor.try_slide(&session, slides::straight(&session.slider));
    let Outcome::Challenge { challenge } = slid.json() else {
        panic!("{slid:?}")
    };
    let picture = edge.client.get(&challenge.image).send();
    let answer = set.answer_to(&picture.body);
    let wrong = visitor.try_answer(&challenge.id, "PPPPP");
    for reply in [&slid, &picture, &wrong] {
        let sent = [reply.body.clone(), format!("{:?}", reply.headers).into_bytes()].concat();
        assert!(
            !sent.windows(answer.len()).any(|window| window == answer.as_bytes()),
            "{answer} in {reply:?}"
        );
    }
}
