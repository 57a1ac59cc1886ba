//! What may be wrong with a checkpoint that is sent.

use parallax_onnx::bundle::Bundle;
use parallax_onnx::signature::SigningKey;
use parallax_tests::checkpoint::{Checkpoint, multiplying, multiplying_generator};

/// Status, code and field of a refusal.
pub(super) type Refusal = (u16, &'static str, Option<&'static str>);

/// What may be wrong with a checkpoint, and a part of the reason that is told.
pub(super) fn bad_bundles(key: &SigningKey) -> Vec<(&'static str, Bundle, Refusal, &'static str)> {
    let good = Checkpoint::measured(0.5);
    let with = |change: fn(&mut Checkpoint)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed.signed(key)
    };
    let altered = |change: fn(&mut Bundle)| {
        let mut bundle = good.signed(key);
        change(&mut bundle);
        bundle
    };
    let graph = |attack: Vec<u8>| good.clone().with_attack(attack);
    let taller = || {
        let mut taller = graph(multiplying([32, 100], 1.0));
        taller.manifest.input = [1, 32, 100];
        taller.alone().signed(key)
    };
    let operator = good.attack.windows(4).position(|window| window == b"Conv").unwrap();
    let mut foreign = good.attack.clone();
    foreign[operator..][..4].copy_from_slice(b"Cnov");
    // Metadata of the model, broken off: our reader skips them, tract does not.
    let broken_off = [&*good.attack, &[0x72, 1, 0xFF]].concat();
    let invalid = |field| (422, "checkpoint-invalid", Some(field));
    let unsigned = (403, "signature-invalid", Some("signature"));
    let (files, attack) = ((400, "bad-request", Some("files")), invalid("files.attack.onnx"));
    let members = invalid("manifest.members");
    let generator = invalid("files.generator.onnx");
    vec![
        (
            "another version",
            with(|c| c.manifest.format_version = 2),
            invalid("manifest.format_version"),
            "format version 2",
        ),
        (
            "a stranger's signature",
            good.signed(&SigningKey::from_seed(&[9; 32])),
            unsigned,
            "not signed",
        ),
        (
            "changed after it was signed",
            altered(|b| b.manifest.push(b' ')),
            unsigned,
            "not signed",
        ),
        (
            "a changed byte",
            altered(|b| b.files.values_mut().for_each(|file| file[100_000] ^= 1)),
            attack,
            "SHA-256",
        ),
        (
            "another file",
            altered(|b| drop(b.files.insert("recognizer.onnx".to_owned(), Vec::new()))),
            files,
            "no other",
        ),
        ("no file", altered(|b| b.files.clear()), files, "no other"),
        (
            "a model less",
            altered(|b| drop(b.files.remove("attack-2.onnx"))),
            files,
            "no other",
        ),
        (
            "no generator",
            altered(|b| drop(b.files.remove("generator.onnx"))),
            files,
            "no other",
        ),
        (
            "a generator for another size",
            good.clone()
                .with_generator(multiplying_generator([32, 100], 1.0))
                .signed(key),
            generator,
            "the graph has no image",
        ),
        (
            "a generator of no numbers",
            good.clone()
                .with_generator(multiplying_generator([30, 100], f32::INFINITY))
                .signed(key),
            generator,
            "not finite",
        ),
        (
            "too many models",
            with(|c| c.manifest.members = vec![c.manifest.first(); 5]),
            members,
            "5 models are more than 4",
        ),
        (
            "a model that has no turn",
            with(|c| c.manifest.members[1].weight = 0.0),
            members,
            "weighs 0",
        ),
        (
            "a file elsewhere",
            with(|c| c.manifest.members[1].attack = "../current.json".to_owned()),
            members,
            "no plain file name",
        ),
        (
            "another alphabet",
            with(|c| c.manifest.alphabet = "ABCDEFGHIJKLMNOPQRSTUVW".to_owned()),
            invalid("manifest.alphabet"),
            "ABCDEFG",
        ),
        (
            "another size than its graph's",
            with(|c| c.manifest.input = [1, 32, 100]),
            attack,
            "the graph has no image",
        ),
        ("another size", taller(), invalid("manifest.input"), "[1, 32, 100]"),
        ("another operator", graph(foreign).signed(key), attack, "Cnov"),
        (
            "what tract does not load",
            graph(broken_off).signed(key),
            attack,
            "does not load",
        ),
        (
            "no numbers",
            graph(multiplying([30, 100], f32::INFINITY)).signed(key),
            attack,
            "not finite",
        ),
    ]
}
