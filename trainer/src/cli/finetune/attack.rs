//! What captchas that are perturbed anew are worth: who reads them.

use parallax_captcha::{
    perturb::{Member, PerturbConfig},
    text::Style,
};
use serde::Serialize;

use super::percent;
use crate::{
    attack::{Gradients, Surrogate, perturbed_pictures},
    cli::CommandError,
    data::{batches::Sample, seeds::Stream},
    models::Recognizer,
    runtime::SessionConfig,
    train::accuracy,
};

/// Captchas that are perturbed to measure the new attack.
const ATTACKED: u64 = 100;

/// Success of solvers on captchas perturbed in the product's configuration.
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
    pub(super) fn measure(self, style: &Style, seed: u64, session: SessionConfig) -> Result<Attack, CommandError> {
        let samples = |members: Vec<Member<Vec<u8>>>| -> Result<Vec<Sample>, CommandError> {
            let surrogate = Surrogate {
                gradients: Gradients::Of(members),
                config: PerturbConfig::default(),
                session,
            };
            let pictures = perturbed_pictures(&surrogate, style, Stream::Final, seed, 0..ATTACKED)?;
            Ok(pictures.iter().map(|picture| picture.sample()).collect())
        };
        let new = samples(self.after)?;
        let read = |recognizer: &[u8], samples: &[Sample]| -> Result<f64, CommandError> {
            Ok(accuracy(&mut Recognizer::new(recognizer, session)?, samples)?)
        };
        let mut own = 0.0_f64;
        for recognizer in &self.own {
            own = own.max(read(recognizer, &new)?);
        }
        let (mut attacker_before, mut attacker_after) = (None, None);
        if let Some(attacker) = &self.attacker {
            attacker_before = Some(read(attacker, &samples(self.before)?)?);
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
            "of {count} captchas perturbed with it, the best of its models reads {}",
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
