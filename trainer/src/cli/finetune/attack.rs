//! What captchas that are perturbed anew are worth: who reads them.

use parallax_captcha::{perturb::Member, text::model_input};
use serde::Serialize;

use super::percent;
use crate::{
    attack::{Gradients, Picture, Surrogate, perturbed_pictures},
    cli::CommandError,
    data::{batches::Sample, seeds::Stream},
    experiment::{PREPROCESSING, Setting},
    models::Recognizer,
    runtime::SessionConfig,
    train::accuracy,
};

/// Captchas that are perturbed to measure the new attack.
const ATTACKED: u64 = 100;

/// Success of solvers on captchas perturbed anew, with the best of [`PREPROCESSING`].
#[derive(Debug, Serialize)]
pub(super) struct Attack {
    count: u64,
    /// The best of the new checkpoint's models, on captchas perturbed with it.
    own: f64,
    /// The attacker given, on captchas perturbed with the checkpoint before.
    attacker_before: Option<f64>,
    /// The attacker given, on captchas perturbed with the new one.
    attacker_after: Option<f64>,
}

/// Who perturbs and who reads.
#[derive(Default)]
pub(super) struct Solvers {
    /// Attack graphs of the checkpoint before.
    pub(super) before: Vec<Member<Vec<u8>>>,
    /// Attack graphs of the new one.
    pub(super) after: Vec<Member<Vec<u8>>>,
    /// Recognisers of the new one.
    pub(super) own: Vec<Vec<u8>>,
    /// Recogniser of the attacker.
    pub(super) attacker: Option<Vec<u8>>,
}

impl Solvers {
    pub(super) fn measure(self, setting: &Setting, seed: u64, session: SessionConfig) -> Result<Attack, CommandError> {
        let pictures = |members: Vec<Member<Vec<u8>>>| -> Result<Vec<Picture>, CommandError> {
            let surrogate = Surrogate {
                gradients: Gradients::Of(members),
                config: setting.perturb.clone(),
                session: session.on_the_cpu(),
            };
            let range = 0..ATTACKED;
            Ok(perturbed_pictures(
                &surrogate,
                &setting.style,
                Stream::Final,
                seed,
                range,
            )?)
        };
        let new = pictures(self.after)?;
        let read = |recognizer: &[u8], pictures: &[Picture]| -> Result<f64, CommandError> {
            let mut recognizer = Recognizer::new(recognizer, session)?;
            let mut best = 0.0_f64;
            for filter in PREPROCESSING {
                let filtered = pictures.iter().map(|picture| Sample {
                    image: model_input(&filter.apply(&picture.image)),
                    label: picture.label.clone(),
                });
                best = best.max(accuracy(&mut recognizer, &filtered.collect::<Vec<_>>())?);
            }
            Ok(best)
        };
        let mut own = 0.0_f64;
        for recognizer in &self.own {
            own = own.max(read(recognizer, &new)?);
        }
        let (mut attacker_before, mut attacker_after) = (None, None);
        if let Some(attacker) = &self.attacker {
            attacker_before = Some(read(attacker, &pictures(self.before)?)?);
            attacker_after = Some(read(attacker, &new)?);
        }
        Ok(Attack {
            count: ATTACKED,
            own,
            attacker_before,
            attacker_after,
        })
    }
}

impl Attack {
    pub(super) fn lines(&self) -> Vec<String> {
        let count = self.count;
        let mut lines = vec![format!(
            "of {count} captchas perturbed with it, the best of its models, with the best filter, reads {}",
            percent(self.own)
        )];
        if let (Some(before), Some(after)) = (self.attacker_before, self.attacker_after) {
            lines.push(format!(
                "the attacker reads {}, and {} of {count} perturbed with the checkpoint before",
                percent(after),
                percent(before)
            ));
        }
        lines
    }
}
