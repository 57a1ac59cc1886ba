//! What a page asks of a widget: the attributes `data-*` of its element, and the same names in `parallax.render`'s
//! options. Reads text, knows nothing of the DOM.

/// Longest action, characters of `[A-Za-z0-9_-]`.
const MAX_ACTION: usize = 32;
/// Longest `cdata`, characters.
const MAX_CDATA: usize = 255;
/// Milliseconds between an error and the next try, unless the page says otherwise.
const RETRY_INTERVAL_MS: u32 = 8_000;
/// Where the token goes in the page's form.
const RESPONSE_FIELD: &str = "parallax-response";

/// Options of one widget, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The site's public key.
    pub sitekey: String,
    /// What the visitor is about to do.
    pub action: Option<String>,
    /// The site's own text for siteverify.
    pub cdata: Option<String>,
    /// `auto`, `light` or `dark`.
    pub theme: &'static str,
    /// `normal`, `compact` or `flexible`.
    pub size: &'static str,
    /// `auto` or a BCP 47 tag.
    pub language: String,
    /// `tabindex` of the slider.
    pub tabindex: i32,
    /// Name of the hidden field that carries the token; `None` for no such field.
    pub response_field: Option<String>,
    /// Show nothing before `parallax.execute`.
    pub hidden_until_executed: bool,
    /// What the state machine needs to know.
    pub policy: Policy,
}

/// When the widget acts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Wait for `parallax.execute` before asking the edge for anything.
    pub deferred: bool,
    /// Try again after errors that may pass.
    pub retry: bool,
    /// Milliseconds to the first new try.
    pub retry_interval_ms: u32,
    /// What happens when a token expires.
    pub refresh_expired: Refresh,
    /// What happens when a captcha was not answered in time.
    pub refresh_timeout: Refresh,
}

/// What follows an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// A new slider at once.
    Auto,
    /// A button that asks for one.
    Manual,
    /// Nothing, until the page calls `parallax.reset`.
    Never,
}

/// Why options were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// There is no site key.
    #[error("missing-sitekey")]
    MissingSitekey,
    /// The action is too long or has characters outside `[A-Za-z0-9_-]`.
    #[error("invalid-action")]
    InvalidAction,
    /// `cdata` has more than 255 characters.
    #[error("invalid-cdata")]
    InvalidCdata,
}

impl OptionsError {
    /// The code for the page's `error-callback`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingSitekey => "missing-sitekey",
            Self::InvalidAction => "invalid-action",
            Self::InvalidCdata => "invalid-cdata",
        }
    }
}

impl Options {
    /// Reads options through `get`, which answers a name such as `response-field-name`, with empty text for what is not
    /// given. A value that is not one of the documented ones counts as not given, as with every attribute of HTML.
    ///
    /// # Errors
    /// [`OptionsError`] when the edge would refuse the session for certain.
    pub fn read(get: &dyn Fn(&str) -> String) -> Result<Self, OptionsError> {
        let among = |name, choices: [&'static str; 3]| {
            let given = get(name);
            choices.into_iter().find(|c| *c == given).unwrap_or(choices[0])
        };
        let refresh = |name| match among(name, ["auto", "manual", "never"]) {
            "manual" => Refresh::Manual,
            "never" => Refresh::Never,
            _ => Refresh::Auto,
        };
        let sitekey = get("sitekey");
        let action = get("action");
        let cdata = get("cdata");
        if sitekey.is_empty() {
            return Err(OptionsError::MissingSitekey);
        }
        if !is_action(&action) {
            return Err(OptionsError::InvalidAction);
        }
        if characters(&cdata) > MAX_CDATA {
            return Err(OptionsError::InvalidCdata);
        }
        let deferred = get("execution") == "execute";
        let field = given(get("response-field-name")).unwrap_or_else(|| RESPONSE_FIELD.into());
        Ok(Self {
            sitekey,
            action: given(action),
            cdata: given(cdata),
            theme: among("theme", ["auto", "light", "dark"]),
            size: among("size", ["normal", "compact", "flexible"]),
            language: get("language"),
            tabindex: get("tabindex").parse().unwrap_or_default(),
            response_field: (get("response-field") != "false").then_some(field),
            hidden_until_executed: deferred && matches!(get("appearance").as_str(), "execute" | "interaction-only"),
            policy: Policy {
                deferred,
                retry: get("retry") != "never",
                retry_interval_ms: get("retry-interval")
                    .parse::<i32>()
                    .map_or(RETRY_INTERVAL_MS, |ms| ms.max(1_000).unsigned_abs()),
                refresh_expired: refresh("refresh-expired"),
                refresh_timeout: refresh("refresh-timeout"),
            },
        })
    }
}

