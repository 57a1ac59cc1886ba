//! What a captcha from its set costs: CPU time of workerd, in which router, bucket and Durable Objects are simulated too
//! (on the platform they are other machines' work). So it stands beside a Worker of a few lines that answers with as
//! many bytes from such a bucket: what a picture takes longer is our module's work, and that of a second Worker and of
//! Durable Objects being there.

use std::fs;
use std::time::Duration;

use parallax_tests::edge::{Edge, EdgeConfig, SHOP};
use parallax_tests::paths::repository;
use parallax_tests::server::{Server, copy, unused_path};
use parallax_tests::visitor::Visitor;

use crate::table::Row;

const REQUESTS: u32 = 400;
/// Rounds of which the fastest counts: whatever else the machine does only slows down.
const ROUNDS: u32 = 3;
/// Bytes before a picture in its pack.
const OFFSET: usize = 100_000;
/// Linux counts CPU time in hundredths of a second, whatever its own clock's rate (`man 5 proc`, `sysconf`).
const TICK: Duration = Duration::from_millis(10);

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
    let before = used(server.pid());
    (0..REQUESTS).for_each(|_| call());
    let used = used(server.pid()).saturating_sub(before);
    used.as_secs_f64() * 1e3 / f64::from(REQUESTS)
}

/// CPU time of every workerd below the process `ancestor`.
fn used(ancestor: u32) -> Duration {
    let processes: Vec<Process> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| Process::read(&fs::read_to_string(entry.ok()?.path().join("stat")).ok()?))
        .collect();
    let is_below = |mut pid: u32| {
        while pid != ancestor {
            match processes.iter().find(|process| process.pid == pid) {
                Some(process) if process.parent > 1 => pid = process.parent,
                _ => return false,
            }
        }
        true
    };
    let below = processes
        .iter()
        .filter(|process| process.name == "workerd" && is_below(process.pid));
    below.map(|process| TICK * process.ticks).sum()
}

struct Process {
    pid: u32,
    name: String,
    parent: u32,
    ticks: u32,
}

impl Process {
    /// Reads `/proc/PID/stat`: `pid (name) state ppid ... utime stime`, fields 14 and 15.
    fn read(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |position: usize| fields.get(position - 3)?.parse::<u32>().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            parent: number(4)?,
            ticks: number(14)? + number(15)?,
        })
    }
}
