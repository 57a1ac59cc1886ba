//! Against a naive count of everything: independent people, replays, machines that keep time.

use std::collections::HashMap;

use super::*;
use crate::{
    risk::{
        Verdict,
        environment::tests::honest_browser,
        join::join,
        recorded, score,
        simulated::{Jitter, Random, human},
    },
    wire::{Slider, Trace},
};

const CONFIG: fn() -> ClusterConfig = ClusterConfig::default;

/// Counts within one hour, as slowly and as plainly as possible.
#[derive(Default)]
struct Site {
    bins: HashMap<u32, Vec<Option<Bin>>>,
    traces: TraceMemory,
}

impl Site {
    /// A slide from `address`; entity 0 is the site itself.
    fn slide(&mut self, address: u32, trace: &Trace) -> Counts {
        let first_last = trace.samples.first().zip(trace.samples.last());
        let bin = first_last.and_then(|(a, b)| bin(trace.input, b[2] - a[2]));
        let signature = Signature::of(trace);
        let (near_traces, traces) = signature.map_or((0, 0), |s| self.traces.near(s));
        let mut entity = |key: u32| {
            let bins = self.bins.entry(key).or_default();
            bins.push(bin);
            let same = |other: &&Option<Bin>| match (bin, **other) {
                (Some(Bin::Duration(a)), Some(Bin::Duration(b))) => a.abs_diff(b) <= 1,
                (Some(Bin::Keyboard), Some(Bin::Keyboard)) => true,
                _ => false,
            };
            let same = bins.iter().filter(same).count() as u32;
            let is_keyboard = bin == Some(Bin::Keyboard);
            EntityCounts {
                burst: 1,
                hour: bins.len() as u32,
                same_duration: if is_keyboard { 0 } else { same },
                keyboard: if is_keyboard { same } else { 0 },
            }
        };
        let counts = Counts {
            site: entity(0),
            address: Some(entity(address)),
            near_traces,
            traces,
            ..Counts::default()
        };
        if let Some(signature) = signature {
            self.traces.push(0, signature);
        }
        counts
    }
}

fn p_bot(evidence: &[Evidence]) -> f32 {
    let single = Verdict {
        p_bot: 0.02,
        reasons: Vec::new(),
    };
    join(&single, evidence).p_bot
}

/// Recorded people where there are any, else simulated ones.
fn people() -> (Vec<Trace>, &'static str) {
    match recorded::humans() {
        Some(slides) => (slides.into_iter().map(|(trace, _)| trace).collect(), "recorded"),
        None => {
            eprintln!("people are simulated: PARALLAX_TRACES does not name a file of recorded traces");
            let mut random = Random::new(11);
            ((0..1300).map(|_| human(&mut random)).collect(), "simulated")
        }
    }
}

#[test]
fn independent_people_are_not_suspected() {
    // Simulated ones are drawn from one formula, so that they resemble each other more than people do.
    let Some(slides) = recorded::humans() else {
        eprintln!("nothing done: PARALLAX_TRACES does not name a file of recorded traces");
        return;
    };
    let people: Vec<Trace> = slides.into_iter().map(|(trace, _)| trace).collect();
    let mut site = Site::default();
    let mut suspected = HashMap::<Signal, u32>::new();
    for (address, trace) in (1..).zip(&people) {
        let evidence = judge(&CONFIG(), &site.slide(address, trace));
        if p_bot(&evidence) >= 0.5 {
            for found in evidence {
                *suspected.entry(found.signal).or_default() += 1;
            }
        }
    }
    let total: u32 = suspected.values().sum();
    eprintln!("{} recorded people, one site, one hour: {suspected:?}", people.len());
    assert!(
        total as usize * 200 <= people.len(),
        "{suspected:?} of {} people",
        people.len()
    );
}

/// The single score, as it is, and the cluster's, joined.
#[test]
fn of_recorded_people_at_most_one_in_a_hundred_is_suspected_by_the_joined_score() {
    let Some(slides) = recorded::humans() else {
        eprintln!("nothing done: PARALLAX_TRACES does not name a file of recorded traces");
        return;
    };
    let mut site = Site::default();
    let suspected = |(address, (trace, slider)): (u32, &(Trace, Slider))| {
        let evidence = judge(&CONFIG(), &site.slide(address, trace));
        join(&score(trace, slider, &honest_browser()), &evidence).p_bot >= 0.5
    };
    let suspected = (1..).zip(&slides).map(suspected).filter(|suspected| *suspected).count();
    eprintln!(
        "joined score: {suspected} of {} recorded people suspected",
        slides.len()
    );
    assert!(suspected * 100 <= slides.len(), "{suspected} of {}", slides.len());
}

