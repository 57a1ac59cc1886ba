//! Routing: which visitors of a site pass, are challenged or are blocked. The member `risk` of a site in `SITES`:
//!
//! ```json
//! {
//!   "challenge_from": 0.5, "block_from": 0.99, "serve_attackers": true, "shadow": false,
//!   "keep_traces": false, "account_hint": "cdata", "sample": 0.01,
//!   "rules": [{"country": "XX", "action": "challenge"}, {"asn": 64500, "action": "block"}]
//! }
//! ```
//! Every member may be absent.

use serde::Deserialize;

/// More rules than this are refused: each is looked at for every slide.
pub const MAX_RULES: usize = 1000;

/// What a visitor meets after a slide, from mild to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// A token.
    Pass,
    /// A captcha.
    Challenge,
    /// Neither, for a while.
    Block,
}

impl Decision {
    /// As it is written in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Challenge => "challenge",
            Self::Block => "block",
        }
    }
}

/// What a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A captcha, however human the slide.
    Challenge,
    /// No entry, whatever `serve_attackers` says.
    Block,
}

/// Where visitors come from that a site treats in its own way. It only ever makes a decision stricter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Two letters (ISO 3166-1), or what the platform says instead, such as `T1` for Tor.
    #[serde(default)]
    pub country: Option<String>,
    /// Number of the network (RFC 1930).
    #[serde(default)]
    pub asn: Option<u32>,
    /// What its visitors meet. Where country and network are both named, both must fit.
    pub action: Action,
}

/// Which part of a session names the visitor's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountHint {
    /// The site's own text, `cdata`.
    Cdata,
}

/// How a site's visitors are routed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// From this p(bot) on a visitor is challenged.
    pub challenge_from: f32,
    /// From this p(bot) on a visitor is an attacker.
    pub block_from: f32,
    /// Attackers are challenged instead of blocked, and their answers recorded: what a trainer learns from.
    pub serve_attackers: bool,
    /// Everybody passes; what would have happened is logged.
    pub shadow: bool,
    /// Raw traces are kept for a while, for admins to train with.
    pub keep_traces: bool,
    /// What names the visitor's account; nothing where absent.
    pub account_hint: Option<AccountHint>,
    /// Share of those who would pass that get a captcha all the same, so that it is known how people fare:
    /// [`crate::throttle`].
    pub sample: f32,
    /// Stricter treatment by origin.
    pub rules: Vec<Rule>,
}

impl Default for Routing {
    /// Attackers are served: the first thing a new site needs is their answers, and a captcha holds most of them up too.
    fn default() -> Self {
        Self {
            challenge_from: 0.5,
            block_from: 0.99,
            serve_attackers: true,
            shadow: false,
            keep_traces: false,
            account_hint: None,
            sample: 0.0,
            rules: Vec::new(),
        }
    }
}

/// Where a visitor comes from, as the platform says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Country of the address.
    pub country: Option<String>,
    /// Network of the address.
    pub asn: Option<u32>,
}

impl Routing {
    /// Reads the member `risk` of a site.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(json: serde_json::Value) -> Result<Self, String> {
        // An array would be read too, its members taken for the fields in order.
        if !json.is_object() {
            return Err("invalid type: not an object".to_owned());
        }
        let routing: Self = serde_json::from_value(json).map_err(|e| e.to_string())?;
        routing.check()?;
        Ok(routing)
    }

    fn check(&self) -> Result<(), String> {
        let is_probability = |p: f32| p > 0.0 && p <= 1.0;
        if !is_probability(self.challenge_from) || !is_probability(self.block_from) {
            return Err("challenge_from and block_from are above 0 and at most 1".to_owned());
        }
        if self.challenge_from > self.block_from {
            return Err("challenge_from is above block_from".to_owned());
        }
        if !(0.0..=1.0).contains(&self.sample) {
            return Err("sample is 0 to 1".to_owned());
        }
        if self.rules.len() > MAX_RULES {
            return Err(format!("more than {MAX_RULES} rules"));
        }
        match self.rules.iter().position(|rule| !rule.is_sound()) {
            Some(index) => Err(format!(
                "rule {index} needs a country of two capitals (or a capital and a digit), a network above 0, or both"
            )),
            None => Ok(()),
        }
    }

    /// What a visitor from `origin` with `p_bot` is to meet. Shadow mode is not asked here: see [`Routing::shadow`].
    #[must_use]
    pub fn decide(&self, p_bot: f32, origin: &Origin) -> Decision {
        // A score that is no number decides as a certain machine's would.
        let p_bot = if p_bot.is_nan() { 1.0 } else { p_bot };
        let by_score = if p_bot >= self.block_from && !self.serve_attackers {
            Decision::Block
        } else if p_bot >= self.challenge_from {
            Decision::Challenge
        } else {
            Decision::Pass
        };
        let fitting = self.rules.iter().filter(|rule| rule.fits(origin));
        fitting.map(|rule| rule.decision()).fold(by_score, Decision::max)
    }

    /// Whether a visitor who would pass is one of the sample: `chance` is drawn from 0 to below 1. Only who is more likely a
    /// person than a machine can be, wherever the site challenges.
    #[must_use]
    pub fn samples(&self, p_bot: f32, chance: f32) -> bool {
        !self.shadow && p_bot < 0.5 && chance < self.sample
    }
}

