//! The throttle: where people do not read their captchas, the site's next ones are perturbed less.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parallax_captcha::wire::{Challenge, Outcome};
use parallax_edge_shared::{admin::SiteRisk, throttle::Throttle};
use parallax_tests::{
    edge::{ASKING, Edge, EdgeConfig, SHOP},
    image_set::{ImageSet, list},
    slides,
    visitor::Visitor,
};

use crate::exclusive;

/// Visitors that answer wrong: more than it takes, since some of the recorded slides are not a person's to the score.
const WRONG: usize = 40;

/// The throttle once it has counted as many as expected; the count comes after the answer.
fn throttle(edge: &Edge, is_there: impl Fn(&Throttle) -> bool) -> Throttle {
    let path = format!("/admin/v1/sites/{}/risk", ASKING.name);
    let started = Instant::now();
    loop {
        let risk: SiteRisk = edge.client.get(&path).bearer(&edge.admin_key).send().json();
        if is_there(&risk.throttle) || started.elapsed() > Duration::from_secs(10) {
            return risk.throttle;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Percent of the budget of the picture that a challenge shows.
fn budget(visitor: &Visitor, challenge: &Challenge, set: &ImageSet) -> u8 {
    set.entry_of(&visitor.picture(challenge)).budget
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
    assert_eq!(list(&edge).sets[0].budgets, BTreeMap::from([(100, 8)]));

    // One network counts once, suspects do not at all.
    let one = Visitor::of(&edge, ASKING).at("198.51.100.7");
    let challenge = one.asked();
    let right = set.answer_to(&one.picture(&challenge)).to_owned();
    assert!(matches!(one.answer(&challenge, &right), Outcome::Pass { .. }));
    let counted = throttle(&edge, |throttle| throttle.passed == 1);
    assert_eq!((counted.passed, counted.failed), (1, 0));
    for _ in 0..3 {
        let _ = one.answer(&one.asked(), "AAAA");
    }
    let suspect = Visitor::of(&edge, ASKING);
    let _ = suspect.answer(&suspect.challenged(), "AAAA");

    for _ in 0..WRONG {
        let visitor = Visitor::of(&edge, ASKING);
        let _ = visitor.answer(&visitor.asked(), "AAAA");
    }
    let moved = throttle(&edge, |throttle| throttle.budget < 100);
    assert_eq!(moved.budget, 85, "{moved:?}; {}", edge.server.log());
    assert!(edge.server.log().contains("asking: throttle 100 % -> 85 %"));

    let before = set.index.id;
    edge.run_cron();
    let set = ImageSet::wait_until(&edge, Duration::from_secs(120), |sets| sets.sets[0].id != before);
    assert_eq!(list(&edge).sets[0].budgets, BTreeMap::from([(85, 4), (100, 4)]));
    // The index that an isolate has read is believed for some seconds.
    std::thread::sleep(Duration::from_secs(6));
    for _ in 0..5 {
        let visitor = Visitor::of(&edge, ASKING);
        assert_eq!(budget(&visitor, &visitor.asked(), &set), 85);
        let visitor = Visitor::of(&edge, SHOP);
        assert_eq!(budget(&visitor, &visitor.challenged(), &set), 100);
    }
}