#[test]
fn replays_are_caught_from_the_third_use_on() {
    let (people, kind) = people();
    let sources: Vec<&Trace> = people
        .iter()
        .filter(|t| Signature::of(t).is_some())
        .step_by(5)
        .collect();
    let mut random = Random::new(12);
    for (noise, time_ms, scale) in [(0.0, 0.0, 0.0), (1.0, 3.0, 0.02), (2.0, 5.0, 0.03), (3.0, 5.0, 0.03)] {
        let mut site = Site::default();
        people.iter().zip(1..).for_each(|(person, address)| {
            site.slide(address, person);
        });
        let (mut caught, mut uses) = (0, 0);
        for source in &sources {
            // Noise is meant for a track of 280 pixels; recordings have their own unit.
            let high = source.samples.iter().map(|s| s[0]).fold(f32::MIN, f32::max);
            let low = source.samples.iter().map(|s| s[0]).fold(f32::MAX, f32::min);
            let jitter = Jitter {
                noise: noise * (high - low) / 280.0,
                time_ms,
                scale,
            };
            // The person's own slide was the first use.
            for turn in 2..=5 {
                let replayed = jitter.replay(source, &mut random);
                let evidence = judge(&CONFIG(), &site.slide(random.next() as u32 | 1, &replayed));
                if turn >= 3 {
                    uses += 1;
                    caught += u32::from(p_bot(&evidence) >= 0.5);
                }
            }
        }
        let share = f64::from(caught) / f64::from(uses);
        eprintln!("{kind}: {noise} px, {time_ms} ms, {scale}: {caught} of {uses} third and later uses ({share:.3})");
        assert!(share >= if noise > 2.0 { 0.9 } else { 0.95 }, "{noise} px: {share}");
    }
}

#[test]
fn an_entity_that_keeps_time_is_found_and_people_of_one_house_are_not() {
    let mut random = Random::new(13);
    let mut site = Site::default();
    let mut verdicts = Vec::new();
    for _ in 0..15 {
        let mut trace = human(&mut random);
        let scale = random.within(0.99, 1.01) * 800.0 / trace.samples.last().unwrap()[2];
        trace.samples.iter_mut().for_each(|s| s[2] *= scale);
        verdicts.push(p_bot(&judge(&CONFIG(), &site.slide(7, &trace))));
    }
    assert!(verdicts[..4].iter().all(|p| *p < 0.5), "{verdicts:?}");
    assert!(verdicts[12..].iter().all(|p| *p >= 0.5), "{verdicts:?}");

    let mut site = Site::default();
    for turn in 0..200 {
        let evidence = judge(&CONFIG(), &site.slide(9, &human(&mut random)));
        assert!(p_bot(&evidence) < 0.5, "slide {turn} of a house: {evidence:?}");
    }
}

#[test]
fn of_slides_of_one_duration_in_a_site_the_surplus_is_suspected() {
    let concentrated = |hour, same_duration| Counts {
        site: EntityCounts {
            burst: 1,
            hour,
            same_duration,
            keyboard: 0,
        },
        ..Counts::default()
    };
    for (hour, same, low, high) in [
        (0, 0, 0.0, 0.0),
        (1, 1, 0.0, 0.0),
        (5, 5, 0.0, 0.0),
        (7, 7, 0.85, 0.9),
        (1000, 110, 0.0, 0.0),
        (1000, 150, 0.0, 0.0),
        // 200 where chance makes 110: less than half of them are machines.
        (1000, 200, 0.4, 0.5),
        (1000, 800, 0.85, 0.9),
        (u32::MAX, u32::MAX, 0.85, 0.97),
        (3, 9, 0.0, 0.0),
    ] {
        let found = p_bot(&judge(&CONFIG(), &concentrated(hour, same))) - 0.02;
        assert!((low - 0.02..=high + 0.02).contains(&found), "{same} of {hour}: {found}");
    }
}

