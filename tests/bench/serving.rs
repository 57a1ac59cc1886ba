//! What a captcha from its set costs: CPU time of workerd, in which router, bucket and Durable Objects are simulated too
//! (on the platform they are other machines' work). So it stands beside a Worker of a few lines that answers with as
//! many bytes from such a bucket: what a picture takes longer is our module's work, and that of a second Worker and of
//! Durable Objects being there.

use parallax_tests::edge::{Edge, EdgeConfig, SHOP};
use parallax_tests::paths::repository;
use parallax_tests::server::{Server, copy, unused_path};
use parallax_tests::visitor::Visitor;

use crate::process::cpu_time;
use crate::table::Row;

const REQUESTS: u32 = 400;
/// Rounds of which the fastest counts: whatever else the machine does only slows down.
const ROUNDS: u32 = 3;
/// Bytes before a picture in its pack.
const OFFSET: usize = 100_000;

/// A picture, and a whole captcha (session, slide, picture), each beside the plain Worker.
pub fn measure() -> Vec<Row> {
    let (edge, _) = Edge::with_pictures(&EdgeConfig::default());
    let visitor = Visitor::of(&edge, SHOP);
    let challenge = visitor.challenged();
    let captcha = || drop(visitor.picture(&visitor.challenged()));
    let picture = || drop(visitor.picture(&challenge));
    let size = visitor.picture(&challenge).len();

    let plain = plain_worker(size);
    let path = format!("/pack?offset={OFFSET}&length={size}");
    let answer = || assert_eq!(plain.client.get(&path).send().body.len(), size);
    (0..50).for_each(|_| (captcha(), answer()).0); // warm

    // In turns, so that both meet the same machine.
    let rounds = (0..ROUNDS).map(|_| {
        [
            cpu(&edge.server, picture),
            cpu(&plain, answer),
            cpu(&edge.server, captcha),
        ]
    });
    let fastest = |a: [f64; 3], b: [f64; 3]| std::array::from_fn(|i| a[i].min(b[i]));
    let [picture, answer, captcha] = rounds.reduce(fastest).unwrap();
    let row = |what, ours: f64, theirs: f64, peer, goal| Row {
        what,
        ours: format!("{ours:.2} ms CPU"),
        peer,
        theirs: format!("{theirs:.2} ms CPU"),
        ratio: Some(theirs / ours),
        goal,
    };
    vec![
        row(
            "serve a captcha's picture from its set",
            picture,
            answer,
            "plain Worker, one ranged read",
            "5 ms CPU",
        ),
        row(
            "session, slide and picture",
            captcha,
            3.0 * answer,
            "plain Worker, three ranged reads",
            "-",
        ),
    ]
}

/// A Worker that answers with `size` bytes of an object as large as a pack.
pub fn plain_worker(size: usize) -> Server {
    let folder = unused_path();
    copy(&repository().join("tests/bench/plain_worker"), &folder);
    let server = Server::start(folder, &[]);
    let reply = server
        .client
        .call("PUT", "/pack")
        .body("application/octet-stream", vec![7; 2 * OFFSET + size])
        .send();
    assert_eq!(reply.status, 200, "{reply:?}");
    server
}

/// Milliseconds of CPU time a call.
fn cpu(server: &Server, call: impl Fn()) -> f64 {
    let before = cpu_time(server.pid());
    (0..REQUESTS).for_each(|_| call());
    let used = cpu_time(server.pid()).saturating_sub(before);
    used.as_secs_f64() * 1e3 / f64::from(REQUESTS)
}
