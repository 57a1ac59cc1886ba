//! `cargo xtask dev`: the whole system on this machine, for trying out and developing.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::build;
use crate::setup::Tools;
use crate::workspace::Workspace;

const DEFAULT_PORT: u16 = 8787;
const CONFIGS: [&str; 2] = ["wrangler.toml", "edge/precompute/wrangler.toml"];
const START_LIMIT: Duration = Duration::from_secs(60);

/// Builds, starts the edge on loopback and waits for Ctrl-C.
///
/// # Errors
/// When an option is unknown, the port is taken, the build fails, or the server ends by itself.
pub fn run(workspace: &Workspace, options: &[String]) -> Result<()> {
    let port = match options {
        [] => DEFAULT_PORT,
        [name, value] if name == "--port" => value
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .with_context(|| format!("`{value}` is no port"))?,
        _ => bail!("`dev` takes only `--port N`"),
    };
    check_free(port)?;
    let tools = build::run(workspace)?;
    secrets(workspace)?;
    check_free(port)?;

    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("Ctrl-C cannot be caught")?;

    let state = workspace.root.join(".parallax");
    let is_new = !state.join("state").is_dir();
    let mut server = Server::start(workspace, &tools, port, &state)?;
    let address = format!("http://localhost:{port}");
    server.wait_until_ready(&address, &interrupted)?;
    if is_new && !interrupted.load(Ordering::Relaxed) {
        eprintln!("dev: drawing and perturbing the first captchas");
        refill(&address).context("the first captchas were not ordered")?;
    }
    println!("\n  demo page: {address}/\n  stop with Ctrl-C\n");
    server.wait(&interrupted)
}

/// The two Workers in one wrangler, stopped when dropped.
struct Server {
    supervisor: Child,
}

impl Server {
    fn start(workspace: &Workspace, tools: &Tools, port: u16, state: &Path) -> Result<Self> {
        eprintln!("dev: starting the edge on port {port}");
        let mut command = Command::new(&tools.node);
        command
            .arg(workspace.root.join("xtask/js/supervise.mjs"))
            .arg(tools.wrangler())
            .arg("dev");
        for config in CONFIGS {
            command.args(["--config", config]);
        }
        command
            .args([
                "--ip",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--inspector-port",
                "0",
            ])
            .args(["--show-interactive-dev-session=false", "--log-level", "warn"])
            .arg("--persist-to")
            .arg(state.join("state"))
            .env("WRANGLER_REGISTRY_PATH", state.join("registry"))
            .env("WRANGLER_LOG_PATH", state.join("logs"))
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .current_dir(&workspace.root)
            .stdin(Stdio::piped());
        let supervisor = command
            .spawn()
            .with_context(|| format!("{} cannot be started", tools.node.display()))?;
        Ok(Self { supervisor })
    }

    fn wait_until_ready(&mut self, address: &str, interrupted: &AtomicBool) -> Result<()> {
        let started = Instant::now();
        while !interrupted.load(Ordering::Relaxed) {
            if let Some(status) = self.supervisor.try_wait()? {
                bail!("the server ended while starting ({status})");
            }
            if ureq::get(address).call().is_ok() {
                return Ok(());
            }
            if started.elapsed() > START_LIMIT {
                bail!("the server did not answer within {} s", START_LIMIT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn wait(&mut self, interrupted: &AtomicBool) -> Result<()> {
        while !interrupted.load(Ordering::Relaxed) {
            if let Some(status) = self.supervisor.try_wait()? {
                bail!("the server ended by itself ({status})");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!("dev: stopping");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take()); // The supervisor ends the server when its input closes.
        drop(self.supervisor.wait());
    }
}

/// Runs the cron once, as the platform would.
fn refill(address: &str) -> Result<()> {
    ureq::get(format!("{address}/cdn-cgi/handler/scheduled")).call()?;
    Ok(())
}

fn check_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(error) => {
            bail!("port {port} cannot be used ({error}): stop what uses it, or choose another with `--port N`")
        }
    }
}

/// Random secrets for this clone, made once.
fn secrets(workspace: &Workspace) -> Result<()> {
    let visitor = workspace.root.join(".dev.vars");
    if !visitor.exists() {
        let (seal, admin) = (random_hex()?, random_hex()?);
        write_private(
            &visitor,
            &format!("PARALLAX_SEAL_KEY={seal}\nPARALLAX_ADMIN_KEY={admin}\n"),
        )?;
        eprintln!("dev: made .dev.vars with random secrets");
    }
    Ok(())
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(hex::encode(bytes))
}

/// Creates `file`, readable by its owner only; never overwrites.
fn write_private(file: &Path, content: &str) -> Result<()> {
    let mut created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot create {}", file.display()))?;
    let written = created.write_all(content.as_bytes()).and_then(|()| created.sync_all());
    if let Err(error) = written {
        drop(fs::remove_file(file));
        bail!("cannot write {}: {error}", file.display());
    }
    Ok(())
}
