//! Both Workers in a real workerd (wrangler's local one), with empty storage, on free ports of loopback.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use parallax_captcha::ticket::SealKey;

use crate::client::Client;
use crate::image_set::ImageSet;
use crate::paths::repository;
use crate::server::{Server, copy, unused_path};

/// The site of the tests, with fixed keys.
pub const SHOP: Site = Site {
    name: "shop",
    sitekey: "0xSHOP",
    secret: "secret-of-the-shop",
    origin: "https://shop.example",
};
/// Another site.
pub const FORUM: Site = Site {
    name: "forum",
    sitekey: "0xFORUM",
    secret: "secret-of-the-forum",
    origin: "https://forum.example",
};

/// A site of the tests.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// What its tickets carry.
    pub name: &'static str,
    /// Public key.
    pub sitekey: &'static str,
    /// Its server's key.
    pub secret: &'static str,
    /// Where its pages are.
    pub origin: &'static str,
}

/// How an edge is configured.
#[derive(Debug, Clone, Copy)]
pub struct EdgeConfig {
    /// Pictures of a set.
    pub set_size: u32,
    /// Whether the published test keys are accepted.
    pub test_keys: TestKeys,
}

/// Whether the published test keys are accepted.
#[derive(Debug, Clone, Copy)]
pub enum TestKeys {
    /// They are.
    On,
    /// They are refused.
    Off,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            set_size: 12,
            test_keys: TestKeys::On,
        }
    }
}

/// A running edge.
#[derive(Debug)]
pub struct Edge {
    /// Speaks to it.
    pub client: Client,
    /// What it seals tickets with.
    pub seal_key: String,
    /// Opens `/admin/v1`.
    pub admin_key: String,
    /// Runs it.
    pub server: Server,
}

impl Edge {
    /// Starts an edge that has no pictures.
    ///
    /// # Panics
    /// When a tool is missing or the edge does not answer within a minute.
    #[must_use]
    pub fn start(config: &EdgeConfig) -> Self {
        let folder = deployment_folder();
        let (seal_key, admin_key) = (random_hex(), random_hex());
        let secrets = format!("PARALLAX_SEAL_KEY={seal_key}\nPARALLAX_ADMIN_KEY={admin_key}\n");
        for place in [".dev.vars", "edge/precompute/.dev.vars"] {
            fs::write(folder.join(place), &secrets).expect("the temporary folder takes files");
        }
        let server = Server::start(folder, &arguments(config));
        Self {
            client: server.client.clone(),
            seal_key,
            admin_key,
            server,
        }
    }

    /// Starts an edge, runs its cron once and waits for the pictures.
    ///
    /// # Panics
    /// When it does not start, or no set is there within three minutes.
    #[must_use]
    pub fn with_pictures(config: &EdgeConfig) -> (Self, ImageSet) {
        let edge = Self::start(config);
        edge.run_cron();
        let set = ImageSet::wait_for(&edge, Duration::from_secs(180));
        (edge, set)
    }

    /// Fires the cron trigger, as the platform does every hour.
    ///
    /// # Panics
    /// When the trigger is not taken.
    pub fn run_cron(&self) {
        let reply = self.client.get("/cdn-cgi/handler/scheduled").send();
        assert_eq!(reply.status, 200, "cron: {reply:?}");
    }

    /// What it seals tickets with.
    ///
    /// # Panics
    /// Never: the key was made here.
    #[must_use]
    pub fn key(&self) -> SealKey {
        SealKey::from_hex(&self.seal_key).expect("made of 64 hex digits")
    }
}

/// A folder that looks like the clone to wrangler: its configuration and a copy of what ships.
fn deployment_folder() -> PathBuf {
    let folder = unused_path();
    let root = repository();
    for file in ["wrangler.toml", "edge/precompute/wrangler.toml"] {
        copy(&root.join(file), &folder.join(file));
    }
    assert!(
        root.join("dist/edge").is_dir(),
        "dist/ is empty: run `cargo xtask build`"
    );
    copy(&root.join("dist"), &folder.join("dist"));
    folder
}

/// What wrangler is told.
fn arguments(config: &EdgeConfig) -> Vec<String> {
    let sites = serde_json::json!([
        { "name": "demo", "hostnames": ["localhost"], "keys": { "rotate_seconds": 86400 } },
        site_json(&SHOP),
        site_json(&FORUM),
    ]);
    let test_keys = match config.test_keys {
        TestKeys::On => "on",
        TestKeys::Off => "off",
    };
    let [visitor, precompute] = ["wrangler.toml", "edge/precompute/wrangler.toml"].map(str::to_owned);
    let mut arguments = vec!["--config".to_owned(), visitor, "--config".to_owned(), precompute];
    for variable in [
        format!("SITES:{sites}"),
        format!("TEST_KEYS:{test_keys}"),
        format!("SET_SIZE:{}", config.set_size),
    ] {
        arguments.extend(["--var".to_owned(), variable]);
    }
    arguments
}

fn site_json(site: &Site) -> serde_json::Value {
    let hostname = site.origin.trim_start_matches("https://");
    serde_json::json!({
        "name": site.name,
        "hostnames": [hostname],
        "keys": { "sitekey": site.sitekey, "secret": site.secret },
    })
}

fn random_hex() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    hex::encode(bytes)
}
