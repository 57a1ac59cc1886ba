//! Several attackers, several substitutes: each substitute learns from the attackers that it explains best.
//!
//! Iterative clustering as in IFCA (Ghosh et al. 2020, "An Efficient Framework for Clustered Federated Learning"): every
//! source of answers goes to the substitute whose readings are most like them, every substitute learns from what came to
//! it, twice at most. What they begin from are groups of sources that are alike in how their answers relate to the readings
//! of the substitutes before they learned ([`groups`]).

use std::collections::BTreeMap;

use parallax_captcha::alphabet::character_of;
use parallax_onnx::codec;
use strsim::normalized_levenshtein;

use super::{
    groups::{groups, largest},
    queries::Query,
    run::Finetuned,
};
use crate::{
    models::Recognizer,
    runtime::SessionConfig,
    train::TrainError,
    zoo::{Model, Weights},
};

/// Rounds of assigning and learning, at most.
const ROUNDS: usize = 2;
/// Answers that a cluster has at least, each counted by its weight: of fewer, a tenth of which is held out, nothing that
/// holds is learned.
const LEAST_OF_CLUSTER: f64 = 50.0;
/// The least share of the gradients: with ten for a picture, one.
const LEAST_SHARE: f32 = 0.1;
/// Pictures read at once.
const BATCH: usize = 100;

/// A substitute before it learns.
#[derive(Debug, Clone)]
pub struct Start {
    /// Which model.
    pub model: Model,
    /// Its weights.
    pub weights: Weights,
    /// Its share of the gradients, beside the others' weights.
    pub weight: f32,
}

/// A substitute that learned from the sources of its cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustered {
    /// What it learned.
    pub tuned: Finetuned,
    /// Sources that it learned from; each answer without a source counts as one.
    pub sources: usize,
    /// Their answers.
    pub answers: usize,
    /// Its share of the gradients in an ensemble; all sum to 1. Of all right answers, weighted as they are, those of its
    /// cluster; where nobody recorded which were right, of all answers; a tenth at least. That which it had where all
    /// learned from all.
    pub weight: f32,
}

/// Fine-tunes each of `starts` on the answers of its cluster of sources: `learn` is given its number, from 0, and its
/// queries, and returns `None` when it was stopped, upon which so does this.
///
/// Where there are fewer sources than substitutes, or they are all much alike, or a cluster would have fewer than 50
/// answers, each learns from all answers.
///
/// # Errors
/// Those of `learn`; [`TrainError`] when a substitute cannot be run.
pub fn finetune_clusters(
    starts: &[Start],
    queries: &[Query],
    session: SessionConfig,
    learn: &mut Learn<'_>,
) -> Result<Option<Vec<Clustered>>, TrainError> {
    let sources = by_source(queries);
    let mut assigned = vec![0; sources.len()];
    let mut weights: Vec<_> = starts.iter().map(|start| start.weights.clone()).collect();
    if starts.len() > 1 {
        let likenesses = similarities(starts, &weights, queries, &sources, session)?;
        match groups(&likenesses, &sizes(&sources, queries), starts.len()) {
            Some(groups) if are_large(&groups, &sources, queries, starts.len()) => assigned = groups,
            _ => return of_all(starts, queries, sources.len(), learn),
        }
    }
    let mut tuned = Vec::new();
    for round in 1..=ROUNDS {
        tuned.clear();
        for (member, weights) in weights.iter_mut().enumerate() {
            let Some(learned) = learn(member, &of_member(&assigned, &sources, queries, member))? else {
                return Ok(None);
            };
            weights.clone_from(&learned.weights);
            tuned.push(learned);
        }
        if round == ROUNDS || starts.len() < 2 {
            break;
        }
        let likenesses = similarities(starts, &weights, queries, &sources, session)?;
        let nearest: Vec<_> = likenesses.iter().map(|likeness| largest(likeness)).collect();
        if nearest == assigned || !are_large(&nearest, &sources, queries, starts.len()) {
            break;
        }
        assigned = nearest;
    }
    let shares = shares(&assigned, &sources, queries, starts.len());
    let clustered = tuned.into_iter().zip(shares).enumerate();
    let clustered = clustered.map(|(member, (tuned, weight))| Clustered {
        tuned,
        sources: assigned.iter().filter(|of| **of == member).count(),
        answers: of_member(&assigned, &sources, queries, member).len(),
        weight,
    });
    Ok(Some(clustered.collect()))
}

