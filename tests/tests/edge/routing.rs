//! Routing per site: thresholds, shadow mode, rules by country and network.

use parallax_captcha::wire::Outcome;
use parallax_tests::edge::{COUNTRY, NETWORK, SHADOW, SHOP, STRICT, Site};
use parallax_tests::slides;
use parallax_tests::visitor::Visitor;

use crate::shared;

fn slide(site: Site, trace: fn(&parallax_captcha::wire::Slider) -> parallax_captcha::wire::Trace) -> &'static str {
    let (edge, _) = shared();
    match Visitor::of(edge, site).slide(trace) {
        Outcome::Pass { .. } => "pass",
        Outcome::Challenge { .. } => "challenge",
        Outcome::Block { retry_after } => {
            assert!(retry_after > 0);
            "block"
        }
        Outcome::Retry { .. } => "retry",
    }
}

#[test]
fn sites_route_the_same_slides_in_their_own_way() {
    for (site, hand, straight) in [
        (SHOP, "pass", "challenge"),
        (STRICT, "pass", "block"),
        (SHADOW, "pass", "pass"),
        (COUNTRY, "challenge", "challenge"),
        (NETWORK, "block", "block"),
    ] {
        let found = (slide(site, slides::hand), slide(site, slides::straight));
        assert_eq!(found, (hand, straight), "{}", site.name);
    }
}

#[test]
fn shadow_mode_logs_what_would_have_been_and_no_address() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHADOW).at("198.51.100.23");
    let outcome = visitor.slide(slides::straight);
    assert!(matches!(outcome, Outcome::Pass { .. }), "{outcome:?}");
    let log = edge.server.log();
    assert!(log.contains("shadow: challenge (shadow: pass)"), "{log}");
    assert!(!log.contains("198.51.100.23") && !log.contains(&edge.seal_key), "{log}");
}
