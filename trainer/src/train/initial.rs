//! First weights from a seed.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use super::TrainingState;
use crate::zoo::{Layout, Model, Weights};

/// How much larger the LSTM's input weights begin than PyTorch's: at PyTorch's size the gates hardly see the features
/// at first. On the features of a trained model, 200 steps of the LSTM alone brought the loss to 2.9 at this size 1, and
/// to 0.16 at 3.
const LSTM_INPUT_SCALE: f32 = 3.0;

/// Weights as `layout` begins them, a function of the seed; of a model, [`initial_weights`] also scales the LSTM's.
#[must_use]
pub fn seeded_weights(layout: &Layout, seed: u64) -> Weights {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // The upper 24 bits, as many as a float holds exactly: uniform in [0, 1).
    layout.initial_weights(&mut || (random.next_u32() >> 8) as f32 / 16_777_216.0)
}

/// Untrained weights of `model`, as training begins with them: a function of the seed.
#[must_use]
pub fn initial_weights(model: &Model, seed: u64) -> Weights {
    let mut weights = seeded_weights(model.layout(), seed);
    let mut rest = weights.parameters.as_mut_slice();
    for spec in &model.layout().parameters {
        let Some((weight, after)) = rest.split_at_mut_checked(spec.len()) else {
            break;
        };
        if spec.name.starts_with("lstm") && spec.name.ends_with(".input") {
            weight.iter_mut().for_each(|value| *value *= LSTM_INPUT_SCALE);
        }
        rest = after;
    }
    weights
}

/// Begins the recurrent layers and their head anew, and Adam with them; the convolutions and the auxiliary head stay.
///
/// Trained together from the start, the LSTM settles on reading the first character only, from features that tell no
/// more yet, and rests there: for 88,000 pictures, until the learning rate was a tenth. The auxiliary head forms the
/// features without it; on those it learns within a few hundred steps.
pub fn restart_recurrent(model: &Model, seed: u64, state: &mut TrainingState) {
    let fresh = initial_weights(model, seed);
    let mut at = 0;
    for spec in &model.layout().parameters {
        let place = at..at + spec.len();
        at = place.end;
        if !(spec.name.starts_with("lstm") || spec.name.starts_with("head")) {
            continue;
        }
        if let (Some(old), Some(new)) = (
            state.weights.parameters.get_mut(place.clone()),
            fresh.parameters.get(place),
        ) {
            old.copy_from_slice(new);
        }
    }
    state.first_moment.fill(0.0);
    state.second_moment.fill(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::Architecture;

    #[test]
    fn weights_are_a_function_of_the_seed() {
        let model = Architecture::Crnn.model().unwrap();
        let first = initial_weights(&model, 1);
        assert_eq!(first, initial_weights(&model, 1));
        assert_ne!(first, initial_weights(&model, 2));
        assert!(first.parameters.iter().all(|value| value.abs() <= 1.0));
    }

    #[test]
    fn a_restart_keeps_the_features() {
        let model = Architecture::Crnn.model().unwrap();
        let fresh = initial_weights(&model, 1);
        let mut state = TrainingState::untrained(Weights {
            parameters: vec![7.0; fresh.parameters.len()],
            ..fresh.clone()
        });
        state.second_moment.fill(1.0);
        restart_recurrent(&model, 1, &mut state);
        let mut at = 0;
        for spec in &model.layout().parameters {
            let (now, first) = (state.weights.parameters[at], fresh.parameters[at]);
            let recurrent = ["lstm0.input", "lstm1.bias", "head.weight"].contains(&spec.name.as_str());
            let feature = ["conv0.weight", "norm3.bias", "auxiliary.weight"].contains(&spec.name.as_str());
            assert!(!recurrent || now == first, "{}", spec.name);
            assert!(!feature || now == 7.0, "{}", spec.name);
            at += spec.len();
        }
        assert!(state.second_moment.iter().all(|moment| *moment == 0.0));
    }
}
