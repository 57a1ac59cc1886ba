//! The admin API: who may call it, what it answers to bad input, what an export holds.

use parallax_edge_shared::admin::{RefreshReply, SetState};
use parallax_tests::client::Call;
use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::image_set::{ImageSet, list};
use serde_json::json;
use std::time::Duration;

use crate::{exclusive, shared};

#[test]
fn only_the_admin_key_opens_it() {
    let (edge, _) = shared();
    let paths = [
        ("GET", "/admin/v1/sets"),
        ("GET", "/admin/v1/sets/current/export"),
        ("POST", "/admin/v1/sets/refresh"),
        ("POST", "/admin/v1/sets/gradient"),
    ];
    for (method, path) in paths {
        let call = || edge.client.call(method, path);
        let keys: [(&str, Call); 5] = [
            ("none", call()),
            ("wrong", call().bearer(&"0".repeat(64))),
            ("empty", call().bearer("")),
            ("head of it", call().bearer(&edge.admin_key[..63])),
            (
                "basic",
                call().header("authorization", &format!("Basic {}", edge.admin_key)),
            ),
        ];
        for (key, call) in keys {
            let reply = call.send();
            assert_eq!(reply.error(), (401, "unauthorized".to_owned()), "{method} {path} {key}");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
        }
    }
}

#[test]
fn bad_input_is_refused_with_its_field() {
    let (edge, _) = shared();
    let post = |path: &str| edge.client.post(path).bearer(&edge.admin_key);
    let refresh = || post("/admin/v1/sets/refresh");
    let gradient = || post("/admin/v1/sets/gradient");
    let cases: Vec<(&str, Call, u16, &str)> = vec![
        (
            "count of none",
            refresh().json(&json!({ "count": 0 })),
            400,
            "bad-request",
        ),
        (
            "too many",
            refresh().json(&json!({ "count": 1_000_000 })),
            400,
            "bad-request",
        ),
        (
            "seed too large",
            refresh().json(&json!({ "seed": 1_u64 << 53 })),
            400,
            "bad-request",
        ),
        (
            "no level",
            refresh().json(&json!({ "levels": [84] })),
            400,
            "bad-request",
        ),
        ("negative", refresh().json(&json!({ "count": -1 })), 400, "bad-request"),
        (
            "unknown field",
            refresh().json(&json!({ "size": 3 })),
            400,
            "bad-request",
        ),
        ("no JSON", refresh().body("application/json", "{"), 400, "bad-request"),
        ("form", refresh().form(&[("count", "3")]), 415, "unsupported-media-type"),
        (
            "oversized",
            refresh().body("application/json", vec![b' '; 100_000]),
            413,
            "payload-too-large",
        ),
        ("no seed", gradient().json(&json!({})), 400, "bad-request"),
        (
            "no runs",
            gradient().json(&json!({ "seed": 1, "runs": 0 })),
            400,
            "bad-request",
        ),
        (
            "too many runs",
            gradient().json(&json!({ "seed": 1, "runs": 501 })),
            400,
            "bad-request",
        ),
        (
            "no such model",
            gradient().json(&json!({ "seed": 1, "member": 2 })),
            400,
            "bad-request",
        ),
        (
            "no such set",
            get(edge, "/admin/v1/sets/00000000000000000000000000000000/export"),
            404,
            "not-found",
        ),
        (
            "no id",
            get(edge, "/admin/v1/sets/..%2F..%2Fpacks/export"),
            404,
            "not-found",
        ),
        ("no path", get(edge, "/admin/v1/nothing"), 404, "not-found"),
        ("method", get(edge, "/admin/v1/sets/refresh"), 405, "method-not-allowed"),
    ];
    for (name, call, status, code) in cases {
        assert_eq!(call.send().error(), (status, code.to_owned()), "{name}");
    }
}

fn get(edge: &Edge, path: &str) -> Call {
    edge.client.get(path).bearer(&edge.admin_key)
}

#[test]
fn an_export_holds_pictures_masks_and_answers() {
    let (edge, set) = shared();
    assert_eq!(set.pictures.len(), 12);
    for picture in &set.pictures {
        parallax_captcha::alphabet::Label::new(&picture.label).unwrap();
        for png in [&picture.image, &picture.mask] {
            let decoded = image::load_from_memory(png).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (200, 60));
        }
    }
    let listed = list(edge);
    let current = listed.sets.first().unwrap();
    assert_eq!(
        (current.id, current.state, current.count),
        (set.index.id, SetState::Active, 12)
    );
    let by_id = ImageSet::export(edge, &set.index.id.to_string());
    assert_eq!(by_id.pictures.len(), 12);
}

#[test]
fn a_deployment_chooses_its_gradients() {
    let _turn = exclusive();
    let (_, set) = Edge::with_pictures(&EdgeConfig {
        set_size: 4,
        gradients: Some(1),
        ..EdgeConfig::default()
    });
    assert_eq!(set.index.recipe.perturb.get("steps"), Some(&json!(1)));
    let (_, shipped) = shared();
    assert_eq!(shipped.index.recipe.perturb.get("steps"), Some(&json!(10)));
    // Nearly all pass the readability gate.
    assert!(shipped.index.strengths().full as usize * 2 > shipped.pictures.len());
}

#[test]
fn the_same_seed_makes_the_same_pictures() {
    let _turn = exclusive();
    let edge = Edge::start(&EdgeConfig::default());
    let mut served = None;
    let mut make = |seed: u64| {
        let order = json!({ "count": 3, "seed": seed });
        let call = edge.client.post("/admin/v1/sets/refresh").bearer(&edge.admin_key);
        let reply = call.json(&order).send();
        assert_eq!(reply.status, 202, "{reply:?}");
        assert_eq!(
            reply.json::<RefreshReply>(),
            RefreshReply {
                count: 3,
                seed,
                levels: Vec::new()
            }
        );
        let set = ImageSet::wait_until(&edge, Duration::from_secs(60), |list| {
            list.sets.first().is_some_and(|set| Some(set.id) != served)
        });
        served = Some(set.index.id);
        set
    };
    let [first, other, again] = [42, 43, 42].map(&mut make);
    let images = |set: &ImageSet| {
        set.pictures
            .iter()
            .map(|picture| picture.image.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(images(&first), images(&again));
    assert_ne!(images(&first), images(&other));
}
