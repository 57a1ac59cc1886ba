//! Whatever is sent: the documented status and code, nothing consumed, and nothing told that should not be.

mod traces;

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
