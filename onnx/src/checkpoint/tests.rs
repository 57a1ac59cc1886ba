use super::*;
use crate::{Builder, Dialect};

fn manifest(files: &[(&str, &[u8])]) -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        architecture: "crnn".to_owned(),
        alphabet: "AB".to_owned(),
        input: [1, 2, 5],
        frames: 5,
        opset: codec::OPSET,
        files: files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), File::of(bytes)))
            .collect(),
        metrics: [("accuracy".to_owned(), 0.5)].into(),
        parent: None,
        training: Some(Training {
            command: "parallax train".to_owned(),
            seed: 1,
            samples: 2,
        }),
        members: vec![],
        generator: None,
    }
}

/// Pools two rows into one and multiplies: `[N, 1, 2, 5]` to `[5, N, classes]`.
fn recognizer(classes: usize) -> Vec<u8> {
    let b = Builder::new(Dialect::OnnxRuntime);
    let x = b.input_with_batch("image", &[Dim::Batch, Dim::Fixed(1), Dim::Fixed(2), Dim::Fixed(5)]);
    let y = b
        .transpose(b.squeeze(b.max_pool(x, [2, 1]).unwrap(), &[2]).unwrap(), &[2, 0, 1])
        .unwrap();
    b.output("logits", b.matmul(y, b.full(&[1, classes], 1.0).unwrap()).unwrap())
        .unwrap();
    codec::encode(&b.finish())
}

#[test]
fn a_manifest_survives_json() {
    let manifest = manifest(&[("recognizer.onnx", b"bytes")]);
    assert_eq!(
        read_manifest(&serde_json::to_vec(&manifest).unwrap()).unwrap(),
        manifest
    );
}

#[test]
fn manifests_of_another_form_are_refused() {
    let future = br#"{"format_version": 2, "surprise": true}"#;
    assert_eq!(read_manifest(future), Err(CheckpointError::FormatVersion { found: 2 }));
    for json in ["", "{}", "[]", r#"{"format_version": 1}"#] {
        assert!(
            matches!(read_manifest(json.as_bytes()), Err(CheckpointError::Manifest(_))),
            "{json}"
        );
    }
    assert!(matches!(
        read_manifest(&vec![b' '; MAX_MANIFEST_BYTES + 1]),
        Err(CheckpointError::Manifest(_))
    ));
}

#[test]
fn the_right_file_in_the_right_role_is_accepted() {
    let bytes = recognizer(3);
    assert_eq!(verify(&manifest(&[(RECOGNIZER, &bytes)]), RECOGNIZER, &bytes), Ok(()));
}

#[test]
fn files_of_an_ensemble_have_the_roles_that_their_members_give_them() {
    let [first, second] = [recognizer(3), recognizer(4)];
    let mut ensemble = manifest(&[(RECOGNIZER, &first), ("second.onnx", &second)]);
    let member = |recognizer: &str| Member {
        architecture: "crnn".to_owned(),
        frames: 5,
        recognizer: recognizer.to_owned(),
        attack: format!("attack-of-{recognizer}"),
        weight: 0.5,
        metrics: BTreeMap::new(),
        training: None,
    };
    ensemble.members = vec![member(RECOGNIZER), member("second.onnx")];
    let json = serde_json::to_vec(&ensemble).unwrap();
    assert_eq!(read_manifest(&json).unwrap(), ensemble);
    assert_eq!(verify(&ensemble, RECOGNIZER, &first), Ok(()));
    // Of an alphabet of three characters, where the manifest has two.
    let wrong = verify(&ensemble, "second.onnx", &second);
    assert!(matches!(wrong, Err(CheckpointError::Interface { name: "logits", .. })));
    ensemble.members.truncate(1);
    assert_eq!(
        verify(&ensemble, "second.onnx", &second),
        Ok(()),
        "no role, nothing to check"
    );
}

/// From a picture of 2 x 5 to one of `shape`.
fn generator(shape: [usize; 4]) -> Vec<u8> {
    let b = Builder::new(Dialect::Tract);
    let image = b.input("image", &[1, 1, 2, 5]);
    let all = b.sum(image, &[0, 1, 2, 3]).unwrap();
    b.output("direction", b.add(b.full(&shape, 1.0).unwrap(), all).unwrap())
        .unwrap();
    codec::encode(&b.finish())
}

