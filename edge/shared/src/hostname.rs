//! Which pages may embed a site key: host names of origins, and the allow-list they are held against.

use serde::{Deserialize, Serialize};

/// The host of an `Origin` header, lower case, without port and trailing dot; `None` for `null`, other schemes than
/// HTTP(S), and whatever a browser does not send.
///
/// ```
/// use parallax_edge_shared::hostname::host_of_origin;
///
/// assert_eq!(host_of_origin("https://Shop.Example:8443").as_deref(), Some("shop.example"));
/// assert_eq!(host_of_origin("http://[::1]:8787").as_deref(), Some("[::1]"));
/// assert_eq!(host_of_origin("null"), None);
/// ```
#[must_use]
pub fn host_of_origin(origin: &str) -> Option<String> {
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))?;
    let (host, port) = if authority.starts_with('[') {
        authority.split_at(authority.find(']')? + 1)
    } else {
        authority.split_at(authority.find(':').unwrap_or(authority.len()))
    };
    let port_is_fine = match port.strip_prefix(':') {
        Some(digits) => (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()),
        None => port.is_empty(),
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (port_is_fine && is_host(&host)).then_some(host)
}

/// A host name, or an IPv6 address in brackets, lower case.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return address.parse::<core::net::Ipv6Addr>().is_ok();
    }
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    host.len() <= 253 && host.split('.').all(label_is_fine)
}

/// Host names that may embed a site key.
///
/// An entry is a host name (`shop.example`), every host below one (`*.shop.example`), or `localhost`, which stands for
/// this machine under any of its names. Ports do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct AllowList(Vec<String>);

/// An entry of an [`AllowList`] is no host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is neither a host name nor *. before one")]
pub struct AllowListError {
    /// The entry.
    pub entry: String,
}

impl TryFrom<Vec<String>> for AllowList {
    type Error = AllowListError;

    fn try_from(entries: Vec<String>) -> Result<Self, Self::Error> {
        let entries: Vec<String> = entries.iter().map(|e| e.to_ascii_lowercase()).collect();
        match entries.iter().find(|e| !is_host(e.strip_prefix("*.").unwrap_or(e))) {
            Some(entry) => Err(AllowListError { entry: entry.clone() }),
            None => Ok(Self(entries)),
        }
    }
}

impl From<AllowList> for Vec<String> {
    fn from(list: AllowList) -> Self {
        list.0
    }
}

impl AllowList {
    /// Whether a page on `host` ([`host_of_origin`]'s form) may embed the site key.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        self.0.iter().any(|entry| match entry.strip_prefix("*.") {
            Some(parent) => host
                .strip_suffix(parent)
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
            None if entry == "localhost" => is_loopback(host),
            None => host == entry,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_pages_have_a_host() {
        for (origin, host) in [
            ("https://example.com", "example.com"),
            ("http://localhost:8787", "localhost"),
            ("http://127.0.0.1:1", "127.0.0.1"),
            ("https://EXAMPLE.com.:443", "example.com"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("http://[2001:DB8::1]:80", "[2001:db8::1]"),
        ] {
            assert_eq!(host_of_origin(origin).as_deref(), Some(host), "{origin}");
        }
    }

    #[test]
    fn anything_else_has_none() {
        let long = format!("https://{}.example", "a".repeat(64));
        for origin in [
            "",
            "null",
            "example.com",
            "file://",
            "https://",
            "https://a/b",
            "https://user@example.com",
            "https://example.com@evil.example:80",
            "https://example.com:",
            "https://example.com:80x",
            "https://example.com:800000",
            "https://exa mple.com",
            "https://example..com",
            "http://[::1",
            "http://[::1]x",
            "http://[evil]",
            "https://é.example",
            &long,
        ] {
            assert_eq!(host_of_origin(origin), None, "{origin}");
        }
    }

    #[test]
    fn the_list_allows_what_it_names() {
        let list = AllowList::try_from(
            ["Shop.example", "*.cdn.example", "localhost"]
                .map(str::to_owned)
                .to_vec(),
        )
        .unwrap();
        for host in [
            "shop.example",
            "a.cdn.example",
            "a.b.cdn.example",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "x.localhost",
        ] {
            assert!(list.allows(host), "{host}");
        }
        for host in [
            "",
            "www.shop.example",
            "notshop.example",
            "cdn.example",
            ".cdn.example",
            "xcdn.example",
            "evil",
        ] {
            assert!(!list.allows(host), "{host}");
        }
        assert!(!AllowList::default().allows("localhost"));
    }

    #[test]
    fn entries_are_checked() {
        for entry in ["", "*", "*.", "https://a.example", "a.example/b", "a.*.example", "a:80"] {
            assert!(AllowList::try_from(vec![entry.to_owned()]).is_err(), "{entry:?}");
        }
    }
}
