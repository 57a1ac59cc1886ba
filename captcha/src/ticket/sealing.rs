//! Sealing and opening: `base64url(nonce[24] ++ ciphertext ++ tag[16])`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{FORMAT_VERSION, MAX_LENGTH, Purpose, SealKey, Ticket, TicketError};

const NONCE_BYTES: usize = 24;

/// Seals `ticket` for `purpose`. The nonce must be random and used once; 24 bytes make accidents negligible.
///
/// # Errors
/// [`TicketError::Unsealable`] when the result would be longer than [`MAX_LENGTH`] or the body is no JSON.
pub fn seal<T: Serialize>(
    ticket: &Ticket<T>,
    purpose: Purpose,
    key: &SealKey,
    nonce: [u8; NONCE_BYTES],
) -> Result<String, TicketError> {
    let plain = serde_json::to_vec(ticket).map_err(|_| TicketError::Unsealable)?;
    let aad = associated_data(purpose);
    let ciphertext = cipher(key)
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &plain, aad: &aad })
        .map_err(|_| TicketError::Unsealable)?;
    let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat());
    if text.len() > MAX_LENGTH {
        Err(TicketError::Unsealable)
    } else {
        Ok(text)
    }
}

/// Opens a ticket that is authentic, for `purpose` and not expired at `now` (unix seconds).
///
/// # Errors
/// [`TicketError::Malformed`], [`TicketError::Forged`] or [`TicketError::Expired`], checked in this order.
pub fn open<T: DeserializeOwned>(
    text: &str,
    purpose: Purpose,
    key: &SealKey,
    now: u64,
) -> Result<Ticket<T>, TicketError> {
    let ticket = open_at_any_age(text, purpose, key)?;
    ticket.check_age(now)?;
    Ok(ticket)
}

