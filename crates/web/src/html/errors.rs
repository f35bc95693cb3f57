use gatehouse_types::Error;

/// What is wrong with the fields of a form that is shown again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors(Vec<(String, String)>);

impl FieldErrors {
    /// Nothing is wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// What is wrong with this field; empty when nothing is.
    pub fn of(&self, field: &str) -> &str {
        self.0.iter().find(|(f, _)| f == field).map_or("", |(_, message)| message)
    }

    /// Notes one more.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push((field.into(), message.into()));
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, as field and message, in the order they were noted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(f, m)| (f.as_str(), m.as_str()))
    }
}

impl From<&Error> for FieldErrors {
    fn from(error: &Error) -> Self {
        let all: Vec<_> = error.fields().map(|(f, m)| (f.to_owned(), m.to_owned())).collect();
        if all.is_empty() { Self(vec![(String::new(), error.message().to_owned())]) } else { Self(all) }
    }
}
