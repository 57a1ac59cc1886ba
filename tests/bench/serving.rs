//! What a captcha from its set costs: the CPU time of the Worker itself, which the platform bills, by V8's profiler;
//! and that of all of workerd, in which router, bucket and Durable Objects are simulated too (on the platform they are
//! other machines' work), beside a static file from the same server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use parallax_tests::edge::{Edge, EdgeConfig, SHOP, repository, tool};
use parallax_tests::visitor::Visitor;
use serde::Deserialize;

use crate::table::Row;

const REQUESTS: u32 = 400;
/// Linux counts CPU time in hundredths of a second, whatever its own clock's rate (`man 5 proc`, `sysconf`).
const TICK: Duration = Duration::from_millis(10);

/// A picture, and a whole captcha (session, slide, picture), each beside a static file.
pub fn measure() -> Vec<Row> {
    let (edge, _) = Edge::with_pictures(&EdgeConfig::default());
    let visitor = Visitor::of(&edge, SHOP);
    let challenge = visitor.challenged();
    let captcha = || drop(visitor.picture(&visitor.challenged()));
    let picture = || drop(visitor.picture(&challenge));
    let file = || assert_eq!(edge.client.get("/api.js").send().status, 200);
    (0..50).for_each(|_| (captcha(), file()).0); // warm

    let own = [worker_cpu(&edge, picture), worker_cpu(&edge, captcha)];
    let all = [cpu(&edge, picture), cpu(&edge, captcha)];
    let file = cpu(&edge, file);
    let row = |what, ours: f64, goal| Row {
        what,
        ours: format!("{ours:.2} ms CPU"),
        peer: "workerd for the static file api.js",
        theirs: format!("{file:.2} ms CPU"),
        ratio: Some(file / ours),
        goal,
    };
    vec![
        row(
            "serve a captcha's picture from its set, the Worker itself",
            own[0],
            "5 ms CPU",
        ),
        row("session, slide and picture, the Worker itself", own[1], "-"),
        row(
            "serve a captcha's picture, workerd with the simulated bucket",
            all[0],
            "-",
        ),
        row("session, slide and picture, workerd with all it simulates", all[1], "-"),
    ]
}

/// Milliseconds that the Worker's own JavaScript and wasm run a call.
fn worker_cpu(edge: &Edge, call: impl Fn()) -> f64 {
    #[derive(Deserialize)]
    struct Profile {
        own: f64,
    }
    let mut profiler = Command::new(tool("PARALLAX_NODE"))
        .arg(repository().join("tests/bench/worker_cpu.mjs"))
        .arg(edge.inspector_port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(profiler.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "sampling");
    (0..REQUESTS).for_each(|_| call());
    drop(profiler.stdin.take());
    let profile: Profile = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(profiler.wait().unwrap().success());
    profile.own / f64::from(REQUESTS)
}

/// Milliseconds of CPU time a call.
fn cpu(edge: &Edge, call: impl Fn()) -> f64 {
    let before = used(edge.pid());
    (0..REQUESTS).for_each(|_| call());
    let used = used(edge.pid()).saturating_sub(before);
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
