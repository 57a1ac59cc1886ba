//! What visitors and sites live through when all goes well, or nearly.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use parallax_captcha::wire::{ChallengeKind, Outcome};
use parallax_edge_shared::siteverify::Reply;
use parallax_tests::edge::{Edge, EdgeConfig, SHOP};
use parallax_tests::image_set::ImageSet;
use parallax_tests::slides;
use parallax_tests::visitor::Visitor;

use crate::{exclusive, shared};

#[test]
fn a_suspect_answers_wrong_then_right_and_the_site_redeems_the_token_once() {
    let (edge, set) = shared();
    let visitor = Visitor::of(edge, SHOP);

    let first = visitor.challenged();
    assert_eq!((first.kind, first.size), (ChallengeKind::Text, [200, 60]));
    let picture = visitor.picture(&first);
    assert_eq!(
        picture,
        visitor.picture(&first),
        "a picture may be loaded again while its challenge lives"
    );

    let Outcome::Retry { challenge: second } = visitor.answer(&first, "PPPPP") else {
        panic!("a wrong answer gets another picture");
    };
    assert_ne!(second.id, first.id);
    let answer = set.answer_to(&visitor.picture(&second));
    let typed = format!(" {} ", answer.to_lowercase());
    let Outcome::Pass { token, expires_in: 300 } = visitor.answer(&second, &typed) else {
        panic!("{answer} is the right answer");
    };

    let verdict: Reply = visitor.verify(&token).json();
    assert!(verdict.success && verdict.error_codes.is_empty(), "{verdict:?}");
    assert_eq!(verdict.hostname.as_deref(), Some("shop.example"));
    assert_eq!(
        (verdict.action.as_deref(), verdict.cdata.as_deref()),
        (Some("login"), Some("42"))
    );
    assert!(
        verdict.metadata.is_some_and(|metadata| metadata.interactive),
        "{verdict:?}"
    );
    assert!(verdict.challenge_ts.is_some());

    let again: Reply = visitor.verify(&token).json();
    assert_eq!(
        (again.success, again.error_codes),
        (false, vec!["timeout-or-duplicate".to_owned()])
    );
}

#[test]
fn a_hand_passes_without_a_captcha() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let verdict: Reply = visitor.verify(&visitor.token()).json();
    assert!(verdict.success, "{verdict:?}");
    assert!(
        verdict.metadata.is_some_and(|metadata| !metadata.interactive),
        "{verdict:?}"
    );
}

#[test]
fn a_web_driver_is_challenged_however_it_slides() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let session = visitor.session();
    let environment = parallax_captcha::wire::Environment {
        webdriver: true,
        ..slides::browser()
    };
    let outcome: Outcome = visitor
        .try_slide_in(&session, slides::hand(&session.slider), environment)
        .json();
    assert!(matches!(outcome, Outcome::Challenge { .. }), "{outcome:?}");
}

#[test]
fn a_picture_may_be_passed_over_a_few_times() {
    let (edge, set) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let mut challenge = visitor.challenged();
    for round in 0..5 {
        challenge = match visitor.answer(&challenge, "") {
            Outcome::Retry { challenge } => challenge,
            other => panic!("round {round}: {other:?}"),
        };
    }
    let outcome = visitor.answer(&challenge, set.answer_to(&visitor.picture(&challenge)));
    assert!(matches!(outcome, Outcome::Pass { .. }), "{outcome:?}");
}

#[test]
fn guessing_ends_in_a_block() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let mut challenge = visitor.challenged();
    for _ in 0..10 {
        match visitor.answer(&challenge, "PPPPP") {
            Outcome::Retry { challenge: next } => challenge = next,
            Outcome::Block { retry_after } => return assert!(retry_after > 0),
            other => panic!("{other:?}"),
        }
    }
    panic!("ten wrong answers and no block");
}

#[test]
fn of_fifty_simultaneous_redemptions_exactly_one_succeeds() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let token = visitor.token();
    let start = Barrier::new(50);
    let verdicts: Vec<Reply> = std::thread::scope(|scope| {
        let redeem = || {
            start.wait();
            visitor.verify(&token).json()
        };
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(redeem)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(verdicts.iter().filter(|verdict| verdict.success).count(), 1);
    for verdict in verdicts.iter().filter(|verdict| !verdict.success) {
        assert_eq!(verdict.error_codes, ["timeout-or-duplicate"]);
    }
}

#[test]
fn of_simultaneous_answers_exactly_one_counts() {
    let (edge, set) = shared();
    let visitor = Visitor::of(edge, SHOP);
    let challenge = visitor.challenged();
    let answer = set.answer_to(&visitor.picture(&challenge));
    let start = Barrier::new(10);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = || {
            start.wait();
            visitor.try_answer(&challenge.id, answer).status
        };
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 410).count(),
        9,
        "{statuses:?}"
    );
}

#[test]
fn the_first_visitor_of_an_empty_edge_sees_a_captcha() {
    let _turn = exclusive();
    let edge = Edge::start(&EdgeConfig {
        set_size: 64,
        ..EdgeConfig::default()
    });
    let started = Instant::now();
    let visitor = Visitor::of(&edge, SHOP);
    // Nobody ran the cron: the first session orders the pictures by itself.
    let session = visitor.session();
    let first = visitor.try_slide(&session, slides::straight(&session.slider));
    assert_eq!(first.error(), (503, "no-images".to_owned()));
    assert!(!first.header("retry-after").is_empty());
    loop {
        // The session was not consumed, so the visitor may come back with it.
        let reply = visitor.try_slide(&session, slides::straight(&session.slider));
        if reply.status == 200 {
            break;
        }
        assert_eq!(reply.error(), (503, "no-images".to_owned()));
        // How long it takes is measured by `cargo xtask bench starting`; this only ends a test that would hang.
        assert!(
            started.elapsed() < Duration::from_secs(180),
            "no captcha; the log says:\n{}",
            edge.server.log()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_cron_replaces_the_set_and_old_challenges_stay_answerable() {
    let _turn = exclusive();
    let (edge, old) = Edge::with_pictures(&EdgeConfig {
        set_size: 4,
        ..EdgeConfig::default()
    });
    let visitor = Visitor::of(&edge, SHOP);
    let challenge = visitor.challenged();
    edge.run_cron();
    let new = ImageSet::wait_until(&edge, Duration::from_secs(60), |sets| {
        sets.sets
            .first()
            .is_some_and(|set| set.id != old.index.id && set.count == 4)
    });
    assert!(
        new.pictures
            .iter()
            .all(|picture| old.pictures.iter().all(|other| other.image != picture.image))
    );
    let outcome = visitor.answer(&challenge, old.answer_to(&visitor.picture(&challenge)));
    assert!(matches!(outcome, Outcome::Pass { .. }), "{outcome:?}");
}
