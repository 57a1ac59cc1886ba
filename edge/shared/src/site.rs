//! Sites: who may embed a widget, under which keys, from which pages. Read from the variable `SITES`, a JSON array.
//!
//! ```json
//! [
//!   {"name": "shop", "hostnames": ["shop.example"], "keys": {"sitekey": "0xSHOP", "secret": "0x..."}},
//!   {"name": "demo", "hostnames": ["localhost"], "keys": {"rotate_seconds": 86400}}
//! ]
//! ```
//! A member `risk` says how the site's visitors are routed: [`crate::routing`].

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{hostname::AllowList, pseudonym::Pseudonyms, routing::Routing};

/// The site whose keys the demo page uses.
pub const DEMO: &str = "demo";

/// Rotating keys live at least this long: longer than a session and the token that comes of it.
pub const LEAST_ROTATION_SECONDS: u64 = 1200;

/// What a visitor of a site's pages meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The slide is scored: a pass or a challenge.
    Risk,
    /// Test key: everybody passes.
    AlwaysPass,
    /// Test key: nobody passes.
    AlwaysBlock,
    /// Test key: everybody is challenged.
    AlwaysChallenge,
}

/// A site.
#[derive(Debug, Clone)]
pub struct Site {
    /// What its tickets carry; stays when its keys change.
    pub name: String,
    /// What its visitors meet.
    pub policy: Policy,
    /// How they are routed where the slide is scored.
    pub routing: Routing,
    hostnames: Hostnames,
    keys: Keys,
}

#[derive(Debug, Clone)]
enum Hostnames {
    Any,
    Listed(AllowList),
}

#[derive(Clone)]
enum Keys {
    Fixed {
        sitekey: String,
        secret: String,
    },
    Rotating {
        seconds: u64,
    },
    /// A test key: no secret of a site's own belongs to it.
    Public {
        sitekey: &'static str,
    },
}

impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// A pair of keys, valid at some moment.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Public, in the page.
    pub sitekey: String,
    /// For the site's server.
    pub secret: String,
}

impl Site {
    /// Whether a page on `host` may embed this site's key.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        match &self.hostnames {
            Hostnames::Any => true,
            Hostnames::Listed(list) => list.allows(host),
        }
    }

    /// Whether its tokens are the dummy of the test keys.
    #[must_use]
    pub fn is_test(&self) -> bool {
        matches!(self.keys, Keys::Public { .. })
    }
}

/// All sites of a deployment.
#[derive(Debug, Clone)]
pub struct Sites {
    sites: Vec<Site>,
    rotation_key: RotationKey,
}

#[derive(Clone)]
struct RotationKey([u8; 32]);

impl core::fmt::Debug for RotationKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RotationKey(..)")
    }
}

