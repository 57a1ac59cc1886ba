//! siteverify: what a site's server asks, what is checked before the token is consumed, and the reply in the dialect
//! of the product whose address was used. Consuming itself is the caller's: [`check`] says what to consume.

mod dialect;
mod test_secret;

pub use dialect::{Case, Dialect, Metadata, Reply};
pub use test_secret::{DUMMY_TOKEN, TestSecret};

use parallax_captcha::ticket::{Purpose, SealKey, Ticket, TicketId, open_at_any_age};
use serde::Deserialize;

use crate::{
    claims::Token,
    site::{Site, Sites, TestKeys},
};

/// A token longer than this is not read, characters.
pub const MAX_RESPONSE: usize = 2048;

/// Seconds for which a redemption is remembered after its token expired, so that a repeated call with the same
/// idempotency key gets the same reply.
pub const REMEMBER_SECONDS: u64 = 600;

/// What a site's server sends, as JSON or as form fields of these names.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The site's secret.
    pub secret: Option<String>,
    /// The token.
    pub response: Option<String>,
    /// The visitor's address; taken, not held against anything yet.
    pub remoteip: Option<String>,
    /// A UUID: the same token with the same key gets the stored reply again.
    pub idempotency_key: Option<String>,
    /// The site key that the site expects the token to be of.
    pub sitekey: Option<String>,
}

impl core::fmt::Debug for Request {
    /// Neither secret nor token.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

/// What is known, and what is left to do, before anything was consumed.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// The verdict stands.
    Settled(Reply),
    /// The verdict is `reply` if the token was stored before under this idempotency key, else `otherwise`.
    Recall {
        /// The token.
        id: TicketId,
        /// Under which key its reply may be stored.
        idempotency_key: String,
        /// The verdict when nothing is stored.
        otherwise: Reply,
    },
    /// The verdict is `reply` if the token can be consumed, else `spent`.
    Redeem {
        /// The token.
        id: TicketId,
        /// Until when the redemption must be remembered, unix seconds.
        keep_until: u64,
        /// Under which key the reply is stored.
        idempotency_key: Option<String>,
        /// The verdict when it is redeemed now.
        reply: Reply,
        /// The verdict when it was redeemed before.
        spent: Reply,
    },
}

/// What a request is held against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// All sites.
    pub sites: &'a Sites,
    /// What tokens are sealed with.
    pub key: &'a SealKey,
    /// Whether the published test secrets are accepted.
    pub test_keys: TestKeys,
    /// Unix seconds.
    pub now: u64,
}

/// Checks everything but whether the token was used before.
#[must_use]
pub fn check(request: &Request, dialect: Dialect, context: Context<'_>) -> Check {
    let settled = |case| Check::Settled(dialect.refused(case, None));
    let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());

    let Some(secret) = given(&request.secret) else {
        return settled(Case::MissingSecret);
    };
    if context.test_keys == TestKeys::Accepted
        && let Some(test) = TestSecret::of(&secret)
    {
        return Check::Settled(test.reply(dialect, given(&request.response).is_some(), context.now));
    }
    let Some(site) = context.sites.by_secret(&secret, context.now) else {
        return settled(Case::WrongSecret);
    };
    let Some(response) = given(&request.response) else {
        return settled(Case::MissingResponse);
    };
    let idempotency_key = given(&request.idempotency_key);
    if idempotency_key.as_deref().is_some_and(|key| !is_uuid(key)) {
        return settled(Case::Malformed);
    }
    if response.len() > MAX_RESPONSE {
        return settled(Case::WrongResponse);
    }
    match open_at_any_age::<Token>(&response, Purpose::Token, context.key) {
        Ok(token) => judge(&token, site, request, idempotency_key, dialect, context),
        Err(_) => settled(Case::WrongResponse),
    }
}

