//! End to end over HTTP: session, slide, challenge, answer, siteverify, admin; against workerd, from empty storage.

mod admin;
mod bad_input;
mod checkpoints;
mod headers;
mod pull;
mod queries;
mod risk;
mod routing;
mod siteverify;
mod throttle;
mod whole_way;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::image_set::ImageSet;

/// The edge that most tests share: single use, not isolation by storage, keeps them apart. Its supervisor ends it when
/// this process ends.
static SHARED: LazyLock<(Edge, ImageSet)> = LazyLock::new(|| Edge::with_pictures(&EdgeConfig::default()));

/// The shared edge, with the set it serves.
fn shared() -> (&'static Edge, &'static ImageSet) {
    (&SHARED.0, &SHARED.1)
}

/// Starting an edge takes both cores for seconds: one at a time.
fn exclusive() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
