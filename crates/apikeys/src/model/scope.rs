//! What an app may be given: the ten scopes of the platform, those of a workspace's own product, and a few of Gatehouse.

use gatehouse_types::{ControlScope, Error, Result, Timestamp};

/// Scopes of one app at most.
pub(crate) const MAX_SCOPES: usize = 200;
/// The longest id of a scope, in characters.
const MAX_ID: usize = 64;
/// The longest name and the longest description of a scope, in characters.
const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 300;

/// A scope of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BuiltIn {
    /// `resource:action`.
    pub(crate) id: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

const fn built_in(id: &'static str, name: &'static str, description: &'static str) -> BuiltIn {
    BuiltIn { id, name, description }
}

/// The ten scopes, in the order in which they are shown.
pub(crate) const BUILT_IN: [BuiltIn; 10] = [
    built_in("workflow:deploy", "Deploy workflow", "Put a workflow into service."),
    built_in("workflow:undeploy", "Undeploy workflow", "Take a workflow out of service."),
    built_in("model:deploy", "Deploy Model", "Put a model into service that is ready for it."),
    built_in("model:undeploy", "Undeploy Model", "Take a model out of service."),
    built_in("model:import", "Import Model", "Bring a model in, in parts."),
    built_in("workflow:import", "Import workflow", "Make a workflow of an exported one."),
    built_in("model:export", "Export Model", "Take a copy of a trained model."),
    built_in("workflow:export", "Export workflow", "Take a copy of a workflow with its data."),
    built_in("guardrail:deploy", "Deploy Guardrails", "Put a guardrail into service."),
    built_in("guardrail:undeploy", "Undeploy Guardrails", "Take a guardrail out of service."),
];

/// Beginnings that a workspace's own scopes may not have: they are the platform's and Gatehouse's.
const RESERVED: [&str; 13] = [
    "workflow",
    "model",
    "guardrail",
    "flow",
    "flows",
    "script",
    "keys",
    "audit",
    "decisions",
    "members",
    "scim",
    "sso",
    "api-apps",
];

/// A scope of a workspace's own product.
#[derive(Clone, Debug)]
pub(crate) struct OwnScope {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: Option<String>,
}

/// What people call a scope, if it is not of a workspace.
pub(crate) fn name_of(id: &str) -> Option<&'static str> {
    let built_in = BUILT_IN.iter().find(|s| s.id == id).map(|s| s.name);
    built_in.or_else(|| id.parse::<ControlScope>().ok().map(ControlScope::label))
}

/// Whether a text has the shape of a scope: two or more words joined by colons, of small letters, digits, `.`, `_`, `-`.
pub(crate) fn is_shaped(text: &str) -> bool {
    let word = |w: &str| {
        w.starts_with(|c: char| c.is_ascii_lowercase())
            && w.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    };
    text.len() <= MAX_ID && text.contains(':') && text.split(':').all(word)
}

/// A scope of a workspace's own, checked.
pub(crate) fn checked_own(id: &str, name: &str, description: &str) -> Result<(String, String, String)> {
    let (id, name, description) = (id.trim(), name.trim(), description.trim());
    if !is_shaped(id) {
        let message = "A scope is written like orders:read: small letters, digits, dots, dashes, at most 64 characters.";
        return Err(Error::validation("id", message));
    }
    if id.split(':').next().is_some_and(|first| RESERVED.contains(&first)) {
        return Err(Error::validation("id", "This beginning is taken by the product. Choose another one."));
    }
    let line = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    if name.is_empty() || !line(name, MAX_NAME) {
        return Err(Error::validation("name", "The name must be one line of 1 to 100 characters."));
    }
    if !line(description, MAX_DESCRIPTION) {
        return Err(Error::validation(
            "description",
            "The description must be one line of at most 300 characters.",
        ));
    }
    Ok((id.to_owned(), name.to_owned(), description.to_owned()))
}

/// The scopes that an app is given, each once and in order; `own` are the workspace's.
pub(crate) fn checked(scopes: &[String], own: &[String]) -> Result<Vec<String>> {
    let mut all: Vec<String> = scopes.iter().map(|s| s.trim().to_owned()).collect();
    all.sort_unstable();
    all.dedup();
    if all.len() > MAX_SCOPES {
        return Err(Error::validation("scopes", "An app has at most 200 scopes."));
    }
    match all.iter().find(|s| name_of(s).is_none() && !own.contains(s)) {
        Some(unknown) if is_shaped(unknown) => Err(Error::validation(
            "scopes",
            format!("There is no scope {unknown}. GET /api/v1/api-scopes lists them."),
        )),
        Some(_) => {
            Err(Error::validation("scopes", "There is no such scope. GET /api/v1/api-scopes lists them."))
        }
        None => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_of_ones_own_is_two_words_and_none_of_ours() {
        assert!(checked_own("orders:read", "Read orders", "").is_ok());
        assert!(checked_own("shop.eu:orders:read-all", "x", "").is_ok());
        for wrong in
            ["orders", "Orders:read", "orders:", ":read", "or ders:read", "workflow:rename", "keys:x"]
        {
            assert!(checked_own(wrong, "x", "").is_err(), "{wrong}");
        }
        assert!(
            checked_own("orders:read", "", "").is_err() && checked_own("orders:read", "a\nb", "").is_err()
        );
    }

    #[test]
    fn an_app_has_each_scope_once() {
        let list = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let own = list(&["orders:read"]);
        let scopes = list(&["workflow:deploy", "orders:read", "workflow:deploy", "keys:verify"]);
        assert_eq!(checked(&scopes, &own).unwrap(), ["keys:verify", "orders:read", "workflow:deploy"]);
        assert!(checked(&list(&["orders:write"]), &own).is_err());
    }

    #[test]
    fn the_ten_scopes_are_those_of_the_platform() {
        assert!(BUILT_IN.iter().all(|s| is_shaped(s.id)));
        assert_eq!(name_of("guardrail:undeploy"), Some("Undeploy Guardrails"));
    }
}