/// An arrow key held down: `count` steps 33 ms apart.
fn held_key(count: u8) -> Trace {
    let samples = (0..count).map(|i| [f32::from(i) * 10.0, 0.0, f32::from(i) * 33.0]);
    Trace {
        version: Trace::VERSION,
        input: Input::Keyboard,
        samples: samples.collect(),
        track: f32::from(count - 1) * 10.0,
    }
}

/// What is left of a slide by keyboard to the end of the track, in an ordinary browser, once others are known.
fn joined_keyboard(site: &mut Site, address: u32, trace: &Trace) -> f32 {
    let slider = Slider {
        target: 1.0,
        tolerance: 0.02,
    };
    let evidence = judge(&CONFIG(), &site.slide(address, trace));
    join(&score(trace, &slider, &honest_browser()), &evidence).p_bot
}

#[test]
fn scripted_keys_from_one_address_are_found() {
    for others in [0, 30, 2000] {
        let mut random = Random::new(14);
        let mut site = Site::default();
        for address in 1000..1000 + others {
            site.slide(address, &human(&mut random));
        }
        let verdicts: Vec<f32> = (0..20).map(|_| joined_keyboard(&mut site, 7, &held_key(25))).collect();
        assert!(verdicts[..7].iter().all(|p| *p < 0.5), "{others} others: {verdicts:?}");
        assert!(verdicts[7..].iter().all(|p| *p >= 0.5), "{others} others: {verdicts:?}");
    }
}

#[test]
fn scripted_keys_from_many_addresses_are_found_once_they_are_more_than_people_are() {
    let mut random = Random::new(15);
    let mut site = Site::default();
    for address in 1000..1500 {
        site.slide(address, &human(&mut random));
    }
    let verdicts: Vec<f32> = (0..200)
        .map(|turn| joined_keyboard(&mut site, turn, &held_key(25)))
        .collect();
    assert!(verdicts[..40].iter().all(|p| *p < 0.5), "{verdicts:?}");
    assert!(verdicts[100..].iter().all(|p| *p >= 0.5), "{verdicts:?}");
}

#[test]
fn scripted_keys_from_one_address_are_found_among_any_number_of_other_slides() {
    let p = |keyboard| {
        let counts = Counts {
            address: Some(EntityCounts {
                burst: 1,
                hour: 1_000_000,
                same_duration: 0,
                keyboard,
            }),
            ..Counts::default()
        };
        let evidence = judge(&CONFIG(), &counts);
        evidence
            .iter()
            .find(|e| e.signal == Signal::Keyboard)
            .map_or(0.0, |e| e.p_bot)
    };
    assert!(p(179) == 0.0 && p(180) >= 0.5 && p(1800) > 0.9 && p(u32::MAX) <= 0.97);
}

#[test]
fn the_few_people_who_use_keys_pass() {
    let mut random = Random::new(16);
    // Alone at home, on a site that nobody else visits: a few slides within the hour.
    let mut quiet = Site::default();
    for turn in 0..7 {
        let p_bot = joined_keyboard(&mut quiet, 1, &held_key(20 + turn));
        assert!(p_bot < 0.1, "slide {turn} at home: {p_bot}");
    }
    // One slide in 31, on a busy site and at a campus that a third of it comes from; others at homes of their own.
    let mut busy = Site::default();
    for turn in 0..2000_u32 {
        let address = if turn % 3 == 0 { 2 } else { 1000 + turn };
        if turn.is_multiple_of(31) {
            let p_bot = joined_keyboard(&mut busy, address, &held_key(20 + (turn % 9) as u8));
            assert!(p_bot < 0.1, "slide {turn} by keyboard from {address}: {p_bot}");
        } else {
            busy.slide(address, &human(&mut random));
        }
    }
    // Whoever slides by pointer has no part in a flood of keys.
    for _ in 0..500 {
        busy.slide(2, &held_key(25));
    }
    let evidence = judge(&CONFIG(), &busy.slide(2, &human(&mut random)));
    assert!(evidence.iter().all(|e| e.signal != Signal::Keyboard), "{evidence:?}");
}

