//! Definitions: read, judged, and what they refer to.

use std::collections::BTreeMap;

use gatehouse_flow::definition::Kind;
use gatehouse_flow::{Flow, Problem};
use gatehouse_store::audit::canonical;
use gatehouse_types::{Error, Result, digest};
use serde_json::{Value, json};

/// Problems that a refusal names at most; the validation tells all.
const NAMED: usize = 5;

/// What a new flow is when nothing is said: it begins and ends.
pub(crate) fn empty() -> Value {
    json!({
        "nodes": [{"id": "start", "kind": "start"}, {"id": "end", "kind": "end"}],
        "edges": [{"from": "start", "to": "end"}],
    })
}

/// A definition that can run.
///
/// # Errors
/// `Validation` names the first problems.
pub(crate) fn judged(definition: &Value) -> Result<Flow> {
    Flow::read(definition).map_err(|problems| refused("definition", &problems))
}

/// A refusal that names the first problems under a field.
pub(crate) fn refused(field: &str, problems: &[Problem]) -> Error {
    let path = problems.first().map(|p| p.path.as_str()).unwrap_or_default();
    let named: Vec<_> = problems.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match problems.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Error::validation(format!("{field}{path}"), format!("{}{more}.", named.join("; ")))
}

/// SHA-256 of a definition, whatever the order of its keys.
pub(crate) fn digest_of(definition: &Value) -> String {
    digest(&canonical(definition))
}

/// Something outside that a definition refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outside {
    Connector,
    Profile,
    Script,
}

impl Outside {
    /// The word of packages and of what is missing.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::Profile => "authProfile",
            Self::Script => "script",
        }
    }

    /// The key under which nodes have the id.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Connector => "connectorId",
            Self::Profile => "authProfileId",
            Self::Script => "scriptId",
        }
    }
}

/// One use of something outside.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// The node.
    pub(crate) node: String,
    /// The action of a connector.
    pub(crate) action: Option<String>,
}

/// Everything outside that a flow refers to, with the nodes that do.
pub(crate) fn uses(flow: &Flow) -> BTreeMap<(Outside, String), Vec<Use>> {
    let mut found: BTreeMap<(Outside, String), Vec<Use>> = BTreeMap::new();
    for node in flow.nodes() {
        let (outside, id, action) = match &node.kind {
            Kind::Connector(c) => (Outside::Connector, c.connector_id.clone(), Some(c.action.clone())),
            Kind::Function(f) => (Outside::Script, f.script_id.clone(), None),
            Kind::Api(api) => match &api.request.auth_profile_id {
                Some(id) => (Outside::Profile, id.clone(), None),
                None => continue,
            },
            _ => continue,
        };
        found.entry((outside, id)).or_default().push(Use { node: node.id.clone(), action });
    }
    found
}

/// Whether a definition, even one that cannot run, names a connector or profile.
pub(crate) fn refers(definition: &Value, id: &str) -> bool {
    match definition {
        Value::Object(members) => members.iter().any(|(key, value)| {
            let is_reference = [Outside::Connector, Outside::Profile].iter().any(|o| o.key() == key);
            (is_reference && value == id) || refers(value, id)
        }),
        Value::Array(items) => items.iter().any(|item| refers(item, id)),
        _ => false,
    }
}

/// Puts other ids in the place of those outside.
pub(crate) fn replace(definition: &mut Value, ids: &BTreeMap<(Outside, String), String>) {
    match definition {
        Value::Object(members) => {
            for (key, value) in members {
                let outside = [Outside::Connector, Outside::Profile, Outside::Script]
                    .into_iter()
                    .find(|o| o.key() == key);
                match (outside, &mut *value) {
                    (Some(outside), Value::String(id)) => {
                        if let Some(other) = ids.get(&(outside, id.clone())) {
                            id.clone_from(other);
                        }
                    }
                    (_, value) => replace(value, ids),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, ids)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_is_found_and_replaced() {
        let mut definition = json!({
            "nodes": [
                {"id": "start", "kind": "start"},
                {"id": "each", "kind": "loop", "items": "{{ input.list }}", "body": {"nodes": [
                    {"id": "ask", "kind": "connector", "connectorId": "cnr_1", "action": "a"}], "edges": []}},
                {"id": "call", "kind": "api", "request": {"method": "GET", "url": "https://a.example/",
                    "authProfileId": "apr_1"}},
                {"id": "end", "kind": "end"}],
            "edges": [{"from": "start", "to": "each"}, {"from": "each", "to": "call"}, {"from": "call", "to": "end"}],
        });
        let found = uses(&judged(&definition).unwrap());
        let keys: Vec<_> = found.keys().map(|(outside, id)| (outside.word(), id.as_str())).collect();
        assert_eq!(keys, [("connector", "cnr_1"), ("authProfile", "apr_1")]);
        assert!(refers(&definition, "cnr_1") && refers(&definition, "apr_1") && !refers(&definition, "each"));
        let other = [((Outside::Connector, "cnr_1".to_owned()), "cnr_2".to_owned())].into();
        replace(&mut definition, &other);
        assert_eq!(definition["nodes"][1]["body"]["nodes"][0]["connectorId"], "cnr_2");
        assert_eq!(definition["nodes"][2]["request"]["authProfileId"], "apr_1");
    }

    #[test]
    fn a_refusal_names_the_place() {
        let error = judged(&json!({"nodes": [], "edges": [], "colour": 1})).unwrap_err();
        assert!(error.field().unwrap().starts_with("definition"), "{error:?}");
    }
}
