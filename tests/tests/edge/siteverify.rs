//! siteverify as sites' servers call it: encodings, idempotency, whose token it is, the published test keys.

use parallax_captcha::ticket::Purpose;
use parallax_captcha::wire::{Outcome, SessionReply, SlideRequest};
use parallax_edge_shared::claims::Token;
use parallax_edge_shared::siteverify::Reply;
use parallax_tests::client::Call;
use parallax_tests::edge::{Edge, EdgeConfig, FORUM, SHOP, TestKeys};
use parallax_tests::visitor::{Visitor, verify};
use parallax_tests::{forge, slides};
use serde_json::json;

use crate::{exclusive, shared};

const UUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const OTHER_UUID: &str = "1f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const DUMMY_TOKEN: &str = "XXXX.DUMMY.TOKEN.XXXX";

/// Status, success and the one error code of a verdict.
fn verdict(call: Call) -> (u16, bool, String) {
    let sent = call.send();
    let reply: Reply = sent.json();
    (sent.status, reply.success, reply.error_codes.join(" "))
}

fn accepted() -> (u16, bool, String) {
    (200, true, String::new())
}

fn refused(code: &str) -> (u16, bool, String) {
    (200, false, code.to_owned())
}

#[test]
fn all_three_encodings_and_the_alias_are_understood() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let post = |path| edge.client.post(path);

    let token = visitor.token();
    assert_eq!(
        verdict(post("/siteverify").form(&[("secret", SHOP.secret), ("response", &token)])),
        accepted()
    );
    let token = visitor.token();
    let body = json!({ "secret": SHOP.secret, "response": token, "remoteip": "192.0.2.1", "sitekey": SHOP.sitekey });
    assert_eq!(verdict(post("/turnstile/v0/siteverify").json(&body)), accepted());
    let token = visitor.token();
    let part = |name: &str, value: &str| {
        format!("--boundary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = [
        &part("secret", SHOP.secret),
        &part("response", &token),
        "--boundary--\r\n",
    ]
    .concat();
    assert_eq!(
        verdict(post("/siteverify").body("multipart/form-data; boundary=boundary", body)),
        accepted()
    );
}

#[test]
fn the_same_idempotency_key_gets_the_stored_reply_again() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let token = visitor.token();
    let ask = |key: &str| {
        let body = json!({ "secret": SHOP.secret, "response": token, "idempotency_key": key });
        edge.client.post("/siteverify").json(&body).send().json::<Reply>()
    };
    let first = ask(UUID);
    assert!(first.success, "{first:?}");
    assert_eq!(ask(UUID), first);
    assert_eq!(ask(OTHER_UUID).error_codes, ["timeout-or-duplicate"]);
    let without: Reply = visitor.verify(&token).json();
    assert_eq!(without.error_codes, ["timeout-or-duplicate"]);
    assert_eq!(ask("not a uuid").error_codes, ["bad-request"]);
}

#[test]
fn refusals_consume_nothing() {
    let (edge, _) = shared();
    let token = Visitor::of(edge, SHOP).token();
    let long = "x".repeat(3000);
    let flipped = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);
    let session = Visitor::of(edge, SHOP).session().session;
    let json = |value: serde_json::Value| edge.client.post("/siteverify").json(&value);
    let cases: Vec<(&str, Call, &str)> = vec![
        ("no secret", json(json!({ "response": token })), "missing-input-secret"),
        (
            "empty secret",
            json(json!({ "secret": "", "response": token })),
            "missing-input-secret",
        ),
        (
            "wrong secret",
            json(json!({ "secret": "nobody's", "response": token })),
            "invalid-input-secret",
        ),
        (
            "a sitekey for a secret",
            json(json!({ "secret": SHOP.sitekey, "response": token })),
            "invalid-input-secret",
        ),
        (
            "no token",
            json(json!({ "secret": SHOP.secret })),
            "missing-input-response",
        ),
        (
            "no token of ours",
            json(json!({ "secret": SHOP.secret, "response": "abc" })),
            "invalid-input-response",
        ),
        (
            "tampered with",
            json(json!({ "secret": SHOP.secret, "response": flipped })),
            "invalid-input-response",
        ),
        (
            "a session",
            json(json!({ "secret": SHOP.secret, "response": session })),
            "invalid-input-response",
        ),
        (
            "too long",
            json(json!({ "secret": SHOP.secret, "response": long })),
            "invalid-input-response",
        ),
        (
            "another site's",
            json(json!({ "secret": FORUM.secret, "response": token })),
            "invalid-input-response",
        ),
        (
            "another site's key",
            json(json!({ "secret": SHOP.secret, "response": token, "sitekey": FORUM.sitekey })),
            "invalid-input-response",
        ),
        (
            "wrong type",
            json(json!({ "secret": SHOP.secret, "response": [token] })),
            "bad-request",
        ),
        ("no object", json(json!("secret")), "bad-request"),
        (
            "no JSON",
            edge.client.post("/siteverify").body("application/json", "{"),
            "bad-request",
        ),
        (
            "no form",
            edge.client.post("/siteverify").body("text/plain", "secret=1"),
            "bad-request",
        ),
        (
            "no boundary",
            edge.client.post("/siteverify").body("multipart/form-data", "secret"),
            "bad-request",
        ),
        (
            "oversized",
            edge.client
                .post("/siteverify")
                .form(&[("secret", &"x".repeat(100_000))]),
            "bad-request",
        ),
        (
            "dummy token",
            json(json!({ "secret": SHOP.secret, "response": DUMMY_TOKEN })),
            "invalid-input-response",
        ),
    ];
    for (case, call, code) in cases {
        assert_eq!(verdict(call), refused(code), "{case}");
    }
    assert_eq!(
        verdict(json(json!({ "secret": SHOP.secret, "response": token }))),
        accepted()
    );
}

