//! The throttle: where people do not read their captchas, the site's next ones are perturbed less.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parallax_captcha::wire::{Challenge, Outcome};
use parallax_edge_shared::{
    admin::SiteRisk,
    throttle::{Level, Throttle},
};
use parallax_tests::{
    edge::{ASKING, Edge, EdgeConfig, SHOP},
    image_set::{ImageSet, list},
    slides,
    visitor::Visitor,
};

use crate::exclusive;

/// Wrong answers of as many networks; with the first right one, thirty: the fewest that move a level.
const WRONG: u32 = 29;

/// Waits for what comes after an answer.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn throttle(edge: &Edge) -> Throttle {
    let path = format!("/admin/v1/sites/{}/risk", ASKING.name);
    let risk: SiteRisk = edge.client.get(&path).bearer(&edge.admin_key).send().json();
    risk.throttle
}

fn levels(edge: &Edge) -> BTreeMap<u8, usize> {
    let levels = list(edge).sets.swap_remove(0).levels.into_iter();
    levels.map(|(level, count)| (level.percent(), count)).collect()
}

/// Somebody of the network of this number answers wrong.
fn fail(edge: &Edge, network: u32) {
    let visitor = Visitor::of(edge, ASKING).at(&format!("10.77.{network}.1"));
    let _ = visitor.answer(&visitor.asked(), "AAAA");
}

#[test]
fn people_who_fail_get_pictures_that_are_perturbed_less() {
    let _turn = exclusive();
    let edge = Edge::start(&EdgeConfig {
        set_size: 8,
        gradients: Some(1),
        ..EdgeConfig::default()
    });
    // Who would pass does not wait for pictures, but orders them.
    let early = Visitor::of(&edge, ASKING).slide(slides::hand);
    assert!(matches!(early, Outcome::Pass { .. }), "{early:?}");
    let set = ImageSet::wait_for(&edge, Duration::from_secs(120));
    assert_eq!(levels(&edge), BTreeMap::from([(100, 8)]));

    // One network counts once, suspects do not at all.
    let one = Visitor::of(&edge, ASKING).at("198.51.100.7");
    let challenge = one.asked();
    let right = set.answer_to(&one.picture(&challenge)).to_owned();
    assert!(matches!(one.answer(&challenge, &right), Outcome::Pass { .. }));
    for _ in 0..3 {
        let _ = one.answer(&one.asked(), "AAAA");
    }
    let suspect = Visitor::of(&edge, ASKING);
    let _ = suspect.answer(&suspect.challenged(), "AAAA");
    for failed in 1..WRONG {
        fail(&edge, failed);
        let counted = Throttle {
            level: Level::default(),
            passed: 1,
            failed,
        };
        eventually("one more has failed", || throttle(&edge) == counted);
    }
    fail(&edge, WRONG);
    eventually("the level has moved", || throttle(&edge).level.percent() == 85);
    eventually("the log says so", || {
        edge.server.log().contains("asking: throttle 100 % -> 85 %")
    });

    // What is shown still has all of the budget, and says nothing of less.
    fail(&edge, WRONG + 1);
    let before = set.index.id;
    edge.run_cron();
    let set = ImageSet::wait_until(&edge, Duration::from_secs(120), |sets| sets.sets[0].id != before);
    assert_eq!(levels(&edge), BTreeMap::from([(85, 2), (100, 8)]));
    assert_eq!((throttle(&edge).passed, throttle(&edge).failed), (0, 0));

    let shown = |visitor: &Visitor, challenge: Challenge| set.entry_of(&visitor.picture(&challenge)).level.percent();
    // The index that an isolate has read is believed for some seconds.
    eventually("the new set is served", || {
        let visitor = Visitor::of(&edge, ASKING);
        let picture = visitor.picture(&visitor.asked());
        set.pictures.iter().any(|known| known.image == picture)
    });
    for _ in 0..5 {
        let visitor = Visitor::of(&edge, ASKING);
        assert_eq!(shown(&visitor, visitor.asked()), 85);
        let visitor = Visitor::of(&edge, SHOP);
        assert_eq!(shown(&visitor, visitor.challenged()), 100);
    }
}
