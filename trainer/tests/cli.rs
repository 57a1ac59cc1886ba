//! The binary as a script sees it: exit status, one line for an error, nothing half-written. No ONNX Runtime needed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    thread,
};

use tempfile::TempDir;

fn parallax<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parallax"))
        .args(arguments)
        .output()
        .unwrap()
}

fn dataset(out: &Path, count: u32, seed: u32) -> Vec<String> {
    let out = out.display();
    let line = format!("dataset --scheme text --count {count} --seed {seed} --out {out} --json");
    line.split(' ').map(str::to_owned).collect()
}

/// The one line that a failed run printed.
fn failure(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(output.stdout.is_empty());
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_dataset_is_a_function_of_its_seed() {
    let root = TempDir::new().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| root.path().join(name));
    for (out, seed) in [(&a, 1), (&b, 1), (&c, 2)] {
        let output = parallax(dataset(out, 3, seed));
        assert!(output.status.success());
        let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (result["count"].as_u64(), result["seed"].as_u64()),
            (Some(3), Some(seed.into()))
        );
    }
    assert_eq!(
        entries(&a),
        ["00000.png", "00001.png", "00002.png", "labels.csv", "masks"]
    );
    assert_eq!(entries(&a.join("masks")), ["00000.png", "00001.png", "00002.png"]);
    for file in ["00002.png", "labels.csv", "masks/00002.png"] {
        assert_eq!(fs::read(a.join(file)).unwrap(), fs::read(b.join(file)).unwrap());
        assert_ne!(fs::read(a.join(file)).unwrap(), fs::read(c.join(file)).unwrap());
    }
    assert_eq!(entries(root.path()), ["a", "b", "c"]);
}

/// The same texts, other glyphs.
#[test]
fn a_dataset_is_drawn_in_the_fonts_that_are_named() {
    let root = TempDir::new().unwrap();
    let drawn = |name: &str, fonts: &[&str]| {
        let out = root.path().join(name);
        let output = parallax(
            dataset(&out, 3, 1)
                .iter()
                .map(String::as_str)
                .chain(fonts.iter().copied()),
        );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = |file: &str| fs::read(out.join(file)).unwrap();
        (file("labels.csv"), file("masks/00000.png"))
    };
    let (labels, all) = drawn("all", &[]);
    let (same_labels, rubik) = drawn("rubik", &["--fonts", "rubik"]);
    let (_, courier) = drawn("courier", &["--fonts", "courier-prime"]);
    assert_eq!(labels, same_labels);
    assert!(rubik != courier && (rubik != all || courier != all));
    let line = "dataset --count 3 --seed 1 --out x --fonts rubik,arial";
    let output = parallax(line.split(' '));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("'arial'") && text.contains("not one of bitter, courier-prime"),
        "{text}"
    );
}

#[test]
fn bad_usage_is_status_2() {
    for line in [
        "",
        "fly",
        "dataset --count 3",
        "dataset --count 0 --seed 1 --out x",
        "dataset --count 1 --seed 1 --out x --style gothic",
        "solve",
        "solve --in x --preprocess magic",
        "perturb --in x --out y --epsilon 2",
        "perturb --in x --out y --epsilon 0.1",
        "perturb --in x --out y --budget paper --epsilon-near 0.1",
        "train",
        "train --out x --device tpu",
        "train --out x --learning-rate nan",
        "train --out x --cycles 0",
        "pull --out x",
        "push x --edge https://captcha.example",
        "risk",
        "risk simulate --family teleport --count 1 --seed 1 --out x",
        "risk simulate --family linear --count 0 --seed 1 --out x",
        "risk score --traces x",
    ] {
        let output = parallax(line.split_whitespace());
        assert_eq!(
            output.status.code(),
            Some(2),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.stdout.is_empty(), "{line}");
    }
    assert_eq!(parallax(["--help"]).status.code(), Some(0));
}

#[test]
fn what_is_missing_is_named() {
    let root = TempDir::new().unwrap();
    let missing = root.path().join("missing");
    let out = root.path().join("out");
    let (missing, out_text) = (missing.to_str().unwrap(), out.to_str().unwrap());
    assert!(failure(&parallax(["solve", "--in", missing])).contains("missing/labels.csv"));
    assert!(failure(&parallax(["perturb", "--in", missing, "--out", out_text])).contains("missing/labels.csv"));
    assert!(!out.exists());

    let set = root.path().join("set");
    parallax(dataset(&set, 1, 1));
    let set = set.to_str().unwrap();
    let output = parallax(["solve", "--in", set, "--checkpoint", missing]);
    assert!(failure(&output).contains("missing/manifest.json"));
}

#[test]
fn a_runtime_that_is_not_there_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    let output = command
        .arg("doctor")
        .env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")
        .output()
        .unwrap();
    assert!(failure(&output).contains("/nowhere/libonnxruntime.so"));
}

#[test]
fn nothing_is_overwritten() {
    let root = TempDir::new().unwrap();
    let out = root.path().join("set");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine"), "kept").unwrap();
    assert!(failure(&parallax(dataset(&out, 1, 1))).contains("is there already"));
    assert!(failure(&parallax(["train", "--out", out.to_str().unwrap()])).contains("is there already"));
    assert_eq!(entries(&out), ["mine"]);

    // A file where a folder would have to be.
    let below = out.join("mine/set");
    assert!(failure(&parallax(dataset(&below, 1, 1))).contains("mine"));
    assert_eq!(fs::read(out.join("mine")).unwrap(), b"kept");
}