#[test]
fn rates_rise_from_suspicious_to_certain() {
    let burst = |n| Counts {
        address: Some(EntityCounts {
            burst: n,
            hour: n,
            same_duration: 0,
            keyboard: 0,
        }),
        ..Counts::default()
    };
    let p = |n| judge(&CONFIG(), &burst(n)).first().map_or(0.0, |e| e.p_bot);
    assert_eq!((p(1), p(49)), (0.0, 0.0));
    assert!((p(50) - 0.5).abs() < 1e-6 && p(200) > 0.6 && p(200) < 0.9);
    assert!((p(1000) - 0.97).abs() < 1e-6 && (p(u32::MAX) - 0.97).abs() < 1e-6);
    // The device at that address is part of it, and counts once.
    let both = Counts {
        device: burst(300).address,
        ..burst(300)
    };
    let evidence = judge(&CONFIG(), &both);
    assert_eq!(
        evidence.iter().map(|e| e.signal).collect::<Vec<_>>(),
        [Signal::DeviceRate]
    );
}

#[test]
fn an_account_that_slides_without_end_is_found() {
    let account = |burst, hour| Counts {
        account: Some(EntityCounts {
            burst,
            hour,
            same_duration: 0,
            keyboard: 0,
        }),
        ..Counts::default()
    };
    assert!(judge(&CONFIG(), &account(3, 20)).is_empty());
    for (burst, hour) in [(5, 5), (1, 30), (20, 500)] {
        let evidence = judge(&CONFIG(), &account(burst, hour));
        assert!(
            p_bot(&evidence) >= 0.5 && evidence[0].signal == Signal::AccountRate,
            "{burst} {hour}"
        );
    }
}

#[test]
fn a_busy_site_needs_more_meetings_than_a_quiet_one() {
    let p = |near_traces, traces| {
        let counts = Counts {
            near_traces,
            traces,
            ..Counts::default()
        };
        judge(&CONFIG(), &counts).first().map_or(0.0, |e| e.p_bot)
    };
    assert_eq!((p(0, 0), p(1, 1), p(1, 16_384)), (0.0, 0.0, 0.0));
    assert!(p(2, 2) > 0.9 && p(2, 3000) > 0.9);
    assert_eq!(p(2, 16_384), 0.0);
    assert!(p(4, 16_384) > 0.9);
    assert!(p(u32::MAX, u32::MAX) <= 1.0);
}

#[test]
fn the_same_wrong_answer_speaks_up_from_the_fourth_time_on() {
    let p = |answers| repeated_answer(&CONFIG(), answers).map(|e| e.p_bot);
    assert_eq!((p(0), p(3)), (None, None));
    let rising = [4, 5, 8, u32::MAX].map(|n| p(n).unwrap());
    assert!(rising.is_sorted() && rising[0] > 0.2 && rising[3] <= 0.6, "{rising:?}");
}

#[test]
fn durations_near_each_other_share_bins() {
    let bin = |ms| match bin(Input::Mouse, ms) {
        Some(Bin::Duration(number)) => Some(number),
        _ => None,
    };
    for ms in [25.0_f32, 100.0, 800.0, 12_345.0, 90_000.0] {
        let (own, near, far) = (bin(ms).unwrap(), bin(ms * 1.01).unwrap(), bin(ms * 1.05).unwrap());
        assert!(
            own.abs_diff(near) <= 1 && own.abs_diff(far) >= 2,
            "{ms}: {own} {near} {far}"
        );
    }
    assert_eq!((bin(0.0), bin(1e9)), (Some(0), Some(439)));
    assert_eq!((bin(f32::NAN), bin(f32::INFINITY), bin(-1.0)), (None, None, None));
    assert_eq!(super::bin(Input::Keyboard, f32::NAN), Some(Bin::Keyboard));
}

#[test]
fn memory_is_bounded_and_forgets() {
    let mut memory = TraceMemory::default();
    for at in 0..MAX_TRACES as u64 + 10 {
        memory.push(at, Signature([at as u32; 4]));
    }
    assert_eq!(memory.len(), MAX_TRACES);
    memory.forget_before(MAX_TRACES as u64);
    assert_eq!(memory.len(), 10);
    memory.forget_before(u64::MAX);
    assert!(memory.is_empty());
    assert_eq!(memory.near(Signature([0; 4])), (0, 0));
}

#[test]
fn names_are_those_of_the_wire() {
    for signal in [
        Signal::AddressRate,
        Signal::AccountRate,
        Signal::DeviceRate,
        Signal::Durations,
        Signal::Keyboard,
        Signal::NearDuplicate,
        Signal::RepeatedAnswer,
    ] {
        assert_eq!(serde_json::to_value(signal).unwrap(), signal.name());
    }
}
