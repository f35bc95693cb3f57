//! One expression: what it speaks of, and its form for the engine.

use std::fmt;

use super::lexer::{Token, words};
use super::{Wrong, engine, filters};
use crate::limits::{BRACKETS, EXPRESSION_BYTES, REFERENCES};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// An earlier step: `steps.<node>.output`.
    Steps,
    /// What the flow was started with: `input.<name>`.
    Input,
    /// The innermost loop: `loop.item`, `loop.index`.
    Loop,
    /// The execution itself: `execution.id`.
    Execution,
}

/// A value that an expression speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Where it comes from.
    pub root: Root,
    /// The names and indexes after that.
    pub path: Vec<String>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.root {
            Root::Steps => "steps",
            Root::Input => "input",
            Root::Loop => "loop",
            Root::Execution => "execution",
        })?;
        self.path.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}

/// An expression that can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    written: String,
    source: String,
    references: Vec<Reference>,
}

const KEYWORDS: [&str; 13] =
    ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];

impl Expression {
    /// Reads what stands between `{{` and `}}`.
    pub fn read(written: &str) -> Result<Self, Wrong> {
        if written.len() > EXPRESSION_BYTES {
            return Err(Wrong::expression(format!("is longer than {EXPRESSION_BYTES} bytes")));
        }
        if written.starts_with(['-', '+', '%']) {
            return Err(Wrong::expression("write a space after {{"));
        }
        let tokens = words(written)?;
        let mut reading = Reading { tokens: &tokens, at: 0, source: String::new(), references: Vec::new() };
        reading.all()?;
        let Reading { source, references, .. } = reading;
        let read = Self { written: written.trim().to_owned(), source, references };
        if read.alone().is_none() {
            engine::check(&read.source)?;
        }
        Ok(read)
    }

    /// As it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// What it speaks of.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The form for the engine, in which `v0`, `v1` … stand for the references.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Is it a reference and nothing else?
    pub(super) fn alone(&self) -> Option<&Reference> {
        (self.source == "v0 ").then(|| self.references.first()).flatten()
    }
}

/// What the word before was, as far as the next one cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing, an operator or an opening bracket.
    Operator,
    /// Something that has a value.
    Value,
    /// The name of a filter or test.
    Callable,
}

struct Reading<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    source: String,
    references: Vec<Reference>,
}

