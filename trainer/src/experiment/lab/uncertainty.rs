//! Which captchas tell the most about a solver: those near the boundary.

use parallax_captcha::alphabet::CLASSES;

use crate::models::Reading;

/// Numbers of the pictures, those first about which a committee is least certain. `readings`: of each member, of each
/// picture.
pub(super) fn most_uncertain_first(readings: &[Vec<Reading>]) -> Vec<usize> {
    let count = readings.iter().map(Vec::len).min().unwrap_or(0);
    let of_picture = |index: usize| -> Vec<&Reading> { readings.iter().filter_map(|all| all.get(index)).collect() };
    let mut order: Vec<_> = (0..count)
        .map(|index| (uncertainty(&of_picture(index)), index))
        .collect();
    order.sort_by(|(a, first), (b, second)| {
        let by_both = b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1));
        by_both.then(first.cmp(second))
    });
    order.into_iter().map(|(_, index)| index).collect()
}

/// How far a committee is from one certain reading: the share of pairs that disagree, times one minus the mean of the
/// smallest margins; where none disagree, by the margins alone, after all where some do.
fn uncertainty(readings: &[&Reading]) -> (f64, f64) {
    let pairs = readings.len() * readings.len().saturating_sub(1);
    let differ = |a: &&Reading| readings.iter().filter(|b| b.text != a.text).count();
    let disagreement = readings.iter().map(differ).sum::<usize>() as f64 / pairs.max(1) as f64;
    let margin = readings
        .iter()
        .map(|reading| smallest_margin(&reading.logits))
        .sum::<f64>()
        / readings.len().max(1) as f64;
    (disagreement * (1.0 - margin), 1.0 - margin)
}

/// The smallest difference of the probabilities of the two likeliest classes, over the frames in which a character is
/// likeliest: where one ends and the blank begins, every picture has a frame that is undecided.
fn smallest_margin(logits: &[f32]) -> f64 {
    let margin = |frame: &[f32]| {
        let largest = frame.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let odds: Vec<f64> = frame.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = odds.iter().sum();
        let second = odds.iter().fold([0.0; 2], |[first, second], odd| {
            if *odd > first {
                [*odd, first]
            } else {
                [first, second.max(*odd)]
            }
        });
        (second[0] - second[1]) / sum
    };
    let of_character = |frame: &&[f32]| {
        frame
            .iter()
            .skip(1)
            .any(|logit| frame.first().is_some_and(|blank| logit > blank))
    };
    let frames = logits.chunks_exact(CLASSES).filter(of_character);
    frames.map(margin).fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two frames; `first` and `second` are scores of classes 1 and 2 of the first, the other frame is certain.
    fn reading(text: &str, first: f32, second: f32) -> Reading {
        let mut logits = vec![-50.0; 2 * CLASSES];
        (logits[1], logits[2], logits[CLASSES]) = (first, second, 50.0);
        Reading {
            text: text.to_owned(),
            logits,
        }
    }

    #[test]
    fn disagreement_and_small_margins_come_first() {
        let certain = reading("A", 50.0, 0.0);
        let unsure = reading("A", 1.0, 0.9);
        let other = reading("B", 1.0, 0.9);
        let committee = [
            vec![certain.clone(), unsure.clone(), unsure.clone()],
            vec![certain, other, unsure],
        ];
        assert_eq!(most_uncertain_first(&committee), [1, 2, 0]);
        // Softmax of 1 and 0.9: a difference of tanh(0.05).
        assert!((smallest_margin(&reading("A", 1.0, 0.9).logits) - 0.05_f64.tanh()).abs() < 1e-6);
    }
}