/// Number of characters: of bytes that do not continue one.
fn characters(text: &str) -> usize {
    text.bytes().filter(|byte| byte & 0xc0 != 0x80).count()
}

fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn is_action(text: &str) -> bool {
    text.len() <= MAX_ACTION
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options, OptionsError> {
        Options::read(&|name| {
            let value = pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            value.unwrap_or_default().to_owned()
        })
    }

    #[test]
    fn a_sitekey_is_enough() {
        let options = read(&[("sitekey", "abc")]).unwrap();
        assert_eq!((options.theme, options.size, options.tabindex), ("auto", "normal", 0));
        assert_eq!(options.response_field.as_deref(), Some("parallax-response"));
        assert!(!options.hidden_until_executed);
        let expected = Policy {
            deferred: false,
            retry: true,
            retry_interval_ms: 8_000,
            refresh_expired: Refresh::Auto,
            refresh_timeout: Refresh::Auto,
        };
        assert_eq!(options.policy, expected);
    }

    #[test]
    fn what_the_edge_would_refuse_is_refused_here() {
        let long_action = "a".repeat(33);
        let long_cdata = "é".repeat(256);
        for (pair, expected) in [
            (("theme", "dark"), OptionsError::MissingSitekey),
            (("sitekey", ""), OptionsError::MissingSitekey),
            (("action", "sign up"), OptionsError::InvalidAction),
            (("action", long_action.as_str()), OptionsError::InvalidAction),
            (("cdata", long_cdata.as_str()), OptionsError::InvalidCdata),
        ] {
            let mut pairs = vec![pair];
            if expected != OptionsError::MissingSitekey {
                pairs.push(("sitekey", "abc"));
            }
            assert_eq!(read(&pairs), Err(expected.clone()), "{pair:?}");
            assert_eq!(expected.code(), expected.to_string());
        }
        assert!(read(&[("sitekey", "abc"), ("action", "sign_up-2"), ("cdata", &"é".repeat(255))]).is_ok());
    }

    #[test]
    fn unknown_values_count_as_absent() {
        let options = read(&[
            ("sitekey", "abc"),
            ("theme", "purple"),
            ("size", "huge"),
            ("tabindex", "first"),
            ("refresh-expired", "sometimes"),
            ("retry-interval", "soon"),
        ]);
        assert_eq!(options, read(&[("sitekey", "abc")]));
    }

    #[test]
    fn every_choice_is_read() {
        let options = read(&[
            ("sitekey", "abc"),
            ("theme", "dark"),
            ("size", "flexible"),
            ("tabindex", "-1"),
            ("execution", "execute"),
            ("appearance", "interaction-only"),
            ("response-field-name", "token"),
            ("retry", "never"),
            ("retry-interval", "1500"),
            ("refresh-expired", "manual"),
            ("refresh-timeout", "never"),
        ])
        .unwrap();
        assert_eq!(
            (options.theme, options.size, options.tabindex),
            ("dark", "flexible", -1)
        );
        assert_eq!(options.response_field.as_deref(), Some("token"));
        assert!(options.hidden_until_executed && options.policy.deferred && !options.policy.retry);
        assert_eq!(options.policy.retry_interval_ms, 1_500);
        assert_eq!(options.policy.refresh_expired, Refresh::Manual);
        assert_eq!(options.policy.refresh_timeout, Refresh::Never);
        assert_eq!(
            read(&[("sitekey", "abc"), ("response-field", "false")])
                .unwrap()
                .response_field,
            None
        );
    }
}
