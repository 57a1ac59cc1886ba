//! Records of answered challenges: what they hold, pages, pictures, deletion, and who may see them.

use std::time::{Duration, Instant};

use parallax_captcha::wire::Outcome;
use parallax_edge_shared::query::{Deleted, Query};
use parallax_tests::client::Reply;
use parallax_tests::edge::{Edge, RECORDED};
use parallax_tests::visitor::Visitor;

use crate::shared;

fn get(edge: &Edge, path: &str) -> Reply {
    edge.client.get(path).bearer(&edge.admin_key).send()
}

fn page(edge: &Edge, query: &str) -> Vec<Query> {
    let reply = get(edge, &format!("/admin/v1/queries{query}"));
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/x-ndjson"),
        "{reply:?}"
    );
    reply.lines()
}

/// All records of this test's site, read page by page.
fn all(edge: &Edge, limit: usize) -> Vec<Query> {
    let mut records: Vec<Query> = Vec::new();
    loop {
        let after = records.last().map_or(0, |query| query.id);
        let next = page(edge, &format!("?after={after}&limit={limit}"));
        assert!(next.len() <= limit);
        if next.is_empty() {
            records.retain(|query| query.record.site == RECORDED.name);
            return records;
        }
        records.extend(next);
    }
}

/// Records are written after the visitor was answered.
fn wait_for(edge: &Edge, count: usize) -> Vec<Query> {
    let started = Instant::now();
    loop {
        let records = all(edge, 1000);
        if records.len() >= count {
            return records;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{records:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The only test that deletes: others of this binary write records, none reads them.
#[test]
fn answers_are_recorded_paged_shown_and_deleted() {
    let (edge, set) = shared();
    let visitor = Visitor::of(edge, RECORDED);
    let first = visitor.challenged();
    let first_picture = visitor.picture(&first);
    let Outcome::Retry { challenge: second } = visitor.answer(&first, " pp pp ") else {
        panic!("a wrong answer gets another picture");
    };
    // Passed over: no answer, no record.
    let Outcome::Retry { challenge: third } = visitor.answer(&second, "") else {
        panic!("a picture may be passed over");
    };
    let third_picture = visitor.picture(&third);
    let right = set.answer_to(&third_picture);
    assert!(matches!(visitor.answer(&third, right), Outcome::Pass { .. }));

    let records = wait_for(edge, 2);
    let [wrong_query, right_query] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert!(wrong_query.id < right_query.id);
    // One visitor's, and not their address.
    assert!(wrong_query.record.source.is_some());
    assert_eq!(wrong_query.record.source, right_query.record.source);
    for (query, answer, is_right) in [(wrong_query, "PPPP", false), (right_query, right, true)] {
        let record = &query.record;
        assert_eq!((record.answer.as_str(), record.right), (answer, is_right));
        assert_eq!(
            (record.set, record.checkpoint),
            (set.index.id, set.index.recipe.checkpoint)
        );
        assert!(set.index.packs.iter().any(|pack| pack.id == record.pack));
        assert_eq!((record.elapsed_ms, record.keys), (4200, 5));
        assert!(
            record.p_bot > 0.9 && record.reasons.contains(&"too-fast".to_owned()),
            "{record:?}"
        );
    }
    for (query, picture) in [(wrong_query, first_picture), (right_query, third_picture)] {
        let reply = get(edge, &format!("/admin/v1/queries/{}/image", query.id));
        assert_eq!(reply.header("content-type"), "image/png");
        assert!(reply.body == picture, "{reply:?}");
    }
    assert_eq!(all(edge, 1), records, "one by one");

    let through = right_query.id;
    let delete = |query: &str| {
        let call = edge.client.call("DELETE", &format!("/admin/v1/queries{query}"));
        call.bearer(&edge.admin_key).send()
    };
    assert_eq!(delete("").error(), (400, "bad-request".to_owned()));
    let deleted: Deleted = delete(&format!("?through={through}")).json();
    assert!(deleted.deleted >= 2);
    assert!(all(edge, 1000).is_empty());
    assert_eq!(delete(&format!("?through={through}")).json::<Deleted>().deleted, 0);
    let gone = get(edge, &format!("/admin/v1/queries/{through}/image"));
    assert_eq!(gone.error(), (404, "not-found".to_owned()));
}

#[test]
fn only_the_admin_key_opens_them_and_bad_parameters_are_named() {
    let (edge, _) = shared();
    for (method, path) in [
        ("GET", "/admin/v1/queries"),
        ("DELETE", "/admin/v1/queries?through=9007199254740991"),
        ("GET", "/admin/v1/queries/1/image"),
        ("GET", "/admin/v1/sites/shop/risk"),
        ("GET", "/admin/v1/sites/shop/traces"),
    ] {
        let reply = edge.client.call(method, path).bearer(&"0".repeat(64)).send();
        assert_eq!(reply.error(), (401, "unauthorized".to_owned()), "{method} {path}");
    }
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?after=-1", "after"),
        ("?after=1;DROP", "after"),
        ("?from=1", "query"),
    ] {
        let reply = get(edge, &format!("/admin/v1/queries{query}"));
        assert_eq!(reply.error(), (400, "bad-request".to_owned()), "{query}");
        let body: serde_json::Value = reply.json();
        assert_eq!(body["error"]["field"], field, "{query}");
    }
    for (method, path, status, code) in [
        ("POST", "/admin/v1/queries", 405, "method-not-allowed"),
        ("GET", "/admin/v1/queries/x/image", 404, "not-found"),
        ("GET", "/admin/v1/queries/9007199254740993/image", 404, "not-found"),
        ("GET", "/admin/v1/sites/nobody/risk", 404, "not-found"),
    ] {
        let reply = edge.client.call(method, path).bearer(&edge.admin_key).send();
        assert_eq!(reply.error(), (status, code.to_owned()), "{method} {path}");
    }
}
