//! HTTP with a bearer key: bounded replies, and patience with an edge that is busy.

use std::{env, fs, path::Path, thread, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use ureq::http::{self, HeaderValue, Uri};

use super::AdminError;
use crate::{files, interrupt};

/// Variable that holds the admin key, as the edge's secret is called.
pub const KEY_VARIABLE: &str = "PARALLAX_ADMIN_KEY";

/// The longest wait between two attempts, whatever the edge asks for.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// While waiting, Ctrl-C is looked for this often.
const TICK: Duration = Duration::from_millis(100);

/// Errors longer than this are cut, bytes.
const MAX_ERROR_BYTES: u64 = 64 * 1024;

/// What opens the admin API. Not `Debug`: it is a secret.
pub struct AdminKey(HeaderValue);

impl AdminKey {
    /// Reads the key from a file, or from the variable [`KEY_VARIABLE`] where none is named.
    ///
    /// # Errors
    /// [`AdminError::NoAdminKey`], [`AdminError::AdminKey`], [`AdminError::Files`].
    pub fn find(file: Option<&Path>) -> Result<Self, AdminError> {
        let key = match file {
            Some(path) => fs::read_to_string(path).map_err(files::io_error("read", path))?,
            None => env::var(KEY_VARIABLE).unwrap_or_default(),
        };
        Self::new(key.trim())
    }

    /// A key as it is written.
    ///
    /// # Errors
    /// [`AdminError::NoAdminKey`], [`AdminError::AdminKey`].
    pub fn new(key: &str) -> Result<Self, AdminError> {
        if key.is_empty() {
            return Err(AdminError::NoAdminKey);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| AdminError::AdminKey)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// How patient a [`Client`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientConfig {
    /// How often a request is sent while the edge is busy or does not answer.
    pub attempts: u32,
    /// Wait before the second attempt; doubled before each further one.
    pub first_delay: Duration,
    /// The longest that one attempt may take.
    pub timeout: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            attempts: 6,
            first_delay: Duration::from_millis(500),
            timeout: Duration::from_secs(120),
        }
    }
}

/// Speaks to one edge. Not `Debug`: it holds the admin key.
pub struct Client {
    agent: ureq::Agent,
    edge: String,
    key: AdminKey,
    config: ClientConfig,
}

/// Why one attempt did not get what was asked for.
enum Attempt {
    /// Another one may.
    Retry {
        error: Box<AdminError>,
        after: Option<Duration>,
    },
    /// Another one would not.
    Final(Box<AdminError>),
}

#[derive(Deserialize)]
struct ErrorReply {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
    message: String,
    field: Option<String>,
}

impl Client {
    /// Will speak to the edge at `address`; nothing is sent yet.
    ///
    /// # Errors
    /// [`AdminError::Address`]: also where the key would travel unencrypted to another machine.
    pub fn new(address: &str, key: AdminKey, config: ClientConfig) -> Result<Self, AdminError> {
        let edge = edge_of(address).ok_or_else(|| AdminError::Address {
            address: address.to_owned(),
        })?;
        let mut agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(config.timeout))
            // A redirection would take the key to an address that nobody checked.
            .max_redirects(0);
        if edge.starts_with("http:") {
            // So would a proxy that the environment names, and what goes through it unencrypted it reads.
            agent = agent.proxy(None);
        }
        Ok(Self {
            agent: agent.build().into(),
            edge,
            key,
            config,
        })
    }

    /// The edge's address, in one spelling.
    #[must_use]
    pub fn edge(&self) -> &str {
        &self.edge
    }

    /// `GET path`: at most `limit` bytes.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn get(&self, path: &str, limit: u64) -> Result<Vec<u8>, AdminError> {
        self.send("GET", path, None, limit)
    }

    /// `POST path` with a JSON body; the reply as JSON.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn post<R: DeserializeOwned>(&self, path: &str, json: &[u8]) -> Result<R, AdminError> {
        let reply = self.send("POST", path, Some(json), MAX_ERROR_BYTES)?;
        serde_json::from_slice(&reply).map_err(|error| AdminError::unexpected(path, error))
    }

    /// `DELETE path`; the reply as JSON.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn delete<R: DeserializeOwned>(&self, path: &str) -> Result<R, AdminError> {
        let reply = self.send("DELETE", path, None, MAX_ERROR_BYTES)?;
        serde_json::from_slice(&reply).map_err(|error| AdminError::unexpected(path, error))
    }

    fn send(&self, method: &str, path: &str, json: Option<&[u8]>, limit: u64) -> Result<Vec<u8>, AdminError> {
        let mut delay = self.config.first_delay;
        let mut left = self.config.attempts;
        loop {
            left = left.saturating_sub(1);
            match self.attempt(method, path, json, limit) {
                Ok(reply) => return Ok(reply),
                Err(Attempt::Retry { after, .. }) if left > 0 => {
                    wait(after.unwrap_or(delay))?;
                    delay *= 2;
                }
                Err(Attempt::Retry { error, .. } | Attempt::Final(error)) => return Err(*error),
            }
        }
    }

    fn attempt(&self, method: &str, path: &str, json: Option<&[u8]>, limit: u64) -> Result<Vec<u8>, Attempt> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.edge))
            .header("authorization", self.key.0.clone());
        let answered = match json {
            Some(json) => {
                let request = request.header("content-type", "application/json").body(json);
                request.map_err(ureq::Error::from).and_then(|r| self.agent.run(r))
            }
            None => {
                let request = request.body(());
                request.map_err(ureq::Error::from).and_then(|r| self.agent.run(r))
            }
        };
        let mut response = answered.map_err(|error| self.broken(path, error))?;
        let status = response.status().as_u16();
        let succeeded = (200..300).contains(&status);
        let limit = if succeeded { limit } else { MAX_ERROR_BYTES };
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        if succeeded {
            return body.map_err(|error| self.broken(path, error));
        }
        let error = Box::new(refusal(status, path, &body.unwrap_or_default()));
        if status == 429 || status >= 500 {
            let header = response
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok());
            let after = header.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
            return Err(Attempt::Retry { error, after });
        }
        Err(Attempt::Final(error))
    }

    fn broken(&self, path: &str, error: ureq::Error) -> Attempt {
        let lost = |reason: &ureq::Error| {
            Box::new(AdminError::Unreachable {
                edge: self.edge.clone(),
                reason: reason.to_string(),
            })
        };
        match error {
            ureq::Error::BodyExceedsLimit(_) => Attempt::Final(Box::new(AdminError::unexpected(path, error))),
            ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => {
                Attempt::Retry {
                    error: lost(&error),
                    after: None,
                }
            }
            _ => Attempt::Final(lost(&error)),
        }
    }
}

