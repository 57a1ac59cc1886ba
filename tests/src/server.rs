//! One wrangler with its workerd: started in a folder of its own on a free port of loopback, gone with its folder when
//! dropped.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::paths::{repository, tool};

const START_LIMIT: Duration = Duration::from_secs(60);

/// A running server; stopped, and its folder removed, when dropped or when this process ends.
#[derive(Debug)]
pub struct Server {
    /// Speaks to it.
    pub client: Client,
    supervisor: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts `wrangler dev` with `arguments` in `folder`, which holds a `wrangler.toml` and is removed in the end, with
    /// storage and wrangler's own files in it.
    ///
    /// # Panics
    /// When a tool is missing or the server does not answer within a minute.
    #[must_use]
    pub fn start(folder: PathBuf, arguments: &[String]) -> Self {
        let port = free_port();
        let supervisor = wrangler(&folder, port, arguments).spawn().expect("node starts");
        let mut server = Self {
            client: Client::new(port),
            supervisor,
            folder,
        };
        server.wait_until_it_answers();
        server
    }

    fn wait_until_it_answers(&mut self) {
        let started = Instant::now();
        while !self.client.get("/").is_answered() {
            if let Ok(Some(status)) = self.supervisor.try_wait() {
                panic!("the server ended while starting ({status}):\n{}", self.log());
            }
            assert!(
                started.elapsed() < START_LIMIT,
                "the server does not answer:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The process that everything of this server descends from.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.supervisor.id()
    }

    /// Where it runs; its storage is in `state`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What wrangler printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the server ---\n{}", self.log());
        }
        drop(self.supervisor.stdin.take()); // The supervisor ends the whole process group when its input closes.
        drop(self.supervisor.wait());
    }
}

/// A path in the temporary folder where nothing is yet, for one server's folder.
#[must_use]
pub fn unused_path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "parallax-server-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    std::env::temp_dir().join(name)
}

/// Copies a file, or a folder with all there is in it.
///
/// # Panics
/// When something cannot be read or written.
pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).expect("a folder of the clone can be listed") {
            let entry = entry.expect("a folder of the clone can be listed");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        return;
    }
    fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("the temporary folder takes folders");
    fs::copy(from, to).unwrap_or_else(|error| panic!("cannot copy {}: {error}", from.display()));
}

fn wrangler(folder: &Path, port: u16, arguments: &[String]) -> Command {
    let log = fs::File::create(folder.join("log")).expect("the temporary folder takes files");
    let mut command = Command::new(tool("PARALLAX_NODE"));
    command
        .arg(repository().join("xtask/js/supervise.mjs"))
        .arg(tool("PARALLAX_NODE_MODULES").join("wrangler/bin/wrangler.js"))
        .args(["dev", "--ip", "127.0.0.1", "--port", &port.to_string()])
        .args(["--inspector-port", &free_port().to_string()])
        .args(["--show-interactive-dev-session=false", "--persist-to", "state"])
        .args(arguments)
        .env("SUPERVISE_REMOVE", folder)
        .env("WRANGLER_REGISTRY_PATH", folder.join("registry"))
        .env("WRANGLER_LOG_PATH", folder.join("logs"))
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log);
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
