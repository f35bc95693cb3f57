//! Bulk requests (RFC 7644 §3.7): many operations in one, which may refer to what others of them make.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::ScimError;
use super::patch::member;

/// The URN of requests.
pub const REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The URN of answers.
pub const RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// Operations of one request at most.
pub const MAX_OPERATIONS: usize = 1_000;
/// The largest request, in bytes.
pub const MAX_PAYLOAD: usize = 4 * 1024 * 1024;
/// What a reference to another operation begins with.
const REFERENCE: &str = "bulkId:";
/// How deep a value is looked into for references.
const MAX_DEPTH: usize = 16;

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The name by which others refer to what it makes.
    pub bulk_id: Option<String>,
    /// Where, below the base.
    pub path: String,
    /// The version that is expected.
    pub version: Option<String>,
    /// The body.
    pub data: Value,
}

/// A whole request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The operations, as sent.
    pub operations: Vec<Operation>,
    /// After how many failures nothing more is done.
    pub fail_on_errors: Option<u64>,
}

/// Reads a request.
///
/// # Errors
/// `invalidSyntax`, `invalidValue`; 413 for too many operations.
pub fn parse(body: &Value) -> Result<Request, ScimError> {
    let body =
        body.as_object().ok_or_else(|| ScimError::invalid_syntax("The body must be a JSON object."))?;
    let sent = member(body, "Operations").and_then(Value::as_array);
    let sent = sent.ok_or_else(|| ScimError::invalid_syntax("A bulk request needs Operations, a list."))?;
    if sent.len() > MAX_OPERATIONS {
        return Err(ScimError::new(413, format!("A bulk request has at most {MAX_OPERATIONS} operations.")));
    }
    let operations = sent.iter().map(operation).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = operations.iter().filter_map(|o| o.bulk_id.as_ref()).find(|id| !seen.insert(*id)) {
        return Err(ScimError::invalid_value(format!("The bulkId {twice} is used twice.")));
    }
    let fail_on_errors = member(body, "failOnErrors").and_then(Value::as_u64).filter(|n| *n > 0);
    Ok(Request { operations, fail_on_errors })
}

fn operation(sent: &Value) -> Result<Operation, ScimError> {
    let wrong =
        || ScimError::invalid_syntax("Each operation needs method (POST, PUT, PATCH, DELETE) and path.");
    let sent = sent.as_object().ok_or_else(wrong)?;
    let text = |name: &str| member(sent, name).and_then(Value::as_str).map(str::to_owned);
    let method = text("method").map(|m| m.to_ascii_uppercase()).unwrap_or_default();
    let path = text("path").filter(|p| p.starts_with('/')).ok_or_else(wrong)?;
    if !["POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
        return Err(wrong());
    }
    let bulk_id = text("bulkId").filter(|id| !id.is_empty());
    if method == "POST" && bulk_id.is_none() {
        return Err(ScimError::invalid_syntax("A POST in a bulk request needs a bulkId."));
    }
    let data = member(sent, "data").cloned().unwrap_or_default();
    Ok(Operation { method, bulk_id, path, version: text("version"), data })
}

/// The bulkIds that an operation refers to.
pub fn references(operation: &Operation) -> BTreeSet<&str> {
    let mut found: BTreeSet<_> =
        operation.path.split('/').filter_map(|part| part.strip_prefix(REFERENCE)).collect();
    collect(&operation.data, 0, &mut found);
    found
}

fn collect<'a>(value: &'a Value, depth: usize, found: &mut BTreeSet<&'a str>) {
    match value {
        _ if depth > MAX_DEPTH => {}
        Value::String(text) => found.extend(text.strip_prefix(REFERENCE)),
        Value::Array(all) => all.iter().for_each(|v| collect(v, depth + 1, found)),
        Value::Object(members) => members.values().for_each(|v| collect(v, depth + 1, found)),
        _ => {}
    }
}

