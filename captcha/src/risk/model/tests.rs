//! The walk, the file and its refusals.

use super::*;

/// Two trees that look at the first two features.
fn model() -> Model {
    let mut edges = vec![Vec::new(); COUNT];
    edges[0] = vec![0.0, 1.0];
    edges[1] = vec![5.0];
    let tree = |feature, bin, leaves| Tree {
        splits: [(feature, bin); SPLITS],
        leaves,
    };
    let mut first = [0.0; LEAVES];
    (first[0], first[LEAVES - 1]) = (-1.0, 2.0);
    let mut second = [0.5; LEAVES];
    second[LEAVES - 1] = 1.5;
    let model = Model::new(edges, vec![tree(0, 1, first), tree(1, 0, second)], 0.25);
    let mut model = model.with_typical(&features(0.5, 0.0));
    model.calibration = Calibration {
        slope: 2.0,
        offset: -1.0,
    };
    model
}

fn features(first: f32, second: f32) -> Features {
    let mut features = [0.0; COUNT];
    (features[0], features[1]) = (first, second);
    Features(features)
}

#[test]
fn trees_add_up() {
    let model = model();
    for (first, second, expected) in [
        (0.5, 0.0, 0.25 - 1.0 + 0.5),
        (1.0, 5.0, 0.25 - 1.0 + 0.5),
        (1.1, 5.1, 0.25 + 2.0 + 1.5),
        (f32::NAN, f32::INFINITY, 0.25 - 1.0 + 1.5),
    ] {
        let found = model.judge(&features(first, second));
        assert!((found.log_odds - expected).abs() < 1e-6, "{first}, {second}: {found:?}");
        let p = 1.0 / (1.0 + (-(2.0 * expected - 1.0)).exp());
        assert!((found.p_bot - p).abs() < 1e-6, "{found:?}");
    }
}

#[test]
fn what_is_unusual_explains_the_score() {
    let explained = model().explain(&features(3.0, 9.0));
    assert_eq!(explained.len(), 1);
    assert_eq!(explained[0].group, Group::Timing);
    assert!((explained[0].log_odds - 4.0).abs() < 1e-5);
    assert!(model().explain(&features(0.5, 0.0)).is_empty());
}

#[test]
fn a_file_reads_back() {
    let model = model().rounded();
    let bytes = model.to_bytes();
    let read = Model::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_bytes(), bytes);
    for first in [-1.0, 0.5, 2.0] {
        assert_eq!(model.judge(&features(first, 7.0)), read.judge(&features(first, 7.0)));
    }
}

#[test]
fn rounding_drops_what_splits_nothing() {
    let rounded = model().rounded();
    assert_eq!(rounded.edges[0], [1.0]);
    for (first, second) in [(0.5, 0.0), (1.0, 5.0), (1.1, 5.1)] {
        let [before, after] = [model(), rounded.clone()].map(|m| m.log_odds(&features(first, second)));
        assert!((before - after).abs() < 0.02, "{before}, then {after}");
    }
}

#[test]
fn damage_is_refused() {
    let bytes = model().to_bytes();
    let with = |place: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[place] = byte;
        Model::from_bytes(&bytes).unwrap_err()
    };
    assert_eq!(with(0, b'Q'), ModelError::NotAModel);
    assert_eq!(with(4, 9), ModelError::Version(9));
    assert_eq!(with(6, 1), ModelError::Features);
    assert_eq!(with(9, 0xAA), ModelError::Features);
    // Exponent of the intercept: not a number.
    assert_eq!(with(16, 0xFF), ModelError::Damaged);
    for length in [0, 3, 12, bytes.len() - 1] {
        assert!(Model::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
    assert_eq!(
        Model::from_bytes(&[&bytes[..], &[0]].concat()),
        Err(ModelError::Damaged)
    );
}

#[test]
fn the_shipped_model_fits_the_features() {
    let model = Model::shipped().expect("captcha/models/widget.bin fits");
    assert!(model.judge_typical().p_bot < 0.1);
}
