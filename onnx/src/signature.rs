//! Signatures of checkpoints: ed25519 (RFC 8032) over the bytes of the manifest, which names every file by its hash.
//!
//! Keys and signatures are written as hexadecimal digits. No randomness in here: a key is made from a seed.

use core::fmt;

use ed25519_dalek::{SIGNATURE_LENGTH, SecretKey, Signer};

/// Bytes of a seed and of a public key.
pub const KEY_BYTES: usize = 32;

/// Signs manifests. `Debug` shows its public half only.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Tells what a [`SigningKey`] signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

/// A signature of a manifest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(ed25519_dalek::Signature);

/// Why a text is no key or no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A key that signs has another form.
    #[error("a signing key is 64 hexadecimal digits")]
    SigningKey,
    /// A key that verifies has another form, or is no point of the curve.
    #[error("public key {position} is not 64 hexadecimal digits of an ed25519 key")]
    PublicKey {
        /// Which of those given, from 1.
        position: usize,
    },
    /// A signature has another form.
    #[error("a signature is 128 hexadecimal digits")]
    Signature,
}

impl SigningKey {
    /// The key of a seed that nobody can guess.
    #[must_use]
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads 64 hexadecimal digits; space around them is ignored.
    ///
    /// # Errors
    /// [`SignatureError::SigningKey`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let mut seed = SecretKey::default();
        hex::decode_to_slice(text.trim(), &mut seed).map_err(|_| SignatureError::SigningKey)?;
        Ok(Self::from_seed(&seed))
    }

    /// What [`SigningKey::parse`] reads: the secret itself.
    #[must_use]
    pub fn to_secret_hex(&self) -> String {
        hex::encode(self.0.to_bytes())
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs the bytes of a manifest.
    #[must_use]
    pub fn sign(&self, manifest: &[u8]) -> Signature {
        Signature(self.0.sign(manifest))
    }
}

impl PublicKey {
    /// Reads a list of keys, 64 hexadecimal digits each, between white space or commas.
    ///
    /// # Errors
    /// [`SignatureError::PublicKey`], naming the first that is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, SignatureError> {
        let words = text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty());
        let parse = |(index, word)| Self::parse(word).ok_or(SignatureError::PublicKey { position: index + 1 });
        words.enumerate().map(parse).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok()?;
        // Of a weak key, anybody can make signatures that fit.
        (!key.is_weak()).then_some(Self(key))
    }

    /// Whether `signature` is this key's of these bytes.
    #[must_use]
    pub fn verifies(&self, manifest: &[u8], signature: &Signature) -> bool {
        self.0.verify_strict(manifest, &signature.0).is_ok()
    }
}

/// Which of `keys` signed these bytes.
#[must_use]
pub fn signer<'a>(keys: &'a [PublicKey], manifest: &[u8], signature: &Signature) -> Option<&'a PublicKey> {
    keys.iter().find(|key| key.verifies(manifest, signature))
}

impl Signature {
    /// Reads 128 hexadecimal digits; space around them is ignored.
    ///
    /// # Errors
    /// [`SignatureError::Signature`].
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let mut bytes = [0; SIGNATURE_LENGTH];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SignatureError::Signature)?;
        Ok(Self(ed25519_dalek::Signature::from_bytes(&bytes)))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.to_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8032, section 7.1, TEST 2: one byte of message.
    const SECRET: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    #[test]
    fn is_ed25519_as_published() {
        let key = SigningKey::parse(&format!("{SECRET}\n")).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        assert_eq!(key.sign(&[0x72]).to_string(), SIGNATURE);
        assert_eq!(key.to_secret_hex(), SECRET);
        assert!(key.public().verifies(&[0x72], &Signature::parse(SIGNATURE).unwrap()));
    }

    #[test]
    fn another_message_key_or_signature_is_not_verified() {
        let [ours, theirs] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; KEY_BYTES]));
        let signature = ours.sign(b"manifest");
        let keys = [theirs.public(), ours.public()];
        assert_eq!(signer(&keys, b"manifest", &signature), Some(&ours.public()));
        assert_eq!(signer(&keys, b"manifesto", &signature), None);
        assert_eq!(signer(&[theirs.public()], b"manifest", &signature), None);
        assert_eq!(signer(&[], b"manifest", &signature), None);
        for position in 0..SIGNATURE_LENGTH {
            let mut bytes = hex::decode(signature.to_string()).unwrap();
            bytes[position] ^= 1;
            let changed = Signature::parse(&hex::encode(bytes)).unwrap();
            assert_eq!(signer(&keys, b"manifest", &changed), None, "byte {position}");
        }
    }

    #[test]
    fn keys_are_listed_between_spaces_or_commas() {
        let [a, b] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; KEY_BYTES]).public());
        assert_eq!(PublicKey::parse_list(&format!(" {a},{b}\n")), Ok(vec![a, b]));
        assert_eq!(PublicKey::parse_list(" \n"), Ok(vec![]));
        // The neutral element of the curve: a key that anything verifies against.
        let weak = format!("01{}", "00".repeat(31));
        for (list, position) in [(format!("{a} {}", &PUBLIC[1..]), 2), ("g".repeat(64), 1), (weak, 1)] {
            let expected = Err(SignatureError::PublicKey { position });
            assert_eq!(PublicKey::parse_list(&list), expected, "{list}");
        }
    }

    #[test]
    fn nothing_else_is_a_key_or_a_signature() {
        for text in ["", "00", &PUBLIC[1..], &"é".repeat(32)] {
            assert_eq!(
                SigningKey::parse(text).err(),
                Some(SignatureError::SigningKey),
                "{text}"
            );
            assert_eq!(Signature::parse(text), Err(SignatureError::Signature), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let key = SigningKey::parse(SECRET).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey(of {PUBLIC})"));
    }
}
