//! What each part of the attack is worth: the product's configuration without it, or with it changed, at a smaller budget, where not all solvers
//! fail anyway.

use parallax_captcha::perturb::{Budget, InsertionPenalty, PerturbConfig, Sparse};

/// Names and configurations, at `factor` times the product's budget; the first has all parts. None is judged by the gate,
/// which would weaken some and not others.
#[must_use]
pub fn ablations(factor: f32) -> Vec<(String, PerturbConfig)> {
    let whole = PerturbConfig {
        gate: None,
        ..PerturbConfig::default()
    }
    .scaled(factor);
    let near = match whole.budget {
        Budget::Stroke { near, .. } => near,
        Budget::Uniform { epsilon } => epsilon,
    };
    let without = |change: &dyn Fn(&mut PerturbConfig)| {
        let mut config = whole.clone();
        change(&mut config);
        config
    };
    let configurations = [
        ("all parts, no gate", without(&|_| ())),
        ("no momentum", without(&|config| config.momentum = 0.0)),
        ("perturbation not blurred", without(&|config| config.softness_px = 0.0)),
        (
            "gradient blurred by 2 px, not the perturbation",
            without(&|config| {
                config.softness_px = 0.0;
                config.gradient_blur_px = 2.0;
            }),
        ),
        (
            "perturbation blurred by 2 px",
            without(&|config| config.softness_px = 2.0),
        ),
        ("steps of 1/10", without(&|config| config.step_size = 1.0)),
        (
            "insertions not punished",
            without(&|config| {
                config.insertion = InsertionPenalty {
                    outside: 0.0,
                    between: 0.0,
                };
            }),
        ),
        (
            "ground moves no further than strokes",
            without(&|config| config.budget = Budget::Uniform { epsilon: near }),
        ),
        (
            "100 pixels in blocks of 5 move further, as far again as strokes do",
            without(&|config| {
                config.sparse = Some(Sparse {
                    pixels: 100,
                    block_px: 5,
                    epsilon: near,
                });
            }),
        ),
    ];
    let named = |(name, config): (&str, PerturbConfig)| (format!("{factor} times: {name}"), config);
    configurations.map(named).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_differs_from_the_whole_and_makes_sense() {
        let all = ablations(0.5);
        let (_, whole) = all.first().unwrap();
        for (name, config) in &all[1..] {
            config.validate().unwrap();
            assert!(config != whole, "{name}");
        }
    }
}
