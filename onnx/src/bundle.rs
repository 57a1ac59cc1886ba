//! A checkpoint in one piece, as it is sent to the edge: manifest, signature and files in one JSON object, so that it
//! arrives whole or not at all.
//!
//! ```json
//! {"manifest": "{\n  \"format_version\": 1, ...", "signature": "92a0...", "files": {"attack.onnx": "CAg6..."}}
//! ```
//! The manifest is a text and not an object: what is signed and hashed is its bytes.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::signature::{Signature, SigningKey};

/// A checkpoint in one piece. Nothing in it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The bytes of `manifest.json`.
    pub manifest: Vec<u8>,
    /// Of the manifest.
    pub signature: Signature,
    /// Files by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// No JSON of the documented form.
    #[error("not a checkpoint in one piece: {0}")]
    Json(String),
    /// Not 128 hexadecimal digits.
    #[error("a signature is 128 hexadecimal digits")]
    Signature,
    /// A file is not base64.
    #[error("{0} is not base64")]
    Base64(String),
}

/// As it is written. What is read may borrow: base64 needs no unescaping, and files are megabytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    manifest: String,
    signature: String,
    #[serde(borrow)]
    files: BTreeMap<&'a str, &'a str>,
}

impl Bundle {
    /// Signs a manifest and puts the files beside it.
    #[must_use]
    pub fn sign(key: &SigningKey, manifest: Vec<u8>, files: BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            signature: key.sign(&manifest),
            manifest,
            files,
        }
    }

    /// Writes a bundle.
    ///
    /// # Errors
    /// [`BundleError::Json`] when the manifest is no UTF-8.
    pub fn encode(&self) -> Result<Vec<u8>, BundleError> {
        let files: Vec<_> = self.files.iter().map(|(n, b)| (n, BASE64_STANDARD.encode(b))).collect();
        let written = Written {
            manifest: String::from_utf8(self.manifest.clone()).map_err(|e| BundleError::Json(e.to_string()))?,
            signature: self.signature.to_string(),
            files: files
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()))
                .collect(),
        };
        serde_json::to_vec(&written).map_err(|e| BundleError::Json(e.to_string()))
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`BundleError`], the first thing found wrong.
    pub fn decode(json: &[u8]) -> Result<Self, BundleError> {
        let written: Written<'_> = serde_json::from_slice(json).map_err(|e| BundleError::Json(e.to_string()))?;
        let files = written.files.into_iter().map(|(name, text)| {
            let bytes = BASE64_STANDARD.decode(text);
            Ok((
                name.to_owned(),
                bytes.map_err(|_| BundleError::Base64(name.to_owned()))?,
            ))
        });
        Ok(Self {
            signature: Signature::parse(&written.signature).map_err(|_| BundleError::Signature)?,
            files: files.collect::<Result<_, _>>()?,
            manifest: written.manifest.into_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let files = [("attack.onnx".to_owned(), vec![0, 159, 146, 150])].into();
        Bundle::sign(
            &SigningKey::from_seed(&[7; 32]),
            b"{\n  \"a\": \"\xc3\xa9\"\n}".to_vec(),
            files,
        )
    }

    #[test]
    fn a_bundle_survives_byte_for_byte() {
        let bundle = bundle();
        assert_eq!(Bundle::decode(&bundle.encode().unwrap()), Ok(bundle));
    }

    #[test]
    fn is_written_as_documented() {
        let text = String::from_utf8(bundle().encode().unwrap()).unwrap();
        assert!(
            text.starts_with(r#"{"manifest":"{\n  \"a\": \"é\"\n}","signature":""#),
            "{text}"
        );
        assert!(text.ends_with(r#"","files":{"attack.onnx":"AJ+Slg=="}}"#), "{text}");
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        let text = String::from_utf8(bundle().encode().unwrap()).unwrap();
        assert_eq!(
            Bundle::decode(text.replace("AJ+Slg==", "AJ+Slg").as_bytes()),
            Err(BundleError::Base64("attack.onnx".to_owned()))
        );
        let signature = bundle().signature.to_string();
        assert_eq!(
            Bundle::decode(text.replace(&signature, &signature[1..]).as_bytes()),
            Err(BundleError::Signature)
        );
        for json in [
            "".to_owned(),
            "{}".to_owned(),
            "[]".to_owned(),
            text[..text.len() - 1].to_owned(),
            text.replace("\"files\"", "\"file\""),
            text.replace("{\"manifest\"", "{\"extra\":1,\"manifest\""),
        ] {
            assert!(
                matches!(Bundle::decode(json.as_bytes()), Err(BundleError::Json(_))),
                "{json}"
            );
        }
    }
}
