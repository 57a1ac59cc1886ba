//! Configurations: what is refused, what older ones mean.

use super::*;

#[test]
fn epsilon_is_checked_on_every_way_in() {
    for bad in [-0.01, 1.01, f32::NAN, f32::INFINITY] {
        assert_eq!(Epsilon::new(bad), None, "{bad}");
    }
    assert!(serde_json::from_str::<Epsilon>("1.5").is_err());
    assert_eq!(serde_json::from_str::<Epsilon>("0.5").unwrap(), Epsilon(0.5));
}

#[test]
fn shipped_configurations_are_valid_and_round_trip() {
    let amortised = PerturbConfig {
        start: Start::Generator,
        steps: 0,
        ..PerturbConfig::default()
    };
    for config in [PerturbConfig::default(), PerturbConfig::paper(), amortised] {
        assert_eq!(config.validate(), Ok(()));
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<PerturbConfig>(&json).unwrap(), config, "{json}");
    }
    assert!(
        !serde_json::to_string(&PerturbConfig::default())
            .unwrap()
            .contains("start"),
        "recipes of the time before generators keep their digests"
    );
    assert!(
        serde_json::from_str::<PerturbConfig>(r#"{"step": 3}"#).is_err(),
        "an unknown field"
    );
}

#[test]
fn what_was_written_before_perturbations_were_soft_is_sharp() {
    // The default of the time, as it was written then.
    let before = concat!(
        r#"{"budget":{"kind":"stroke","near":0.09,"far":0.2,"ramp_px":12.0},"sparse":null,"steps":10,"step_size":2.0,"momentum":1.0,"#,
        r#""gradient_blur_px":2.0,"insertion":{"outside":1.0,"between":0.25},"gate":null}"#
    );
    let config: PerturbConfig = serde_json::from_str(before).unwrap();
    assert_eq!((config.softness_px, config.gradient_blur_px), (0.0, 2.0));
    assert_eq!(serde_json::to_string(&config).unwrap(), before, "and keeps its digest");
    assert!(
        !serde_json::to_string(&PerturbConfig::paper())
            .unwrap()
            .contains("softness")
    );
}

#[test]
fn a_budget_is_scaled_within_the_range() {
    let stroke = |near, far| Budget::Stroke {
        near: Epsilon(near),
        far: Epsilon(far),
        ramp_px: 12.0,
    };
    let config = PerturbConfig {
        budget: stroke(0.25, 0.75),
        ..PerturbConfig::default()
    };
    for (factor, budget) in [
        (0.5, stroke(0.125, 0.375)),
        (2.0, stroke(0.5, 1.0)),
        (-1.0, config.budget),
        (f32::INFINITY, stroke(1.0, 1.0)),
    ] {
        let scaled = config.clone().scaled(factor);
        assert_eq!(
            scaled,
            PerturbConfig {
                budget,
                ..config.clone()
            },
            "{factor}"
        );
    }
    let paper = PerturbConfig::paper().scaled(0.5);
    assert_eq!(paper.budget, Budget::Uniform { epsilon: Epsilon(0.15) });
}

#[test]
fn senseless_numbers_are_named() {
    let default = PerturbConfig::default;
    let budget = Budget::Stroke {
        near: Epsilon::ZERO,
        far: Epsilon::ONE,
        ramp_px: f32::NAN,
    };
    let sparse = Some(Sparse {
        pixels: 9,
        block_px: 0,
        epsilon: Epsilon::ONE,
    });
    let cases = [
        (PerturbConfig { budget, ..default() }, "ramp_px"),
        (PerturbConfig { sparse, ..default() }, "block_px"),
        (PerturbConfig { steps: 0, ..default() }, "steps"),
        (
            PerturbConfig {
                steps: 1001,
                ..default()
            },
            "steps",
        ),
        (
            PerturbConfig {
                step_size: f32::NAN,
                ..default()
            },
            "step_size",
        ),
        (
            PerturbConfig {
                momentum: -0.1,
                ..default()
            },
            "momentum",
        ),
        (
            PerturbConfig {
                softness_px: -1.0,
                ..default()
            },
            "softness_px",
        ),
        (
            PerturbConfig {
                gradient_blur_px: 1e9,
                ..default()
            },
            "gradient_blur_px",
        ),
    ];
    for (config, field) in cases {
        assert_eq!(config.validate(), Err(ConfigError { field }));
    }
}
