//! Guide texts as parts that a template writes: paragraphs, lists, bold, code and links. There is no way from a text to
//! markup of its own.

use gatehouse_catalogue::Template;

/// A part of a guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A paragraph.
    Paragraph(Vec<Span>),
    /// A list.
    List(Vec<Vec<Span>>),
}

/// Words of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Plain words.
    Text(String),
    /// What a button or field is called.
    Bold(String),
    /// What is entered or read.
    Code(String),
    /// An address.
    Link {
        /// Its words.
        label: String,
        /// Where it leads; https.
        href: String,
    },
}

/// What stands for a value that is not known yet.
pub(crate) fn placeholder(label: &str) -> String {
    format!("‹{label}›")
}

/// The text with its gaps filled; a gap that `value` does not know stays readable.
pub(crate) fn text(template: &Template, value: impl Fn(&str) -> Option<String>) -> String {
    let filled = template.fill(|name| Some(value(name).unwrap_or_else(|| placeholder(name))));
    filled.unwrap_or_else(|_| template.source().to_owned())
}

/// Reads a text.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines().map(str::trim) {
        match (line.strip_prefix("- "), blocks.last_mut()) {
            (Some(item), Some(Block::List(items))) => items.push(spans(item)),
            (Some(item), _) => blocks.push(Block::List(vec![spans(item)])),
            (None, _) if line.is_empty() => {}
            (None, _) => blocks.push(Block::Paragraph(spans(line))),
        }
    }
    blocks
}

fn spans(line: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut plain = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        if let Some((span, after)) = special(rest) {
            if !plain.is_empty() {
                spans.push(Span::Text(std::mem::take(&mut plain)));
            }
            spans.push(span);
            rest = after;
            continue;
        }
        let end = rest.chars().next().map_or(0, char::len_utf8);
        plain.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    if !plain.is_empty() {
        spans.push(Span::Text(plain));
    }
    spans
}

fn special(rest: &str) -> Option<(Span, &str)> {
    if let Some((bold, after)) = rest.strip_prefix("**").and_then(|r| r.split_once("**")) {
        return (!bold.is_empty()).then(|| (Span::Bold(bold.to_owned()), after));
    }
    if let Some((code, after)) = rest.strip_prefix('`').and_then(|r| r.split_once('`')) {
        return (!code.is_empty()).then(|| (Span::Code(code.to_owned()), after));
    }
    let (label, after) = rest.strip_prefix('[')?.split_once("](")?;
    let (href, after) = after.split_once(')')?;
    let fits = href.starts_with("https://") && !label.contains(['[', ']']);
    fits.then(|| (Span::Link { label: label.to_owned(), href: href.to_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lists_and_words_are_read() {
        let read = blocks("Choose **New**, enter `a*b`.\n\n- one\n- [two](https://a.example/x)\nend");
        assert_eq!(read.len(), 3);
        assert_eq!(
            read[0],
            Block::Paragraph(vec![
                Span::Text("Choose ".into()),
                Span::Bold("New".into()),
                Span::Text(", enter ".into()),
                Span::Code("a*b".into()),
                Span::Text(".".into()),
            ])
        );
        let link = Span::Link { label: "two".into(), href: "https://a.example/x".into() };
        assert_eq!(read[1], Block::List(vec![vec![Span::Text("one".into())], vec![link]]));
    }

    #[test]
    fn a_link_elsewhere_than_https_stays_a_text() {
        for odd in ["[x](javascript:alert(1))", "[x](http://a.example)", "**", "`", "[x]("] {
            assert!(
                matches!(blocks(odd).as_slice(), [Block::Paragraph(s)] if matches!(s.as_slice(), [Span::Text(_)])),
                "{odd}"
            );
        }
    }

    #[test]
    fn every_guide_of_the_catalogue_is_readable_before_anything_is_filled_in() {
        for connector in gatehouse_catalogue::Catalogue::built_in().unwrap().types() {
            for step in &connector.guide {
                let text = text(&step.text, |_| None);
                assert!(!blocks(&text).is_empty(), "{} {}", connector.id, step.title);
            }
        }
    }
}