/// What the edge said, or at least its status.
fn refusal(status: u16, path: &str, body: &[u8]) -> AdminError {
    match serde_json::from_slice::<ErrorReply>(body) {
        Ok(ErrorReply { error }) => AdminError::Refused {
            status,
            code: error.code,
            message: error.message,
            field: error.field,
        },
        Err(_) => AdminError::unexpected(path, format!("status {status}")),
    }
}

/// Waits, unless the user asks to stop.
fn wait(delay: Duration) -> Result<(), AdminError> {
    let mut left = delay.min(MAX_DELAY);
    while !interrupt::requested() {
        if left.is_zero() {
            return Ok(());
        }
        let step = left.min(TICK);
        thread::sleep(step);
        left -= step;
    }
    Err(AdminError::Interrupted)
}

/// `scheme://authority` of an address that a key may be sent to.
fn edge_of(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let (scheme, authority, host) = (uri.scheme_str()?, uri.authority()?, uri.host()?);
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let is_safe = scheme == "https" || (scheme == "http" && is_here);
    let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
    (is_safe && is_bare).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::Scripted;

    fn client(edge: &Scripted, attempts: u32) -> Client {
        let config = ClientConfig {
            attempts,
            first_delay: Duration::from_millis(1),
            timeout: Duration::from_secs(10),
        };
        Client::new(&edge.address, AdminKey::new("key").unwrap(), config).unwrap()
    }

    #[test]
    fn a_key_is_sent_nowhere_that_it_could_be_read() {
        for (address, edge) in [
            ("https://captcha.example", Some("https://captcha.example")),
            ("https://captcha.example:8443/", Some("https://captcha.example:8443")),
            ("http://localhost:8787", Some("http://localhost:8787")),
            ("http://[::1]:1/", Some("http://[::1]:1")),
            ("http://captcha.example", None),
            ("http://localhost.example", None),
            ("https://captcha.example/admin", None),
            ("https://captcha.example/?a", None),
            ("https://a:b@captcha.example", None),
            ("captcha.example", None),
            ("ftp://captcha.example", None),
            ("", None),
        ] {
            assert_eq!(edge_of(address).as_deref(), edge, "{address}");
        }
    }

    #[test]
    fn a_busy_edge_is_asked_again_and_no_more_often_than_allowed() {
        let busy = (503, "{}".to_owned());
        let edge = Scripted::start(vec![busy.clone(), (429, String::new()), (200, "here".to_owned())]);
        assert_eq!(client(&edge, 3).get("/x", 10).unwrap(), b"here");
        let requests = edge.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests[0].starts_with("GET /x HTTP/1.1\r\n"), "{}", requests[0]);
        assert!(requests[0].contains("authorization: Bearer key\r\n"), "{}", requests[0]);

        let edge = Scripted::start(vec![busy.clone(), busy]);
        let error = client(&edge, 2).get("/x", 10).unwrap_err();
        assert_eq!(error.to_string(), "unexpected reply to /x: status 503");
        assert_eq!(edge.requests().len(), 2);
    }

    #[test]
    fn a_refusal_is_told_and_not_repeated() {
        let body = r#"{"error":{"code":"signature-invalid","message":"no","field":"signature"}}"#;
        let edge = Scripted::start(vec![(403, body.to_owned())]);
        let error = client(&edge, 3).post::<()>("/x", b"{}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the edge refuses: no (403 signature-invalid, field signature)"
        );
        assert_eq!(edge.requests().len(), 1);
    }

    #[test]
    fn replies_are_bounded_and_redirections_not_followed() {
        let edge = Scripted::start(vec![(200, "x".repeat(11))]);
        assert!(matches!(
            client(&edge, 3).get("/x", 10),
            Err(AdminError::Unexpected { .. })
        ));
        let edge = Scripted::start(vec![(302, String::new())]);
        assert!(matches!(
            client(&edge, 3).get("/x", 10),
            Err(AdminError::Unexpected { .. })
        ));
        assert_eq!(edge.requests().len(), 1);
    }

    #[test]
    fn a_key_is_one_line() {
        assert!(matches!(AdminKey::new(""), Err(AdminError::NoAdminKey)));
        assert!(matches!(AdminKey::new("a\nb"), Err(AdminError::AdminKey)));
    }
}
