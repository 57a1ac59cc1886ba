//! How long the first visitor of an empty edge waits for a captcha, from the command that starts the server.

use std::time::{Duration, Instant};

use parallax_tests::edge::{Edge, EdgeConfig, SHOP};
use parallax_tests::slides;
use parallax_tests::visitor::Visitor;

use crate::serving::plain_worker;
use crate::table::Row;

const ROUNDS: usize = 3;
const LIMIT: Duration = Duration::from_secs(180);

/// Beside a Worker that draws nothing.
pub fn measure() -> Vec<Row> {
    let best = |round: fn() -> Duration| (0..ROUNDS).map(|_| round()).min().unwrap().as_secs_f64();
    let (captcha, answer) = (best(first_captcha), best(first_answer));
    vec![Row {
        what: "first captcha after the server's start, from empty storage",
        ours: format!("{captcha:.1} s"),
        peer: "first answer of a plain Worker",
        theirs: format!("{answer:.1} s"),
        ratio: Some(answer / captcha),
        goal: "15 s",
    }]
}

fn first_captcha() -> Duration {
    let started = Instant::now();
    let edge = Edge::start(&EdgeConfig {
        set_size: 64,
        ..EdgeConfig::default()
    });
    let visitor = Visitor::of(&edge, SHOP);
    let session = visitor.session();
    while visitor.try_slide(&session, slides::straight(&session.slider)).status != 200 {
        assert!(started.elapsed() < LIMIT, "{}", edge.server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    started.elapsed()
}

fn first_answer() -> Duration {
    let started = Instant::now();
    let _server = plain_worker(1000); // stopped after the time is taken
    started.elapsed()
}