impl<'t> Reading<'t> {
    fn all(&mut self) -> Result<(), Wrong> {
        if self.tokens.is_empty() {
            return Err(Wrong::expression("is empty"));
        }
        let mut before = Before::Operator;
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            before = match token {
                Token::Name(name) => self.name(name, before)?,
                Token::Number(text) | Token::Quoted(text) => {
                    self.put(text);
                    Before::Value
                }
                Token::Symbol(".") => self.member(before)?,
                Token::Symbol(symbol) => {
                    match symbol {
                        "(" | "[" | "{" => depth += 1,
                        ")" | "]" | "}" => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if symbol == "(" && before == Before::Value {
                        return Err(Wrong::expression(
                            "functions cannot be called; filters can: `value | upper`",
                        ));
                    }
                    if depth > BRACKETS {
                        return Err(Wrong::expression(format!("has brackets more than {BRACKETS} deep")));
                    }
                    self.put(symbol);
                    if matches!(symbol, ")" | "]" | "}") { Before::Value } else { Before::Operator }
                }
            };
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn put(&mut self, text: &str) {
        self.source.push_str(text);
        self.source.push(' ');
    }

    fn name(&mut self, name: &str, before: Before) -> Result<Before, Wrong> {
        let earlier = &self.tokens[..self.at - 1];
        if matches!(earlier, [.., Token::Symbol("|")]) {
            if !filters::is_filter(name) {
                return Err(Wrong::expression(format!(
                    "there is no filter {name}; there are {}",
                    filters::names()
                )));
            }
            self.put(name);
            return Ok(Before::Callable);
        }
        let test = matches!(earlier, [.., Token::Name("is")] | [.., Token::Name("is"), Token::Name("not")]);
        if test && name != "not" {
            if !filters::TESTS.contains(&name) {
                let known = filters::TESTS.join(", ");
                return Err(Wrong::expression(format!("there is no test {name}; there are {known}")));
            }
            self.put(name);
            return Ok(Before::Callable);
        }
        if KEYWORDS.contains(&name) || name == "null" {
            self.put(if name == "null" { "none" } else { name });
            let value = matches!(name, "true" | "false" | "none" | "True" | "False" | "None" | "null");
            return Ok(if value { Before::Value } else { Before::Operator });
        }
        if before == Before::Value {
            return Err(Wrong::expression(format!("{name} stands where an operator should")));
        }
        self.reference(name)?;
        Ok(Before::Value)
    }

    /// `.name` behind a bracket.
    fn member(&mut self, before: Before) -> Result<Before, Wrong> {
        if before != Before::Value {
            return Err(Wrong::expression(
                "a dot stands alone; a filter with a dot behind it needs brackets",
            ));
        }
        match self.next() {
            Some(Token::Name(name)) => self.put(&format!("[{name:?}]")),
            Some(Token::Number(index)) => self.put(&format!("[{index}]")),
            _ => return Err(Wrong::expression("a name is missing after the dot")),
        }
        Ok(Before::Value)
    }

    fn reference(&mut self, first: &str) -> Result<(), Wrong> {
        let mut root = first;
        let mut path = self.chain();
        if root == "context" {
            if path.is_empty() || !matches!(path[0].as_str(), "steps" | "input") {
                return Err(Wrong::new("unknown_name", "context has steps and input"));
            }
            root = if path.remove(0) == "steps" { "steps" } else { "input" };
        }
        let root = match root {
            "steps" => Root::Steps,
            "input" => Root::Input,
            "loop" => Root::Loop,
            "execution" => Root::Execution,
            other => {
                let known = "steps, input, loop and execution (texts need quotes)";
                return Err(Wrong::new("unknown_name", format!("there is no {other}; there are {known}")));
            }
        };
        if root == Root::Steps && path.is_empty() {
            let say = "say which step: steps.<node>.output; it cannot be computed";
            return Err(Wrong::new("dynamic_reference", say));
        }
        let reference = Reference { root, path };
        let place = self.references.iter().position(|known| *known == reference).unwrap_or_else(|| {
            self.references.push(reference);
            self.references.len() - 1
        });
        if self.references.len() > REFERENCES {
            return Err(Wrong::expression(format!("speaks of more than {REFERENCES} values")));
        }
        self.put(&format!("v{place}"));
        Ok(())
    }

    /// The names and literal indexes that follow.
    fn chain(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        loop {
            let (name, length) = match &self.tokens[self.at.min(self.tokens.len())..] {
                [Token::Symbol("."), Token::Name(name) | Token::Number(name), ..] => ((*name).to_owned(), 2),
                [Token::Symbol("["), Token::Number(index), Token::Symbol("]"), ..]
                    if index.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    ((*index).to_owned(), 3)
                }
                [Token::Symbol("["), Token::Quoted(text), Token::Symbol("]"), ..] if !text.contains('\\') => {
                    (text[1..text.len() - 1].to_owned(), 3)
                }
                _ => return path,
            };
            path.push(name);
            self.at += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(source: &str) -> Vec<String> {
        Expression::read(source).unwrap().references().iter().map(Reference::to_string).collect()
    }

    #[test]
    fn an_expression_says_what_it_speaks_of() {
        assert_eq!(spoken("steps.a.output.items[0].name"), ["steps.a.output.items.0.name"]);
        assert_eq!(spoken("context.steps.Node.output"), ["steps.Node.output"]);
        assert_eq!(spoken("context.input.x ~ input['x']"), ["input.x"]);
        assert_eq!(spoken("steps['call-echo'].output"), spoken("steps.call-echo.output"));
        assert_eq!(spoken("steps.a.output[loop.index]"), ["steps.a.output", "loop.index"]);
        assert_eq!(spoken("(steps.a.output | first).name | default('x')"), ["steps.a.output"]);
        assert_eq!(spoken("'steps.a' ~ {\"input.b\": input.c}"), ["input.c"]);
        assert_eq!(spoken("input.a if input.b is not none else input.c").len(), 3);
    }

    #[test]
    fn what_cannot_be_known_or_bounded_is_refused() {
        for (source, code) in [
            ("steps", "dynamic_reference"),
            ("steps[input.x].output", "dynamic_reference"),
            ("steps['a\\x62'].output", "dynamic_reference"),
            ("name", "unknown_name"),
            ("context", "unknown_name"),
            ("context.env.x", "unknown_name"),
            ("", "bad_expression"),
            ("-1", "bad_expression"),
            ("input.x * 2", "bad_expression"),
            ("range(10)", "unknown_name"),
            ("input.x()", "bad_expression"),
            ("input.x.upper()", "bad_expression"),
            ("input.x | indent(9)", "bad_expression"),
            ("input.x | first.name", "bad_expression"),
            ("input.x is sameas(1)", "bad_expression"),
            ("input.x input.y", "bad_expression"),
            ("input.x +", "bad_expression"),
            ("(input.x", "bad_expression"),
            ("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "bad_expression"),
        ] {
            assert_eq!(Expression::read(source).map_err(|wrong| wrong.code), Err(code), "{source}");
        }
    }
}
