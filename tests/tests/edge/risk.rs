//! What many sessions of a site show together: counts under load, recordings played again, accounts, and what happens
//! when nobody counts.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parallax_captcha::wire::{Outcome, Trace};
use parallax_edge_shared::admin::{ScoreReply, ScoreRequest, SiteRisk};
use parallax_tests::edge::{ACCOUNTS, CROWD, Cluster, Edge, EdgeConfig, KEEPER, KEYS, REPLAYED, RESENT, SHOP, Site};
use parallax_tests::slides::{self, Random};
use parallax_tests::visitor::Visitor;
use serde_json::{Value, json};

use crate::{exclusive, shared};

const CLIENTS: usize = 200;
const SLIDES_EACH: usize = 5;
/// Recordings that are played again, and how often each is.
const RECORDINGS: usize = 40;
const USES: usize = 6;

fn held(edge: &Edge, site: &Site) -> SiteRisk {
    let path = format!("/admin/v1/sites/{}/risk", site.name);
    let reply = edge.client.get(&path).bearer(&edge.admin_key).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn passes(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Pass { .. })
}

#[test]
fn of_200_clients_at_once_every_slide_is_counted_once() {
    let (edge, _) = shared();
    let start = Barrier::new(CLIENTS);
    let client = |number: usize| {
        let visitor = Visitor::of(edge, CROWD).at(&format!("203.0.{}.{}", number / 100, number % 100));
        start.wait();
        (0..SLIDES_EACH)
            .map(|_| {
                let session = visitor.session();
                let trace = slides::hand(&session.slider);
                let started = Instant::now();
                let reply = visitor.try_slide(&session, trace.clone());
                let took = started.elapsed();
                assert_eq!(reply.status, 200, "{reply:?}");
                // Sent again, as after a lost answer: refused, and not counted.
                if number.is_multiple_of(20) {
                    assert_eq!(visitor.try_slide(&session, trace).status, 410);
                }
                took
            })
            .collect::<Vec<Duration>>()
    };
    let client = &client;
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{CLIENTS} clients, {} slides: median {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert_eq!(times.len(), CLIENTS * SLIDES_EACH);
    assert_eq!(held(edge, &CROWD).slides as usize, CLIENTS * SLIDES_EACH);
}

#[test]
fn a_recording_is_caught_from_its_third_use_on() {
    let (edge, _) = shared();
    let sources: Vec<&Trace> = slides::people().iter().rev().take(RECORDINGS).collect();
    let (first_passed, caught, late) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let play = |number: usize, source: &Trace| {
        let mut random = Random::new(number as u64);
        for turn in 1..=USES {
            let visitor = Visitor::of(edge, REPLAYED);
            let trace = if turn == 1 {
                source.clone()
            } else {
                slides::replayed(source, &mut random)
            };
            let outcome = visitor.slide(|_| trace.clone());
            match turn {
                1 => first_passed.fetch_add(usize::from(passes(&outcome)), Ordering::Relaxed),
                2 => 0,
                _ => {
                    late.fetch_add(1, Ordering::Relaxed);
                    caught.fetch_add(usize::from(!passes(&outcome)), Ordering::Relaxed)
                }
            };
        }
    };
    let play = &play;
    std::thread::scope(|scope| {
        for (part, sources) in sources.chunks(RECORDINGS / 8).enumerate() {
            scope.spawn(move || {
                for (number, source) in sources.iter().enumerate() {
                    play(part * 1000 + number, source);
                }
            });
        }
    });
    let [first_passed, caught, late] = [first_passed, caught, late].map(AtomicUsize::into_inner);
    println!("first uses passed: {first_passed} of {RECORDINGS}; third and later uses caught: {caught} of {late}");
    assert!(
        first_passed * 100 >= RECORDINGS * 95,
        "{first_passed} of {RECORDINGS} first uses pass"
    );
    assert!(
        caught * 100 >= late * 95,
        "{caught} of {late} third and later uses caught"
    );
}

#[test]
fn a_slide_that_is_sent_again_counts_once_and_another_one_of_its_session_anew() {
    let (edge, _) = shared();
    let visitor = Visitor::of(edge, RESENT);
    let session = visitor.session();
    // Two traces race for one session: the counts of the junk are not those of what comes with it, spent or not.
    let (junk, hand) = (slides::straight(&session.slider), slides::hand(&session.slider));
    let mut counted = Vec::new();
    for trace in [&junk, &junk, &hand, &hand, &junk] {
        drop(visitor.try_slide(&session, trace.clone()));
        counted.push(held(edge, &RESENT).slides);
    }
    assert_eq!(counted, [1, 1, 2, 2, 2]);
    // From another address it is another visitor's.
    drop(Visitor::of(edge, RESENT).at("198.51.100.7").try_slide(&session, hand));
    assert_eq!(held(edge, &RESENT).slides, 3);
}

#[test]
fn an_account_that_slides_again_and_again_is_challenged_wherever_it_is() {
    let (edge, _) = shared();
    let outcomes: Vec<bool> = (0..8)
        .map(|_| passes(&Visitor::of(edge, ACCOUNTS).slide(slides::hand)))
        .collect();
    assert!(outcomes[..3].iter().all(|passed| *passed), "{outcomes:?}");
    assert!(outcomes[5..].iter().all(|passed| !*passed), "{outcomes:?}");
}

#[test]
fn keys_from_one_address_are_challenged_once_they_are_more_than_a_person_presses() {
    let (edge, _) = shared();
    let outcomes: Vec<bool> = (0..9)
        .map(|number| {
            // Of any address within the prefix, and never too many at once.
            std::thread::sleep(Duration::from_millis(1100));
            let visitor = Visitor::of(edge, KEYS).at(&format!("198.51.100.{number}"));
            passes(&visitor.slide(slides::held_key))
        })
        .collect();
    assert!(outcomes[..7].iter().all(|passed| *passed), "{outcomes:?}");
    assert!(outcomes[7..].iter().all(|passed| !*passed), "{outcomes:?}");
}

#[test]
fn people_at_one_address_pass() {
    let (edge, _) = shared();
    for number in 0..12 {
        let visitor = Visitor::of(edge, SHOP).at("192.0.2.77");
        let outcome = visitor.slide(slides::hand);
        assert!(passes(&outcome), "slide {number}: {outcome:?}");
        // A house does not slide in one second.
        std::thread::sleep(Duration::from_millis(1100));
    }
}

#[test]
fn only_a_site_that_opts_in_keeps_traces() {
    let (edge, _) = shared();
    let session = Visitor::of(edge, KEEPER).session();
    let trace = slides::hand(&session.slider);
    drop(Visitor::of(edge, KEEPER).try_slide(&session, trace.clone()));
    drop(Visitor::of(edge, SHOP).slide(slides::hand));
    let kept = |site: &Site, query: &str| {
        let path = format!("/admin/v1/sites/{}/traces{query}", site.name);
        edge.client.get(&path).bearer(&edge.admin_key).send()
    };
    let reply = kept(&KEEPER, "?limit=1000");
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = reply
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let traces: Vec<Trace> = lines
        .iter()
        .map(|l| serde_json::from_value(l["trace"].clone()).unwrap())
        .collect();
    assert_eq!(traces, [trace]);
    assert_eq!(
        (kept(&SHOP, "").text(), held(edge, &SHOP).kept_traces),
        (String::new(), 0)
    );
    assert_eq!(kept(&KEEPER, "?after=x").error(), (400, "bad-request".to_owned()));
    let nobody = Site { name: "nobody", ..SHOP };
    assert_eq!(kept(&nobody, "").error(), (404, "not-found".to_owned()));
}

#[test]
fn where_nobody_counts_slides_are_judged_alone() {
    let _turn = exclusive();
    let edge = Edge::start(&EdgeConfig {
        cluster: Cluster::Missing,
        ..EdgeConfig::default()
    });
    let visitor = Visitor::of(&edge, SHOP);
    let session = visitor.session();
    let trace = slides::hand(&session.slider);
    for _ in 0..4 {
        let outcome = visitor.slide(|_| trace.clone());
        assert!(passes(&outcome), "{outcome:?}");
    }
    // Challenged, if the first pictures are there by now.
    let straight = visitor.try_slide(&session, slides::straight(&session.slider));
    let waits = straight.status == 503 && straight.error().1 == "no-images";
    let challenged = straight.status == 200 && matches!(straight.json(), Outcome::Challenge { .. });
    assert!(waits || challenged, "{straight:?}");
    assert!(edge.server.log().contains("judged alone"), "{}", edge.server.log());
}

#[test]
fn an_admin_can_ask_what_a_slide_alone_is_judged_to_be() {
    let (edge, _) = shared();
    let ask = |body: &Value| {
        edge.client
            .post("/admin/v1/risk/score")
            .bearer(&edge.admin_key)
            .json(body)
            .send()
    };
    let slider = parallax_captcha::wire::Slider {
        target: 1.0,
        tolerance: 0.02,
    };
    let asked = |trace: Trace| {
        json!(ScoreRequest {
            trace,
            slider,
            environment: slides::browser(),
            runs: 2
        })
    };
    let hand: ScoreReply = ask(&asked(slides::hand(&slider))).json();
    assert!(hand.p_bot < 0.5 && hand.signature.is_some_and(|s| s.len() == 32));
    let straight: ScoreReply = ask(&asked(slides::straight(&slider))).json();
    assert!(
        straight.p_bot > 0.9 && straight.reasons.contains(&"too-fast".to_owned()),
        "{straight:?}"
    );
    let mut many = asked(slides::hand(&slider));
    many["runs"] = json!(10_001);
    assert_eq!(ask(&many).error(), (400, "bad-request".to_owned()));
    let path = "/admin/v1/risk/score";
    assert_eq!(
        edge.client.post(path).json(&many).send().error(),
        (401, "unauthorized".to_owned())
    );
}