/// Fine-tunes one substitute, by its number, on queries; `None` when it was stopped.
pub type Learn<'a> = dyn FnMut(usize, &[Query]) -> Result<Option<Finetuned>, TrainError> + 'a;

/// Each substitute learns from all answers, and weighs as much as before.
fn of_all(
    starts: &[Start],
    queries: &[Query],
    sources: usize,
    learn: &mut Learn<'_>,
) -> Result<Option<Vec<Clustered>>, TrainError> {
    let sum: f32 = starts.iter().map(|start| start.weight).sum();
    let mut clustered = Vec::with_capacity(starts.len());
    for (member, start) in starts.iter().enumerate() {
        let Some(tuned) = learn(member, queries)? else {
            return Ok(None);
        };
        clustered.push(Clustered {
            tuned,
            sources,
            answers: queries.len(),
            weight: start.weight / sum,
        });
    }
    Ok(Some(clustered))
}

/// Answers of each source, each counted by its weight.
fn sizes(sources: &[Vec<usize>], queries: &[Query]) -> Vec<f64> {
    let size = |source: &Vec<usize>| {
        let own = source.iter().filter_map(|index| queries.get(*index));
        own.map(|query| f64::from(query.weight)).sum()
    };
    sources.iter().map(size).collect()
}

/// Whether every cluster has answers enough to learn from.
fn are_large(assigned: &[usize], sources: &[Vec<usize>], queries: &[Query], members: usize) -> bool {
    let sizes = sizes(sources, queries);
    (0..members).all(|member| {
        let own = assigned.iter().zip(&sizes).filter(|(of, _)| **of == member);
        own.map(|(_, size)| size).sum::<f64>() >= LEAST_OF_CLUSTER
    })
}

/// Indices of the queries of each source; one without a source is one of its own.
fn by_source(queries: &[Query]) -> Vec<Vec<usize>> {
    let mut sources: BTreeMap<(Option<u64>, usize), Vec<usize>> = BTreeMap::new();
    for (index, query) in queries.iter().enumerate() {
        let alone = if query.source.is_some() { 0 } else { index };
        sources.entry((query.source, alone)).or_default().push(index);
    }
    sources.into_values().collect()
}

fn of_member(assigned: &[usize], sources: &[Vec<usize>], queries: &[Query], member: usize) -> Vec<Query> {
    let own = assigned.iter().zip(sources).filter(|(of, _)| **of == member);
    own.flat_map(|(_, source)| source)
        .filter_map(|index| queries.get(*index).cloned())
        .collect()
}

/// For each source how alike its answers are to what each substitute reads, in `[0, 1]`, weighted as the answers are.
fn similarities(
    starts: &[Start],
    weights: &[Weights],
    queries: &[Query],
    sources: &[Vec<usize>],
    session: SessionConfig,
) -> Result<Vec<Vec<f64>>, TrainError> {
    let mut of_query = vec![Vec::with_capacity(starts.len()); queries.len()];
    for (start, weights) in starts.iter().zip(weights) {
        let graph = codec::encode(&start.model.recognizer(weights)?);
        let mut recognizer = Recognizer::new(&graph, session)?;
        let mut likenesses = of_query.iter_mut();
        for chunk in queries.chunks(BATCH) {
            let images: Vec<_> = chunk.iter().map(|query| &*query.image).collect();
            for (query, reading) in chunk.iter().zip(recognizer.read(&images)?) {
                let answer: String = query.classes.iter().filter_map(|class| character_of(*class)).collect();
                if let Some(likeness) = likenesses.next() {
                    likeness.push(normalized_levenshtein(&answer, &reading.text));
                }
            }
        }
    }
    let mean = |source: &Vec<usize>| {
        let mut sums = vec![0.0; starts.len()];
        let mut count = f64::MIN_POSITIVE;
        for index in source {
            let (Some(query), Some(likeness)) = (queries.get(*index), of_query.get(*index)) else {
                continue;
            };
            count += f64::from(query.weight);
            for (sum, likeness) in sums.iter_mut().zip(likeness) {
                *sum += f64::from(query.weight) * likeness;
            }
        }
        sums.into_iter().map(|sum| sum / count).collect()
    };
    Ok(sources.iter().map(mean).collect())
}

