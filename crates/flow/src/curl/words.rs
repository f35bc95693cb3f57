//! Words of a command line, as a POSIX shell (IEEE 1003.1 §2.2) and bash's `$'…'` cut them. Nothing is expanded.

use super::CurlError;
use crate::limits::CURL_WORDS;

/// The words, and names of shell variables that stand in them unexpanded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) words: Vec<String>,
    pub(super) variables: Vec<String>,
}

/// Cuts a command line. Line breaks between words are taken as spaces.
pub(super) fn words(line: &str) -> Result<Words, CurlError> {
    let mut cut = Cut { rest: line, word: None, found: Words::default() };
    while let Some(first) = cut.rest.chars().next() {
        cut.one(first)?;
        if cut.found.words.len() > CURL_WORDS {
            return Err(CurlError::TooLong);
        }
    }
    cut.end();
    Ok(cut.found)
}

struct Cut<'l> {
    rest: &'l str,
    word: Option<String>,
    found: Words,
}

impl<'l> Cut<'l> {
    fn one(&mut self, first: char) -> Result<(), CurlError> {
        match first {
            ' ' | '\t' | '\n' | '\r' => {
                self.skip(1);
                self.end();
            }
            '#' if self.word.is_none() => {
                let line = self.rest.find('\n').unwrap_or(self.rest.len());
                self.skip(line);
            }
            '\'' => {
                self.skip(1);
                let end = self.rest.find('\'').ok_or(CurlError::Quote)?;
                let text = self.skip(end);
                self.put(text);
                self.skip(1);
            }
            '"' => self.double()?,
            '\\' => {
                self.skip(1);
                self.escaped();
            }
            '$' if self.rest.starts_with("$'") => self.dollar()?,
            '$' => self.variable()?,
            '^' if self.word.is_none() => return Err(CurlError::Windows),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' => return Err(CurlError::Operator(first)),
            other => {
                self.skip(other.len_utf8());
                self.push(other);
            }
        }
        Ok(())
    }

    fn skip(&mut self, length: usize) -> &'l str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn put(&mut self, text: &str) {
        self.word.get_or_insert_default().push_str(text);
    }

    fn push(&mut self, character: char) {
        self.word.get_or_insert_default().push(character);
    }

    fn end(&mut self) {
        self.found.words.extend(self.word.take());
    }

    /// Behind a backslash outside of quotes: the character itself, or nothing for a line break.
    fn escaped(&mut self) {
        if self.rest.starts_with("\r\n") {
            self.skip(2);
        } else if let Some(next) = self.rest.chars().next() {
            self.skip(next.len_utf8());
            if next != '\n' {
                self.push(next);
            }
        }
    }

    fn double(&mut self) -> Result<(), CurlError> {
        self.skip(1);
        self.put("");
        loop {
            let first = self.rest.chars().next().ok_or(CurlError::Quote)?;
            match first {
                '"' => {
                    self.skip(1);
                    return Ok(());
                }
                '\\' => {
                    self.skip(1);
                    match self.rest.chars().next() {
                        Some('$' | '`' | '"' | '\\' | '\n' | '\r') => self.escaped(),
                        _ => self.push('\\'),
                    }
                }
                '$' => self.variable()?,
                '`' => return Err(CurlError::Operator('`')),
                other => {
                    self.skip(other.len_utf8());
                    self.push(other);
                }
            }
        }
    }

    /// `$NAME` and `${NAME}` stay as they are and are told; what runs a command is refused.
    fn variable(&mut self) -> Result<(), CurlError> {
        let after = &self.rest[1..];
        if after.starts_with('(') {
            return Err(CurlError::Operator('$'));
        }
        let name = after.strip_prefix('{').unwrap_or(after);
        let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        if length > 0 && !name.starts_with(|c: char| c.is_ascii_digit()) {
            self.found.variables.push(name[..length].to_owned());
        }
        self.skip(1);
        self.push('$');
        Ok(())
    }

    /// `$'…'` with the escapes of C.
    fn dollar(&mut self) -> Result<(), CurlError> {
        self.skip(2);
        let mut bytes = Vec::new();
        loop {
            let first = self.rest.chars().next().ok_or(CurlError::Quote)?;
            self.skip(first.len_utf8());
            match first {
                '\'' => break,
                '\\' => self.c_escape(&mut bytes)?,
                other => bytes.extend(other.to_string().bytes()),
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| CurlError::NotText)?;
        if text.contains('\0') {
            return Err(CurlError::NotText);
        }
        self.put(&text);
        Ok(())
    }

    fn c_escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), CurlError> {
        let next = self.rest.chars().next().ok_or(CurlError::Quote)?;
        if next.is_digit(8) {
            let value = self.digits(8, 3);
            bytes.push((value & 0xff) as u8);
            return Ok(());
        }
        self.skip(next.len_utf8());
        match next {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'e' | 'E' => bytes.push(27),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            'x' => {
                let value = self.digits(16, 2);
                bytes.push((value & 0xff) as u8);
            }
            'u' | 'U' => {
                let value = self.digits(16, if next == 'u' { 4 } else { 8 });
                let character = char::from_u32(value).ok_or(CurlError::NotText)?;
                bytes.extend(character.to_string().bytes());
            }
            '\\' | '\'' | '"' | '?' => bytes.push(next as u8),
            other => {
                bytes.push(b'\\');
                bytes.extend(other.to_string().bytes());
            }
        }
        Ok(())
    }

    fn digits(&mut self, radix: u32, most: usize) -> u32 {
        let digits = self.rest.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
        let text = self.skip(digits);
        u32::from_str_radix(text, radix).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> Vec<String> {
        words(line).unwrap().words
    }

    #[test]
    fn words_are_cut_as_a_shell_does() {
        for (line, expected) in [
            ("a  b\tc", vec!["a", "b", "c"]),
            ("a \\\n  b \\\r\n c", vec!["a", "b", "c"]),
            (r#"'a b'"c d"e\ f"#, vec!["a bc de f"]),
            (r#""a\"b\\c\d\$e""#, vec![r#"a"b\c\d$e"#]),
            (r"'it'\''s'", vec!["it's"]),
            (r"$'a\n\t\'\x41\u00e9\303\251\q'", vec!["a\n\t'Aéé\\q"]),
            ("'' \"\" $''", vec!["", "", ""]),
            ("a # b\nc#d", vec!["a", "c#d"]),
            ("'a\nb'", vec!["a\nb"]),
        ] {
            assert_eq!(cut(line), expected, "{line}");
        }
    }

    #[test]
    fn what_a_shell_would_run_is_refused_and_variables_are_told() {
        for line in ["a | b", "a && b", "a;b", "a > b", "$(a)", "\"$(a)\"", "`a`", "\"`a`\""] {
            assert!(matches!(words(line), Err(CurlError::Operator(_))), "{line}");
        }
        for line in ["'a", "\"a", "$'a", "$'a\\", "\"a\\"] {
            assert_eq!(words(line), Err(CurlError::Quote), "{line}");
        }
        assert_eq!(words(r"$'\xff'"), Err(CurlError::NotText));
        let found = words("\"$TOKEN ${A}\" '$NOT' \\$x $1").unwrap();
        assert_eq!(found.variables, ["TOKEN", "A"]);
        assert_eq!(found.words, ["$TOKEN ${A}", "$NOT", "$x", "$1"]);
    }
}
