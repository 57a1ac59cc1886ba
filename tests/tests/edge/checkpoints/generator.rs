//! Pictures that a generator began, and checkpoints without one.

use parallax_captcha::perturb::Start;
use parallax_edge_shared::digest::Digest;
use parallax_tests::checkpoint::Checkpoint;
use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::image_set::ImageSet;
use serde_json::json;

use super::{assert_refused, list, made_with, post, push, small};
use crate::exclusive;

#[test]
fn where_a_generator_is_wanted_and_there_is_none_a_gradient_takes_its_place() {
    let _turn = exclusive();
    let (edge, first) = Edge::with_pictures(&EdgeConfig {
        gradients: Some(0),
        start: Start::Generator,
        ..small()
    });
    let perturb = &first.index.recipe.perturb;
    assert_eq!((&perturb["start"], &perturb["steps"]), (&json!("generator"), &json!(0)));
    let strengths = first.index.strengths();
    assert!(strengths.full > 0 && strengths.plain == 0, "{strengths:?}");
    assert_eq!(list(&edge)[0].generator.as_deref(), Some("unet"));

    // As after a fine-tuning, which leaves the generator of the models before behind.
    let sent = Checkpoint::measured(0.5).without_generator();
    assert_eq!(push(&edge, &sent.signed(&edge.signing_key)).status, 201);
    assert_eq!(made_with(&edge), Digest::of(&sent.manifest_json()));
    let perturb = ImageSet::export(&edge, "current").index.recipe.perturb;
    assert_eq!((perturb.get("start"), &perturb["steps"]), (None, &json!(1)));
    let asked = post(&edge, "/admin/v1/sets/gradient").json(&json!({ "seed": 1, "generator": true }));
    assert_refused(&asked.send(), 400, "bad-request", Some("generator"), "no generator");
}