/// See [`Clustered::weight`].
fn shares(assigned: &[usize], sources: &[Vec<usize>], queries: &[Query], members: usize) -> Vec<f32> {
    let knows_right = queries.iter().any(|query| query.right.is_some());
    let counted = |query: &Query| match query.right.unwrap_or(!knows_right) {
        true => query.weight,
        false => 0.0,
    };
    let successes = (0..members).map(|member| {
        let own = assigned.iter().zip(sources).filter(|(of, _)| **of == member);
        let indices = own.flat_map(|(_, source)| source);
        indices.filter_map(|index| queries.get(*index)).map(counted).sum()
    });
    let successes: Vec<f32> = successes.collect();
    let all = successes.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let shares: Vec<_> = successes.iter().map(|of| (of / all).max(LEAST_SHARE)).collect();
    let sum: f32 = shares.iter().sum();
    shares.into_iter().map(|share| share / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(source: Option<u64>, right: Option<bool>) -> Query {
        Query {
            image: vec![0.5].into(),
            picture: 0,
            classes: vec![1],
            weight: 1.0,
            source,
            right,
        }
    }

    #[test]
    fn sources_are_told_apart_and_the_nameless_stand_alone() {
        let queries = [Some(7), None, Some(2), Some(7), None].map(|source| query(source, None));
        let mut sources = by_source(&queries);
        sources.sort();
        assert_eq!(sources, [vec![0, 3], vec![1], vec![2], vec![4]]);
    }

    #[test]
    fn who_passes_more_weighs_more_and_nobody_is_left_out() {
        let mut queries: Vec<_> = (0..10).map(|i| query(Some(i / 5), Some(i < 4 || i == 9))).collect();
        let weights = shares(&[0, 1], &by_source(&queries), &queries, 2);
        assert!(
            (weights[0] - 0.8).abs() < 1e-6 && (weights[1] - 0.2).abs() < 1e-6,
            "{weights:?}"
        );
        // Right, but surely people.
        queries[5..].iter_mut().for_each(|query| query.weight = 0.0);
        let weights = shares(&[0, 1], &by_source(&queries), &queries, 2);
        assert!((weights[1] - 0.1 / 1.1).abs() < 1e-6, "{weights:?}");
        let unknown: Vec<_> = (0..10).map(|i| query(Some(u64::from(i > 6)), None)).collect();
        let weights = shares(&[0, 1], &by_source(&unknown), &unknown, 2);
        assert!((weights[0] - 0.7).abs() < 1e-6, "{weights:?}");
    }

    #[test]
    fn every_share_is_a_turn_for_each_picture() {
        use parallax_captcha::perturb::{Ensemble, GradientModel, Member, PerturbConfig};
        /// Counts how often it is asked.
        struct Counter(u32);
        impl GradientModel for Counter {
            type Error = std::convert::Infallible;

            fn gradient(
                &mut self,
                image: &[f32],
                _: &parallax_captcha::alphabet::Label,
                _: &[f32],
            ) -> Result<parallax_captcha::perturb::Gradient, Self::Error> {
                self.0 += 1;
                Ok(parallax_captcha::perturb::Gradient {
                    loss: 0.0,
                    image: image.to_vec(),
                    logits: None,
                })
            }
        }
        let queries: Vec<_> = (0..100).map(|i| query(Some(i / 50), Some(i < 50))).collect();
        let members = shares(&[0, 1], &by_source(&queries), &queries, 2);
        let members = members.into_iter().map(|weight| Member {
            model: Counter(0),
            weight,
        });
        let mut ensemble = Ensemble::new(members.collect()).unwrap();
        let label = parallax_captcha::alphabet::Label::new("A236").unwrap();
        for _ in 0..PerturbConfig::default().steps {
            ensemble.gradient(&[0.5], &label, &[]).unwrap();
        }
        assert!(ensemble.members().iter().all(|member| member.model.0 > 0));
    }
}
