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

/// The beginning of a text: as many whole characters as fit into `limit` bytes.
#[must_use]
pub fn head(text: &str, limit: usize) -> &str {
    let ends = (0..=limit.min(text.len())).rev();
    ends.filter_map(|end| text.get(..end)).next().unwrap_or_default()
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

    #[test]
    fn heads_are_whole_characters() {
        for (text, limit, expected) in [
            ("äöü", 4, "äö"),
            ("äöü", 3, "ä"),
            ("ab", 9, "ab"),
            ("ab", 0, ""),
            ("", 5, ""),
        ] {
            assert_eq!(head(text, limit), expected, "{text} {limit}");
        }
    }
}
