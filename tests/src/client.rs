//! HTTP as a browser, a site's server or an attacker speaks it. Every status is an answer, not an error.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http;

/// Speaks to one server.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    /// `http://localhost:PORT`.
    pub address: String,
}

/// A request, built up.
#[derive(Debug)]
pub struct Call {
    agent: ureq::Agent,
    builder: http::request::Builder,
    body: Vec<u8>,
    length: Length,
}

/// Whether a request says how long its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Declared,
    /// It is sent in chunks.
    Unsaid,
}

/// What came back.
#[derive(Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: http::HeaderMap,
    /// Body, whole.
    pub body: Vec<u8>,
}

impl Client {
    /// Speaks to the server on `port` of loopback.
    #[must_use]
    pub fn new(port: u16) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // workerd answers nobody while it perturbs a pack of pictures; on a busy machine that takes minutes.
            .timeout_global(Some(Duration::from_secs(300)))
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            address: format!("http://localhost:{port}"),
        }
    }

    /// `GET path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// `POST path`.
    #[must_use]
    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    /// `METHOD path`; a whole address is taken as it stands.
    #[must_use]
    pub fn call(&self, method: &str, path: &str) -> Call {
        let builder = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address));
        Call {
            agent: self.agent.clone(),
            builder,
            body: Vec::new(),
            length: Length::Declared,
        }
    }
}

impl Call {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Comes from a page of `origin`, as browsers say.
    #[must_use]
    pub fn from(self, origin: &str) -> Self {
        self.header("origin", origin)
    }

    /// Carries a bearer key.
    #[must_use]
    pub fn bearer(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// Carries `value` as JSON.
    ///
    /// # Panics
    /// When `value` is no JSON.
    #[must_use]
    pub fn json(self, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("a test's value is JSON");
        self.body("application/json", body)
    }

    /// Carries form fields.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    /// Carries `body` as `content_type`.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Does not say how long the body is.
    #[must_use]
    pub fn chunked(self) -> Self {
        Self {
            length: Length::Unsaid,
            ..self
        }
    }

    /// Sends it.
    ///
    /// # Panics
    /// When no whole answer comes back.
    #[must_use]
    pub fn send(self) -> Reply {
        self.try_send().unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Whether the other side speaks HTTP yet.
    #[must_use]
    pub fn is_answered(self) -> bool {
        self.try_send().is_ok()
    }

    fn try_send(self) -> Result<Reply, ureq::Error> {
        let request = self.builder.body(self.body)?;
        let has_body = !request.body().is_empty();
        let mut response = if self.length == Length::Unsaid {
            let reader = |body| ureq::SendBody::from_owned_reader(std::io::Cursor::new(body));
            self.agent.run(request.map(reader))?
        } else if has_body {
            self.agent.run(request)?
        } else {
            self.agent.run(request.map(|_| ()))?
        };
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
        })
    }
}

impl Reply {
    /// The body as `T`.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body as NDJSON.
    ///
    /// # Panics
    /// When a line is something else.
    #[must_use]
    pub fn lines<T: DeserializeOwned>(&self) -> Vec<T> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        self.text().lines().map(read).collect()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, empty where absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The code of an error of `/v1/*` or `/admin/v1/*`, with its status.
    ///
    /// # Panics
    /// When it is no such error.
    #[must_use]
    pub fn error(&self) -> (u16, String) {
        let value: serde_json::Value = self.json();
        let code = value.pointer("/error/code").and_then(serde_json::Value::as_str);
        (
            self.status,
            code.unwrap_or_else(|| panic!("no error: {self:?}")).to_owned(),
        )
    }
}

impl core::fmt::Debug for Reply {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text: String = self.text().chars().take(500).collect();
        write!(f, "{} {text:?}", self.status)
    }
}

/// Percent-encoding of everything but what a form leaves alone.
fn percent(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.bytes()
        .map(|byte| {
            if is_plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
