//! Checkpoints to send: the one that ships with another manifest, or graphs that fit badly.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use parallax_onnx::bundle::Bundle;
use parallax_onnx::checkpoint::{ATTACK, File, GENERATOR, Manifest, Member, read_manifest};
use parallax_onnx::ctc::MAX_LABEL;
use parallax_onnx::signature::SigningKey;
use parallax_onnx::{Builder, Dialect, GraphError, TensorId, codec};

use crate::paths::repository;

/// Where the one that ships lies in the clone.
const SHIPPED: &str = "onnx/checkpoints/shipped";

/// A checkpoint, to be changed and signed.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The graph of its first model.
    pub attack: Vec<u8>,
    /// Those of the others, and the generator, by name.
    pub partners: BTreeMap<String, Vec<u8>>,
}

impl Checkpoint {
    /// The one that ships.
    ///
    /// # Panics
    /// When it is not in the clone.
    #[must_use]
    pub fn shipped() -> Self {
        let folder = repository().join(SHIPPED);
        let read = |name: &str| fs::read(folder.join(name)).expect("the clone has a checkpoint");
        let manifest = read_manifest(&read("manifest.json")).expect("the shipped manifest is readable");
        let partners = manifest.attack_files().into_iter().skip(1);
        Self {
            attack: read(ATTACK),
            partners: partners.map(|name| (name.clone(), read(&name))).collect(),
            manifest,
        }
    }

    /// Of its first model alone.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.manifest.members.clear();
        self.manifest.generator = None;
        self.partners.clear();
        self
    }

    /// With each of its models twice: as many as the one that ships has when it takes turns with what became of it.
    #[must_use]
    pub fn twice(mut self) -> Self {
        let once = self.manifest.members();
        for (number, member) in (once.len() + 1..).zip(&once) {
            let named = |role: &str| format!("{role}-{number}.onnx");
            let twin = Member {
                recognizer: named("recognizer"),
                attack: named("attack"),
                ..member.clone()
            };
            let files = &mut self.manifest.files;
            for (from, to) in [(&member.recognizer, &twin.recognizer), (&member.attack, &twin.attack)] {
                let same = files.get(from).cloned();
                files.extend(same.map(|file| (to.clone(), file)));
            }
            let graph = self.partners.get(&member.attack).unwrap_or(&self.attack).clone();
            self.partners.insert(twin.attack.clone(), graph);
            self.manifest.members.push(twin);
        }
        self
    }

    /// Without its generator.
    #[must_use]
    pub fn without_generator(mut self) -> Self {
        self.manifest.generator = None;
        self.partners.remove(GENERATOR);
        self
    }

    /// With another generator, which the manifest names.
    #[must_use]
    pub fn with_generator(mut self, generator: Vec<u8>) -> Self {
        self.manifest.files.insert(GENERATOR.to_owned(), File::of(&generator));
        self.partners.insert(GENERATOR.to_owned(), generator);
        self
    }

    /// The one that ships, with another metric in its manifest: another digest, the same gradients.
    #[must_use]
    pub fn measured(accuracy: f64) -> Self {
        let mut checkpoint = Self::shipped();
        checkpoint.manifest.metrics.insert("accuracy".to_owned(), accuracy);
        checkpoint
    }

    /// With another graph, which the manifest names.
    #[must_use]
    pub fn with_attack(mut self, attack: Vec<u8>) -> Self {
        self.manifest.files.insert(ATTACK.to_owned(), File::of(&attack));
        self.attack = attack;
        self
    }

    /// The bytes of its manifest.
    ///
    /// # Panics
    /// When it is no JSON.
    #[must_use]
    pub fn manifest_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(&self.manifest).expect("a manifest is JSON")
    }

    /// Signed, in one piece.
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> Bundle {
        let mut files = self.partners.clone();
        files.insert(ATTACK.to_owned(), self.attack.clone());
        Bundle::sign(key, self.manifest_json(), files)
    }

    /// As a folder, with the shipped recogniser.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("the temporary folder takes folders");
        let shipped = |name: &str| fs::read(repository().join(SHIPPED).join(name)).expect("the clone has a checkpoint");
        let mut files = self.partners.clone();
        for member in self.manifest.members() {
            files.insert(member.recognizer.clone(), shipped(&member.recognizer));
        }
        files.insert("manifest.json".to_owned(), self.manifest_json());
        files.insert(ATTACK.to_owned(), self.attack.clone());
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).expect("the temporary folder takes files");
        }
    }
}

/// A graph with the inputs and outputs of an attack, for pictures of `size` rows and columns, that only multiplies them
/// by `factor`.
///
/// # Panics
/// Never: its shapes fit.
#[must_use]
pub fn multiplying(size: [usize; 2], factor: f32) -> Vec<u8> {
    let manifest = Checkpoint::shipped().manifest;
    let classes = manifest.alphabet.chars().count() + 1;
    let build = || -> Result<Vec<u8>, GraphError> {
        let b = Builder::new(Dialect::Tract);
        let states = 2 * MAX_LABEL + 1;
        let image = b.input("image", &[1, 1, size[0], size[1]]);
        let target = b.input("target", &[1, states, classes]);
        let start = b.input("start", &[2, states]);
        let skip = b.input("skip", &[2, states]);
        let weights = b.input("frame_weights", &[1, manifest.frames, classes]);
        let total = |x: TensorId, axes: &[usize]| b.sum(x, axes);
        let parts = [
            total(target, &[0, 1, 2])?,
            total(start, &[0, 1])?,
            total(skip, &[0, 1])?,
        ];
        let loss = b.add(b.add(parts[0], parts[1])?, parts[2])?;
        b.output("loss", b.reshape(loss, &[1])?)?;
        b.output("gradient", b.scale(image, factor)?)?;
        b.output("logits", b.reshape(weights, &[manifest.frames, 1, classes])?)?;
        Ok(codec::encode(&b.finish()))
    };
    build().expect("the shapes fit")
}

/// A graph with the input and the output of a generator, for pictures of `size` rows and columns, that multiplies them by
/// `factor`.
///
/// # Panics
/// Never: its shapes fit.
#[must_use]
pub fn multiplying_generator(size: [usize; 2], factor: f32) -> Vec<u8> {
    let build = || -> Result<Vec<u8>, GraphError> {
        let b = Builder::new(Dialect::Tract);
        let image = b.input("image", &[1, 1, size[0], size[1]]);
        b.output("direction", b.scale(image, factor)?)?;
        Ok(codec::encode(&b.finish()))
    };
    build().expect("the shapes fit")
}
