//! What the widget says, in the languages it speaks: a file each, a text a line, in the order of [`Text`].

use crate::cut::cut;

/// A text of the widget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// On the track: the target is its end.
    SlideToEnd,
    /// On the track: the target is the mark.
    SlideToMark,
    /// For screen readers: how the slider works without a pointer.
    KeyHint,
    /// The edge is asked.
    Verifying,
    /// Passed.
    Passed,
    /// Let go beside the target.
    Missed,
    /// The token, session or captcha ran out of time, and there is a new slider.
    Expired,
    /// Too many tries.
    Blocked,
    /// The edge cannot be reached, or has no picture ready.
    Unreachable,
    /// The page is set up wrongly: nothing that a visitor could do.
    Misconfigured,
    /// A captcha waits to be solved.
    OneMoreStep,
    /// On a button: goes on, or tries again.
    Continue,
    /// The same, after an error.
    TryAgain,
    /// Title of the captcha dialog, and label of its input.
    TypeCharacters,
    /// Alternative text of the picture.
    Picture,
    /// Sends the answer.
    Submit,
    /// Asks for another picture.
    Refresh,
    /// Closes the dialog.
    Close,
    /// The answer was wrong.
    Wrong,
    /// The picture did not load.
    PictureMissing,
}

/// A language the widget speaks.
#[derive(Debug)]
pub struct Language {
    /// Primary subtag, as in BCP 47.
    pub tag: &'static str,
    /// Written from right to left.
    pub right_to_left: bool,
    /// The texts in the order of [`Text`], a line each: one text takes less room in the module than a table of small ones.
    texts: &'static str,
}

impl Language {
    /// The text in this language.
    #[must_use]
    pub fn text(&self, text: Text) -> &'static str {
        let mut lines = self.texts;
        for _ in 0..text as usize {
            lines = cut(lines, b'\n').1;
        }
        cut(lines, b'\n').0
    }

    /// The language of a BCP 47 tag, by its primary subtag; English for what the widget does not speak.
    #[must_use]
    pub fn of(tag: &str) -> &'static Self {
        let speaks = |language: &&Self| {
            let (primary, rest) = tag.as_bytes().split_at_checked(2).unwrap_or_default();
            primary.eq_ignore_ascii_case(language.tag.as_bytes()) && !rest.first().is_some_and(u8::is_ascii_alphabetic)
        };
        LANGUAGES.iter().find(speaks).unwrap_or(&LANGUAGES[0])
    }
}

/// The languages; the first is the default.
pub static LANGUAGES: [Language; 6] = [
    Language {
        tag: "en",
        right_to_left: false,
        texts: include_str!("language/en.txt"),
    },
    Language {
        tag: "ar",
        right_to_left: true,
        texts: include_str!("language/ar.txt"),
    },
    Language {
        tag: "de",
        right_to_left: false,
        texts: include_str!("language/de.txt"),
    },
    Language {
        tag: "es",
        right_to_left: false,
        texts: include_str!("language/es.txt"),
    },
    Language {
        tag: "fr",
        right_to_left: false,
        texts: include_str!("language/fr.txt"),
    },
    Language {
        tag: "zh",
        right_to_left: false,
        texts: include_str!("language/zh.txt"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_match_by_their_primary_subtag() {
        for (tag, expected) in [
            ("en", "en"),
            ("de-AT", "de"),
            ("FR", "fr"),
            ("zh_TW", "zh"),
            ("ar-EG", "ar"),
            ("nl", "en"),
            ("deu", "en"),
            ("", "en"),
        ] {
            assert_eq!(Language::of(tag).tag, expected, "{tag}");
        }
        assert!(Language::of("ar").right_to_left);
    }

    #[test]
    fn every_text_is_there_and_short_enough_for_its_place() {
        for language in &LANGUAGES {
            let texts: Vec<_> = language.texts.lines().collect();
            assert_eq!(texts.len(), Text::PictureMissing as usize + 1, "{}", language.tag);
            assert!(
                texts.iter().all(|text| !text.is_empty() && text.trim() == *text),
                "{}",
                language.tag
            );
            for on_track in [Text::SlideToEnd, Text::SlideToMark, Text::Passed, Text::Verifying] {
                let text = language.text(on_track);
                assert!(text.chars().count() <= 24, "{}: {text}", language.tag);
            }
        }
    }
}
