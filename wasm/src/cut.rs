//! Cutting text at single bytes. The standard library's searchers are made for more, and weigh accordingly.

/// What stands before and behind the first `mark`, an ASCII character; everything and nothing if there is none.
#[must_use]
pub fn cut(text: &str, mark: u8) -> (&str, &str) {
    let end = text.bytes().position(|byte| byte == mark).unwrap_or(text.len());
    (
        text.get(..end).unwrap_or_default(),
        text.get(end + 1..).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_first_mark() {
        for (text, expected) in [
            ("a|b|c", ("a", "b|c")),
            ("é|", ("é", "")),
            ("|x", ("", "x")),
            ("ab", ("ab", "")),
        ] {
            assert_eq!(cut(text, b'|'), expected, "{text}");
        }
    }
}