impl Rule {
    fn is_sound(&self) -> bool {
        let country_is_sound = self.country.as_ref().is_none_or(|country| {
            matches!(country.as_bytes(), [a, b] if a.is_ascii_uppercase() && (b.is_ascii_uppercase() || b.is_ascii_digit()))
        });
        country_is_sound && self.asn != Some(0) && (self.country.is_some() || self.asn.is_some())
    }

    fn fits(&self, origin: &Origin) -> bool {
        let country_fits = self.country.is_none() || self.country == origin.country;
        country_fits && (self.asn.is_none() || self.asn == origin.asn)
    }

    fn decision(&self) -> Decision {
        match self.action {
            Action::Challenge => Decision::Challenge,
            Action::Block => Decision::Block,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn origin(country: &str, asn: u32) -> Origin {
        Origin {
            country: Some(country.to_owned()),
            asn: Some(asn),
        }
    }

    #[test]
    fn absent_members_have_defaults() {
        assert_eq!(Routing::parse(json!({})), Ok(Routing::default()));
        let hint = Routing::parse(json!({ "account_hint": "cdata" })).unwrap().account_hint;
        assert_eq!(hint, Some(AccountHint::Cdata));
    }

    #[test]
    fn mistakes_are_told() {
        for (json, part) in [
            (json!({ "challenge_from": 0 }), "above 0"),
            (json!({ "block_from": 1.1 }), "at most 1"),
            (json!({ "challenge_from": 0.9, "block_from": 0.8 }), "above block_from"),
            (json!({ "challenge_from": "x" }), "invalid type"),
            (json!({ "threshold": 0.5 }), "unknown field"),
            (json!({ "sample": -0.1 }), "sample"),
            (json!({ "sample": 1.01 }), "sample"),
            (json!({ "account_hint": "email" }), "unknown variant"),
            (json!({ "rules": [{ "action": "block" }] }), "rule 0"),
            (json!({ "rules": [{ "country": "xx", "action": "block" }] }), "rule 0"),
            (json!({ "rules": [{ "country": "XXX", "action": "block" }] }), "rule 0"),
            (
                json!({ "rules": [{ "asn": 1, "action": "block" }, { "asn": 0, "action": "block" }] }),
                "rule 1",
            ),
            (json!({ "rules": [{ "asn": -1, "action": "block" }] }), "invalid value"),
            (json!({ "rules": [{ "asn": 1, "action": "pass" }] }), "unknown variant"),
            (
                json!({ "rules": vec![json!({ "asn": 1, "action": "block" }); 1001] }),
                "1000 rules",
            ),
            (json!([]), "invalid"),
        ] {
            let text = json.to_string().chars().take(80).collect::<String>();
            let error = Routing::parse(json).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn scores_decide() {
        let served = Routing::default();
        let blocking = Routing {
            serve_attackers: false,
            ..Routing::default()
        };
        let nowhere = Origin::default();
        for (p_bot, decision, blocked) in [
            (0.0, Decision::Pass, Decision::Pass),
            (0.499, Decision::Pass, Decision::Pass),
            (0.5, Decision::Challenge, Decision::Challenge),
            (0.989, Decision::Challenge, Decision::Challenge),
            (0.99, Decision::Challenge, Decision::Block),
            (1.0, Decision::Challenge, Decision::Block),
            (f32::NAN, Decision::Challenge, Decision::Block),
        ] {
            assert_eq!(served.decide(p_bot, &nowhere), decision, "{p_bot}");
            assert_eq!(blocking.decide(p_bot, &nowhere), blocked, "{p_bot}, not served");
        }
    }

    #[test]
    fn only_people_are_sampled() {
        let sampling = Routing {
            sample: 0.25,
            challenge_from: 0.9,
            ..Routing::default()
        };
        for (p_bot, chance, sampled) in [
            (0.1, 0.0, true),
            (0.1, 0.2499, true),
            (0.1, 0.25, false),
            (0.5, 0.0, false),
            (f32::NAN, 0.0, false),
        ] {
            assert_eq!(sampling.samples(p_bot, chance), sampled, "{p_bot}, {chance}");
        }
        assert!(!Routing::default().samples(0.0, 0.0));
        let shadow = Routing {
            shadow: true,
            ..sampling
        };
        assert!(!shadow.samples(0.0, 0.0));
    }

    #[test]
    fn rules_only_make_stricter() {
        let rules = json!([
            { "country": "T1", "action": "challenge" },
            { "asn": 64_500, "action": "block" },
            { "country": "XX", "asn": 7, "action": "block" },
        ]);
        let routing = Routing::parse(json!({ "rules": rules })).unwrap();
        for (p_bot, origin, decision) in [
            (0.0, origin("DE", 1), Decision::Pass),
            (0.0, origin("T1", 1), Decision::Challenge),
            (0.0, origin("DE", 64_500), Decision::Block),
            (0.0, origin("T1", 64_500), Decision::Block),
            (0.0, origin("XX", 1), Decision::Pass),
            (0.0, origin("DE", 7), Decision::Pass),
            (0.0, origin("XX", 7), Decision::Block),
            (0.7, origin("T1", 1), Decision::Challenge),
            (0.7, Origin::default(), Decision::Challenge),
        ] {
            assert_eq!(routing.decide(p_bot, &origin), decision, "{p_bot} {origin:?}");
        }
    }
}
