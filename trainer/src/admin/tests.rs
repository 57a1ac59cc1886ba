//! An edge that says what it is told to, and what of it a run of `pull` leaves.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{AdminError, AdminKey, Client, ClientConfig, Fetched, PullConfig, Pulled, pull};

/// Answers one request after the other, each with the next status and body; more than there are find nobody.
pub struct Scripted {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    heads: Receiver<String>,
}

impl Scripted {
    /// Starts on a free port of loopback.
    pub fn start(script: Vec<(u16, String)>) -> Self {
        Self::serve(
            script
                .into_iter()
                .map(|(status, body)| (status, body.into_bytes()))
                .collect(),
        )
    }

    /// As [`Scripted::start`], with bodies of any bytes.
    pub fn serve(script: Vec<(u16, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heads) = channel();
        thread::spawn(move || {
            for (status, body) in script {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next());
                let mut sent = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                reader.read_exact(&mut sent).unwrap();
                sender.send(head).unwrap();
                let reply = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(reply.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            }
        });
        Self { address, heads }
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.heads.try_iter().collect()
    }

    /// Their first lines, without the version.
    fn asked(&self) -> Vec<String> {
        let first = |head: String| head.split(" HTTP/").next().unwrap_or_default().to_owned();
        self.requests().into_iter().map(first).collect()
    }
}

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

/// A line as the edge writes it; `place` is where the picture lies.
fn recorded(id: u64, place: u64) -> Value {
    json!({ "id": id, "time": 1_700_000_000, "site": "shop", "set": "5e7", "checkpoint": "c4", "pack": "9a", "span": [place, 4],
            "answer": format!("A{id}"), "right": false, "p_bot": 0.97, "reasons": ["too-fast"], "elapsed_ms": 1, "keys": 5 })
}

fn page(records: &[Value]) -> (u16, Vec<u8>) {
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    (200, lines.into_bytes())
}

fn picture() -> (u16, Vec<u8>) {
    (200, PICTURE.to_vec())
}

fn refused(status: u16) -> (u16, Vec<u8>) {
    (status, br#"{"error":{"code":"not-found","message":"gone"}}"#.to_vec())
}

fn run(edge: &Scripted, out: &Path, fetched: Fetched) -> Result<Pulled, AdminError> {
    let config = ClientConfig {
        attempts: 2,
        first_delay: Duration::from_millis(1),
        timeout: Duration::from_secs(10),
    };
    let client = Client::new(&edge.address, AdminKey::new("key").unwrap(), config).unwrap();
    let out = out.to_owned();
    pull(&client, &PullConfig { out, fetched }, |_| ())
}

fn lines(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("queries.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lets the file in `out` say that it is of another edge.
fn rename_edge(out: &Path, from: &str, to: &str) {
    let path = out.join("queries.ndjson");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(from, to)).unwrap();
}

#[test]
fn answers_are_written_with_their_pictures_and_then_deleted() {
    let root = TempDir::new().unwrap();
    let out = root.path().join("answers");
    let edge = Scripted::serve(vec![
        // 8 is about the same picture as 7; that of 9 and 12 is gone.
        page(&[recorded(7, 0), recorded(8, 0), recorded(9, 4)]),
        picture(),
        refused(404),
        page(&[recorded(12, 4)]),
        page(&[]),
        (200, br#"{"deleted":4}"#.to_vec()),
    ]);
    let pulled = run(&edge, &out, Fetched::Deleted).unwrap();
    let expected = Pulled {
        added: 2,
        skipped: 2,
        total: 2,
        deleted: 4,
    };
    assert_eq!(pulled, expected);
    assert_eq!(
        edge.asked(),
        [
            "GET /admin/v1/queries?after=0&limit=200",
            "GET /admin/v1/queries/7/image",
            "GET /admin/v1/queries/9/image",
            "GET /admin/v1/queries?after=9&limit=200",
            "GET /admin/v1/queries?after=12&limit=200",
            "DELETE /admin/v1/queries?through=12",
        ]
    );
    let lines = lines(&out);
    assert_eq!(lines.len(), 2);
    for (line, id) in lines.iter().zip([7, 8]) {
        let mut expected = recorded(id, 0);
        let fields = expected.as_object_mut().unwrap();
        fields.remove("p_bot");
        fields.insert("image".to_owned(), json!("images/7.png"));
        fields.insert("weight".to_owned(), json!(0.97));
        fields.insert("edge".to_owned(), json!(edge.address));
        assert_eq!(*line, expected);
    }
    assert_eq!(fs::read(out.join("images/7.png")).unwrap(), PICTURE);
    assert_eq!(fs::read_dir(out.join("images")).unwrap().count(), 1);
}

#[test]
fn a_run_that_broke_off_is_gone_on_with() {
    let root = TempDir::new().unwrap();
    let edge = Scripted::serve(vec![
        page(&[recorded(1, 0), recorded(2, 4)]),
        picture(),
        refused(500),
        refused(500),
    ]);
    assert!(run(&edge, root.path(), Fetched::Deleted).is_err());
    assert_eq!(lines(root.path()).len(), 1);
    assert!(edge.asked().iter().all(|asked| !asked.starts_with("DELETE")));

    let again = Scripted::serve(vec![page(&[recorded(2, 4), recorded(3, 0)]), picture(), page(&[])]);
    rename_edge(root.path(), &edge.address, &again.address);
    let pulled = run(&again, root.path(), Fetched::Kept).unwrap();
    assert_eq!((pulled.added, pulled.total), (2, 3));
    assert_eq!(again.asked()[0], "GET /admin/v1/queries?after=1&limit=200");
    let images: Vec<_> = lines(root.path()).iter().map(|line| line["image"].clone()).collect();
    assert_eq!(images, ["images/1.png", "images/2.png", "images/1.png"]);
}

#[test]
fn answers_of_two_edges_are_not_mixed() {
    let root = TempDir::new().unwrap();
    let edge = Scripted::serve(vec![page(&[recorded(1, 0)]), picture(), page(&[])]);
    run(&edge, root.path(), Fetched::Kept).unwrap();
    let before = lines(root.path());
    let other = Scripted::serve(vec![]);
    let error = run(&other, root.path(), Fetched::Kept).unwrap_err();
    assert!(matches!(error, AdminError::Line { number: 1, .. }), "{error}");
    assert_eq!(lines(root.path()), before);
}

#[test]
fn hostile_replies_are_refused() {
    let probability = {
        let mut record = recorded(1, 0);
        record["p_bot"] = json!(7);
        record
    };
    let with = |name: &str| {
        let mut record = recorded(1, 0);
        record[name] = json!("images/../7.png");
        vec![page(&[record]), picture(), page(&[])]
    };
    for (name, script) in [
        ("a member of ours: image", with("image")),
        ("a member of ours: weight", with("weight")),
        ("a member of ours: edge", with("edge")),
        ("no JSON", vec![(200, b"{\n".to_vec())]),
        ("no record", vec![(200, b"{\"id\":1}\n".to_vec())]),
        (
            "round in circles",
            vec![page(&[recorded(1, 0), recorded(1, 0)]), picture()],
        ),
        ("no probability", vec![page(&[probability])]),
        ("no PNG", vec![page(&[recorded(1, 0)]), (200, b"<html>".to_vec())]),
    ] {
        let root = TempDir::new().unwrap();
        let error = run(&Scripted::serve(script), root.path(), Fetched::Kept).unwrap_err();
        assert!(matches!(error, AdminError::Unexpected { .. }), "{name}: {error}");
    }
}
