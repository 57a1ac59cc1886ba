//! Headers that browsers act on: CORS, sniffing, caching; and what ships is served as what it is.

use parallax_tests::edge::{FORUM, SHOP};
use parallax_tests::visitor::Visitor;

use crate::shared;

#[test]
fn a_site_may_read_replies_and_others_may_not() {
    let (edge, _) = shared();
    let preflight = |origin: &str| {
        let call = edge.client.call("OPTIONS", "/v1/session").from(origin);
        call.header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
    };
    for site in [SHOP, FORUM] {
        let reply = preflight(site.origin);
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin")),
            (204, site.origin)
        );
        assert!(reply.header("access-control-allow-headers").contains("content-type"));
    }
    assert_eq!(
        preflight("https://evil.example").header("access-control-allow-origin"),
        ""
    );
    let reply = edge
        .client
        .post("/v1/session")
        .from("https://evil.example")
        .json(&serde_json::json!({}))
        .send();
    assert_eq!(reply.header("access-control-allow-origin"), "");
    assert!(reply.header("access-control-allow-credentials").is_empty());
    let admin = edge
        .client
        .get("/admin/v1/sets")
        .from(SHOP.origin)
        .bearer(&edge.admin_key)
        .send();
    assert_eq!(admin.header("access-control-allow-origin"), "");
}

#[test]
fn nothing_of_a_visit_is_stored_or_sniffed() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let challenge = visitor.challenged();
    let replies = [
        edge.client.get(&challenge.image).from(SHOP.origin).send(),
        visitor.try_answer(&challenge.id, ""),
        visitor.verify("abc"),
        edge.client.get("/v1/nothing").send(),
    ];
    for reply in replies {
        assert_eq!(reply.header("cache-control"), "no-store", "{reply:?}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
        assert!(reply.header("set-cookie").is_empty(), "{reply:?}");
    }
}

#[test]
fn what_ships_is_served_as_what_it_is() {
    let (edge, _) = shared();
    let expected = [
        ("/", "text/html"),
        ("/api.js", "text/javascript"),
        ("/widget/widget.js", "text/javascript"),
        ("/widget/widget.wasm", "application/wasm"),
    ];
    for (path, kind) in expected {
        let reply = edge.client.get(path).send();
        assert_eq!(reply.status, 200, "{path}");
        let found = reply
            .header("content-type")
            .replace("application/javascript", "text/javascript");
        assert!(found.starts_with(kind), "{path}: {found}");
    }
    assert_eq!(edge.client.get("/no-such-page").send().status, 404);
}
