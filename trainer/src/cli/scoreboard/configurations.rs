//! Which configurations a scoreboard has, from its options.

use std::path::Path;

use parallax_captcha::perturb::{Budget, Member, PerturbConfig, Start};

use super::{Options, refuse_equal};
use crate::{
    attack::Gradients,
    cli::CommandError,
    models::Checkpoint,
    scoreboard::{self, Configuration},
};

/// Everything that captchas are perturbed with.
///
/// # Errors
/// [`CommandError`].
pub(super) fn configurations(options: &Options) -> Result<Vec<Configuration>, CommandError> {
    let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.as_deref())?;
    let members: Vec<_> = checkpoint.attacks()?.into_iter().map(|(_, member)| member).collect();
    let with = |name: String, members: &[Member<Vec<u8>>], perturb: PerturbConfig, factor: Option<f32>| Configuration {
        name,
        gradients: Gradients::Of(members.to_vec()),
        perturb,
        factor,
        without: None,
    };
    let unattacked = |name: &str, gradients: Gradients, factor: Option<f32>| Configuration {
        name: name.to_owned(),
        gradients,
        perturb: PerturbConfig::default(),
        factor,
        without: None,
    };
    let of_budget = |factor: &f32| match *factor {
        0.0 => unattacked("plain", Gradients::None, Some(0.0)),
        1.0 => with("default".to_owned(), &members, PerturbConfig::default(), Some(1.0)),
        factor => with(
            format!("{factor} times the budget"),
            &members,
            PerturbConfig::default().scaled(factor),
            Some(factor),
        ),
    };
    let mut configurations: Vec<_> = options.budgets.iter().map(of_budget).collect();
    configurations.extend(options.steps.iter().map(|steps| {
        let perturb = PerturbConfig {
            steps: *steps,
            ..PerturbConfig::default()
        };
        let name = match steps {
            1 => "1 gradient".to_owned(),
            steps => format!("{steps} gradients"),
        };
        with(name, &members, perturb, None)
    }));
    for named in &options.generator {
        configurations.push(generator(named)?);
    }
    let ablations = options.ablations.map(scoreboard::ablations).unwrap_or_default();
    configurations.extend(
        ablations
            .into_iter()
            .map(|(name, perturb)| with(name, &members, perturb, None)),
    );
    if options.noise {
        configurations.push(unattacked("noise", Gradients::Noise, None));
    }
    if let Some(epsilon) = options.uniform {
        // With sharp outlines, as when the gate's limits were fixed: what is soft is easier to read.
        let perturb = PerturbConfig {
            budget: Budget::Uniform { epsilon },
            softness_px: 0.0,
            gradient_blur_px: 2.0,
            gate: None,
            ..PerturbConfig::default()
        };
        configurations.push(with(
            format!("{} everywhere, no gate", epsilon.get()),
            &members,
            perturb,
            None,
        ));
    }
    if options.leave_one_out {
        if members.len() < 2 {
            return Err(CommandError::Usage(
                "--leave-one-out: the checkpoint has one model only".to_owned(),
            ));
        }
        let names = checkpoint
            .manifest()
            .members()
            .into_iter()
            .map(|member| member.architecture);
        configurations.extend(
            distinct(names.collect())
                .into_iter()
                .enumerate()
                .map(|(left_out, name)| {
                    let others = members.iter().enumerate().filter(|(index, _)| *index != left_out);
                    let others: Vec<_> = others.map(|(_, member)| member.clone()).collect();
                    Configuration {
                        without: Some(name.clone()),
                        ..with(format!("without {name}"), &others, PerturbConfig::default(), None)
                    }
                }),
        );
    }
    refuse_equal("configurations", configurations.iter().map(|one| one.name.as_str()))?;
    Ok(configurations)
}

/// The generator of the checkpoint `[NAME=]DIR`, alone.
fn generator(named: &str) -> Result<Configuration, CommandError> {
    let (name, root) = match named.split_once('=') {
        Some((name, root)) => (Some(name), root),
        None => (None, named),
    };
    let checkpoint = Checkpoint::open_or_shipped(Some(Path::new(root)))?;
    let about = checkpoint.manifest().generator.as_ref();
    let (Some(about), Some(graph)) = (about, checkpoint.generator()?) else {
        return Err(CommandError::Usage(format!(
            "--generator: {root} has none, `parallax train --generator unet` gives it one"
        )));
    };
    let members = checkpoint.attacks()?.into_iter().map(|(_, member)| member);
    Ok(Configuration {
        name: format!("generator {}", name.unwrap_or(&about.architecture)),
        gradients: Gradients::Generator {
            graph,
            members: members.collect(),
        },
        perturb: PerturbConfig {
            start: Start::Generator,
            steps: 0,
            ..PerturbConfig::default()
        },
        factor: None,
        without: None,
    })
}

/// `names`, numbered where several are equal.
fn distinct(names: Vec<String>) -> Vec<String> {
    let numbered = names.iter().enumerate().map(|(index, name)| {
        let before = names.iter().take(index).filter(|other| *other == name).count();
        match names.iter().filter(|other| *other == name).count() {
            1 => name.clone(),
            _ => format!("{name}-{}", before + 1),
        }
    });
    numbered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_numbered() {
        let names = ["crnn", "lenet-ctc", "crnn"].map(str::to_owned).to_vec();
        assert_eq!(distinct(names), ["crnn-1", "lenet-ctc", "crnn-2"]);
    }
}
