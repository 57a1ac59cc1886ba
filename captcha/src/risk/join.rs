//! Joining evidence: what one trace says and what many sessions together say become one probability.

use serde::{Deserialize, Serialize};

use super::{
    Verdict,
    cluster::{Evidence, Signal},
};

/// What a slide is judged to be once other sessions were looked at too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// Probability that a machine moved the handle, in `[0, 1]`.
    pub p_bot: f32,
    /// What other sessions add to the verdict on this one; never told to the visitor.
    pub signals: Vec<Signal>,
}

/// `1 - product(1 - p_i)`: the probability that at least one of several independent causes is there (noisy-or, Pearl
/// 1988, section 4.3.2). What is no probability counts as the nearest one, NaN as 0.
///
/// ```
/// use parallax_captcha::risk::join::noisy_or;
///
/// assert_eq!(noisy_or([]), 0.0);
/// assert_eq!(noisy_or([0.5, 0.5]), 0.75);
/// assert_eq!(noisy_or([0.2, f32::NAN, 7.0]), 1.0);
/// ```
#[must_use]
pub fn noisy_or(probabilities: impl IntoIterator<Item = f32>) -> f32 {
    let p_none: f32 = probabilities
        .into_iter()
        .map(|p| if p.is_nan() { 1.0 } else { 1.0 - p.clamp(0.0, 1.0) })
        .product();
    1.0 - p_none
}

/// Joins the verdict on one trace with evidence from other sessions.
#[must_use]
pub fn join(single: &Verdict, evidence: &[Evidence]) -> Joined {
    Joined {
        p_bot: noisy_or(core::iter::once(single.p_bot).chain(evidence.iter().map(|e| e.p_bot))),
        signals: evidence.iter().map(|e| e.signal).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_evidence_leaves_the_single_score() {
        let single = Verdict {
            p_bot: 0.3,
            reasons: Vec::new(),
        };
        let joined = join(&single, &[]);
        assert!(
            (joined.p_bot - 0.3).abs() < 1e-6 && joined.signals.is_empty(),
            "{joined:?}"
        );
    }

    #[test]
    fn evidence_only_ever_adds() {
        let single = Verdict {
            p_bot: 0.3,
            reasons: Vec::new(),
        };
        for p_bot in [0.0, 0.1, 0.9, 1.0, f32::NAN, -4.0, f32::INFINITY] {
            let evidence = Evidence {
                signal: Signal::NearDuplicate,
                p_bot,
            };
            let joined = join(&single, &[evidence]);
            assert!((0.299_99..=1.0).contains(&joined.p_bot), "{p_bot}: {joined:?}");
            assert_eq!(joined.signals, [Signal::NearDuplicate]);
        }
    }
}
