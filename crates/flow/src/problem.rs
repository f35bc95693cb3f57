//! What is wrong with a definition: where, which rule, and words for whoever builds it.

use std::fmt;

use serde::Serialize;

use crate::limits;

/// Something wrong with a definition, or with values given to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problem {
    /// Where: a JSON pointer (RFC 6901) into the definition; empty for the whole.
    pub path: String,
    /// Which rule: a stable word. `docs/flows-definition.md` lists them.
    pub code: &'static str,
    /// What was found, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Problems as they are found; more than a bounded number are not kept.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, path: impl Into<String>, code: &'static str, message: impl Into<String>) {
        if self.0.len() < limits::PROBLEMS {
            self.0.push(Problem { path: path.into(), code, message: message.into() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// A JSON pointer one step further.
pub(crate) fn below(path: &str, name: impl fmt::Display) -> String {
    let name = name.to_string();
    let short: String = name.chars().take(limits::LABEL_CHARS).collect();
    format!("{path}/{}", short.replace('~', "~0").replace('/', "~1"))
}
