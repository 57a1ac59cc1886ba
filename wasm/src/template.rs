//! The widget's shadow tree as data. Built node by node, never from markup, so that pages may enforce Trusted Types.

use crate::cut::cut;

/// One element and its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Distance from the shadow root; a node's parent is the last node before it that is one less deep.
    pub depth: usize,
    /// Tag name.
    pub tag: &'static str,
    /// `id` within the shadow tree and `part` for the page's style sheet; empty for neither.
    pub part: &'static str,
    attributes: &'static str,
}

impl Node {
    /// Further attributes: name and value.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let mut rest = self.attributes;
        core::iter::from_fn(move || {
            let (pair, others) = cut(rest, b'|');
            rest = others;
            (!pair.is_empty()).then(|| cut(pair, b'='))
        })
    }
}

/// The tree, in document order, an element a line: a digit for the depth, then tag, part and attributes, `|` between
/// them. One text takes less room in the module than a table of small ones.
const TREE: &str = "\
0div|widget
1div|track
2div|fill
2div|mark
2p|message|role=status
2button|button|type=button
2div|handle|role=slider|aria-valuemin=0|aria-valuemax=100|aria-labelledby=label|aria-describedby=hint
3svg|arrow|viewBox=0 0 24 24|aria-hidden=true
4path||d=M5 12h13m-5-6 6 6-6 6
3svg|check|viewBox=0 0 24 24|aria-hidden=true
4path||d=m5 13 5 5 9-11
1span|label|hidden
1span|hint|hidden
1div|brand|aria-hidden=true
2svg|logo|viewBox=0 0 24 24
3path||d=M4 18 10 6h10l-6 12zM9 18l6-12
2span|name
1dialog|dialog|aria-labelledby=title
2form|form|novalidate
3div|header
4h2|title
4button|close|type=button
5svg||viewBox=0 0 24 24|aria-hidden=true
6path||d=M6 6l12 12M18 6 6 18
3img|image|draggable=false|decoding=async
3div|row
4input|answer|aria-labelledby=title|aria-describedby=notice|autocapitalize=characters|autocomplete=off|autocorrect=off|dir=ltr|enterkeyhint=done|maxlength=64|spellcheck=false
4button|refresh|type=button
5svg||viewBox=0 0 24 24|aria-hidden=true
6path||d=M19 12a7 7 0 1 1-2-5l2 2m0-5v5h-5
3button|submit|type=submit
3p|notice|role=status";

/// The nodes of the tree.
pub fn nodes() -> impl Iterator<Item = Node> {
    let mut rest = TREE;
    core::iter::from_fn(move || {
        let (line, others) = cut(rest, b'\n');
        rest = others;
        let (element, more) = cut(line, b'|');
        let (part, attributes) = cut(more, b'|');
        let depth = line.bytes().next()? - b'0';
        Some(Node {
            depth: depth.into(),
            tag: element.get(1..)?,
            part,
            attributes,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let handle = nodes().find(|node| node.part == "handle").unwrap();
        assert_eq!((handle.depth, handle.tag), (2, "div"));
        let attributes: Vec<_> = handle.attributes().collect();
        assert_eq!(attributes[..2], [("role", "slider"), ("aria-valuemin", "0")]);
        let arrow = nodes().find(|node| node.tag == "path").unwrap();
        assert_eq!(arrow.attributes().collect::<Vec<_>>(), [("d", "M5 12h13m-5-6 6 6-6 6")]);
        assert_eq!(nodes().next().unwrap().attributes().count(), 0);
        assert_eq!(nodes().count(), TREE.lines().count());
    }

    #[test]
    fn every_node_has_a_parent_and_every_part_is_one_element() {
        let mut depth = 0;
        let mut parts = Vec::new();
        for node in nodes() {
            assert!(
                node.depth <= depth,
                "<{} part={:?}> hangs in the air",
                node.tag,
                node.part
            );
            depth = node.depth + 1;
            if !node.part.is_empty() {
                assert!(!parts.contains(&node.part), "two parts {:?}", node.part);
                parts.push(node.part);
            }
        }
    }

    #[test]
    fn every_label_names_a_part() {
        let parts: Vec<_> = nodes().map(|node| node.part).collect();
        for node in nodes() {
            for (name, value) in node.attributes() {
                if matches!(name, "aria-labelledby" | "aria-describedby") {
                    assert!(parts.contains(&value), "{name}={value:?}");
                }
                assert!(
                    !name.starts_with("on") && name != "style",
                    "{name} would need a looser CSP"
                );
            }
        }
    }

    #[test]
    fn the_hooks_that_pages_and_tests_rely_on_are_there() {
        for part in ["track", "handle", "dialog", "image", "answer", "submit", "refresh"] {
            assert!(nodes().any(|node| node.part == part), "{part}");
        }
    }
}
