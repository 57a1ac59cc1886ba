//! Tickets sealed with the edge's own key but not by it: expired ones, and ones of other sites. Only a test that holds
//! the key can make them.

use parallax_captcha::ticket::{Purpose, Ticket, TicketId, seal};
use parallax_edge_shared::claims;
use serde::Serialize;

use crate::edge::{Edge, Site};

/// Seconds since 1970.
///
/// # Panics
/// When the clock stands before 1970.
#[must_use]
pub fn now() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    elapsed.expect("the clock stands after 1970").as_secs()
}

/// Where the visitor of a forged ticket is.
#[must_use]
pub fn page(site: &Site) -> claims::Page {
    let hostname = site.origin.trim_start_matches("https://").to_owned();
    claims::Page {
        hostname,
        action: None,
        cdata: None,
    }
}

/// Seals `body` for `site`: issued `age` seconds ago, alive for `life` seconds.
///
/// # Panics
/// When the ticket is too long to be sealed.
#[must_use]
pub fn ticket<T: Serialize>(edge: &Edge, site: &Site, purpose: Purpose, body: T, age: u64, life: u64) -> String {
    let mut random = [0; 40];
    getrandom::fill(&mut random).expect("the system has randomness");
    let (mut id, mut nonce) = ([0; 16], [0; 24]);
    id.copy_from_slice(&random[..16]);
    nonce.copy_from_slice(&random[16..]);
    let issued_at = now() - age;
    let ticket = Ticket {
        id: TicketId(id),
        site: site.name.to_owned(),
        issued_at,
        expires_at: issued_at + life,
        body,
    };
    seal(&ticket, purpose, &edge.key(), nonce).expect("a test's ticket is short")
}
