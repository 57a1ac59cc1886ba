//! Substitutes that share several attackers among them.

use parallax_onnx::codec;

use super::{
    Answer, Images, Lab, Trained, VERSION,
    learning::{Quiet, query},
};
use crate::{
    experiment::{Cache, ExperimentError},
    finetune::{self, FinetuneConfig, Outcome, Query, Start, answer_classes},
};

/// What was answered to captchas.
#[derive(Debug, Clone, Copy)]
pub(in crate::experiment) struct Heard<'a> {
    /// The captchas.
    pub(in crate::experiment) images: &'a Images,
    /// An answer to each.
    pub(in crate::experiment) answers: &'a [Answer],
    /// The pseudonym of each answer's source.
    pub(in crate::experiment) from: &'a [u64],
}

impl Heard<'_> {
    /// Those that a model could give.
    fn queries(&self) -> Vec<Query> {
        let answers = self.answers.iter().zip(self.from).zip(&self.images.pictures);
        let usable = answers.enumerate().filter_map(|(number, ((answer, from), picture))| {
            let classes = answer_classes(&answer.text).ok()?;
            Some(Query {
                source: Some(*from),
                right: Some(answer.text == picture.label.as_str()),
                ..query(number, picture, classes, answer.weight)
            })
        });
        usable.collect()
    }
}

impl Lab {
    /// `substitutes`, each fine-tuned on the answers of the sources that it is most like, with its weight; `None` where no
    /// clusters were found and each would learn from all.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub(in crate::experiment) fn finetune_clusters(
        &self,
        substitutes: &[Trained],
        heard: &Heard<'_>,
        config: &FinetuneConfig,
    ) -> Result<Option<Vec<Trained>>, ExperimentError> {
        let queries = heard.queries();
        let answers: Vec<_> = queries
            .iter()
            .map(|query| (query.picture, &query.classes, query.weight, query.source))
            .collect();
        let digests: Vec<_> = substitutes.iter().map(Trained::digest).collect();
        let place = (self.device(), self.session.threads);
        let key = (
            (VERSION, finetune::VERSION),
            digests,
            &heard.images.digest,
            answers,
            config,
            place,
        );
        let bytes = self.cache.get_or("clusters", &key, || {
            self.begin(&format!(
                "{} substitutes share {} queries",
                substitutes.len(),
                queries.len()
            ))?;
            let starts = substitutes.iter().map(|substitute| {
                let (model, weights) = substitute.load()?;
                Ok(Start {
                    model,
                    weights,
                    weight: 1.0,
                })
            });
            let starts: Vec<_> = starts.collect::<Result<_, ExperimentError>>()?;
            let mut learn = |member: usize, queries: &[Query]| {
                let Some(Start { model, weights, .. }) = starts.get(member) else {
                    return Ok(None);
                };
                let outcome = finetune::finetune(model, weights, queries, config, self.session, None, &mut Quiet)?;
                Ok(match outcome {
                    Outcome::Finished(tuned) => Some(*tuned),
                    Outcome::Stopped { .. } => None,
                })
            };
            let clustered = finetune::finetune_clusters(&starts, &queries, self.session, &mut learn)?;
            let clustered = clustered.ok_or(ExperimentError::Interrupted)?;
            // Together they learned from every answer once, or each from all of them.
            let learned: usize = clustered.iter().map(|one| one.answers).sum();
            if learned != queries.len() {
                return Ok(Vec::new());
            }
            let mut parts = Vec::new();
            for (start, clustered) in starts.iter().zip(clustered) {
                eprintln!(
                    "           {} answers of {} sources",
                    clustered.answers, clustered.sources
                );
                parts.push(clustered.weight.to_le_bytes().to_vec());
                parts.push(codec::encode(&start.model.recognizer(&clustered.tuned.weights)?));
            }
            Ok::<_, ExperimentError>(Cache::join(&parts))
        })?;
        let parts = Cache::split(&bytes)?;
        if parts.is_empty() {
            return Ok(None);
        }
        let damaged = || ExperimentError::Cache("substitutes that share attackers are damaged".to_owned());
        let (parts, []) = parts.as_chunks() else {
            return Err(damaged());
        };
        if parts.len() != substitutes.len() {
            return Err(damaged());
        }
        let tuned = substitutes.iter().zip(parts).map(|(substitute, [weight, graph])| {
            Ok(Trained {
                architecture: substitute.architecture,
                recognizer: graph.to_vec(),
                weight: f32::from_le_bytes((*weight).try_into().map_err(|_| damaged())?),
            })
        });
        Ok(Some(tuned.collect::<Result<_, ExperimentError>>()?))
    }
}