fn judge(
    token: &Ticket<Token>,
    site: &Site,
    request: &Request,
    idempotency_key: Option<String>,
    dialect: Dialect,
    context: Context<'_>,
) -> Check {
    let expected = request.sitekey.as_deref().filter(|key| !key.is_empty());
    let of_expected = expected.is_none_or(|key| {
        context
            .sites
            .by_sitekey(key, context.now)
            .is_some_and(|named| named.name == site.name)
    });
    if token.site != site.name || !of_expected {
        return Check::Settled(dialect.refused(Case::OtherSite, Some(token)));
    }
    let expires_at = token
        .expires_at
        .min(token.issued_at.saturating_add(dialect.token_seconds()));
    if context.now >= expires_at {
        let otherwise = dialect.refused(Case::Expired, Some(token));
        return match idempotency_key {
            Some(idempotency_key) => Check::Recall {
                id: token.id,
                idempotency_key,
                otherwise,
            },
            None => Check::Settled(otherwise),
        };
    }
    Check::Redeem {
        id: token.id,
        keep_until: token.expires_at.saturating_add(REMEMBER_SECONDS),
        idempotency_key,
        reply: dialect.accepted(token),
        spent: dialect.refused(Case::Spent, Some(token)),
    }
}

/// Whether `text` is a UUID in its usual spelling (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use parallax_captcha::ticket::seal;

    use super::*;
    use crate::claims::Page;

    const NOW: u64 = 1_800_000_000;
    const SECRET: &str = "secret-of-the-shop";
    const OTHER: &str = "secret-of-the-forum";
    const UUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

    fn key() -> SealKey {
        SealKey::from_hex(&"5a".repeat(32)).unwrap()
    }

    fn token(site: &str, issued_at: u64) -> String {
        let page = Page {
            hostname: "shop.example".into(),
            action: Some("login".into()),
            cdata: None,
        };
        let body = Token {
            page,
            interactive: true,
        };
        let ticket = Ticket {
            id: TicketId([7; 16]),
            site: site.into(),
            issued_at,
            expires_at: issued_at + 300,
            body,
        };
        seal(&ticket, Purpose::Token, &key(), [1; 24]).unwrap()
    }

    fn ask(request: Request, test_keys: TestKeys) -> Check {
        let config = format!(
            r#"[{{"name":"shop","hostnames":[],"keys":{{"sitekey":"S","secret":"{SECRET}"}}}},
                {{"name":"forum","hostnames":[],"keys":{{"sitekey":"F","secret":"{OTHER}"}}}}]"#
        );
        let sites = Sites::parse(&config, &"5a".repeat(32), test_keys).unwrap();
        check(
            &request,
            Dialect::Turnstile,
            Context {
                sites: &sites,
                key: &key(),
                test_keys,
                now: NOW,
            },
        )
    }

    fn request(secret: &str, response: &str) -> Request {
        let given = |text: &str| Some(text.to_owned());
        Request {
            secret: given(secret),
            response: given(response),
            ..Request::default()
        }
    }

    fn codes(check: Check) -> Vec<String> {
        match check {
            Check::Settled(reply) => reply.error_codes,
            other => panic!("not settled: {other:?}"),
        }
    }

    #[test]
    fn every_refusal_has_its_code() {
        let good = token("shop", NOW);
        let long = "a".repeat(MAX_RESPONSE + 1);
        let forged = format!(
            "{}{}{}",
            &good[..40],
            if &good[40..41] == "A" { "B" } else { "A" },
            &good[41..]
        );
        let with_uuid = Request {
            idempotency_key: Some("not-a-uuid".into()),
            ..request(SECRET, &good)
        };
        let with_sitekey = Request {
            sitekey: Some("F".into()),
            ..request(SECRET, &good)
        };
        for (name, request, code) in [
            ("no secret", request("", &good), "missing-input-secret"),
            ("nothing", Request::default(), "missing-input-secret"),
            ("wrong secret", request("wrong", &good), "invalid-input-secret"),
            ("wrong secret, no token", request("wrong", ""), "invalid-input-secret"),
            (
                "test secret, turned off",
                request("1x0000000000000000000000000000000AA", &good),
                "invalid-input-secret",
            ),
            ("no token", request(SECRET, ""), "missing-input-response"),
            ("no ticket", request(SECRET, "no ticket"), "invalid-input-response"),
            ("dummy", request(SECRET, DUMMY_TOKEN), "invalid-input-response"),
            ("long", request(SECRET, &long), "invalid-input-response"),
            ("forged", request(SECRET, &forged), "invalid-input-response"),
            ("another site's", request(OTHER, &good), "invalid-input-response"),
            ("another sitekey's", with_sitekey, "invalid-input-response"),
            ("idempotency key", with_uuid, "bad-request"),
            (
                "expired",
                request(SECRET, &token("shop", NOW - 300)),
                "timeout-or-duplicate",
            ),
        ] {
            assert_eq!(codes(ask(request, TestKeys::Refused)), [code], "{name}");
        }
    }

    #[test]
    fn a_good_token_is_to_be_redeemed() {
        let request = Request {
            idempotency_key: Some(UUID.into()),
            sitekey: Some("S".into()),
            ..request(SECRET, &token("shop", NOW - 299))
        };
        let Check::Redeem {
            id,
            keep_until,
            idempotency_key,
            reply,
            spent,
        } = ask(request, TestKeys::Refused)
        else {
            panic!("not to be redeemed")
        };
        assert_eq!(
            (id, keep_until, idempotency_key.as_deref()),
            (TicketId([7; 16]), NOW + 601, Some(UUID))
        );
        assert_eq!(
            serde_json::to_string(&reply).unwrap(),
            r#"{"success":true,"error-codes":[],"challenge_ts":"2027-01-15T07:55:01.000Z","hostname":"shop.example","action":"login","cdata":"","metadata":{"interactive":true}}"#
        );
        assert_eq!(
            serde_json::to_string(&spent).unwrap(),
            r#"{"success":false,"error-codes":["timeout-or-duplicate"],"challenge_ts":"2027-01-15T07:55:01.000Z","hostname":"shop.example"}"#
        );
    }

    #[test]
    fn an_expired_token_may_have_a_stored_reply() {
        let expired = Request {
            idempotency_key: Some(UUID.into()),
            ..request(SECRET, &token("shop", NOW - 300))
        };
        assert!(matches!(
            ask(expired, TestKeys::Refused),
            Check::Recall {
                id: TicketId([7, ..]),
                ..
            }
        ));
    }

    #[test]
    fn test_secrets_answer_as_published() {
        let ask = |secret: &str, response: &str| match ask(request(secret, response), TestKeys::Accepted) {
            Check::Settled(reply) => (reply.success, reply.error_codes),
            other => panic!("not settled: {other:?}"),
        };
        let code = |c: &str| vec![c.to_owned()];
        assert_eq!(ask("1x0000000000000000000000000000000AA", DUMMY_TOKEN), (true, vec![]));
        assert_eq!(
            ask("1x0000000000000000000000000000000AA", ""),
            (false, code("missing-input-response"))
        );
        assert_eq!(
            ask("2x0000000000000000000000000000000AA", DUMMY_TOKEN),
            (false, code("invalid-input-response"))
        );
        assert_eq!(
            ask("3x0000000000000000000000000000000AA", DUMMY_TOKEN),
            (false, code("timeout-or-duplicate"))
        );
        assert_eq!(ask(SECRET, DUMMY_TOKEN), (false, code("invalid-input-response")));
    }

    #[test]
    fn uuids() {
        assert!(is_uuid(UUID) && is_uuid(&UUID.to_uppercase()));
        for bad in [
            "",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            &UUID[1..],
            &format!("{UUID}-"),
            &UUID.replace('f', "g"),
        ] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
