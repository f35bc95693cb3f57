//! Filters as text (RFC 7644 §3.4.2.2): read into a tree whose depth and size are bounded.

use std::iter::Peekable;
use std::str::CharIndices;

use super::error::{ScimError, ScimType};

/// The longest filter that is looked at, in bytes.
pub const MAX_LENGTH: usize = 8_192;
/// How deep groupings may be nested.
pub const MAX_DEPTH: usize = 32;
/// How many comparisons a filter may have.
pub const MAX_TERMS: usize = 128;
/// The longest name of an attribute, with its URN, in bytes.
const MAX_NAME: usize = 256;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `eq`: they are the same.
    Eq,
    /// `ne`: they are not.
    Ne,
    /// `co`: the attribute's contains the other.
    Co,
    /// `sw`: it begins with the other.
    Sw,
    /// `ew`: it ends with the other.
    Ew,
    /// `gt`: it is greater.
    Gt,
    /// `ge`: it is greater or the same.
    Ge,
    /// `lt`: it is less.
    Lt,
    /// `le`: it is less or the same.
    Le,
}

impl Op {
    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "co" => Self::Co,
            "sw" => Self::Sw,
            "ew" => Self::Ew,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }
}

/// A value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text in quotes.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// `null`.
    Null,
}

/// A filter as it was written: names are not looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// `userName eq "x"`.
    Compare(String, Op, Literal),
    /// `title pr`.
    Present(String),
    /// `emails[type eq "work"]`.
    Elements(String, Box<Self>),
    /// Joined by `and`.
    All(Vec<Self>),
    /// Joined by `or`.
    Any(Vec<Self>),
    /// `not (…)`.
    Not(Box<Self>),
}

/// Reads a filter.
///
/// # Errors
/// `invalidFilter` with the place.
pub fn parse(text: &str) -> Result<Filter, ScimError> {
    if text.len() > MAX_LENGTH {
        return Err(invalid(format!("The filter is longer than {MAX_LENGTH} bytes.")));
    }
    let mut reader = Reader::new(text);
    let filter = reader.any()?;
    reader.end()?;
    Ok(filter)
}

fn invalid(detail: String) -> ScimError {
    ScimError::bad(ScimType::InvalidFilter, detail)
}

/// Reads filters and, for PATCH, what stands around them.
pub(super) struct Reader<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    depth: usize,
    terms: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, chars: text.char_indices().peekable(), depth: 0, terms: 0 }
    }

    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn wrong(&mut self, expected: &str) -> ScimError {
        let at = self.at();
        invalid(format!("{expected} is expected at byte {at}."))
    }

    fn space(&mut self) {
        while self.chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
    }

    /// Takes the sign if it is the next one.
    pub(super) fn sign(&mut self, sign: char) -> bool {
        self.chars.next_if(|(_, c)| *c == sign).is_some()
    }

    pub(super) fn end(&mut self) -> Result<(), ScimError> {
        self.space();
        match self.chars.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("The end, and, or or")),
        }
    }

    fn word(&mut self) -> &'a str {
        let begin = self.at();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '$');
        while self.chars.next_if(|(_, c)| plain(*c)).is_some() {}
        let end = self.at();
        &self.text[begin..end]
    }

    /// The word `wanted`, if it is the next one.
    fn keyword(&mut self, wanted: &str) -> bool {
        let mut ahead = self.chars.clone();
        let fits = wanted.chars().all(|w| ahead.next().is_some_and(|(_, c)| c.eq_ignore_ascii_case(&w)));
        let ends = ahead.peek().is_none_or(|(_, c)| c.is_ascii_whitespace() || matches!(c, '(' | '"'));
        if fits && ends {
            self.chars = ahead;
        }
        fits && ends
    }

    /// The name of an attribute, perhaps behind a URN.
    pub(super) fn name(&mut self) -> Result<String, ScimError> {
        let word = self.word();
        let begins = word.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '$');
        if !begins || word.len() > MAX_NAME {
            return Err(self.wrong("The name of an attribute"));
        }
        Ok(word.to_owned())
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ScimError>) -> Result<T, ScimError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(invalid(format!("The filter is nested more than {MAX_DEPTH} deep.")));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Terms joined by `or`, which binds the least.
    fn any(&mut self) -> Result<Filter, ScimError> {
        let mut parts = vec![self.all()?];
        loop {
            self.space();
            if !self.keyword("or") {
                break;
            }
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    /// Terms joined by `and`.
    fn all(&mut self) -> Result<Filter, ScimError> {
        let mut parts = vec![self.term()?];
        loop {
            self.space();
            if !self.keyword("and") {
                break;
            }
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Filter::All))
    }

    fn term(&mut self) -> Result<Filter, ScimError> {
        self.space();
        if self.sign('(') {
            return self.grouped();
        }
        let before = self.chars.clone();
        if self.keyword("not") {
            self.space();
            if self.sign('(') {
                return Ok(Filter::Not(Box::new(self.grouped()?)));
            }
            // an attribute of this name
            self.chars = before;
        }
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(invalid(format!("The filter has more than {MAX_TERMS} comparisons.")));
        }
        let name = self.name()?;
        if self.sign('[') {
            return self.elements(name);
        }
        self.comparison(name)
    }

    fn grouped(&mut self) -> Result<Filter, ScimError> {
        let inner = self.deeper(Self::any)?;
        self.space();
        if self.sign(')') { Ok(inner) } else { Err(self.wrong("A closing parenthesis")) }
    }

    /// What stands between brackets; the opening one is read.
    pub(super) fn bracketed(&mut self) -> Result<Filter, ScimError> {
        let inner = self.deeper(Self::any)?;
        self.space();
        if self.sign(']') { Ok(inner) } else { Err(self.wrong("A closing bracket")) }
    }

    fn elements(&mut self, name: String) -> Result<Filter, ScimError> {
        let inner = self.bracketed()?;
        if !self.sign('.') {
            return Ok(Filter::Elements(name, Box::new(inner)));
        }
        // not of the RFC, but sent: `emails[type eq "work"].value eq "x"`
        let sub = self.name()?;
        let compared = self.comparison(sub)?;
        Ok(Filter::Elements(name, Box::new(Filter::All(vec![inner, compared]))))
    }

    fn comparison(&mut self, name: String) -> Result<Filter, ScimError> {
        self.space();
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(name));
        }
        let Some(op) = Op::parse(word) else { return Err(self.wrong("After a name, an operator")) };
        self.space();
        let value = self.literal()?;
        Ok(Filter::Compare(name, op, value))
    }

    fn literal(&mut self) -> Result<Literal, ScimError> {
        if self.chars.peek().is_some_and(|(_, c)| *c == '"') {
            return self.quoted().map(Literal::Text);
        }
        let begin = self.at();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        while self.chars.next_if(|(_, c)| plain(*c)).is_some() {}
        let end = self.at();
        let word = &self.text[begin..end];
        match word.to_ascii_lowercase().as_str() {
            "true" => Ok(Literal::Bool(true)),
            "false" => Ok(Literal::Bool(false)),
            "null" => Ok(Literal::Null),
            _ if serde_json::from_str::<serde_json::Number>(word).is_ok() => {
                Ok(Literal::Number(word.to_owned()))
            }
            _ => Err(invalid(format!(
                "A value in quotes, a number, true, false or null is expected at byte {begin}."
            ))),
        }
    }

    /// A JSON string (RFC 8259 §7).
    fn quoted(&mut self) -> Result<String, ScimError> {
        let begin = self.at();
        self.chars.next();
        let mut escaped = false;
        for (at, c) in self.chars.by_ref() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    let text = &self.text[begin..=at];
                    let wrong =
                        |_| invalid(format!("The text that begins at byte {begin} is no JSON string."));
                    return serde_json::from_str(text).map_err(wrong);
                }
                _ => {}
            }
        }
        Err(invalid(format!("The text that begins at byte {begin} has no end.")))
    }
}

