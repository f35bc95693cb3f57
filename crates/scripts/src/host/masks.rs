//! Values of variables stay out of what is kept and told.

use gatehouse_sandbox::Spec;
use zeroize::Zeroizing;

/// The shortest value that is hidden, in bytes: shorter ones stand in every text.
const SHORTEST: usize = 6;

/// The values of a script's variables, longest first: one that holds another goes first.
#[derive(Clone, Default)]
pub(crate) struct Masks(Vec<Zeroizing<String>>);

impl std::fmt::Debug for Masks {
    /// Shows no value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masks({})", self.0.len())
    }
}

impl Masks {
    /// Of the variables of a script.
    pub(crate) fn of(spec: &Spec) -> Self {
        Self::new(spec.environment.iter().map(|(_, value)| value.clone()))
    }

    fn new(values: impl IntoIterator<Item = Zeroizing<String>>) -> Self {
        let mut all: Vec<_> = values.into_iter().filter(|value| value.len() >= SHORTEST).collect();
        all.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(all)
    }

    /// The text with `***` in their place.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| match text.contains(value.as_str()) {
            true => text.replace(value.as_str(), "***"),
            false => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_never_shown() {
        let masks = Masks::new(["s3cret", "s3cret-and-more", "tiny"].map(|v| Zeroizing::new(v.to_owned())));
        assert_eq!(masks.hide("a s3cret-and-more, a s3cret, a tiny one"), "a ***, a ***, a tiny one");
        assert_eq!(format!("{masks:?}"), "Masks(2)");
    }
}
