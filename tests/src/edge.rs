//! Both Workers in a real workerd (wrangler's local one), with empty storage, on free ports of loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parallax_captcha::perturb::Start;
use parallax_captcha::ticket::SealKey;
use parallax_onnx::signature::SigningKey;

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
    risk: "{}",
};
/// Another site.
pub const FORUM: Site = Site {
    name: "forum",
    sitekey: "0xFORUM",
    secret: "secret-of-the-forum",
    origin: "https://forum.example",
    risk: "{}",
};

/// A site whose visitors are routed in a way of its own; each has its own counts.
const fn routed(name: &'static str, sitekey: &'static str, risk: &'static str) -> Site {
    Site {
        name,
        sitekey,
        // Two sites may not share a secret.
        secret: sitekey,
        origin: "https://routed.example",
        risk,
    }
}

/// For many clients at once.
pub const CROWD: Site = routed("crowd", "0xROUTED-CROWD-0001", "{}");
/// For recordings that are played again.
pub const REPLAYED: Site = routed("replayed", "0xROUTED-REPLAYED-1", "{}");
/// For records of answers.
pub const RECORDED: Site = routed("recorded", "0xROUTED-RECORDED-1", "{}");
/// Everybody passes.
pub const SHADOW: Site = routed("shadow", "0xROUTED-SHADOW-001", r#"{"shadow": true}"#);
/// Attackers are blocked.
pub const STRICT: Site = routed(
    "strict",
    "0xROUTED-STRICT-001",
    r#"{"block_from": 0.9, "serve_attackers": false}"#,
);
/// Challenges the country that the local platform says everybody is from.
pub const COUNTRY: Site = routed(
    "country",
    "0xROUTED-COUNTRY-01",
    r#"{"rules": [{"country": "DE", "action": "block"}, {"country": "US", "action": "challenge"}]}"#,
);
/// Blocks the network that the local platform says everybody is from.
pub const NETWORK: Site = routed(
    "network",
    "0xROUTED-NETWORK-01",
    r#"{"rules": [{"asn": 395747, "action": "block"}]}"#,
);
/// Counts by `cdata`.
pub const ACCOUNTS: Site = routed("accounts", "0xROUTED-ACCOUNTS-1", r#"{"account_hint": "cdata"}"#);
/// Keeps raw traces.
pub const KEEPER: Site = routed("keeper", "0xROUTED-KEEPER-001", r#"{"keep_traces": true}"#);
/// For slides that are sent again.
pub const RESENT: Site = routed("resent", "0xROUTED-RESENT-001", "{}");
/// Asks everybody for a captcha, also who slides like a person.
pub const ASKING: Site = routed("asking", "0xROUTED-ASKING-001", r#"{"sample": 1.0}"#);
/// For slides by keyboard.
pub const KEYS: Site = routed("keys", "0xROUTED-KEYS-00001", "{}");

const SITES: [Site; 14] = [
    SHOP, FORUM, CROWD, REPLAYED, RECORDED, SHADOW, STRICT, COUNTRY, NETWORK, ACCOUNTS, KEEPER, RESENT, KEYS, ASKING,
];

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
    /// How its visitors are routed, JSON.
    pub risk: &'static str,
}

/// How an edge is configured.
#[derive(Debug, Clone, Copy)]
pub struct EdgeConfig {
    /// Pictures of a set.
    pub set_size: u32,
    /// Whether the published test keys are accepted.
    pub test_keys: TestKeys,
    /// Whether the object that counts a site's sessions can be reached.
    pub cluster: Cluster,
    /// Whose checkpoints are taken.
    pub checkpoints: Checkpoints,
    /// Gradients for a picture; as it is shipped if `None`.
    pub gradients: Option<u32>,
    /// What a picture's first movement follows.
    pub start: Start,
}

/// Whose checkpoints are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpoints {
    /// Those signed with [`Edge::signing_key`].
    Signed,
    /// Nobody's, as it is shipped.
    Refused,
}

/// Whether the object that counts a site's sessions can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cluster {
    /// As it is shipped.
    Bound,
    /// The binding is missing.
    Missing,
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
            cluster: Cluster::Bound,
            checkpoints: Checkpoints::Signed,
            gradients: None,
            start: Start::Gradient,
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
    /// Signs checkpoints for it.
    pub signing_key: SigningKey,
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
        Self::start_in(deployment_folder(), config)
    }

    /// Starts an edge with keys of its own on a copy of what this one has stored.
    ///
    /// # Panics
    /// As [`Edge::start`].
    #[must_use]
    pub fn start_on_copy(&self, config: &EdgeConfig) -> Self {
        let folder = deployment_folder();
        copy(&self.server.folder().join("state"), &folder.join("state"));
        Self::start_in(folder, config)
    }

    fn start_in(folder: PathBuf, config: &EdgeConfig) -> Self {
        if config.cluster == Cluster::Missing {
            remove_binding(&folder.join("wrangler.toml"), "CLUSTER");
        }
        let (seal_key, admin_key) = (random_hex(), random_hex());
        let signing_key = SigningKey::parse(&random_hex()).expect("64 hex digits");
        let mut secrets = format!("PARALLAX_SEAL_KEY={seal_key}\nPARALLAX_ADMIN_KEY={admin_key}\n");
        if config.checkpoints == Checkpoints::Signed {
            secrets.push_str(&format!("CHECKPOINT_KEYS={}\n", signing_key.public()));
        }
        if let Some(gradients) = config.gradients {
            secrets.push_str(&format!("GRADIENTS={gradients}\n"));
        }
        if config.start == Start::Generator {
            secrets.push_str("GENERATOR=on\n");
        }
        for place in [".dev.vars", "edge/precompute/.dev.vars"] {
            fs::write(folder.join(place), &secrets).expect("the temporary folder takes files");
        }
        let server = Server::start(folder, &arguments(config));
        Self {
            client: server.client.clone(),
            seal_key,
            admin_key,
            signing_key,
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

/// Takes a Durable Object's binding out of a configuration.
fn remove_binding(file: &Path, name: &str) {
    let text = fs::read_to_string(file).expect("the configuration was copied");
    let sections = text.split_inclusive("\n\n");
    let kept: String = sections
        .filter(|section| !section.contains(&format!("name = \"{name}\"")))
        .collect();
    assert_ne!(kept, text, "{name} is bound");
    fs::write(file, kept).expect("the temporary folder takes files");
}

/// What wrangler is told.
fn arguments(config: &EdgeConfig) -> Vec<String> {
    let demo = serde_json::json!({ "name": "demo", "hostnames": ["localhost"], "keys": { "rotate_seconds": 86400 } });
    let sites: serde_json::Value = std::iter::once(demo).chain(SITES.iter().map(site_json)).collect();
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
        "risk": serde_json::from_str::<serde_json::Value>(site.risk).expect("a test's routing is JSON"),
    })
}

fn random_hex() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    hex::encode(bytes)
}