/// A limit on file sizes fails a write as a full disk does.
#[cfg(unix)]
#[test]
fn a_write_that_fails_leaves_nothing() {
    let root = TempDir::new().unwrap();
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_parallax")]);
    let output = command.args(dataset(&root.path().join("set"), 1, 1)).output().unwrap();
    assert!(
        failure(&output).contains("cannot write"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(entries(root.path()).is_empty());
}

/// Not even root makes files in `/proc`.
#[cfg(target_os = "linux")]
#[test]
fn a_training_that_could_not_be_saved_does_not_begin() {
    let output = parallax(["train", "--samples", "64", "--out", "/proc/checkpoint"]);
    assert!(failure(&output).contains("cannot write in /proc"), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_a_failure() {
    let root = TempDir::new().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    let output = command
        .args(dataset(&root.path().join("set"), 1, 1))
        .stdout(full)
        .output()
        .unwrap();
    assert!(failure(&output).contains("cannot write the result"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_dataset_leaves_nothing() {
    use std::{process::Stdio, time::Duration};

    let root = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    command
        .args(dataset(&root.path().join("set"), 1_000_000, 1))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    while entries(root.path()).is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert!(failure(&child.wait_with_output().unwrap()).contains("interrupted"));
    assert!(entries(root.path()).is_empty());
}

#[test]
fn a_key_is_made_once_and_its_public_half_printed() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("own.key");
    let make = || parallax([OsStr::new("key"), OsStr::new("--out"), file.as_os_str()]);
    let made = make();
    assert!(made.status.success());
    let secret = fs::read_to_string(&file).unwrap();
    let public = String::from_utf8(made.stdout).unwrap();
    let public = public.trim_end().strip_prefix("CHECKPOINT_KEYS=").unwrap();
    for key in [secret.trim_end(), public] {
        assert!(
            key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{key}"
        );
    }
    assert_ne!(secret.trim_end(), public);
    assert!(failure(&make()).contains("is there already"));
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    assert_eq!(entries(root.path()), ["own.key"]);
}

/// Answers the next request with this head and body.
fn answer(listener: &TcpListener, head: &str, body: &str) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
}

fn loopback() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

#[test]
fn no_admin_key_is_sent_to_a_proxy_unencrypted() {
    let root = TempDir::new().unwrap();
    let ((proxy, by_proxy), (edge, address)) = (loopback(), loopback());
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    command.args(["pull", "--edge", &address, "--out"]).arg(root.path());
    for variable in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env(variable, &by_proxy);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command.env("PARALLAX_ADMIN_KEY", "a-secret");
    for (listener, name) in [(proxy, "the proxy"), (edge, "the edge itself")] {
        let body = format!(r#"{{"error":{{"code":"none","message":"{name}"}}}}"#);
        thread::spawn(move || answer(&listener, "418 X", &body));
    }
    let text = failure(&command.output().unwrap());
    assert!(text.contains("the edge itself"), "{text}");
}

#[cfg(unix)]
#[test]
fn waiting_for_a_busy_edge_can_be_interrupted() {
    use std::process::Stdio;

    let root = TempDir::new().unwrap();
    let (edge, address) = loopback();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    command.args(["pull", "--edge", &address, "--out"]).arg(root.path());
    command.env("PARALLAX_ADMIN_KEY", "a-secret");
    let child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    answer(&edge, "503 X\r\nretry-after: 50", "");
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let text = failure(&child.wait_with_output().unwrap());
    assert!(text.contains("interrupted"), "{text}");
}

#[test]
fn no_admin_key_is_sent_to_just_anybody() {
    let root = TempDir::new().unwrap();
    let out = root.path().join("answers");
    let pull = |edge: &str, key: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
        command.args(["pull", "--edge", edge, "--out"]).arg(&out);
        failure(&command.env("PARALLAX_ADMIN_KEY", key).output().unwrap())
    };
    for (edge, key, said) in [
        ("http://captcha.example", "a-secret", "no address of an edge"),
        ("https://captcha.example/admin", "a-secret", "no address of an edge"),
        ("https://captcha.example", "", "PARALLAX_ADMIN_KEY"),
        ("http://127.0.0.1:1", "a\nsecret", "one line"),
    ] {
        let text = pull(edge, key);
        assert!(text.contains(said) && !text.contains("secret"), "{edge}: {text}");
    }
    assert!(!out.exists());
}

/// README's table of effect against cost is the stored scoreboard's, as `--from FILE --readme FILE` makes it.
#[test]
fn the_readme_says_what_the_scoreboard_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("README.md");
    let (start, end) = ("<!-- scoreboard -->", "<!-- /scoreboard -->");
    let (before, rest) = readme.split_once(start).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    fs::write(&copy, format!("{before}{start}\n{end}{after}")).unwrap();
    let board = root.join("docs/scoreboard/scoreboard.json");
    let arguments = [
        "scoreboard".as_ref(),
        "--from".as_ref(),
        board.as_os_str(),
        "--readme".as_ref(),
        copy.as_os_str(),
    ];
    let output = parallax(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        fs::read_to_string(&copy).unwrap() == readme,
        "run: parallax scoreboard --from docs/scoreboard/scoreboard.json --readme README.md"
    );
}
