//! Several models attacked together: they take turns, so that an ensemble costs as many gradients as one model.

use super::{Gradient, GradientModel};
use crate::alphabet::Label;

/// A model and how often it is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<M> {
    /// The model.
    pub model: M,
    /// Its share of the gradients, beside the others' weights.
    pub weight: f32,
}

/// Turns that a picture may begin at, so that of pictures with fewer gradients than members each member gets its share: exactly
/// where turns repeat after a divisor of 60, as of one to six members of equal weight; nearly of other weights.
const BEGINNINGS: u32 = 60;

/// Models that take turns, each as often as it weighs (smooth weighted round robin): the momentum of MI-FGSM sums over
/// them, as it would over the gradients of a mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble<M> {
    members: Vec<Member<M>>,
    /// What each member is owed, in turns times the sum of the weights.
    owed: Vec<f32>,
}

/// Why models are no ensemble.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EnsembleError {
    /// There is none.
    #[error("an ensemble has at least one member")]
    Empty,
    /// A weight that is not a positive number.
    #[error("a member weighs {weight}, which is not above 0")]
    Weight {
        /// The first such weight.
        weight: f32,
    },
}

impl<M> Ensemble<M> {
    /// Of at least one member, each with a finite weight above 0. Where two are owed alike, the first is asked first.
    ///
    /// # Errors
    /// [`EnsembleError`].
    pub fn new(members: Vec<Member<M>>) -> Result<Self, EnsembleError> {
        let mut weights = members.iter().map(|member| member.weight);
        if let Some(weight) = weights.find(|weight| !(*weight > 0.0 && weight.is_finite())) {
            return Err(EnsembleError::Weight { weight });
        }
        if members.is_empty() {
            return Err(EnsembleError::Empty);
        }
        let owed = vec![0.0; members.len()];
        Ok(Self { members, owed })
    }

    /// Its members, in the order given.
    #[must_use]
    pub fn members(&self) -> &[Member<M>] {
        &self.members
    }

    /// One of them, to be asked alone.
    #[must_use]
    pub fn member_mut(&mut self, index: usize) -> Option<&mut M> {
        self.members.get_mut(index).map(|member| &mut member.model)
    }

    /// Who is asked next.
    fn next(&mut self) -> Option<&mut Member<M>> {
        let sum: f32 = self.members.iter().map(|member| member.weight).sum();
        for (owed, member) in self.owed.iter_mut().zip(&self.members) {
            *owed += member.weight;
        }
        let turns = self.owed.iter_mut().zip(&mut self.members);
        let (owed, member) = turns.reduce(|best, other| if *other.0 > *best.0 { other } else { best })?;
        *owed -= sum;
        Some(member)
    }
}

impl<M: GradientModel> GradientModel for Ensemble<M> {
    type Error = M::Error;

    fn begin(&mut self, sum: u32) {
        self.owed.fill(0.0);
        for _ in 0..sum % BEGINNINGS {
            self.next();
        }
        self.members.iter_mut().for_each(|member| member.model.begin(sum));
    }

    fn gradient(&mut self, image: &[f32], label: &Label, frame_weights: &[f32]) -> Result<Gradient, M::Error> {
        match self.next() {
            Some(member) => member.model.gradient(image, label, frame_weights),
            // There is at least one.
            None => Ok(Gradient {
                loss: 0.0,
                image: vec![0.0; image.len()],
                logits: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use super::*;

    /// Replies with its own number.
    struct Numbered(f32);

    impl GradientModel for Numbered {
        type Error = Infallible;

        fn gradient(&mut self, image: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, Infallible> {
            Ok(Gradient {
                loss: self.0,
                image: image.to_vec(),
                logits: None,
            })
        }
    }

    fn ensemble(weights: &[f32]) -> Result<Ensemble<Numbered>, EnsembleError> {
        let members = (0..).zip(weights).map(|(number, weight)| Member {
            model: Numbered(number as f32),
            weight: *weight,
        });
        Ensemble::new(members.collect())
    }

    fn asked(ensemble: &mut Ensemble<Numbered>, turns: usize) -> Vec<usize> {
        let label = Label::new("A236").unwrap();
        let mut ask = || ensemble.gradient(&[0.5], &label, &[]).unwrap().loss as usize;
        (0..turns).map(|_| ask()).collect()
    }

    #[test]
    fn each_is_asked_as_often_as_it_weighs() {
        let mut ensemble = ensemble(&[3.0, 1.0, 1.0]).unwrap();
        let turns = asked(&mut ensemble, 50);
        let count = |number| turns.iter().filter(|asked| **asked == number).count();
        assert_eq!([count(0), count(1), count(2)], [30, 10, 10]);
        // Not thirty times the first at first.
        assert_eq!(turns[..5].iter().filter(|asked| **asked == 0).count(), 3, "{turns:?}");
    }

    #[test]
    fn a_picture_begins_where_its_turn_says_whatever_was_before() {
        let mut ensemble = ensemble(&[1.0, 1.0]).unwrap();
        for (turn, expected) in [
            (0, [0, 1, 0]),
            (1, [1, 0, 1]),
            (1, [1, 0, 1]),
            (4_000_000_000, [0, 1, 0]),
        ] {
            ensemble.begin(turn);
            assert_eq!(asked(&mut ensemble, 3), expected, "{turn}");
        }
    }

    #[test]
    fn of_one_gradient_each_a_member_gets_its_share_of_pictures() {
        let mut ensemble = ensemble(&[3.0, 1.0, 1.0]).unwrap();
        let mut counts = [0; 3];
        for turn in 0..600 {
            ensemble.begin(turn);
            counts[asked(&mut ensemble, 1)[0]] += 1;
        }
        assert_eq!(counts, [360, 120, 120]);
    }

    #[test]
    fn none_and_weightless_ones_are_refused() {
        assert_eq!(ensemble(&[]).err(), Some(EnsembleError::Empty));
        for weight in [0.0, -1.0, f32::INFINITY, f32::NAN] {
            assert!(
                matches!(ensemble(&[1.0, weight]), Err(EnsembleError::Weight { .. })),
                "{weight}"
            );
        }
    }
}