fn one_or(mut parts: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eq(name: &str, value: &str) -> Filter {
        Filter::Compare(name.to_owned(), Op::Eq, Literal::Text(value.to_owned()))
    }

    #[test]
    fn and_binds_more_than_or_and_not_more_than_both() {
        let read = parse(r#"a eq "1" or b eq "2" and not (c eq "3")"#).unwrap();
        let not = Filter::Not(Box::new(eq("c", "3")));
        assert_eq!(read, Filter::Any(vec![eq("a", "1"), Filter::All(vec![eq("b", "2"), not])]));
        let read = parse(r#"(a eq "1" or b eq "2") AND c Pr"#).unwrap();
        let any = Filter::Any(vec![eq("a", "1"), eq("b", "2")]);
        assert_eq!(read, Filter::All(vec![any, Filter::Present("c".to_owned())]));
    }

    #[test]
    fn what_the_rfc_shows_is_read() {
        for text in [
            r#"userName Eq "john""#,
            r#"name.familyName co "O'Malley""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            "title pr",
            r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
            r#"title pr and userType eq "Employee""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType ne "Employee" and not (emails co "example.com")"#,
            r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "work" and value co "@a"] or ims[type eq "xmpp" and value co "@b"]"#,
            r#"active eq true and x eq 1.5e3 and y ne null and z eq False"#,
            r#"emails[type eq "work"].value eq "a@b.c""#,
            r#"not pr"#,
            r#"a eq "\"\\\u00e9""#,
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_place() {
        for text in [
            "",
            " ",
            "a",
            "a eq",
            "a eq b",
            "a xx 1",
            r#"a eq "x"#,
            r#"a eq "x" b"#,
            "(a pr",
            "a pr)",
            "a[b pr",
            "a pr and",
            "not a pr",
            r#"a eq "\x""#,
            "1a pr",
            "a eq \"x\u{1}\"",
            "a eq 'x'",
            "a pr and or b pr",
        ] {
            let e = parse(text).unwrap_err();
            assert_eq!((e.status, e.scim_type), (400, Some(ScimType::InvalidFilter)), "{text}");
        }
    }

    #[test]
    fn depth_length_and_size_are_bounded() {
        let nested = |n: usize| format!("{}a pr{}", "(".repeat(n), ")".repeat(n));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
        let joined = |n: usize| vec!["a pr"; n].join(" or ");
        assert!(parse(&joined(MAX_TERMS)).is_ok());
        assert!(parse(&joined(MAX_TERMS + 1)).is_err());
        assert!(parse(&format!("a eq \"{}\"", "x".repeat(MAX_LENGTH))).is_err());
    }
}
