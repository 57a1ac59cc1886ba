//! The characters a text captcha is made of, and what counts as the same answer.

use core::fmt;

/// The characters a recogniser tells apart.
pub const ALPHABET: &str = "23679ABCDEFHJKLMNPRTUXY";

/// The characters drawn: of each group that people take for each other in a warped, perturbed picture (`1 7 I L T`,
/// `8 B 3 9`, `0 O Q D G 6 C`, `2 Z`, `J U`, `4 R A H`, `E F`, `X K Y`, `N M`) one that stands apart, which [`normalise`] takes
/// the others for; and none of `5 S`, `P`, of which a stroke makes an R, `V` and `W`, of which a warp makes U and VN.
pub const DRAWN: &str = "23ACEMTUY";

/// Classes of a recogniser: class 0 is the CTC blank, class `i + 1` is `ALPHABET[i]`.
pub const CLASSES: usize = ALPHABET.len() + 1;

/// The shortest and the longest text drawn.
pub const LABEL_LENGTH: core::ops::RangeInclusive<usize> = 4..=6;

/// A text over [`ALPHABET`] of 4 to 6 characters: the right answer of a captcha.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(String);

/// Why a text is no [`Label`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The text is shorter than 4 or longer than 6 characters.
    #[error("a label has 4 to 6 characters, this one has {length}")]
    Length {
        /// Characters found.
        length: usize,
    },
    /// A character is not in [`ALPHABET`].
    #[error("{character:?} is not in the alphabet {ALPHABET}")]
    Character {
        /// The first such character.
        character: char,
    },
}

impl Label {
    /// Checks `text` as it stands; see [`normalise`] for what a visitor typed.
    ///
    /// # Errors
    /// [`LabelError`] when the length or a character is outside what is drawn.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let length = text.chars().count();
        if !LABEL_LENGTH.contains(&length) {
            return Err(LabelError::Length { length });
        }
        match text.chars().find(|c| class_of(*c).is_none()) {
            Some(character) => Err(LabelError::Character { character }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Class indices, one per character, each in `1..CLASSES`.
    #[must_use]
    pub fn classes(&self) -> Vec<usize> {
        self.0.chars().filter_map(class_of).collect()
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({})", self.0)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The class index of a character, `None` outside [`ALPHABET`].
#[must_use]
pub fn class_of(character: char) -> Option<usize> {
    ALPHABET.chars().position(|c| c == character).map(|i| i + 1)
}

/// The character of a class, `None` for the blank and outside `0..CLASSES`.
#[must_use]
pub fn character_of(class: usize) -> Option<char> {
    ALPHABET.chars().nth(class.checked_sub(1)?)
}

/// What a visitor typed, as it is compared: upper case, without white space, and with the character of [`DRAWN`] for one
/// that is not drawn and can only have been taken for it.
#[must_use]
pub fn normalise(answer: &str) -> String {
    answer
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_uppercase)
        .map(|c| match c {
            '1' | '7' | 'I' | 'L' => 'T',
            '4' | 'R' | 'H' => 'A',
            '8' | 'B' | '9' => '3',
            'F' => 'E',
            '0' | '6' | 'D' | 'G' | 'O' | 'Q' => 'C',
            'J' => 'U',
            'K' | 'X' => 'Y',
            'N' => 'M',
            'Z' => '2',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_characters_are_inverse() {
        for (i, c) in ALPHABET.chars().enumerate() {
            assert_eq!(class_of(c), Some(i + 1));
            assert_eq!(character_of(i + 1), Some(c));
        }
        assert_eq!((character_of(0), character_of(CLASSES)), (None, None));
    }

    #[test]
    fn labels_are_checked() {
        assert_eq!(Label::new("A2"), Err(LabelError::Length { length: 2 }));
        assert_eq!(Label::new("AAA0"), Err(LabelError::Character { character: '0' }));
        assert_eq!(Label::new("A236").unwrap().classes(), [6, 1, 2, 3]);
    }

    #[test]
    fn what_is_drawn_is_in_the_alphabet_and_compared_as_it_is() {
        assert!(DRAWN.chars().all(|c| class_of(c).is_some()));
        assert_eq!(normalise(DRAWN), DRAWN);
        assert_eq!(normalise("o8fz4gj6"), "C3E2ACUC");
        assert_eq!(normalise("kxhrnbl1d"), "YYAAM3TTC");
    }

    #[test]
    fn answers_are_compared_without_case_and_space() {
        assert_eq!(normalise(" a2 e\ty\n"), "A2EY");
    }
}
