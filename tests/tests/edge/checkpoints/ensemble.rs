//! The most models that a checkpoint may have.

use parallax_edge_shared::admin::GradientReply;
use parallax_edge_shared::digest::Digest;
use parallax_onnx::checkpoint::MAX_MEMBERS;
use parallax_tests::checkpoint::Checkpoint;
use parallax_tests::edge::Edge;
use serde_json::json;

use super::{list, made_with, post, push, small};
use crate::exclusive;

/// What a Worker may have, bytes.
const PLATFORM_BYTES: u64 = 128_000_000;

#[test]
fn models_and_what_became_of_them_take_turns_and_fit() {
    let _turn = exclusive();
    let (edge, _) = Edge::with_pictures(&small());
    let most = Checkpoint::shipped().without_generator().twice();
    assert_eq!(most.manifest.members.len(), MAX_MEMBERS);
    assert_eq!(push(&edge, &most.signed(&edge.signing_key)).status, 201);
    assert_eq!(list(&edge)[0].architectures.len(), MAX_MEMBERS);
    assert_eq!(made_with(&edge), Digest::of(&most.manifest_json()));
    let reply = post(&edge, "/admin/v1/sets/gradient").json(&json!({ "seed": 1 })).send();
    let memory = reply.json::<GradientReply>().memory_bytes;
    assert!((1..PLATFORM_BYTES).contains(&memory), "{memory} bytes");
}
