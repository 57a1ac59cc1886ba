//! Labels as the tensors that the loss of [`crate::layers::ctc_loss`] reads, and labels read off logits.
//!
//! A label of L classes has 2L + 1 states: a blank, the first class, a blank, ... (Graves et al. 2006, section 4.1).
//! Shorter labels are padded with blank states that no path can end in.

/// Added to the logarithm of what cannot happen. Not infinity: differences of infinities are not numbers.
pub const IMPOSSIBLE: f32 = -1e9;

/// Longest label of a text captcha.
pub const MAX_LABEL: usize = 6;

/// Classes of a text captcha, the blank included.
pub const CLASSES: usize = 24;

/// Why a label cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CtcError {
    /// More classes than there are states for, or none.
    #[error("a label has 1 to {max} classes, this one has {found}")]
    Length {
        /// Classes given.
        found: usize,
        /// Classes there is room for.
        max: usize,
    },
    /// The blank, or a class that the model does not have.
    #[error("class {class} is not in 1..{count}")]
    Class {
        /// The class.
        class: usize,
        /// Classes of the model.
        count: usize,
    },
    /// Labels of different sizes in one batch, or an empty batch.
    #[error("the labels of a batch have one size, and there is at least one")]
    Batch,
}

/// One label or a batch of N, with S = 2 * `max_label` + 1 states and K classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// One-hot class of each state, `[N, S, K]`.
    pub target: Vec<f32>,
    /// 0 where a path may start, [`IMPOSSIBLE`] elsewhere, `[2N, S]`: N labels, then the N labels reversed.
    pub start: Vec<f32>,
    /// 0 where a path may come from two states before, [`IMPOSSIBLE`] elsewhere, `[2N, S]`, rows as `start`.
    pub skip: Vec<f32>,
    states: usize,
}

impl Target {
    /// Encodes one label, `classes` in `1..class_count`, with room for `max_label` classes.
    ///
    /// # Errors
    /// [`CtcError::Length`], [`CtcError::Class`].
    pub fn encode(classes: &[usize], max_label: usize, class_count: usize) -> Result<Self, CtcError> {
        if classes.is_empty() || classes.len() > max_label {
            return Err(CtcError::Length {
                found: classes.len(),
                max: max_label,
            });
        }
        if let Some(class) = classes.iter().find(|class| !(1..class_count).contains(*class)) {
            return Err(CtcError::Class {
                class: *class,
                count: class_count,
            });
        }
        let (states, used) = (2 * max_label + 1, 2 * classes.len() + 1);
        let class_of = |state: usize| {
            if state % 2 == 1 {
                classes.get(state / 2).copied().unwrap_or(0)
            } else {
                0
            }
        };
        let mut target = Vec::with_capacity(states * class_count);
        for state in 0..states {
            target.extend((0..class_count).map(|class| f32::from(class == class_of(state))));
        }
        let allow = |yes: bool| if yes { 0.0 } else { IMPOSSIBLE };
        let may_skip = |s: usize| s >= 2 && s < used && class_of(s) != 0 && class_of(s) != class_of(s - 2);
        let mut start: Vec<_> = (0..states).map(|s| allow(s < 2)).collect();
        let mut skip: Vec<_> = (0..states).map(|s| allow(may_skip(s))).collect();
        // Reversed: state s is state S - 1 - s of the label, padding first.
        start.extend((0..states).map(|s| allow(s == states - used || s == states - used + 1)));
        skip.extend((0..states).map(|s| allow(s >= 2 && may_skip(states + 1 - s))));
        Ok(Self {
            target,
            start,
            skip,
            states,
        })
    }

    /// A batch of labels that were encoded with the same sizes.
    ///
    /// # Errors
    /// [`CtcError::Batch`].
    pub fn batch(labels: &[Self]) -> Result<Self, CtcError> {
        let first = labels.first().ok_or(CtcError::Batch)?;
        if labels
            .iter()
            .any(|l| l.states != first.states || l.target.len() != first.target.len())
        {
            return Err(CtcError::Batch);
        }
        let rows = |field: &dyn Fn(&Self) -> &Vec<f32>, half: usize| -> Vec<f32> {
            let row = half * first.states..(half + 1) * first.states;
            labels
                .iter()
                .flat_map(|label| field(label).get(row.clone()).unwrap_or_default().to_vec())
                .collect()
        };
        Ok(Self {
            target: labels.iter().flat_map(|label| label.target.iter().copied()).collect(),
            start: [rows(&|l| &l.start, 0), rows(&|l| &l.start, 1)].concat(),
            skip: [rows(&|l| &l.skip, 0), rows(&|l| &l.skip, 1)].concat(),
            states: first.states,
        })
    }