/// The order in which operations can be carried out: each behind those it refers to, else as they were sent. Those that
/// refer to each other in a circle come last.
pub fn order(operations: &[Operation]) -> Vec<usize> {
    let makers: BTreeMap<&str, usize> =
        operations.iter().enumerate().filter_map(|(n, o)| Some((o.bulk_id.as_deref()?, n))).collect();
    let needs: Vec<BTreeSet<usize>> = operations
        .iter()
        .enumerate()
        .map(|(n, o)| {
            references(o).into_iter().filter_map(|id| makers.get(id).copied()).filter(|m| *m != n).collect()
        })
        .collect();
    let (mut order, mut done) = (Vec::with_capacity(operations.len()), BTreeSet::new());
    while order.len() < operations.len() {
        let waiting = (0..operations.len()).filter(|n| !done.contains(n));
        let ready: Vec<_> = waiting.clone().filter(|n| needs[*n].iter().all(|m| done.contains(m))).collect();
        let next = if ready.is_empty() { waiting.collect() } else { ready };
        // one at a time where there is a circle: the first may free the others
        let is_circle = next.iter().any(|n| !needs[*n].iter().all(|m| done.contains(m)));
        for n in next.into_iter().take(if is_circle { 1 } else { usize::MAX }) {
            order.push(n);
            done.insert(n);
        }
    }
    order
}

/// A value with its references replaced by the ids that are known by now; `Err` names one that is not.
///
/// # Errors
/// The bulkId of which nothing was made.
pub fn resolved(value: &Value, known: &BTreeMap<String, String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => match text.strip_prefix(REFERENCE) {
            Some(id) => Value::String(known.get(id).cloned().ok_or_else(|| id.to_owned())?),
            None => value.clone(),
        },
        Value::Array(all) => Value::Array(all.iter().map(|v| resolved(v, known)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let each = members.iter().map(|(k, v)| Ok((k.clone(), resolved(v, known)?)));
            Value::Object(each.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// The same for a path.
///
/// # Errors
/// As [`resolved`].
pub fn resolved_path(path: &str, known: &BTreeMap<String, String>) -> Result<String, String> {
    let part = |p: &str| match p.strip_prefix(REFERENCE) {
        Some(id) => known.get(id).cloned().ok_or_else(|| id.to_owned()),
        None => Ok(p.to_owned()),
    };
    Ok(path.split('/').map(part).collect::<Result<Vec<_>, _>>()?.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Request {
        parse(&json!({"schemas": [REQUEST], "failOnErrors": 1, "Operations": [
            {"method": "post", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G", "members": [{"value": "bulkId:u"}]}},
            {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "a"}},
            {"method": "PATCH", "path": "/Users/bulkId:u", "data": {}},
        ]}))
        .unwrap()
    }

    #[test]
    fn operations_wait_for_what_they_refer_to() {
        let request = request();
        assert_eq!(order(&request.operations), [1, 0, 2]);
        let known = BTreeMap::from([("u".to_owned(), "usr".to_owned())]);
        let data = resolved(&request.operations[0].data, &known).unwrap();
        assert_eq!(data["members"][0]["value"], "usr");
        assert_eq!(resolved_path(&request.operations[2].path, &known).unwrap(), "/Users/usr");
        assert_eq!(resolved(&json!(["bulkId:x"]), &known), Err("x".to_owned()));
    }

    #[test]
    fn a_circle_does_not_keep_the_others_waiting() {
        let group = |id: &str, member: &str| json!({"method": "POST", "path": "/Groups", "bulkId": id, "data": {"members": [{"value": format!("bulkId:{member}")}]}});
        let request =
            parse(&json!({"Operations": [group("a", "b"), group("b", "a"), group("c", "none")]})).unwrap();
        assert_eq!(order(&request.operations), [2, 0, 1]);
    }

    #[test]
    fn a_request_is_bounded_and_named_once() {
        let post = |id: &str| json!({"method": "POST", "path": "/Users", "bulkId": id});
        assert!(parse(&json!({"Operations": [post("a"), post("a")]})).is_err());
        assert!(parse(&json!({"Operations": [{"method": "POST", "path": "/Users"}]})).is_err());
        assert!(parse(&json!({"Operations": [{"method": "GET", "path": "/Users"}]})).is_err());
        assert!(parse(&json!({"Operations": [{"method": "DELETE", "path": "Users"}]})).is_err());
        let many = vec![post(""); MAX_OPERATIONS + 1];
        assert_eq!(parse(&json!({"Operations": many})).unwrap_err().status, 413);
        assert!(parse(&json!(5)).is_err());
    }
}
