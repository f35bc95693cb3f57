//! What an answer of a product means, by the rules of its type.

use gatehouse_catalogue::{Action, ErrorRules, Pointer};
use gatehouse_types::Secret;
use serde_json::Value;

use super::outline::shortened;

/// The longest message of a product that is repeated, in characters.
const MAX_MESSAGE: usize = 500;

/// The product's own words about a failure, as they came.
fn said(rules: &ErrorRules, body: &Value) -> Option<String> {
    let at = |pointer: &Pointer| match body.pointer(pointer.as_str())? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    };
    rules.message.iter().find_map(at)
}

/// The same for people: without what is hidden, which is masked before anything is cut off, so that no part of it stays.
pub(crate) fn message(rules: &ErrorRules, body: &Value, hidden: &[Secret]) -> Option<String> {
    Some(shortened(&said(rules, body)?, hidden, MAX_MESSAGE))
}

/// Whether the answer says that the credential is not, or no longer, accepted.
pub(crate) fn is_refused(rules: &ErrorRules, status: u16, body: &Value) -> bool {
    if rules.auth_status.contains(&status) {
        return true;
    }
    !rules.auth_messages.is_empty()
        && said(rules, body)
            .is_some_and(|m| rules.auth_messages.iter().any(|known| m.contains(known.as_str())))
}

/// Whether a good status is a failure all the same.
pub(crate) fn is_failure(rules: &ErrorRules, status: u16, body: &Value) -> bool {
    !(200..300).contains(&status) || says_failure(rules, body)
}

/// Whether an answer says itself that it is a failure, whatever its status.
pub(crate) fn says_failure(rules: &ErrorRules, body: &Value) -> bool {
    rules
        .failed_when
        .as_ref()
        .is_some_and(|test| body.pointer(test.pointer.as_str()).is_some_and(|found| *found == test.equals))
}

/// The useful part of an answer.
pub(crate) fn output(action: &Action, body: Value) -> Value {
    match &action.output {
        None => body,
        Some(pointer) => body.pointer(pointer.as_str()).cloned().unwrap_or(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(toml: &str) -> ErrorRules {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn a_refused_credential_is_known_by_status_or_message() {
        let plain = rules("message = [\"/error\"]");
        assert!(is_refused(&plain, 401, &Value::Null) && !is_refused(&plain, 403, &Value::Null));
        let odd = rules("auth_status = []\nauth_messages = [\"INVALID_SESSION\"]\nmessage = [\"/0/code\"]");
        assert!(is_refused(&odd, 400, &json!([{"code": "INVALID_SESSION_ID"}])));
        assert!(!is_refused(&odd, 401, &json!([{"code": "OTHER"}])));
    }

    #[test]
    fn a_good_status_can_be_a_failure() {
        let slack = rules("failed_when = { pointer = \"/ok\", equals = false }\nmessage = [\"/error\"]");
        assert!(is_failure(&slack, 200, &json!({"ok": false, "error": "x"})));
        assert!(!is_failure(&slack, 200, &json!({"ok": true})));
        assert!(is_failure(&slack, 500, &json!({"ok": true})));
        assert_eq!(message(&slack, &json!({"error": "no\nway"}), &[]).as_deref(), Some("noway"));
    }

    #[test]
    fn a_secret_at_the_cut_is_masked_whole() {
        let slack = rules("message = [\"/error\"]");
        let words = format!("{}hush-hush-secret", "x".repeat(MAX_MESSAGE - 6));
        let told = message(&slack, &json!({"error": words}), &[Secret::new("hush-hush-secret")]).unwrap();
        assert!(!told.contains("hush") && told.chars().count() == MAX_MESSAGE, "{told}");
    }
}
