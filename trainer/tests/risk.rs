//! `parallax risk` as a script sees it: the files it reads and writes, and what it refuses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

fn parallax(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parallax"))
        .args(line.split(' '))
        .output()
        .unwrap()
}

/// The one line that a failed run printed.
fn failure(line: &str) -> String {
    let output = parallax(line);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}: {text}");
    assert!(
        output.stdout.is_empty() && text.trim_end().lines().count() == 1,
        "{line}: {text}"
    );
    text
}

fn done(line: &str) -> serde_json::Value {
    let output = parallax(&format!("{line} --json"));
    assert!(
        output.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn simulated(root: &Path, family: &str, count: u32, seed: u32) -> PathBuf {
    let path = root.join(format!("{family}-{count}-{seed}.txt"));
    done(&format!(
        "risk simulate --family {family} --count {count} --seed {seed} --out {}",
        path.display()
    ));
    path
}

/// `id,p_bot` lines of a scored file.
fn scored(root: &Path, traces: &Path) -> Vec<(String, f64)> {
    let out = root.join("scores.csv");
    done(&format!(
        "risk score --traces {} --out {}",
        traces.display(),
        out.display()
    ));
    let text = fs::read_to_string(out).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("id,p_bot"));
    let pair = |line: &str| {
        let (id, p_bot) = line.split_once(',').unwrap();
        (id.to_owned(), p_bot.parse().unwrap())
    };
    lines.map(pair).collect()
}

#[test]
fn simulated_attackers_are_a_function_of_their_seed() {
    let root = TempDir::new().unwrap();
    let read = |count, seed| fs::read_to_string(simulated(root.path(), "overshoot", count, seed)).unwrap();
    let (short, long) = (read(3, 7), read(5, 7));
    assert!(long.starts_with(&short) && long.lines().count() == 5);
    assert_ne!(read(3, 8), short);
    assert!(short.lines().all(|line| line.ends_with(" 0")));
}

#[test]
fn simulated_attackers_are_scored_line_by_line() {
    let root = TempDir::new().unwrap();
    for family in ["linear", "minimum-jerk", "sigma-lognormal", "replay"] {
        let scores = scored(root.path(), &simulated(root.path(), family, 10, 1));
        assert_eq!(scores.len(), 10);
        assert!(scores.iter().all(|(_, p_bot)| (0.0..=1.0).contains(p_bot)));
    }
    let scores = scored(root.path(), &simulated(root.path(), "linear", 100, 2));
    let caught = scores.iter().filter(|(_, p_bot)| *p_bot >= 0.5).count();
    assert!(caught >= 80, "{caught} of 100 linear slides caught");
}

#[test]
fn hostile_traces_are_suspicious() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("traces.txt");
    let many = "1,1,1;".repeat(10_000);
    fs::write(
        &path,
        format!(
            "back 1,1,9;2,1,1; 1,1\nhuge 1,1,1;1e30,1,2; 1,1 1\nmany {many} 1,1 1\nnan 1,1,1;NaN,1,2;3,1,inf; 1,1 1\n"
        ),
    )
    .unwrap();
    let scores = scored(root.path(), &path);
    assert_eq!(scores.len(), 4);
    for (id, p_bot) in scores {
        assert!(p_bot > 0.9, "{id}: {p_bot}");
    }
}

#[test]
fn bad_input_is_one_line_and_writes_nothing() {
    let root = TempDir::new().unwrap();
    let [garbage, few, model, out] = ["garbage", "few", "model", "out"].map(|name| root.path().join(name));
    fs::write(&garbage, "1 3,6,1;10,6,4; 500,20 1\nhello\n").unwrap();
    fs::write(&few, "1 3,6,1;10,6,4; 500,20 1\n").unwrap();
    fs::write(&model, "no model").unwrap();
    let [garbage, few, model, out_text] = [&garbage, &few, &model, &out].map(|path| path.display().to_string());
    for command in ["score", "train", "report"] {
        let run = |traces: &str| failure(&format!("risk {command} --traces {traces} --out {out_text}"));
        assert!(
            run("/nowhere/traces").contains("cannot read /nowhere/traces"),
            "{command}"
        );
        assert!(run(&garbage).contains("line 2: not of the form"), "{command}");
    }
    assert!(failure(&format!("risk train --traces {few} --out {out_text}")).contains("fewer than 50"));
    assert!(failure(&format!("risk score --traces {few} --model {model} --out {out_text}")).contains("not a model"));
    assert!(!out.exists());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3);
}

/// The shipped model on the people it was fitted to: a check that file, features and score fit, no measure of it.
#[test]
fn recorded_people_pass_the_shipped_model() {
    let Some(traces) = std::env::var_os("PARALLAX_TRACES") else {
        eprintln!("recorded_people_pass_the_shipped_model: skipped, PARALLAX_TRACES names no file of recorded traces");
        return;
    };
    let root = TempDir::new().unwrap();
    let text = fs::read_to_string(&traces).unwrap();
    let people = text.lines().filter(|line| line.ends_with(" 1")).count();
    let scores = scored(root.path(), Path::new(&traces));
    let mut suspected = 0;
    for (line, (id, p_bot)) in text.lines().zip(&scores) {
        assert_eq!(line.split(' ').next(), Some(id.as_str()));
        suspected += usize::from(line.ends_with(" 1") && *p_bot >= 0.5);
    }
    assert!(suspected * 100 <= people, "{suspected} of {people} people suspected");
}
