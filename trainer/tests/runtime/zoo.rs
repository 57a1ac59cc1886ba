//! Every model of the zoo learns, is exported, and is read back.

use parallax_captcha::perturb::GradientModel;
use parallax_onnx::{checkpoint::Training, codec};
use parallax_trainer::{
    models::{AttackModel, Checkpoint, Recognizer},
    train::{self, Provenance, StepSession, TrainingState, initial_weights},
    zoo::Architecture,
};
use tempfile::TempDir;

use crate::{CPU, samples};

#[test]
fn every_model_learns_a_batch_by_heart_and_is_exported() {
    let batch = samples(4);
    for architecture in Architecture::ALL {
        let model = architecture.model().unwrap();
        let state = TrainingState::untrained(initial_weights(&model, 5));
        let mut step = StepSession::new(model.clone(), batch.len(), &state, CPU).unwrap();
        let losses: Vec<f32> = (0..40).map(|_| step.run(&batch, 1e-3).unwrap().loss).collect();
        assert!(
            losses.iter().all(|loss| loss.is_finite()) && losses[39] < 0.5 * losses[0],
            "{architecture:?}: {losses:?}"
        );

        let weights = step.state().unwrap().weights;
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("checkpoint");
        let provenance = Provenance {
            architecture: architecture.name().to_owned(),
            metrics: [("accuracy".to_owned(), 0.0)].into(),
            parent: None,
            training: Training {
                command: "a test".to_owned(),
                seed: 5,
                samples: 160,
            },
        };
        train::export(&model, &weights, provenance, &out).unwrap();
        let checkpoint = Checkpoint::open_or_shipped(Some(&out)).unwrap();
        let (found, _, read_back) = checkpoint.model().unwrap();
        assert!(found == architecture && read_back == weights, "{architecture:?}");

        let mut recognizer = Recognizer::new(&checkpoint.recognizer().unwrap(), CPU).unwrap();
        let images: Vec<_> = batch.iter().map(|sample| &sample.image).collect();
        assert_eq!(recognizer.read(&images).unwrap().len(), batch.len());
        let mut attack = AttackModel::new(&checkpoint.attack().unwrap(), CPU).unwrap();
        let reply = attack
            .gradient(&batch[0].image, &batch[0].label, &[0.0; 25 * 24])
            .unwrap();
        assert!(
            reply.loss.is_finite() && reply.image.iter().any(|value| value.abs() > 1e-6),
            "{architecture:?}"
        );
        let by_positions = [Architecture::ResnetAttention, Architecture::InceptionPositions];
        let tells_places = !by_positions.contains(&architecture);
        assert_eq!(
            reply.logits.map(|logits| logits.len()),
            tells_places.then_some(25 * 24),
            "{architecture:?}"
        );
    }
}

#[test]
fn a_checkpoint_of_no_known_model_is_named() {
    let folder = TempDir::new().unwrap();
    let untrained = crate::Untrained::new(1);
    let manifest =
        include_str!("../../../onnx/checkpoints/shipped/manifest.json").replace("\"crnn\"", "\"of-the-future\"");
    std::fs::write(folder.path().join("manifest.json"), manifest).unwrap();
    std::fs::write(
        folder.path().join("recognizer.onnx"),
        codec::encode(&codec::decode(&untrained.recognizer).unwrap()),
    )
    .unwrap();
    let error = Checkpoint::open_or_shipped(Some(folder.path()))
        .unwrap()
        .model()
        .unwrap_err();
    assert!(
        error.to_string().contains("there is no model \"of-the-future\""),
        "{error}"
    );
}
