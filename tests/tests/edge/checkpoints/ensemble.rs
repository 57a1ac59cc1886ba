//! The most models that a checkpoint may have.

use parallax_edge_shared::admin::GradientReply;
use parallax_edge_shared::digest::Digest;
use parallax_onnx::checkpoint::MAX_MEMBERS;
use parallax_tests::checkpoint::Checkpoint;
use parallax_tests::edge::Edge;
use serde_json::json;

use super::{list, made_with, post, push, small};
use crate::exclusive;

/// The most linear memory that leaves a Worker room for JavaScript, bytes; it may have 128 MB in all.
const MOST_BYTES: u64 = 100_000_000;

#[test]
fn models_and_what_became_of_them_take_turns_and_fit() {
    let _turn = exclusive();
    let (edge, _) = Edge::with_pictures(&small());
    // The second replaces the first.
    for most in [Checkpoint::shipped().twice(), Checkpoint::measured(0.5).twice()] {
        assert_eq!(most.manifest.members.len(), MAX_MEMBERS);
        assert_eq!(push(&edge, &most.signed(&edge.signing_key)).status, 201);
        assert_eq!(list(&edge)[0].architectures.len(), MAX_MEMBERS);
        assert_eq!(made_with(&edge), Digest::of(&most.manifest_json()));
    }
    let reply = post(&edge, "/admin/v1/sets/gradient")
        .json(&json!({ "seed": 1 }))
        .send();
    let memory = reply.json::<GradientReply>().memory_bytes;
    assert!((1..MOST_BYTES).contains(&memory), "{memory} bytes");
}
