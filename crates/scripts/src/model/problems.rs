use std::borrow::Cow;
use std::fmt;

use gatehouse_types::Error;

/// What is wrong about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field as the API names it; members of an object after a dot.
    pub field: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// A sentence for people: what is wrong, what would do.
    pub message: Cow<'static, str>,
}

/// What is wrong about all fields, told at once; never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing wrong so far.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// One thing more.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) {
        self.0.push(Problem { field: field.into(), code, message: message.into() });
    }

    /// The value, or what is wrong while reading it, which is kept.
    pub fn keep<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Self(mut more)) => {
                self.0.append(&mut more);
                None
            }
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is wrong, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// One thing wrong.
    pub fn one(field: impl Into<String>, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut problems = Self::none();
        problems.add(field, code, message);
        problems
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        let fields = problems.0.into_iter().map(|p| (p.field, p.message.into_owned())).collect();
        Self::validations(fields).unwrap_or_else(|| Self::invalid_request("The request is not understood."))
    }
}
