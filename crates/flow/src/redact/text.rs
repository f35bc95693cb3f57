//! Credentials in texts.

use super::{HIDDEN, is_secret_name};

/// Hides what follows `Bearer` and `Basic`, names and passwords in URLs, and secret parameters of queries.
pub(super) fn credentials(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| !is_word(character)) {
        let (word, after) = rest.split_at(at);
        shown.push_str(word);
        let mut characters = after.chars();
        let separator = characters.next().unwrap_or(' ');
        shown.push(separator);
        rest = characters.as_str();
        let secret = match separator {
            ' ' => matches!(word.to_ascii_lowercase().as_str(), "bearer" | "basic"),
            '=' => is_secret_name(word) && begins_parameter(&shown, word),
            _ => false,
        };
        if secret {
            let end = rest.find(|character: char| ends_secret(character, separator)).unwrap_or(rest.len());
            if end >= 1 && !rest.starts_with(HIDDEN) {
                shown.push_str(HIDDEN);
                rest = &rest[end..];
            }
        } else if separator == ':' && rest.starts_with("//") {
            rest = user_info(rest, &mut shown);
        }
    }
    shown.push_str(rest);
    shown
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

fn begins_parameter(shown: &str, word: &str) -> bool {
    let before = &shown[..shown.len() - word.len() - 1];
    before.is_empty() || before.ends_with(['?', '&', ';'])
}

fn ends_secret(character: char, separator: char) -> bool {
    let ends = character.is_whitespace() || matches!(character, '"' | '\'' | ',' | '<' | '>');
    ends || (separator == '=' && matches!(character, '&' | '#' | ';'))
}

/// Behind `scheme:`; what stands before an @ in the authority is hidden.
fn user_info<'t>(rest: &'t str, shown: &mut String) -> &'t str {
    let authority = &rest[2..];
    let end = authority.find(|c: char| matches!(c, '/' | '?' | '#' | '"') || c.is_whitespace());
    let authority = &authority[..end.unwrap_or(authority.len())];
    match authority.rfind('@') {
        Some(at) => {
            shown.push_str("//");
            shown.push_str(HIDDEN);
            &rest[2 + at..]
        }
        None => rest,
    }
}
