//! What the solver computes for one plain captcha: so that tests can hold tract in wasm against another runtime, and
//! benches can measure it.

use parallax_captcha::{
    alphabet::CLASSES,
    perturb::{DirectionModel, FRAMES, Gradient, GradientModel},
    text::{draw, model_input},
};
use parallax_edge_shared::admin::{GradientReply, GradientRequest};
use worker::{Env, Request};

use crate::{checkpoint, failure::Failure, model::Models, recipe::Settings, store};

/// Computes what is asked for, as often as asked for. The request was checked by the visitor path.
///
/// # Errors
/// [`Failure`].
pub async fn answer(mut request: Request, env: &Env) -> Result<GradientReply, Failure> {
    let asked: GradientRequest = serde_json::from_str(&request.text().await?)?;
    let solver = checkpoint::solver(&store::bucket(env)?, env).await?;
    let style = Settings::default().style;
    let captcha = draw(&style, asked.seed);
    let label = match asked.label_seed {
        Some(seed) => draw(&style, seed).label,
        None => captcha.label,
    };
    let input = model_input(&captcha.image);
    let no_weights = vec![0.0; FRAMES * CLASSES];
    let ask = |models: &mut Models| -> Result<Gradient, Failure> {
        if asked.generator {
            let generator = models.generator.as_mut().ok_or(Failure::Generator)?;
            return Ok(Gradient {
                loss: 0.0,
                image: generator.direction(&input)?,
                logits: None,
            });
        }
        let model = models.models.member_mut(asked.member).ok_or(Failure::Member)?;
        Ok(model.gradient(&input, &label, &no_weights)?)
    };
    let mut gradient = solver.with(ask)?;
    for _ in 1..asked.runs.min(GradientRequest::MAX_RUNS) {
        gradient = solver.with(ask)?;
    }
    let Gradient { loss, image, logits } = gradient;
    Ok(GradientReply {
        label: label.to_string(),
        checkpoint: solver.checkpoint(),
        loss,
        gradient: image,
        logits: logits.unwrap_or_default(),
        input,
        memory_bytes: memory_bytes(),
    })
}

/// Linear memory of this module.
fn memory_bytes() -> u64 {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size(0);
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 0_usize;
    pages as u64 * 65_536
}
