//! Trying out the request of an API node while it is built: the Response tab.

use std::time::{Duration, Instant};

use gatehouse_flow::definition::Kind;
use gatehouse_flow::template::{Reference, Root, Values, walk};
use gatehouse_flow::{fill_request, redact::Redaction};
use gatehouse_identity::require;
use gatehouse_types::{Actor, Error, Permission, Result};
use serde_json::{Value, json};

use crate::Flows;
use crate::drive::{Sender, send};
use crate::model::definition::judged;

/// How long a try may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) status: Option<u16>,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    /// Why nothing came back.
    pub(crate) error: Option<String>,
    pub(crate) duration_ms: i64,
}

/// Values that whoever builds gives for those of a run.
struct Given {
    input: Value,
    steps: Value,
}

impl Values for Given {
    fn get(&self, reference: &Reference) -> Option<Value> {
        match reference.root {
            Root::Input => walk(&self.input, &reference.path).cloned(),
            Root::Steps => walk(&self.steps, &reference.path).cloned(),
            Root::Execution => Some("exe_test".into()),
            Root::Loop => None,
        }
    }
}

impl Flows {
    /// Sends the request of an API node once, with values in the place of a run's.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the request; `Authorization` without the right.
    pub(crate) async fn try_request(
        &self,
        actor: &Actor,
        request: &Value,
        input: Value,
        steps: Value,
    ) -> Result<Tried> {
        let workspace = require(&self.0.store, actor, Permission::EditFlows, None).await?;
        let person = actor.user()?.clone();
        let mut nodes = vec![json!({"id": "start", "kind": "start"})];
        // the steps that the request speaks of come before it
        let spoken = steps.as_object().into_iter().flat_map(|steps| steps.keys());
        nodes.extend(spoken.map(|id| json!({"id": id, "kind": "delay", "seconds": 30})));
        nodes.push(json!({"id": "request-tried", "kind": "api", "request": request}));
        nodes.push(json!({"id": "end", "kind": "end"}));
        let edges: Vec<_> =
            nodes.windows(2).map(|two| json!({"from": two[0]["id"], "to": two[1]["id"]})).collect();
        let flow = judged(&json!({"nodes": nodes, "edges": edges})).map_err(|e| {
            let field = e.field().unwrap_or_default();
            let place = field.split_once("/request").map_or("", |(_, rest)| rest).to_owned();
            Error::validation(format!("request{place}"), e.message().to_owned())
        })?;
        let Some(Kind::Api(api)) = flow.node("request-tried").map(|node| &node.kind) else {
            return Err(Error::validation("request", "This is no request."));
        };
        let ready = fill_request(&api.request, &Given { input, steps }).map_err(|fault| {
            Error::validation("request", format!("The request cannot be filled in: {}.", fault.0))
        })?;
        if actor.origin.dry_run.is_some() {
            return Ok(Tried {
                status: None,
                headers: json!({}),
                body: Value::Null,
                error: None,
                duration_ms: 0,
            });
        }
        self.0.by_hand.require(gatehouse_types::Id::as_str(&person))?;
        let began = Instant::now();
        let by =
            Sender { workspace, acting: Some(&person), cause: "request".to_owned(), key: None, limit: LIMIT };
        let sent = send(self, &by, &ready).await;
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Ok(match sent {
            Ok((answer, _)) => {
                let shown = Redaction::new().show(&answer.output());
                Tried {
                    status: shown["status"].as_u64().and_then(|s| u16::try_from(s).ok()),
                    headers: shown["headers"].clone(),
                    body: shown["body"].clone(),
                    error: None,
                    duration_ms,
                }
            }
            Err(failed) => Tried {
                status: None,
                headers: json!({}),
                body: Value::Null,
                error: Some(failed.message),
                duration_ms,
            },
        })
    }
}
