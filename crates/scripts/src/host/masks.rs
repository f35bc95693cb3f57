//! Values of variables stay out of what is kept and told.

use gatehouse_sandbox::Spec;
use zeroize::Zeroizing;

/// The shortest value that is hidden, in bytes: shorter ones stand in every text.
const SHORTEST: usize = 6;
/// Forms that are looked for at most; of more, the longest.
const MAX_FORMS: usize = 2_000;

/// The values of a script's variables in the forms in which they are written: as they are, line by line, and as JSON has
/// them. Longest first: one that holds another goes first.
#[derive(Clone, Default)]
pub(crate) struct Masks(Vec<Zeroizing<String>>);

impl std::fmt::Debug for Masks {
    /// Shows no value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Masks({})", self.0.len())
    }
}

/// A text as JSON has it, without the quotes around it.
fn as_json(text: &str) -> Option<Zeroizing<String>> {
    let quoted = Zeroizing::new(serde_json::to_string(text).ok()?);
    quoted.get(1..quoted.len().checked_sub(1)?).map(|inner| Zeroizing::new(inner.to_owned()))
}

impl Masks {
    /// Of the variables of a script.
    pub(crate) fn of(spec: &Spec) -> Self {
        Self::new(spec.environment.iter().map(|(_, value)| value.clone()))
    }

    fn new(values: impl IntoIterator<Item = Zeroizing<String>>) -> Self {
        let mut all = Vec::new();
        for value in values {
            // logs come line by line
            let lines = value.lines().map(|line| Zeroizing::new(line.trim().to_owned()));
            let plain: Vec<_> = lines.chain([value.clone()]).collect();
            all.extend(plain.iter().filter_map(|form| as_json(form)));
            all.extend(plain);
        }
        all.retain(|form| form.len() >= SHORTEST);
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        all.truncate(MAX_FORMS);
        Self(all)
    }

    /// The text with `***` in their place, and without U+0000, which no database keeps.
    pub(crate) fn hide(&self, text: &str) -> String {
        let text = text.replace('\0', "\u{FFFD}");
        self.0.iter().fold(text, |text, value| match text.contains(value.as_str()) {
            true => text.replace(value.as_str(), "***"),
            false => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks<const N: usize>(values: [&str; N]) -> Masks {
        Masks::new(values.map(|v| Zeroizing::new(v.to_owned())))
    }

    #[test]
    fn values_are_hidden_and_never_shown() {
        let masks = masks(["s3cret", "s3cret-and-more", "tiny"]);
        assert_eq!(masks.hide("a s3cret-and-more, a s3cret, a tiny one"), "a ***, a ***, a tiny one");
        assert_eq!(format!("{masks:?}"), "Masks(2)");
    }

    #[test]
    fn a_value_of_several_lines_is_hidden_line_by_line_and_as_json() {
        let masks = masks(["-----BEGIN KEY-----\nabc\"defgh\n  xyz  \n-----END KEY-----"]);
        assert_eq!(masks.hide("-----BEGIN KEY-----"), "***");
        assert_eq!(masks.hide("line abc\"defgh"), "line ***");
        assert_eq!(masks.hide(r#"{"k":"abc\"defgh"}"#), r#"{"k":"***"}"#);
        let whole = r#"{"k":"-----BEGIN KEY-----\nabc\"defgh\n  xyz  \n-----END KEY-----"}"#;
        assert_eq!(masks.hide(whole), r#"{"k":"***"}"#);
    }

    #[test]
    fn what_no_database_keeps_is_replaced() {
        assert_eq!(Masks::default().hide("a\0b"), "a\u{FFFD}b");
    }
}