    /// States of each label.
    #[must_use]
    pub fn states(&self) -> usize {
        self.states
    }
}

/// The label's part of the inputs of `attack.onnx`.
#[derive(Debug, Clone, PartialEq)]
pub struct AttackInputs {
    /// `[1, 13, 24]`.
    pub target: Vec<f32>,
    /// `[2, 13]`.
    pub start: Vec<f32>,
    /// `[2, 13]`.
    pub skip: Vec<f32>,
}

impl AttackInputs {
    /// Encodes the classes of a text captcha's label.
    ///
    /// # Errors
    /// [`CtcError`].
    pub fn encode(classes: &[usize]) -> Result<Self, CtcError> {
        let Target {
            target, start, skip, ..
        } = Target::encode(classes, MAX_LABEL, CLASSES)?;
        Ok(Self { target, start, skip })
    }
}

/// The most likely class of each of `logits: [T, class_count]`, repetitions merged, then blanks dropped.
#[must_use]
pub fn greedy_decode(logits: &[f32], class_count: usize) -> Vec<usize> {
    let mut last = 0;
    let mut label = Vec::new();
    for frame in logits.chunks_exact(class_count.max(1)) {
        let best = frame
            .iter()
            .enumerate()
            .fold((0, f32::NEG_INFINITY), |best, (class, logit)| {
                if *logit > best.1 { (class, *logit) } else { best }
            });
        if best.0 != 0 && best.0 != last {
            label.push(best.0);
        }
        last = best.0;
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_interleaved_with_blanks_and_padded() {
        let t = Target::encode(&[2, 2, 1], 4, 3).unwrap();
        let classes: Vec<_> = t
            .target
            .chunks(3)
            .map(|row| row.iter().position(|x| *x == 1.0).unwrap())
            .collect();
        assert_eq!(classes, [0, 2, 0, 2, 0, 1, 0, 0, 0]);
        let open = |row: &[f32]| -> Vec<_> { (0..9).filter(|s| row[*s] == 0.0).collect() };
        assert_eq!(open(&t.start[..9]), [0, 1]);
        assert_eq!(open(&t.start[9..]), [2, 3]);
        assert_eq!(
            open(&t.skip[..9]),
            [5],
            "1 follows 2, but 2 cannot follow 2 without a blank"
        );
        assert_eq!(
            open(&t.skip[9..]),
            [5],
            "reversed: state 3 from state 5, as 8 - 3 from 8 - 5"
        );
    }

    #[test]
    fn labels_outside_the_model_are_refused() {
        assert_eq!(Target::encode(&[], 4, 3), Err(CtcError::Length { found: 0, max: 4 }));
        assert_eq!(
            Target::encode(&[1; 5], 4, 3),
            Err(CtcError::Length { found: 5, max: 4 })
        );
        assert_eq!(Target::encode(&[3], 4, 3), Err(CtcError::Class { class: 3, count: 3 }));
        assert_eq!(Target::encode(&[0], 4, 3), Err(CtcError::Class { class: 0, count: 3 }));
        let (short, long) = (Target::encode(&[1], 2, 3).unwrap(), Target::encode(&[1], 3, 3).unwrap());
        assert_eq!(Target::batch(&[short, long]), Err(CtcError::Batch));
    }

    #[test]
    fn decoding_merges_and_drops() {
        let frames = [0, 1, 1, 0, 1, 2, 2, 0];
        let logits: Vec<f32> = frames
            .iter()
            .flat_map(|class| (0..3).map(move |k| f32::from(k == *class)))
            .collect();
        assert_eq!(greedy_decode(&logits, 3), [1, 1, 2]);
        assert_eq!(greedy_decode(&[f32::NAN; 3], 3), [0usize; 0]);
    }
}
