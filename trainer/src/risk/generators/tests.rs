//! Generators against their definitions.

use super::*;

fn pool() -> Pool {
    Pool::made_up(&mut Random::new(1, 0))
}

#[test]
fn the_smoothest_movement_is_the_polynomial_of_fifth_order() {
    // Rest at both ends: position, velocity and acceleration are 0, 0, 0 and 1, 0, 0.
    let h = 1e-4;
    let velocity = |u: f64| (minimum_jerk(u + h) - minimum_jerk(u - h)) / (2.0 * h);
    assert_eq!(
        (minimum_jerk(0.0), minimum_jerk(1.0), minimum_jerk(0.5)),
        (0.0, 1.0, 0.5)
    );
    assert!(velocity(0.0).abs() < 1e-6 && velocity(1.0).abs() < 1e-6);
    assert!((velocity(0.5) - 1.875).abs() < 1e-6);
    assert!((minimum_jerk(0.2) - 0.057_92).abs() < 1e-12);
}

#[test]
fn every_family_draws_movements_that_a_seed_repeats() {
    let pool = pool();
    for family in Family::JUDGED
        .into_iter()
        .chain(Family::AUGMENTING)
        .chain([Family::Replay])
    {
        for sampling in Sampling::ALL {
            let draw = |seed| family.draw(sampling, &pool, &mut Random::new(seed, 3));
            let moving = (0..10).filter(|seed| draw(*seed).len() >= 6).count();
            assert!(moving >= 8, "{} by {}: {moving} of 10", family.name(), sampling.name());
            assert_eq!(draw(4), draw(4), "{}", family.name());
            assert!(
                draw(5).windows(2).all(|pair| pair[0][2] <= pair[1][2]),
                "{}",
                family.name()
            );
            assert!(draw(6).iter().flatten().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn traces_lie_on_the_grid_of_the_recordings() {
    let trace = Family::MinimumJerk.draw(Sampling::Stamp, &pool(), &mut Random::new(2, 0));
    for [x, y, t] in trace {
        assert_eq!(
            (x.rem_euclid(7.0), y.rem_euclid(13.0), t.rem_euclid(3.0)),
            (3.0, 6.0, 1.0)
        );
    }
}

#[test]
fn only_polling_reports_what_does_not_move() {
    let pool = pool();
    let repeated = |sampling: Sampling| {
        let draws = (0..20).flat_map(|seed| {
            let trace = Family::Overshoot.draw(sampling, &pool, &mut Random::new(seed, 0));
            let same = |pair: &[[f64; 3]]| f64::from(u8::from(pair[0][..2] == pair[1][..2]));
            trace.windows(2).map(same).collect::<Vec<_>>()
        });
        let draws: Vec<f64> = draws.collect();
        draws.iter().sum::<f64>() / draws.len() as f64
    };
    assert!(repeated(Sampling::Poll) > 0.1 && repeated(Sampling::Tick) < 0.05);
}

#[test]
fn nobody_to_draw_from_is_no_trace() {
    let mut random = Random::new(1, 0);
    for family in [Family::Linear, Family::SigmaLognormal, Family::Shuffled, Family::Replay] {
        assert!(family.draw(Sampling::Stamp, &Pool::default(), &mut random).is_empty());
    }
}
