//! Features against values computed by hand, and against hostile input.

use super::*;

/// Eleven samples 40 ms apart, 12.8 grid lines each; one returns, one goes across, none rests but the last.
fn walk() -> Vec<[f32; 3]> {
    vec![
        [0.0, 0.0, 0.0],
        [16.0, 0.0, 40.0],
        [32.0, 0.0, 80.0],
        [48.0, 2.0, 120.0],
        [64.0, 2.0, 160.0],
        [80.0, 2.0, 200.0],
        [96.0, 2.0, 240.0],
        [128.0, 2.0, 280.0],
        [112.0, 2.0, 480.0],
    ]
}

fn near(name: &str, expected: f32) {
    let found = Features::of(&walk()).unwrap().get(name).unwrap();
    assert!((found - expected).abs() < 1e-5, "{name}: {found}, not {expected}");
}

#[test]
fn features_agree_with_hand_computed_values() {
    near("repeated_points", 0.0);
    near("event_rate", (9.0_f32 / 0.48).ln());
    near("rests_100_rate", 1.0 / 0.48);
    near("rests_100_time", 200.0 / 480.0);
    near("rests_600_time", 0.0);
    near("rest_share", 1.0 / 9.0);
    near("end", 0.875);
    near("furthest_time", 280.0 / 480.0);
    near("reversals_5", 1.0);
    near("back_way", 16.0 / 144.0);
    near("back_time", 200.0 / 480.0);
    near("reach_50", 160.0 / 480.0);
    near("reach_98", 280.0 / 480.0);
    near("turns", 1.0 / 7.0);
    near("across_only", 0.0);
    near("height_changes", 1.0 / 8.0);
    near("height_efficiency", 1.0);
    near("duration", 480.0_f32.ln());
}

#[test]
fn scale_place_and_direction_do_not_matter() {
    let walk = walk();
    let expected = Features::of(&walk).unwrap();
    for (scale_x, scale_y) in [(3.0, 3.0), (-1.0, 1.0), (0.5, -0.5)] {
        let other: Vec<_> = walk
            .iter()
            .map(|[x, y, t]| [x * scale_x + 7.0, y * scale_y - 9.0, t + 100.0])
            .collect();
        assert_eq!(Features::of(&other), Some(expected), "{scale_x}, {scale_y}");
    }
}

#[test]
fn events_between_those_that_count_do_not_matter() {
    // A mouse at 250 Hz that reports the same movement, whole grid lines apart in time.
    let fine: Vec<[f32; 3]> = walk()
        .windows(2)
        .flat_map(|pair| {
            (0..10_u8)
                .map(|i| f32::from(i) / 10.0)
                .map(|u| [0, 1, 2].map(|a| pair[0][a] + u * (pair[1][a] - pair[0][a])))
                .collect::<Vec<_>>()
        })
        .collect();
    let (coarse, fine) = (Features::of(&walk()).unwrap(), Features::of(&fine).unwrap());
    for name in ["end", "furthest_time", "reversals_5", "reach_50", "peaks_30"] {
        let (coarse, fine) = (coarse.get(name).unwrap(), fine.get(name).unwrap());
        assert!((coarse - fine).abs() < 0.1, "{name}: {coarse} against {fine}");
    }
}

#[test]
fn hostile_input_has_no_features_and_never_panics() {
    let with = |change: fn(&mut Vec<[f32; 3]>)| {
        let mut samples = walk();
        change(&mut samples);
        Features::of(&samples)
    };
    assert_eq!(Features::of(&[]), None);
    assert_eq!(with(|s| s.truncate(3)), None);
    assert_eq!(with(|s| s[3][0] = f32::NAN), None);
    assert_eq!(with(|s| s[0][2] = f32::INFINITY), None);
    assert_eq!(with(|s| s[8][0] = 1e30), None);
    assert_eq!(with(|s| s.iter_mut().for_each(|s| s[0] = 5.0)), None);
    assert_eq!(with(|s| s.iter_mut().for_each(|s| s[2] = 5.0)), None);
    assert_eq!(with(|s| *s = s.iter().copied().cycle().take(10_000).collect()), None);
    // Time that runs backwards, and an hour: both have features, all finite.
    for features in [with(|s| s[4][2] = 1.0), with(|s| s[8][2] = 3.6e6)] {
        assert!(features.unwrap().0.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn every_name_is_there_once() {
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), COUNT);
    assert!(!names.contains(&""));
    assert_eq!(Group::of(0), Group::Timing);
    assert_eq!(Group::of(COUNT - 1), Group::Height);
}