#[test]
fn a_generator_goes_from_a_picture_to_one_as_large() {
    let [fitting, narrow] = [[1, 1, 2, 5], [1, 1, 2, 4]].map(generator);
    let mut with_one = manifest(&[(GENERATOR, &fitting)]);
    with_one.generator = Some(Generator {
        architecture: "unet".to_owned(),
        metrics: [("read".to_owned(), 0.25)].into(),
        training: with_one.training.clone().unwrap(),
    });
    let json = serde_json::to_vec(&with_one).unwrap();
    assert_eq!(read_manifest(&json).unwrap(), with_one);
    assert_eq!(verify(&with_one, GENERATOR, &fitting), Ok(()));
    assert_eq!(with_one.attack_files(), [ATTACK, GENERATOR]);
    assert_eq!(manifest(&[]).attack_files(), [ATTACK]);
    with_one.files = manifest(&[(GENERATOR, &narrow)]).files;
    let wrong = verify(&with_one, GENERATOR, &narrow);
    assert!(matches!(
        wrong,
        Err(CheckpointError::Interface { name: "direction", .. })
    ));

    let mut not_there = with_one.clone();
    not_there.files.clear();
    let refused = read_manifest(&serde_json::to_vec(&not_there).unwrap());
    assert_eq!(refused, Err(CheckpointError::NotNamed(GENERATOR.to_owned())));
    let elsewhere = manifest(&[("../generator.onnx", &fitting)]);
    let refused = read_manifest(&serde_json::to_vec(&elsewhere).unwrap());
    assert!(matches!(refused, Err(CheckpointError::Manifest(_))), "{refused:?}");

    with_one.members = vec![Member {
        attack: GENERATOR.to_owned(),
        ..with_one.first()
    }];
    let refused = read_manifest(&serde_json::to_vec(&with_one).unwrap());
    assert!(
        matches!(refused, Err(CheckpointError::Members(_))),
        "a name of its own: {refused:?}"
    );
}

#[test]
fn ensembles_that_cannot_be_loaded_are_refused() {
    let member = |number: usize| Member {
        architecture: "crnn".to_owned(),
        frames: 5,
        recognizer: format!("recognizer-{number}.onnx"),
        attack: format!("attack-{number}.onnx"),
        weight: 1.0,
        metrics: BTreeMap::new(),
        training: None,
    };
    let read = |members: Vec<Member>| {
        let mut ensemble = manifest(&[]);
        ensemble.members = members;
        read_manifest(&serde_json::to_vec(&ensemble).unwrap())
    };
    assert!(read((0..MAX_MEMBERS).map(member).collect()).is_ok());
    let named = |attack: &str| Member {
        attack: attack.to_owned(),
        ..member(1)
    };
    let long = format!("{}.onnx", "a".repeat(60));
    for (members, said) in [
        ((0..=MAX_MEMBERS).map(member).collect(), "more than"),
        (
            vec![
                member(1),
                Member {
                    weight: 0.0,
                    ..member(2)
                },
            ],
            "weighs 0",
        ),
        (
            vec![Member {
                frames: 11,
                ..member(1)
            }],
            "not the model",
        ),
        (vec![member(1), member(1)], "twice"),
        (vec![named("../attack.onnx")], "no plain file name"),
        (vec![named("")], "no plain file name"),
        (vec![named(".onnx")], "no plain file name"),
        (vec![named("manifest.json")], "no plain file name"),
        (vec![named(&long)], "no plain file name"),
    ] {
        match read(members) {
            Err(CheckpointError::Members(reason)) => assert!(reason.contains(said), "{reason}"),
            other => panic!("{said}: {other:?}"),
        }
    }
}

#[test]
fn every_other_file_is_refused_with_the_reason() {
    let bytes = recognizer(3);
    let named = manifest(&[(RECOGNIZER, &bytes), (ATTACK, &bytes)]);
    assert!(matches!(
        verify(&named, "x.onnx", &bytes),
        Err(CheckpointError::NotNamed(_))
    ));
    assert!(matches!(
        verify(&named, RECOGNIZER, &recognizer(4)),
        Err(CheckpointError::Altered { .. })
    ));
    let of_another_alphabet = recognizer(4);
    let wrong_shape = verify(
        &manifest(&[(RECOGNIZER, &of_another_alphabet)]),
        RECOGNIZER,
        &of_another_alphabet,
    );
    assert!(matches!(
        wrong_shape,
        Err(CheckpointError::Interface { name: "logits", .. })
    ));
    assert!(matches!(
        verify(&named, ATTACK, &bytes),
        Err(CheckpointError::Interface { .. })
    ));
    let no_graph = verify(&manifest(&[(RECOGNIZER, b"no graph")]), RECOGNIZER, b"no graph");
    assert!(matches!(no_graph, Err(CheckpointError::Graph(_))));
}
