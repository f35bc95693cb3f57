//! Names and texts of a document as those of a connector type.

use crate::limits::{LABEL_CHARS, NAME_BYTES};
use crate::words::is_key;
use crate::{Key, Slug};

/// Names that stand for what authentication gives.
const RESERVED: [&str; 4] = ["access_token", "session_value", "jwt", "redirect_uri"];

/// The words of a name: at separators, and where small letters or digits are followed by a capital.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before_small = false;
    for c in name.chars().take(4 * NAME_BYTES) {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before_small) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
        before_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Cut off at a length in bytes; all of it is ASCII.
fn cut(mut text: String, most: usize, separator: char) -> String {
    text.truncate(most);
    text.trim_matches(separator).to_owned()
}

/// An id made from a name, `fallback` where nothing is left of it.
pub(super) fn slug(name: &str, fallback: &str) -> Slug {
    numbered_slug(name, fallback, 1)
}

fn numbered_slug(name: &str, fallback: &str, number: usize) -> Slug {
    let made = cut(words(name).join("-"), NAME_BYTES - 6, '-');
    let base = if made.is_empty() { fallback.to_owned() } else { made };
    let text = if number == 1 { base } else { format!("{base}-{number}") };
    Slug::try_from(text).unwrap_or_else(|_| Slug::fixed("unnamed"))
}

/// An id that is not among those that are taken.
pub(super) fn new_slug(name: &str, fallback: &str, taken: impl Fn(&str) -> bool) -> Slug {
    let free = (1..10_000).map(|number| numbered_slug(name, fallback, number));
    free.into_iter().find(|slug| !taken(slug.as_str())).unwrap_or_else(|| slug(name, fallback))
}

/// A key that is neither taken nor ours.
pub(super) fn new_key(name: &str, fallback: &str, taken: impl Fn(&str) -> bool) -> Key {
    let made = cut(words(name).join("_"), NAME_BYTES - 8, '_');
    let base = match made.as_str() {
        "" => fallback.to_owned(),
        made if is_key(made) => made.to_owned(),
        made => format!("{}_{made}", fallback.chars().next().unwrap_or('x')),
    };
    let free = (1..10_000).map(|number| if number == 1 { base.clone() } else { format!("{base}_{number}") });
    let found = free.into_iter().find(|key| !RESERVED.contains(&key.as_str()) && !taken(key));
    Key::try_from(found.unwrap_or(base)).unwrap_or_else(|_| Key::fixed("unnamed"))
}

/// A text as one line of at most so many characters; `None` where nothing is left.
pub(super) fn line(text: &str, most: usize) -> Option<String> {
    let mut line = String::new();
    let mut long = text.len() > 16 * most;
    let end = (0..=text.len().min(16 * most)).rev().find(|at| text.is_char_boundary(*at));
    let text = &text[..end.unwrap_or_default()];
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if line.len() > 4 * most {
            long = true;
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if long || line.chars().count() > most {
        line = line.chars().take(most.saturating_sub(1)).collect();
        line.truncate(line.trim_end().len());
        line.push('…');
    }
    (!line.is_empty()).then_some(line)
}

/// A label from a technical name: `petId` → `Pet id`.
pub(super) fn label(name: &str) -> String {
    let text = words(name).join(" ");
    let mut letters = text.chars();
    let made: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    line(&made, LABEL_CHARS).unwrap_or_else(|| "Unnamed".to_owned())
}

/// A text whose braces stand for themselves in a template.
pub(super) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids_and_keys() {
        for (name, expected) in [
            ("listPets", "list-pets"),
            ("GET /pets/{petId}", "get-pets-pet-id"),
            ("users/list_all.v2", "users-list-all-v2"),
            ("ÄÖ", "x"),
            ("--a--", "a"),
        ] {
            assert_eq!(slug(name, "x").as_str(), expected, "{name}");
        }
        for (name, expected) in
            [("petId", "pet_id"), ("X-Rate", "x_rate"), ("2fa", "p_2fa"), ("$top", "top"), ("jwt", "jwt_2")]
        {
            assert_eq!(new_key(name, "parameter", |_| false).as_str(), expected, "{name}");
        }
        assert_eq!(new_key("id", "p", |key| key == "id").as_str(), "id_2");
        assert_eq!(slug(&"a".repeat(500), "x").as_str().len(), NAME_BYTES - 6);
    }

    #[test]
    fn texts_become_lines() {
        assert_eq!(line(" a\n\tb \u{0}", 9).as_deref(), Some("a b"));
        assert_eq!(line("abcdef", 3).as_deref(), Some("ab…"));
        assert_eq!(line(" \n", 9), None);
        assert_eq!(label("petId"), "Pet id");
    }
}
