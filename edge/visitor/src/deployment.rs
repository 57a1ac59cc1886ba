//! What the operator configured: variables and secrets, read once an isolate.

use std::{cell::RefCell, rc::Rc};

use parallax_captcha::ticket::SealKey;
use parallax_edge_shared::{
    job::MAX_COUNT,
    site::{Sites, TestKeys},
};
use subtle::ConstantTimeEq;
use worker::Env;

use crate::failure::Failure;

/// An admin key shorter than this opens nothing, characters.
const LEAST_ADMIN_KEY: usize = 16;

/// Pictures a set has where `SET_SIZE` says nothing.
const DEFAULT_SET_SIZE: u32 = 64;

thread_local! {
    static DEPLOYMENT: RefCell<Option<Rc<Deployment>>> = const { RefCell::new(None) };
}

/// The configuration of this deployment. Not `Debug`: it holds secrets.
pub struct Deployment {
    /// Who may embed a widget.
    pub sites: Sites,
    /// What tickets are sealed with.
    pub key: SealKey,
    /// Whether the published test keys are accepted (variable `TEST_KEYS`, `on` or `off`).
    pub test_keys: TestKeys,
    /// Pictures a set has (variable `SET_SIZE`).
    pub set_size: u32,
    admin_key: String,
}

impl Deployment {
    /// Reads variables and secrets, or returns what this isolate read before.
    ///
    /// # Errors
    /// [`Failure::Internal`], naming what is missing or malformed.
    pub fn of(env: &Env) -> Result<Rc<Self>, Failure> {
        if let Some(known) = DEPLOYMENT.with_borrow(Clone::clone) {
            return Ok(known);
        }
        let read = Rc::new(Self::read(env)?);
        DEPLOYMENT.set(Some(Rc::clone(&read)));
        Ok(read)
    }

    fn read(env: &Env) -> Result<Self, Failure> {
        let secret = |name: &str| match env.secret(name) {
            Ok(secret) => Ok(secret.to_string()),
            Err(_) => Err(Failure::Internal(format!("the secret {name} is not set"))),
        };
        let variable = |name: &str| env.var(name).map(|v| v.to_string()).ok();
        let seal_key = secret("PARALLAX_SEAL_KEY")?;
        let key = SealKey::from_hex(&seal_key).map_err(|e| Failure::Internal(format!("PARALLAX_SEAL_KEY: {e}")))?;
        let test_keys = match variable("TEST_KEYS").as_deref() {
            Some("on") => TestKeys::Accepted,
            Some("off") | None => TestKeys::Refused,
            Some(_) => return Err(Failure::Internal("TEST_KEYS is neither on nor off".to_owned())),
        };
        let sites = Sites::parse(
            &variable("SITES").unwrap_or_else(|| "[]".to_owned()),
            &seal_key,
            test_keys,
        )
        .map_err(|e| Failure::Internal(e.to_string()))?;
        let set_size = match variable("SET_SIZE") {
            None => DEFAULT_SET_SIZE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|size| (1..=MAX_COUNT).contains(size))
                .ok_or_else(|| Failure::Internal(format!("SET_SIZE is no number of 1 to {MAX_COUNT}")))?,
        };
        Ok(Self {
            sites,
            key,
            test_keys,
            set_size,
            admin_key: secret("PARALLAX_ADMIN_KEY").unwrap_or_default(),
        })
    }

    /// Whether `key` is the admin key; takes the same time wherever the two differ.
    #[must_use]
    pub fn is_admin(&self, key: &str) -> bool {
        let own = self.admin_key.trim().as_bytes();
        own.len() >= LEAST_ADMIN_KEY && bool::from(own.ct_eq(key.as_bytes()))
    }
}
