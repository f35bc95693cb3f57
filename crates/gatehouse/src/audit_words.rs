//! Names of audit events for people, made from their codes: a new event needs no entry anywhere.

use gatehouse_store::audit::Entry;
use serde_json::Value as Json;

/// The longest description, characters.
const MAX_DESCRIPTION: usize = 300;

fn sentence(words: &str) -> String {
    let words = words.replace(['-', '.', '_'], " ");
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

/// `sso.connection-created` → `Connection created`.
pub(crate) fn event_name(event: &str) -> String {
    sentence(event.split_once('.').map_or(event, |(_, rest)| rest))
}

/// The area of an event for people; areas without a name of their own are shown by their code.
pub(crate) fn category(event: &str) -> String {
    category_name(event.split('.').next().unwrap_or_default())
}

/// The name of an area.
pub(crate) fn category_name(area: &str) -> String {
    match area {
        "sso" => "Single sign-on".to_owned(),
        "saml" => "SAML".to_owned(),
        "mfa" | "factor" | "second-factor" => "Second factors".to_owned(),
        "user" => "People".to_owned(),
        other => sentence(other),
    }
}

/// What an entry tells, in one line: whom or what it is about, then its details.
pub(crate) fn description(entry: &Entry) -> String {
    let target = match (&entry.target_kind, &entry.target_id) {
        (Some(kind), Some(id)) => vec![format!("{} {id}", sentence(kind))],
        _ => Vec::new(),
    };
    let details = entry.details.as_object().into_iter().flatten();
    let parts: Vec<_> =
        target.into_iter().chain(details.map(|(k, v)| format!("{k}: {}", plain(v)))).collect();
    let text = parts.join("; ");
    if text.chars().count() <= MAX_DESCRIPTION {
        return text;
    }
    text.chars().take(MAX_DESCRIPTION).chain(['…']).collect()
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "none".to_owned(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => gatehouse_store::audit::canonical(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_names_for_people() {
        assert_eq!(event_name("sso.connection-created"), "Connection created");
        assert_eq!(
            (category("sso.enabled"), category("session.started")),
            ("Single sign-on".into(), "Session".into())
        );
        assert_eq!(event_name("odd"), "Odd");
    }
}
