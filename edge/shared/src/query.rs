//! Records of answered challenges: what a trainer learns the attackers' models from. One line of NDJSON each.

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, pack::Span};

/// Records kept; the oldest is forgotten first.
pub const MAX_RECORDS: u64 = 200_000;

/// Pictures kept beside the records, beyond the life of their set; the oldest is forgotten first. At 12 kB each they
/// take a quarter of a gigabyte.
pub const MAX_PICTURES: u64 = 20_000;

/// The most records of one page, and how many it has where nothing is said.
pub const MAX_PAGE: u32 = 1000;
/// See [`MAX_PAGE`].
pub const DEFAULT_PAGE: u32 = 100;

/// Ids and cursors are below this: JSON numbers beyond 2^53 do not survive JavaScript.
pub const CURSOR_LIMIT: u64 = 1 << 53;

/// One answered challenge, as `GET /admin/v1/queries` writes it. Nothing in it names the visitor: of where they are it has
/// a pseudonym of the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// Its id, and the cursor that the next page begins after; ids only ever rise.
    pub id: u64,
    /// What was recorded.
    #[serde(flatten)]
    pub record: Record,
}

/// What is recorded of an answered challenge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was answered, unix seconds.
    pub time: u64,
    /// Whose visitor answered.
    pub site: String,
    /// The set the picture is of.
    pub set: Digest,
    /// Digest of the manifest of the checkpoint whose gradients perturbed it.
    pub checkpoint: Digest,
    /// The pack the picture lies in.
    pub pack: Digest,
    /// Where it lies in it, `[offset, length]`.
    pub span: Span,
    /// Who answered: a keyed hash of the network, under a key of the site and the day
    /// ([`Pseudonyms`](crate::pseudonym::Pseudonyms)), below [`ENTITY_LIMIT`](crate::pseudonym::ENTITY_LIMIT). Answers of one
    /// attacker can be learned from together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<u64>,
    /// The answer given, in the alphabet's normal form, at most 64 characters.
    pub answer: String,
    /// Whether it was right.
    pub right: bool,
    /// Probability that a machine gave it: the weight of the record.
    pub p_bot: f32,
    /// Names of what was found.
    pub reasons: Vec<String>,
    /// Milliseconds from the picture shown to the answer sent, as the browser says.
    pub elapsed_ms: u32,
    /// Keys pressed, as the browser says.
    pub keys: u32,
}

/// What `GET` and `DELETE /admin/v1/queries` were asked, from the query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Page {
    /// Records after this id; all where 0.
    pub after: u64,
    /// At most so many.
    pub limit: u32,
}

/// Which parameter of a query string is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterError {
    /// Its name.
    pub field: &'static str,
}

/// Reads `after` and `limit` from `(name, value)` pairs. Unknown names are refused: a misspelt cursor would begin anew.
///
/// # Errors
/// [`ParameterError`].
pub fn page<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Page, ParameterError> {
    let mut page = Page {
        after: 0,
        limit: DEFAULT_PAGE,
    };
    for (name, value) in parameters {
        match name {
            "after" => page.after = cursor(value, "after")?,
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
                page.limit = limit.ok_or(ParameterError { field: "limit" })?;
            }
            _ => return Err(ParameterError { field: "query" }),
        }
    }
    Ok(page)
}

/// Reads `through` from `(name, value)` pairs; it must be there.
///
/// # Errors
/// [`ParameterError`].
pub fn through<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<u64, ParameterError> {
    let mut found = Err(ParameterError { field: "through" });
    for (name, value) in parameters {
        match name {
            "through" => found = Ok(cursor(value, "through")?),
            _ => return Err(ParameterError { field: "query" }),
        }
    }
    found
}

/// An id in a path or a query string: digits only.
///
/// # Errors
/// [`ParameterError`] with `field`.
pub fn cursor(text: &str, field: &'static str) -> Result<u64, ParameterError> {
    let digits = (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|id| digits && *id < CURSOR_LIMIT);
    number.ok_or(ParameterError { field })
}

/// `DELETE /admin/v1/queries`, reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Records deleted.
    pub deleted: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_readable_line() {
        let query = Query {
            id: 7,
            record: Record {
                time: 1_700_000_000,
                site: "shop".into(),
                set: Digest::of(b"set"),
                checkpoint: Digest::of(b"checkpoint"),
                pack: Digest::of(b"pack"),
                span: Span { offset: 3, length: 4 },
                source: Some(8),
                answer: "A2\nFK".into(),
                right: false,
                p_bot: 0.5,
                reasons: vec!["too-fast".into()],
                elapsed_ms: 4200,
                keys: 5,
            },
        };
        let line = serde_json::to_string(&query).unwrap();
        assert!(
            line.starts_with(r#"{"id":7,"time":1700000000,"site":"shop","set":""#),
            "{line}"
        );
        assert!(line.ends_with(r#""span":[3,4],"source":8,"answer":"A2\nFK","right":false,"p_bot":0.5,"reasons":["too-fast"],"elapsed_ms":4200,"keys":5}"#), "{line}");
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Query>(&line).unwrap(), query);
    }

    #[test]
    fn pages_are_read_and_mistakes_named() {
        assert_eq!(page([]), Ok(Page { after: 0, limit: 100 }));
        assert_eq!(
            page([("limit", "1000"), ("after", "12")]),
            Ok(Page { after: 12, limit: 1000 })
        );
        for (name, value, field) in [
            ("limit", "0", "limit"),
            ("limit", "1001", "limit"),
            ("limit", "", "limit"),
            ("after", "-1", "after"),
            ("after", "+1", "after"),
            ("after", "1e3", "after"),
            ("after", "9007199254740992", "after"),
            ("after", "99999999999999999999", "after"),
            ("from", "1", "query"),
        ] {
            assert_eq!(page([(name, value)]), Err(ParameterError { field }), "{name}={value}");
        }
        assert_eq!(through([("through", "9")]), Ok(9));
        assert_eq!(through([]), Err(ParameterError { field: "through" }));
        assert_eq!(through([("through", "x")]), Err(ParameterError { field: "through" }));
        assert_eq!(through([("after", "9")]), Err(ParameterError { field: "query" }));
    }
}
