//! What sessions are counted under: keyed hashes of addresses, accounts and devices, under a key of the day.
//!
//! The key is derived from the seal key, the site and the day, so that nothing stored names anybody, two sites cannot
//! compare what they hold, and from midnight UTC on (when counting begins anew) what was stored yesterday can be matched
//! with nothing. Only who holds the seal key could try addresses out, and only for a day they know.

use core::net::IpAddr;

use hmac::{Hmac, Mac};
use sha2::Sha256;

const DAY: u64 = 86_400;

/// Entities are below this: JSON numbers and SQL integers beyond 2^53 do not survive JavaScript.
pub const ENTITY_LIMIT: u64 = 1 << 52;

/// What kind of thing an entity is; the same text in two kinds is two entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The addresses of one network.
    Address,
    /// Who the site says the visitor is.
    Account,
    /// What a browser says of itself, at one address prefix.
    Device,
    /// An answer to one picture.
    Answer,
    /// The addresses of one network, as records of answers name them: matched with nothing that is counted.
    Source,
    /// The addresses of one network, of which a sampled visitor was counted.
    Sampled,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Account => "account",
            Self::Device => "device",
            Self::Answer => "answer",
            Self::Source => "source",
            Self::Sampled => "sampled",
        }
    }
}

/// One site's pseudonyms of one day.
#[derive(Clone)]
pub struct Pseudonyms([u8; 32]);

impl core::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pseudonyms(..)")
    }
}

impl Pseudonyms {
    /// Those of `site` on the day of `now`, unix seconds, derived from `root`.
    #[must_use]
    pub fn of(root: &[u8; 32], site: &str, now: u64) -> Self {
        let day = now / DAY;
        Self(digest(
            root,
            &[
                b"parallax pseudonyms 1\n",
                site.as_bytes(),
                format!("\n{day}").as_bytes(),
            ],
        ))
    }

    /// The pseudonym of what `parts` say together, in `1..ENTITY_LIMIT`. Of a million entities two share one with a
    /// probability of 1 in 10,000.
    #[must_use]
    pub fn entity(&self, kind: Kind, parts: &[&[u8]]) -> u64 {
        let lengths: Vec<String> = parts.iter().map(|part| format!("{} ", part.len())).collect();
        let head = format!("{}\n{}\n", kind.name(), lengths.concat());
        let all: Vec<&[u8]> = core::iter::once(head.as_bytes()).chain(parts.iter().copied()).collect();
        let [a, b, c, d, e, f, g, h, ..] = digest(&self.0, &all);
        (u64::from_le_bytes([a, b, c, d, e, f, g, h]) % ENTITY_LIMIT).max(1)
    }
}

fn digest(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // An HMAC takes a key of any length, so this branch is never taken; everything would then have one pseudonym.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The network an address belongs to, whose addresses are counted together: an IPv4 /24, what a small provider or a
/// campus has at least, since an attacker rents neighbouring addresses; an IPv6 /56, what providers give one household
/// (RFC 6177), since within it an attacker has any number of addresses. An IPv4 address written as IPv6 is IPv4. `None`
/// for a text that is no address.
#[must_use]
pub fn address_prefix(address: &str) -> Option<Vec<u8>> {
    let (version, octets, keep) = match address.trim().parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(v4) => (4, v4.octets().to_vec(), 3),
        IpAddr::V6(v6) => (6, v6.octets().to_vec(), 7),
    };
    Some(core::iter::once(version).chain(octets.into_iter().take(keep)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_1000: u64 = 1000 * DAY;

    fn pseudonyms(site: &str, now: u64) -> Pseudonyms {
        Pseudonyms::of(&[7; 32], site, now)
    }

    #[test]
    fn neighbours_share_a_prefix() {
        for (a, b, same) in [
            ("192.0.2.1", "192.0.2.254", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("::ffff:192.0.2.9", "192.0.2.1", true),
            ("2001:db8:1:2300::1", "2001:db8:1:23ff:1:2:3:4", true),
            ("2001:db8:1:2300::1", "2001:db8:1:2400::1", false),
            ("4.1.2.3", "::4.1.2.3", false),
        ] {
            let (a_prefix, b_prefix) = (address_prefix(a).unwrap(), address_prefix(b).unwrap());
            assert_eq!(a_prefix == b_prefix, same, "{a} {b}");
        }
        for bad in [
            "",
            "unknown",
            "192.0.2",
            "192.0.2.1:80",
            "192.0.2.1, 10.0.0.1",
            "2001:db8::/32",
            "[::1]",
        ] {
            assert_eq!(address_prefix(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn pseudonyms_change_with_kind_site_day_and_key() {
        let shop = pseudonyms("shop", DAY_1000);
        let entity = shop.entity(Kind::Address, &[b"a", b"b"]);
        assert_eq!(
            entity,
            pseudonyms("shop", DAY_1000 + DAY - 1).entity(Kind::Address, &[b"a", b"b"])
        );
        let others = [
            shop.entity(Kind::Device, &[b"a", b"b"]),
            shop.entity(Kind::Address, &[b"ab"]),
            shop.entity(Kind::Address, &[b"", b"ab"]),
            shop.entity(Kind::Address, &[b"ab", b""]),
            pseudonyms("forum", DAY_1000).entity(Kind::Address, &[b"a", b"b"]),
            pseudonyms("shop", DAY_1000 + DAY).entity(Kind::Address, &[b"a", b"b"]),
            Pseudonyms::of(&[8; 32], "shop", DAY_1000).entity(Kind::Address, &[b"a", b"b"]),
        ];
        assert!(!others.contains(&entity), "{entity} {others:?}");
    }

    #[test]
    fn entities_survive_javascript() {
        let shop = pseudonyms("shop", 0);
        for i in 0..1000_u32 {
            let entity = shop.entity(Kind::Account, &[&i.to_le_bytes()]);
            assert!((1..ENTITY_LIMIT).contains(&entity));
        }
        assert_eq!(format!("{shop:?}"), "Pseudonyms(..)");
    }
}
