//! Which characters a recogniser takes for which others.

use std::collections::BTreeMap;

/// One step from a text to its reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// A character, and what it was read as; often itself.
    Read(char, char),
    /// A character that was not read.
    Missed(char),
    /// A character that is not there.
    Invented(char),
}

/// A shortest way of edits from `text` to `reading` (Levenshtein 1966).
#[must_use]
pub fn align(text: &str, reading: &str) -> Vec<Edit> {
    let (from, to): (Vec<char>, Vec<char>) = (text.chars().collect(), reading.chars().collect());
    let width = to.len() + 1;
    // costs[i * width + j]: edits from the first i characters to the first j.
    let mut costs = vec![0_usize; (from.len() + 1) * width];
    let at = |costs: &[usize], i: usize, j: usize| costs.get(i * width + j).copied().unwrap_or(usize::MAX / 2);
    let same = |i: usize, j: usize| from.get(i) == to.get(j);
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            let cost = match (i, j) {
                (i, 0) => i,
                (0, j) => j,
                _ => (at(&costs, i - 1, j - 1) + usize::from(!same(i - 1, j - 1)))
                    .min(at(&costs, i - 1, j) + 1)
                    .min(at(&costs, i, j - 1) + 1),
            };
            if let Some(place) = costs.get_mut(i * width + j) {
                *place = cost;
            }
        }
    }
    let (mut i, mut j, mut edits) = (from.len(), to.len(), Vec::new());
    while i > 0 || j > 0 {
        let here = at(&costs, i, j);
        let through = i > 0 && j > 0 && at(&costs, i - 1, j - 1) + usize::from(!same(i - 1, j - 1)) == here;
        let last = |characters: &[char], n: usize| n.checked_sub(1).and_then(|n| characters.get(n).copied());
        let edit = if through {
            last(&from, i).zip(last(&to, j)).map(|(a, b)| Edit::Read(a, b))
        } else if i > 0 && at(&costs, i - 1, j) + 1 == here {
            last(&from, i).map(Edit::Missed)
        } else {
            last(&to, j).map(Edit::Invented)
        };
        match edit {
            Some(Edit::Read(..)) => (i, j) = (i - 1, j - 1),
            Some(Edit::Missed(_)) => i -= 1,
            Some(Edit::Invented(_)) => j -= 1,
            None => break,
        }
        edits.extend(edit);
    }
    edits.reverse();
    edits
}

/// How often each edit was needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confusion {
    counts: BTreeMap<Edit, usize>,
}

impl Confusion {
    /// Counts the edits from `text` to `reading`.
    pub fn add(&mut self, text: &str, reading: &str) {
        for edit in align(text, reading) {
            *self.counts.entry(edit).or_default() += 1;
        }
    }

    /// How often `edit` was needed.
    #[must_use]
    pub fn count(&self, edit: Edit) -> usize {
        self.counts.get(&edit).copied().unwrap_or(0)
    }

    /// Mistakes, the most frequent first.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(Edit, usize)> {
        let is_mistake = |edit: &Edit| !matches!(edit, Edit::Read(a, b) if a == b);
        let mut mistakes: Vec<_> = self
            .counts
            .iter()
            .filter(|(edit, _)| is_mistake(edit))
            .map(|(edit, count)| (*edit, *count))
            .collect();
        mistakes.sort_by_key(|(edit, count)| (std::cmp::Reverse(*count), *edit));
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_aligned_with_few_edits() {
        use Edit::{Invented, Missed, Read};
        let cases: [(&str, &str, &[Edit]); 5] = [
            ("AB", "AB", &[Read('A', 'A'), Read('B', 'B')]),
            ("AB", "AC", &[Read('A', 'A'), Read('B', 'C')]),
            ("ABC", "AC", &[Read('A', 'A'), Missed('B'), Read('C', 'C')]),
            ("AC", "ABC", &[Read('A', 'A'), Invented('B'), Read('C', 'C')]),
            ("", "X", &[Invented('X')]),
        ];
        for (text, reading, edits) in cases {
            assert_eq!(align(text, reading), edits, "{text} {reading}");
        }
    }

    #[test]
    fn mistakes_come_by_how_often_they_are_made() {
        let mut confusion = Confusion::default();
        for (text, reading) in [("AB", "AC"), ("B", "C"), ("A", ""), ("AA", "AA")] {
            confusion.add(text, reading);
        }
        assert_eq!(
            confusion.mistakes(),
            [(Edit::Read('B', 'C'), 2), (Edit::Missed('A'), 1)]
        );
        assert_eq!(confusion.count(Edit::Read('A', 'A')), 3);
    }
}
