//! Reading JSON objects strictly: every key is asked for or a problem.

use serde_json::{Map, Value};

use crate::limits;
use crate::problem::{Problems, below};
use crate::template::{Text, Tree, Wrong};

/// An object that is read.
pub(super) struct Reader<'v, 'p> {
    members: &'v Map<String, Value>,
    path: String,
    known: Vec<&'static str>,
    any: bool,
    problems: &'p mut Problems,
}

/// The words of a type of JSON.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl<'v, 'p> Reader<'v, 'p> {
    pub(super) fn of(value: &'v Value, path: String, problems: &'p mut Problems) -> Option<Self> {
        match value.as_object() {
            Some(members) => Some(Self { members, path, known: Vec::new(), any: false, problems }),
            None => {
                problems.add(path, "wrong_type", format!("is {}, an object is needed", kind_of(value)));
                None
            }
        }
    }

    /// It cannot be said which keys belong here.
    pub(super) fn any(&mut self) {
        self.any = true;
    }

    /// Tells of every key that nobody asked for.
    pub(super) fn done(self) {
        for name in self.members.keys() {
            if !self.any && !self.known.contains(&name.as_str()) {
                let known = self.known.join(", ");
                let message = format!("is not known here; known are {known}");
                self.problems.add(below(&self.path, name), "unknown_key", message);
            }
        }
    }

    /// The keys that are there.
    pub(super) fn names(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.members.keys().map(String::as_str)
    }

    /// A member under any name.
    pub(super) fn member(&self, name: &str) -> Option<&'v Value> {
        self.members.get(name)
    }

    /// A problem somewhere else.
    pub(super) fn tell(&mut self, at: String, code: &'static str, message: String) {
        self.problems.add(at, code, message);
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn at(&self, key: &str) -> String {
        below(&self.path, key)
    }

    pub(super) fn problem(&mut self, key: &str, code: &'static str, message: impl Into<String>) {
        let at = if key.is_empty() { self.path.clone() } else { self.at(key) };
        self.problems.add(at, code, message);
    }

    pub(super) fn wrong(&mut self, key: &str, wrong: Wrong) {
        self.problem(key, wrong.code, wrong.message);
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<&'v Value> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.members.get(key)
    }

    pub(super) fn required(&mut self, key: &'static str) -> Option<&'v Value> {
        let found = self.get(key);
        if found.is_none() {
            self.problem(key, "missing", "is missing");
        }
        found
    }

    fn wrong_type(&mut self, key: &str, value: &Value, needed: &str) {
        self.problem(key, "wrong_type", format!("is {}, {needed} is needed", kind_of(value)));
    }

    /// A text of at most so many characters, not empty.
    pub(super) fn text(&mut self, key: &'static str, most: usize) -> Option<String> {
        let value = self.get(key)?;
        self.text_in(key, value, most)
    }

    pub(super) fn required_text(&mut self, key: &'static str, most: usize) -> Option<String> {
        let value = self.required(key)?;
        self.text_in(key, value, most)
    }

    fn text_in(&mut self, key: &str, value: &Value, most: usize) -> Option<String> {
        let Some(text) = value.as_str() else {
            self.wrong_type(key, value, "a text");
            return None;
        };
        if text.is_empty() {
            self.problem(key, "empty", "is empty");
            return None;
        }
        if text.chars().count() > most {
            self.problem(key, "too_long", format!("is longer than {most} characters"));
            return None;
        }
        Some(text.to_owned())
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let value = self.get(key)?;
        let Some(number) = value.as_f64().filter(|number| number.fract() == 0.0) else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        if number < f64::from(least) || number > f64::from(most) {
            self.problem(key, "out_of_range", format!("is {value}; {least} to {most} is allowed"));
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds of u32")]
        Some(number as u32)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        flag
    }

    /// One of some words.
    pub(super) fn choice<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.get(key)?;
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        if found.is_none() {
            let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            let shown: String = value.to_string().chars().take(60).collect();
            self.problem(key, "not_a_choice", format!("is {shown}; one of {known} is needed"));
        }
        found.map(|(_, meaning)| meaning.clone())
    }

    /// A list of at most so many items.
    pub(super) fn list(&mut self, key: &'static str, most: usize) -> Option<&'v [Value]> {
        let value = self.get(key)?;
        let Some(items) = value.as_array() else {
            self.wrong_type(key, value, "a list");
            return None;
        };
        if items.len() > most {
            self.problem(key, "too_many", format!("has {} items, at most {most} are allowed", items.len()));
            return None;
        }
        Some(items)
    }

    /// An object further down.
    pub(super) fn child(&mut self, key: &'static str) -> Option<Reader<'v, '_>> {
        let value = self.get(key)?;
        let path = self.at(key);
        Reader::of(value, path, self.problems)
    }

    /// An object in a list further down.
    pub(super) fn item(&mut self, key: &str, index: usize, value: &'v Value) -> Option<Reader<'v, '_>> {
        let path = below(&self.at(key), index);
        Reader::of(value, path, self.problems)
    }

    /// JSON with expressions.
    pub(super) fn tree(&mut self, key: &'static str) -> Option<Tree> {
        let value = self.get(key)?;
        self.tree_in(key, value)
    }

    pub(super) fn tree_in(&mut self, key: &str, value: &Value) -> Option<Tree> {
        match Tree::read(value, &self.at(key)) {
            Ok(tree) => Some(tree),
            Err((path, wrong)) => {
                self.problems.add(path, wrong.code, wrong.message);
                None
            }
        }
    }

    /// An object with expressions; an empty one when there is none.
    pub(super) fn object(&mut self, key: &'static str) -> Option<Tree> {
        match self.get(key) {
            None => Some(Tree::Object(std::collections::BTreeMap::new())),
            Some(value) if value.is_object() => self.tree_in(key, value),
            Some(value) => {
                self.wrong_type(key, value, "an object");
                None
            }
        }
    }

    /// A text with expressions.
    pub(super) fn template(&mut self, key: &'static str, most: usize) -> Option<Text> {
        let source = self.text(key, most)?;
        Text::read(&source).map_err(|wrong| self.wrong(key, wrong)).ok()
    }

    /// A name that expressions can speak of.
    pub(super) fn name(&mut self, key: &'static str, code: &'static str) -> Option<String> {
        let name = self.required_text(key, limits::NAME_BYTES)?;
        if !is_name(&name) {
            let say = "letters, digits and underscores are allowed, and single hyphens between; it begins with a letter";
            self.problem(key, code, say);
            return None;
        }
        Some(name)
    }
}

/// A name of a node, case or field.
pub(super) fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.split('-').all(part)
}
