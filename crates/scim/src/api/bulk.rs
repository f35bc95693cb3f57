//! Bulk requests over HTTP (RFC 7644 §3.7): each operation is a call of its own, in a transaction of its own.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::answer::Answer;
use super::endpoint::{Call, dispatch_resource, wrong_method};
use crate::Scim;
use crate::protocol::ScimError;
use crate::protocol::bulk::{self, Operation, RESPONSE, order, resolved, resolved_path};
use crate::refused::{Refused, ScimResult};

/// What waits for something that another operation makes: members of a group, each by its bulkId.
type Deferred = Vec<(String, String)>;

struct Running<'a> {
    scim: &'a Scim,
    call: &'a Call,
    /// The ids of what was made, by bulkId.
    known: BTreeMap<String, String>,
    deferred: Deferred,
}

pub(super) async fn answer(scim: &Scim, call: &Call) -> ScimResult<Answer> {
    if call.method != Method::POST {
        return Err(wrong_method());
    }
    let request = bulk::parse(&call.body)?;
    let all = &request.operations;
    // the request itself is counted already
    scim.count_requests(&call.actor, all.len().saturating_sub(1))?;
    let makers: BTreeSet<&str> = all.iter().filter_map(|o| o.bulk_id.as_deref()).collect();
    let mut running = Running { scim, call, known: BTreeMap::new(), deferred: Vec::new() };
    let mut answers: BTreeMap<usize, Value> = BTreeMap::new();
    let mut failures = 0_u64;
    for n in order(all) {
        if request.fail_on_errors.is_some_and(|most| failures >= most) {
            break;
        }
        let Some(operation) = all.get(n) else { continue };
        let done = running.carry_out(operation, &makers).await;
        failures += u64::from(done.is_err());
        answers.insert(n, running.told(operation, done));
    }
    running.join_deferred().await?;
    Ok(Answer::ok(json!({"schemas": [RESPONSE], "Operations": answers.into_values().collect::<Vec<_>>()})))
}

fn unknown(id: &str) -> ScimError {
    let detail = format!("Nothing was made under the bulkId {id}.");
    ScimError { status: 409, ..ScimError::invalid_value(detail) }
}

impl Running<'_> {
    async fn carry_out(&mut self, operation: &Operation, makers: &BTreeSet<&str>) -> ScimResult<Answer> {
        let mut data = operation.data.clone();
        let waiting = match operation.method.as_str() {
            "POST" => take_waiting(&mut data, &self.known, makers),
            _ => Vec::new(),
        };
        let data = resolved(&data, &self.known).map_err(|id| unknown(&id))?;
        let path = resolved_path(&operation.path, &self.known).map_err(|id| unknown(&id))?;
        let answer = self.one(&operation.method, &path, operation.version.as_deref(), data).await?;
        let made = answer.body.as_ref().and_then(|b| b["id"].as_str()).map(str::to_owned);
        if let (Some(bulk_id), Some(id)) = (&operation.bulk_id, made) {
            self.deferred.extend(waiting.into_iter().map(|w| (id.clone(), w)));
            self.known.insert(bulk_id.clone(), id);
        }
        Ok(answer)
    }

    async fn one(&self, method: &str, path: &str, version: Option<&str>, body: Value) -> ScimResult<Answer> {
        let mut headers = HeaderMap::new();
        if let Some(version) = version.and_then(|v| HeaderValue::from_str(v).ok()) {
            headers.insert(header::IF_MATCH, version);
        }
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q.to_owned())));
        let call = Call {
            actor: self.call.actor.clone(),
            method: method.parse().unwrap_or(Method::GET),
            path: path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            query,
            headers,
            body,
        };
        dispatch_resource(self.scim, &call).await
    }

    /// Members who did not exist when their group was made, because the two refer to each other in a circle.
    async fn join_deferred(&self) -> ScimResult<()> {
        for (group, waiting) in &self.deferred {
            let Some(id) = self.known.get(waiting) else { continue };
            let add = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": id}]}]});
            self.one("PATCH", &format!("/Groups/{group}"), None, add).await?;
        }
        Ok(())
    }

    fn told(&self, operation: &Operation, done: Result<Answer, Refused>) -> Value {
        let mut told = json!({"method": operation.method});
        if let Some(id) = &operation.bulk_id {
            told["bulkId"] = json!(id);
        }
        match done {
            Err(refused) => {
                let (status, body) = refused.shown();
                told["status"] = json!(status.to_string());
                told["response"] = body;
                if operation.method != "POST" {
                    told["location"] =
                        json!(format!("{}{}", super::discovery::base(self.scim), operation.path));
                }
            }
            Ok(answer) => {
                told["status"] = json!(answer.status.to_string());
                let header = |name| answer.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
                if let Some(version) = header(header::ETAG) {
                    told["version"] = json!(version);
                }
                let path = resolved_path(&operation.path, &self.known).unwrap_or_default();
                let place = header(header::LOCATION);
                let place = place.unwrap_or_else(|| format!("{}{path}", super::discovery::base(self.scim)));
                told["location"] = json!(place);
            }
        }
        told
    }
}

/// Takes those members out of a new group who are still to be made by other operations; the answer names them.
fn take_waiting(data: &mut Value, known: &BTreeMap<String, String>, makers: &BTreeSet<&str>) -> Vec<String> {
    let Some(members) = data.get_mut("members").and_then(Value::as_array_mut) else { return Vec::new() };
    let mut waiting = Vec::new();
    members.retain(|member| {
        let reference = member["value"].as_str().and_then(|v| v.strip_prefix("bulkId:"));
        match reference.filter(|id| !known.contains_key(*id) && makers.contains(id)) {
            Some(id) => {
                waiting.push(id.to_owned());
                false
            }
            None => true,
        }
    });
    waiting
}