/// Opens an authentic ticket for `purpose` without asking whether it is expired: `/siteverify` names the time and
/// host of expired tokens too. Follow with [`Ticket::check_age`].
///
/// # Errors
/// [`TicketError::Malformed`] or [`TicketError::Forged`].
pub fn open_at_any_age<T: DeserializeOwned>(
    text: &str,
    purpose: Purpose,
    key: &SealKey,
) -> Result<Ticket<T>, TicketError> {
    if text.len() > MAX_LENGTH {
        return Err(TicketError::Malformed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TicketError::Malformed)?;
    let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(TicketError::Malformed)?;
    let aad = associated_data(purpose);
    let plain = cipher(key)
        .decrypt(
            XNonce::from_slice(nonce),
            Payload {
                msg: ciphertext,
                aad: &aad,
            },
        )
        .map_err(|_| TicketError::Forged)?;
    serde_json::from_slice(&plain).map_err(|_| TicketError::Malformed)
}

fn cipher(key: &SealKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

/// Two bytes of fixed meaning need no separator: `[version, purpose]`.
fn associated_data(purpose: Purpose) -> [u8; 2] {
    let purpose = match purpose {
        Purpose::Session => 1,
        Purpose::Challenge => 2,
        Purpose::Token => 3,
    };
    [FORMAT_VERSION, purpose]
}

#[cfg(test)]
mod tests {
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{RngCore, SeedableRng},
    };

    use super::*;
    use crate::ticket::TicketId;

    const PURPOSES: [Purpose; 3] = [Purpose::Session, Purpose::Challenge, Purpose::Token];

    fn key(byte: u8) -> SealKey {
        SealKey::from_hex(&format!("{byte:02x}").repeat(32)).unwrap()
    }

    fn ticket(body: &str) -> Ticket<String> {
        let site = "1x00".to_owned();
        Ticket {
            id: TicketId([9; 16]),
            site,
            issued_at: 1_000,
            expires_at: 1_300,
            body: body.to_owned(),
        }
    }

    #[test]
    fn any_ticket_round_trips_for_its_purpose_only() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for case in 0..300 {
            let mut id = [0; 16];
            let mut nonce = [0; NONCE_BYTES];
            rng.fill_bytes(&mut id);
            rng.fill_bytes(&mut nonce);
            let body: String = (0..rng.next_u32() % 64)
                .filter_map(|_| char::from_u32(rng.next_u32() % 0x11_0000))
                .collect();
            let sealed = Ticket {
                id: TicketId(id),
                site: body.chars().rev().collect(),
                issued_at: rng.next_u64(),
                expires_at: rng.next_u64(),
                body,
            };
            for purpose in PURPOSES {
                let text = seal(&sealed, purpose, &key(1), nonce).unwrap();
                for other in PURPOSES {
                    let opened = open_at_any_age::<String>(&text, other, &key(1));
                    let expected = if other == purpose {
                        Ok(sealed.clone())
                    } else {
                        Err(TicketError::Forged)
                    };
                    assert_eq!(
                        opened, expected,
                        "case {case}, sealed for {purpose:?}, opened for {other:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = seal(&ticket("A2FK"), Purpose::Token, &key(1), [3; NONCE_BYTES]).unwrap();
        for position in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            let opened = open::<String>(&forged, Purpose::Token, &key(1), 1_001);
            assert!(
                matches!(opened, Err(TicketError::Forged | TicketError::Malformed)),
                "character {position}"
            );
        }
    }

    #[test]
    fn another_key_opens_nothing() {
        let text = seal(&ticket(""), Purpose::Session, &key(1), [3; NONCE_BYTES]).unwrap();
        let opened = open::<String>(&text, Purpose::Session, &key(2), 1_001);
        assert_eq!(opened, Err(TicketError::Forged));
    }

    #[test]
    fn the_last_valid_second_is_the_one_before_expiry() {
        let text = seal(&ticket(""), Purpose::Session, &key(1), [3; NONCE_BYTES]).unwrap();
        let open_at = |now| open::<String>(&text, Purpose::Session, &key(1), now).map(|t| t.expires_at);
        assert_eq!(open_at(1_299), Ok(1_300));
        assert_eq!(open_at(1_300), Err(TicketError::Expired { late_s: 0 }));
        assert_eq!(
            open_at(u64::MAX),
            Err(TicketError::Expired {
                late_s: u64::MAX - 1_300
            })
        );
    }

    #[test]
    fn garbage_is_malformed_or_forged_and_never_panics() {
        let with_padding = format!(
            "{}==",
            seal(&ticket(""), Purpose::Token, &key(1), [3; NONCE_BYTES]).unwrap()
        );
        let too_long = "A".repeat(MAX_LENGTH + 1);
        for bad in ["", "A", "AAAA", "****", "é", "\0", &with_padding, &too_long] {
            let opened = open::<String>(bad, Purpose::Token, &key(1), 0);
            assert_eq!(opened, Err(TicketError::Malformed), "{bad:.20?}");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..2_000 {
            let mut bytes = vec![0; (rng.next_u32() % 200) as usize];
            rng.fill_bytes(&mut bytes);
            for text in [
                String::from_utf8_lossy(&bytes).into_owned(),
                URL_SAFE_NO_PAD.encode(&bytes),
            ] {
                assert!(open::<String>(&text, Purpose::Token, &key(1), 0).is_err());
            }
        }
    }

    #[test]
    fn an_authentic_ticket_with_another_body_is_malformed() {
        let text = seal(&ticket("text"), Purpose::Token, &key(1), [3; NONCE_BYTES]).unwrap();
        assert_eq!(
            open::<u32>(&text, Purpose::Token, &key(1), 0),
            Err(TicketError::Malformed)
        );
    }

    #[test]
    fn what_could_not_be_opened_is_not_sealed() {
        let sealed = seal(
            &ticket(&"x".repeat(MAX_LENGTH)),
            Purpose::Token,
            &key(1),
            [3; NONCE_BYTES],
        );
        assert_eq!(sealed, Err(TicketError::Unsealable));
    }

    #[test]
    fn contents_are_not_readable_and_nonces_matter() {
        let seal_with = |nonce| seal(&ticket("SECRET"), Purpose::Challenge, &key(1), [nonce; NONCE_BYTES]).unwrap();
        let raw = URL_SAFE_NO_PAD.decode(seal_with(1)).unwrap();
        assert!(!raw.windows(6).any(|w| w == b"SECRET"));
        assert_ne!(seal_with(1)[32..], seal_with(2)[32..]);
    }
}