#[test]
fn an_expired_token_is_refused_and_still_says_whose_it_was() {
    let (edge, _) = shared();
    let body = Token {
        page: forge::page(&SHOP),
        interactive: false,
    };
    let late = forge::ticket(edge, &SHOP, Purpose::Token, body.clone(), 301, 300);
    let reply: Reply = verify(&edge.client, SHOP.secret, &late).json();
    assert_eq!(
        (reply.success, reply.error_codes),
        (false, vec!["timeout-or-duplicate".to_owned()])
    );
    assert_eq!(reply.hostname.as_deref(), Some("shop.example"));
    assert!(reply.challenge_ts.is_some());
    let in_time = forge::ticket(edge, &SHOP, Purpose::Token, body, 290, 300);
    assert!(verify(&edge.client, SHOP.secret, &in_time).json::<Reply>().success);
}

#[test]
fn published_test_keys_do_what_their_documentation_says() {
    let (edge, _) = shared();
    let ask = |secret: &str| {
        verdict(
            edge.client
                .post("/siteverify")
                .form(&[("secret", secret), ("response", DUMMY_TOKEN)]),
        )
    };
    assert_eq!(ask("1x0000000000000000000000000000000AA"), accepted());
    assert_eq!(
        ask("2x0000000000000000000000000000000AA"),
        refused("invalid-input-response")
    );
    assert_eq!(
        ask("3x0000000000000000000000000000000AA"),
        refused("timeout-or-duplicate")
    );

    let slide = |sitekey: &str| -> Outcome {
        let origin = "https://anywhere.example";
        let session = edge
            .client
            .post("/v1/session")
            .from(origin)
            .json(&json!({ "sitekey": sitekey }))
            .send();
        let session: SessionReply = session.json();
        let trace = slides::straight(&session.slider);
        let slide = SlideRequest {
            session: session.session,
            trace,
            environment: slides::browser(),
        };
        edge.client.post("/v1/slide").from(origin).json(&slide).send().json()
    };
    let passed = slide("1x00000000000000000000AA");
    assert!(
        matches!(&passed, Outcome::Pass { token, .. } if token == DUMMY_TOKEN),
        "{passed:?}"
    );
    let blocked = slide("2x00000000000000000000AB");
    assert!(matches!(blocked, Outcome::Block { .. }), "{blocked:?}");
    let challenged = slide("3x00000000000000000000FF");
    assert!(matches!(challenged, Outcome::Challenge { .. }), "{challenged:?}");
}

#[test]
fn test_keys_are_refused_unless_turned_on() {
    let _turn = exclusive();
    let edge = Edge::start(&EdgeConfig {
        test_keys: TestKeys::Off,
        ..EdgeConfig::default()
    });
    let secret = "1x0000000000000000000000000000000AA";
    let reply: Reply = verify(&edge.client, secret, DUMMY_TOKEN).json();
    assert_eq!(reply.error_codes, ["invalid-input-secret"]);
    let body = json!({ "sitekey": "1x00000000000000000000AA" });
    let session = edge
        .client
        .post("/v1/session")
        .from("https://anywhere.example")
        .json(&body)
        .send();
    assert_eq!(session.error(), (403, "invalid-sitekey".to_owned()));
}
