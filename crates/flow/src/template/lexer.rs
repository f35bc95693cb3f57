//! Words of an expression.

use super::Wrong;

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'s> {
    /// A name or keyword.
    Name(&'s str),
    /// A number as it is written.
    Number(&'s str),
    /// A text with its quotes.
    Quoted(&'s str),
    /// Punctuation.
    Symbol(&'static str),
}

/// Longest first.
const SYMBOLS: [&str; 22] = [
    "//", "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", "|", "~", "+", "-", "/",
    "%", ".",
];

/// Where an expression that began before `text` ends: at the `}}` outside of quotes and braces.
pub(super) fn end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut braces = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at += quoted(&text[at..])?.len() - 1,
            b'{' => braces += 1,
            b'}' if braces > 0 => braces -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The quoted text at the beginning, with both quotes.
fn quoted(text: &str) -> Option<&str> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return text.get(..at + 1);
        }
    }
    None
}

/// Cuts an expression into words.
pub(super) fn words(source: &str) -> Result<Vec<Token<'_>>, Wrong> {
    let mut found = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = word(rest, first, &found)?;
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn word<'s>(rest: &'s str, first: char, before: &[Token<'_>]) -> Result<(Token<'s>, usize), Wrong> {
    if first == '"' || first == '\'' {
        let text = quoted(rest).ok_or_else(|| Wrong::expression("a quoted text does not end"))?;
        return Ok((Token::Quoted(text), text.len()));
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let name = longest(rest, name_length(rest, before));
        return Ok((Token::Name(name), name.len()));
    }
    if first.is_ascii_digit() {
        let index = before.last() == Some(&Token::Symbol("."));
        let number = longest(rest, number_length(rest, index));
        return Ok((Token::Number(number), number.len()));
    }
    if rest.starts_with('*') {
        return Err(Wrong::expression("* is not known here; write `value | times(other)`"));
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => Err(Wrong::expression(format!("{first:?} is not known in an expression"))),
    }
}

fn longest(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}

/// Names of steps may hold hyphens: after `steps.` one belongs to the name when a letter or digit follows it.
fn name_length(rest: &str, before: &[Token<'_>]) -> usize {
    let step = matches!(before, [.., Token::Name("steps"), Token::Symbol(".")]);
    let bytes = rest.as_bytes();
    let word = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut length = 0;
    while word(length) || (step && bytes.get(length) == Some(&b'-') && word(length + 1)) {
        length += 1;
    }
    length
}

fn number_length(rest: &str, index: bool) -> usize {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if !index && bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_braces_hide_the_end() {
        assert_eq!(end(" a }} b"), Some(3));
        assert_eq!(end(r#" "}}" }}"#), Some(6));
        assert_eq!(end(r#" {"a": {"b": 1}}}}"#), Some(16));
        assert_eq!(end(r#" "a\"}}" "#), None);
        assert_eq!(end(" 'é}}' }}x"), Some(8));
    }

    #[test]
    fn a_hyphen_belongs_to_the_name_of_a_step_alone() {
        let names = |source| -> Vec<Token<'_>> { words(source).unwrap() };
        assert_eq!(names("steps.call-echo.output")[2], Token::Name("call-echo"));
        assert_eq!(names("input.a-b").len(), 5);
        assert_eq!(names("steps.a-").len(), 4);
        assert_eq!(names("a.0.1")[2], Token::Number("0"));
        assert_eq!(names("1.5 // 2")[0], Token::Number("1.5"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for source in ["'a", "a * 2", "a ** 2", "a = 1", "a ; b", "a\\b", "é"] {
            assert!(words(source).is_err(), "{source}");
        }
    }
}
