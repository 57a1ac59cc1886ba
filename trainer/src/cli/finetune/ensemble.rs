//! Fine-tuning several checkpoints, each on the answers of the attackers that it is most like.

use std::path::{Path, PathBuf};

use parallax_captcha::perturb::Member;
use parallax_onnx::{
    checkpoint::{ATTACK, RECOGNIZER},
    codec,
};
use serde::Serialize;

use super::{Attack, CommandError, Options, Watch, accuracy_on_unseen, alone, attack, attack_lines, attacker, config, percent};
use crate::{
    cli::output,
    files::{self, PendingFolder},
    finetune::{Clustered, FinetuneReport, Start, finetune_clusters},
    models::{Checkpoint, MANIFEST},
    runtime::SessionConfig,
    train::{self, TrainError},
};

/// Name of the file that says what the folder holds.
const NAME: &str = "ensemble.json";

/// Checkpoints that take turns: what [`NAME`] says.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Ensemble {
    members: Vec<Part>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Part {
    /// Its folder, beside the file.
    checkpoint: PathBuf,
    architecture: String,
    /// Its share of the gradients; all sum to 1.
    weight: f32,
    /// Attackers that it learned from, and their answers; 0 where it stays as it was.
    sources: usize,
    answers: usize,
    /// Share of unseen originals read right.
    accuracy: f64,
    /// How it was learned; `None` where it stays as it was.
    report: Option<FinetuneReport>,
}

#[derive(Debug, Serialize)]
struct Finetuned {
    out: PathBuf,
    unusable: usize,
    ensemble: Ensemble,
    attack: Attack,
    device: String,
}

pub(super) fn run(options: &Options, session: SessionConfig) -> Result<(), CommandError> {
    let open = |root: &PathBuf| Checkpoint::open_or_shipped(Some(root));
    let checkpoints: Vec<_> = options.checkpoint.iter().map(open).collect::<Result<_, _>>()?;
    let models: Vec<_> = checkpoints.iter().map(Checkpoint::model).collect::<Result<_, _>>()?;
    let before: Vec<_> = checkpoints
        .iter()
        .map(|checkpoint| Ok(alone(checkpoint.attack()?)))
        .collect::<Result<_, CommandError>>()?;
    let attacker = attacker(options)?;
    let queries = super::read(options)?;
    let starts: Vec<_> = models
        .iter()
        .map(|(_, model, weights)| Start {
            model: model.clone(),
            weights: weights.clone(),
        })
        .collect();
    eprintln!(
        "fine-tuning {} checkpoints on {} with {} threads: {} queries, lambda {}",
        starts.len(),
        session.device,
        session.threads,
        queries.usable.len(),
        options.lambda
    );
    let mut watch = Watch::new();
    let clustered = finetune_clusters(&starts, &queries.usable, &config(options), session, &mut watch)?;
    watch.bar.finish_and_clear();
    let clustered = clustered.ok_or(CommandError::Interrupted(None))?;

    let folder = PendingFolder::create(&options.out)?;
    let (mut members, mut after, mut recognizers) = (Vec::new(), Vec::new(), Vec::new());
    for (number, ((checkpoint, (architecture, model, weights)), clustered)) in
        (1..).zip(checkpoints.iter().zip(&models).zip(&clustered))
    {
        let name = PathBuf::from(format!("{number}-{}", architecture.name()));
        let Clustered { tuned, weight, .. } = clustered;
        let weights = tuned.as_ref().map_or(weights, |tuned| &tuned.weights);
        let graph = codec::encode(&model.recognizer(weights).map_err(TrainError::from)?);
        let accuracy = accuracy_on_unseen(&graph, options, session)?;
        let into = folder.path().join(&name);
        match tuned {
            Some(tuned) => {
                let provenance = super::provenance(options, session, checkpoint, *architecture, tuned, accuracy)?;
                train::export(model, weights, provenance, &into)?;
            }
            None => copy(checkpoint, &into)?,
        }
        after.push(Member {
            model: codec::encode(&model.attack(weights).map_err(TrainError::from)?),
            weight: *weight,
        });
        recognizers.push(graph);
        members.push(Part {
            checkpoint: name,
            architecture: architecture.name().to_owned(),
            weight: *weight,
            sources: clustered.sources,
            answers: clustered.answers,
            accuracy,
            report: tuned.as_ref().map(|tuned| tuned.report.clone()),
        });
    }
    let attack = attack(options, session, [&before, &after], &recognizers, attacker.as_deref())?;
    let ensemble = Ensemble { members };
    let json = serde_json::to_vec_pretty(&ensemble).map_err(std::io::Error::from)?;
    folder.write(NAME, &json)?;
    folder.commit()?;
    let result = Finetuned {
        out: options.out.clone(),
        unusable: queries.unusable.len(),
        ensemble,
        attack,
        device: session.device.to_string(),
    };
    output::print(&result, options.json, text)?;
    Ok(())
}

fn text(result: &Finetuned) -> String {
    let part = |part: &Part| {
        let learned = match &part.report {
            Some(report) => format!(
                "agrees with {} of {} held-out answers (before: {})",
                percent(report.after.agreement),
                report.held_out,
                percent(report.before.agreement)
            ),
            None => "stays as it was".to_owned(),
        };
        format!(
            "{}: weight {:.2}, {} answers of {} sources; {learned}, reads {} of unseen originals",
            result.out.join(&part.checkpoint).display(),
            part.weight,
            part.answers,
            part.sources,
            percent(part.accuracy),
        )
    };
    let parts = result.ensemble.members.iter().map(part);
    parts.chain(attack_lines(&result.attack)).collect::<Vec<_>>().join("\n")
}

/// A checkpoint that nobody's answers came to, as it was.
fn copy(checkpoint: &Checkpoint, into: &Path) -> Result<(), CommandError> {
    let folder = PendingFolder::create(into)?;
    folder.write(RECOGNIZER, &checkpoint.recognizer()?)?;
    folder.write(ATTACK, &checkpoint.attack()?)?;
    folder.write(MANIFEST, &files::read(&checkpoint.root().join(MANIFEST))?)?;
    Ok(folder.commit()?)
}
