//! Secrets in definitions: what an export leaves out, and what whoever builds is warned of.

use gatehouse_flow::redact::{HIDDEN, Redaction, is_secret_name};
use serde::Serialize;
use serde_json::Value;

/// A definition without the secrets that are written in it, and the JSON pointers to where they stood.
pub(crate) fn without(definition: &Value) -> (Value, Vec<String>) {
    let (mut out, mut left_out) = (definition.clone(), Vec::new());
    if let Some(nodes) = out.get_mut("nodes") {
        walk(nodes, "/nodes", false, &mut left_out);
    }
    (out, left_out)
}

/// Something of a definition that works, and should be otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FlowWarning)]
pub(crate) struct Advice {
    /// Where: a JSON pointer (RFC 6901) into the definition.
    pub(crate) path: String,
    /// What is not good about it, and what would be better.
    pub(crate) message: String,
}

/// The secrets that are written in a definition: whoever may see flows reads them.
pub(crate) fn written(definition: &Value) -> Vec<Advice> {
    let advice = |path: String| Advice {
        message: format!(
            "A secret seems to be written at {path}. Everybody who may see flows reads it: keep it in an authorization profile \
             or a connector, or ask for it in a secret input."
        ),
        path,
    };
    without(definition).1.into_iter().map(advice).collect()
}

/// Whether something was put in where an export left a secret out.
pub(crate) fn is_there(definition: &Value, pointer: &str) -> bool {
    match definition.pointer(pointer) {
        Some(Value::String(text)) => !text.is_empty() && !text.contains(HIDDEN),
        // the place is gone, so is what it needed
        _ => true,
    }
}

fn walk(value: &mut Value, path: &str, secret: bool, left_out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            // the default of a field that is secret
            let of_field = members.get("secret") == Some(&Value::Bool(true));
            for (name, member) in members {
                let below = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                let secret = is_secret_name(name) || (of_field && name == "default");
                walk(member, &below, secret, left_out);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}/{n}"), false, left_out);
            }
        }
        Value::String(text) => {
            let shown = if secret && !text.contains("{{") { String::new() } else { shown(text) };
            if shown != *text {
                *text = shown;
                left_out.push(path.to_owned());
            }
        }
        _ => {}
    }
}

/// A text without the credentials in it; expressions stay.
fn shown(text: &str) -> String {
    let hide = Redaction::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let close = rest[open..].find("}}").map_or(rest.len(), |end| open + end + 2);
        out.push_str(&hide.show_text(&rest[..open]));
        out.push_str(&rest[open..close]);
        rest = &rest[close..];
    }
    out.push_str(&hide.show_text(rest));
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_left_out_and_expressions_stay() {
        let definition = json!({"nodes": [
            {"id": "start", "kind": "start", "inputs": [{"name": "pin", "type": "string", "secret": true, "default": "1234"}]},
            {"id": "call", "kind": "api", "request": {"method": "POST", "url": "https://a.example/?token=abc",
                "headers": {"Authorization": "Basic dTpw", "X-Api-Key": "{{ input.key }}", "Accept": "x"},
                "body": {"type": "form", "value": "client_secret=s3&a={{ input.a }}"}}}]});
        let (out, left_out) = without(&definition);
        let text = out.to_string();
        for secret in ["1234", "token=abc", "dTpw", "s3&"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(
            text.contains("{{ input.key }}")
                && text.contains("{{ input.a }}")
                && text.contains("\"Accept\":\"x\"")
        );
        assert_eq!(left_out.len(), 4, "{left_out:?}");
        let advised: Vec<_> = written(&definition).into_iter().map(|advice| advice.path).collect();
        assert_eq!(advised, left_out);
        assert!(written(&out).is_empty());
        for pointer in &left_out {
            assert!(!is_there(&out, pointer) && is_there(&definition, pointer), "{pointer}");
        }
    }
}