/// What is wrong with the configuration; for the operator, so it names the site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SitesError {
    /// No JSON of this form.
    #[error("SITES: no JSON of the documented form, see line {line}, column {column}")]
    Json {
        /// Where. The parser's own words may quote a misplaced secret.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// The seal key is not 64 hex digits.
    #[error("the seal key is not 64 hex digits")]
    SealKey,
    /// A site's name is not 1 to 32 characters of `[a-z0-9-]`.
    #[error("SITES: {name:?} is no name of 1 to 32 characters of a-z, 0-9 and -")]
    Name {
        /// The name.
        name: String,
    },
    /// A site has neither fixed nor rotating keys, or both, or keys that are too short.
    #[error(
        "SITES: {name}: keys are either a sitekey (1 to 64 of A-Za-z0-9_-) with a secret of at least 16 characters, or \
         rotate_seconds of at least {LEAST_ROTATION_SECONDS}"
    )]
    Keys {
        /// The site.
        name: String,
    },
    /// The member `risk` of a site is not of the documented form.
    #[error("SITES: {name}: risk: {problem}")]
    Risk {
        /// The site.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two sites share a name, a sitekey or a secret.
    #[error("SITES: {name} shares its name or a key with another site")]
    Duplicate {
        /// The second of them.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteConfig {
    name: String,
    hostnames: AllowList,
    keys: KeysConfig,
    /// Read on its own, so that a mistake in it names the site.
    risk: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysConfig {
    sitekey: Option<String>,
    secret: Option<String>,
    rotate_seconds: Option<u64>,
}

/// Whether the published test keys are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestKeys {
    /// Like any other unknown key.
    Refused,
    /// For development and for tests of integrations.
    Accepted,
}

/// Turnstile's published test sitekeys and what each does.
pub const TEST_SITEKEYS: [(&str, &str, Policy); 3] = [
    ("test.pass", "1x00000000000000000000AA", Policy::AlwaysPass),
    ("test.block", "2x00000000000000000000AB", Policy::AlwaysBlock),
    ("test.challenge", "3x00000000000000000000FF", Policy::AlwaysChallenge),
];

impl Sites {
    /// Reads the configuration. `seal_key`, 64 hex digits, is what rotating keys are derived from.
    ///
    /// # Errors
    /// [`SitesError`], the first thing found wrong.
    pub fn parse(json: &str, seal_key: &str, test_keys: TestKeys) -> Result<Self, SitesError> {
        let mut key = [0; 32];
        hex::decode_to_slice(seal_key.trim(), &mut key).map_err(|_| SitesError::SealKey)?;
        // Bytes, as everywhere at the edge: a reader of text would be a second copy of the parser in the module.
        let configs: Vec<SiteConfig> = serde_json::from_slice(json.as_bytes()).map_err(|e| SitesError::Json {
            line: e.line(),
            column: e.column(),
        })?;
        let mut sites: Vec<Site> = Vec::with_capacity(configs.len() + TEST_SITEKEYS.len());
        for config in configs {
            let site = site(config)?;
            if sites.iter().any(|other| clash(other, &site)) {
                return Err(SitesError::Duplicate { name: site.name });
            }
            sites.push(site);
        }
        if test_keys == TestKeys::Accepted {
            sites.extend(TEST_SITEKEYS.map(|(name, sitekey, policy)| Site {
                name: name.to_owned(),
                policy,
                routing: Routing::default(),
                hostnames: Hostnames::Any,
                keys: Keys::Public { sitekey },
            }));
        }
        Ok(Self {
            sites,
            rotation_key: RotationKey(key),
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter()
    }

    /// The site that tickets call `name`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Site> {
        self.sites.iter().find(|s| s.name == name)
    }

    /// The site a page means by `sitekey` at `now`, unix seconds.
    #[must_use]
    pub fn by_sitekey(&self, sitekey: &str, now: u64) -> Option<&Site> {
        self.sites.iter().find(|site| match &site.keys {
            Keys::Public { sitekey: own } => *own == sitekey,
            _ => self.pairs(site, now).iter().any(|pair| pair.sitekey == sitekey),
        })
    }

    /// The site whose server holds `secret` at `now`; the comparison takes the same time wherever they differ.
    #[must_use]
    pub fn by_secret(&self, secret: &str, now: u64) -> Option<&Site> {
        let mut found = None;
        for site in &self.sites {
            for pair in self.pairs(site, now) {
                if bool::from(pair.secret.as_bytes().ct_eq(secret.as_bytes())) {
                    found = Some(site);
                }
            }
        }
        found
    }

    /// Whether any site names `host`: all that a preflight request can be asked, since it says nothing of its site. The
    /// test keys, good for any host, do not count: they open no deployment to the whole web.
    #[must_use]
    pub fn any_names(&self, host: &str) -> bool {
        self.sites.iter().any(|site| match &site.hostnames {
            Hostnames::Any => false,
            Hostnames::Listed(list) => list.allows(host),
        })
    }

    /// What the site's sessions are counted under on the day of `now`, unix seconds.
    #[must_use]
    pub fn pseudonyms(&self, site: &Site, now: u64) -> Pseudonyms {
        Pseudonyms::of(&self.rotation_key.0, &site.name, now)
    }

    /// The keys a new page of the site should carry at `now`; `None` for test keys.
    #[must_use]
    pub fn current_keys(&self, site: &Site, now: u64) -> Option<KeyPair> {
        self.pairs(site, now).into_iter().next()
    }

    /// The pairs accepted at `now`, newest first: one that is fixed, or this period's and the one before.
    fn pairs(&self, site: &Site, now: u64) -> Vec<KeyPair> {
        match &site.keys {
            Keys::Public { .. } => Vec::new(),
            Keys::Fixed { sitekey, secret } => vec![KeyPair {
                sitekey: sitekey.clone(),
                secret: secret.clone(),
            }],
            Keys::Rotating { seconds } => {
                let period = now / seconds;
                let periods = [Some(period), period.checked_sub(1)];
                periods
                    .into_iter()
                    .flatten()
                    .map(|p| self.derive(&site.name, p))
                    .collect()
            }
        }
    }

    fn derive(&self, name: &str, period: u64) -> KeyPair {
        let sitekey = self.mac("sitekey", name, period);
        let secret = self.mac("secret", name, period);
        let short: Vec<u8> = sitekey.into_iter().take(15).collect();
        KeyPair {
            sitekey: format!("0x{}", URL_SAFE_NO_PAD.encode(short)),
            secret: format!("0x{}", URL_SAFE_NO_PAD.encode(secret)),
        }
    }

    /// HMAC-SHA256 over purpose, name and period. Names hold no line feed, so no two inputs coincide.
    fn mac(&self, purpose: &str, name: &str, period: u64) -> [u8; 32] {
        // An HMAC takes a key of any length, so this branch is never taken; an empty tag would match nothing.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.rotation_key.0) else {
            return [0; 32];
        };
        mac.update(format!("parallax site key 1\n{purpose}\n{name}\n{period}").as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn site(config: SiteConfig) -> Result<Site, SitesError> {
    let name = config.name;
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if !(1..=32).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(SitesError::Name { name });
    }
    let public = |k: &str| {
        (1..=64).contains(&k.len()) && k.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'))
    };
    let KeysConfig {
        sitekey,
        secret,
        rotate_seconds,
    } = config.keys;
    let keys = match (sitekey, secret, rotate_seconds) {
        (Some(sitekey), Some(secret), None) if public(&sitekey) && secret.len() >= 16 => {
            Keys::Fixed { sitekey, secret }
        }
        (None, None, Some(seconds)) if seconds >= LEAST_ROTATION_SECONDS => Keys::Rotating { seconds },
        _ => return Err(SitesError::Keys { name }),
    };
    let routing = match config.risk.map(Routing::parse).transpose() {
        Ok(routing) => routing.unwrap_or_default(),
        Err(problem) => return Err(SitesError::Risk { name, problem }),
    };
    Ok(Site {
        name,
        policy: Policy::Risk,
        routing,
        hostnames: Hostnames::Listed(config.hostnames),
        keys,
    })
}

fn clash(a: &Site, b: &Site) -> bool {
    let keys = match (&a.keys, &b.keys) {
        (Keys::Fixed { sitekey: k, secret: s }, Keys::Fixed { sitekey, secret }) => k == sitekey || s == secret,
        _ => false,
    };
    keys || a.name == b.name
}

#[cfg(test)]
mod tests;
