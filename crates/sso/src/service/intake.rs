//! Sign-ins that are refused before there is a response to judge.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{Actor, DecisionId, Error, Id, Kind, Result};
use serde_json::json;

use super::connections::object;
use super::login::Endpoint;
use crate::Sso;
use crate::model::{Attempt, Connection, Flow};
use crate::store::{attempts, connections};

impl Sso {
    /// Leaves the attempt of a post that holds no response, where the address says whose it is; hands the failure on
    /// with the decision's number.
    ///
    /// # Errors
    /// Always: the failure itself, or the database's.
    pub async fn refuse_post<T>(&self, actor: &Actor, endpoint: &Endpoint, failure: Error) -> Result<T> {
        let code = match failure.kind() {
            Kind::PayloadTooLarge => "message_too_large",
            _ => "form_invalid",
        };
        let detail = failure.message().to_owned();
        self.refuse_intake(actor, endpoint, code, &detail, failure).await
    }

    pub(super) async fn refuse_intake<T>(
        &self,
        actor: &Actor,
        endpoint: &Endpoint,
        code: &str,
        detail: &str,
        failure: Error,
    ) -> Result<T> {
        let (id, flow) = match endpoint {
            Endpoint::Shared => return Err(failure),
            Endpoint::Own(id) => (id, Flow::SpInitiated),
            Endpoint::IdpInitiated(id) => (id, Flow::IdpInitiated),
        };
        let Some(connection) = connections::find_anywhere(&mut self.0.store.reader(), id).await? else {
            return Err(failure);
        };
        let check = if code == "form_invalid" { "form" } else { "message" };
        let decision =
            self.leave_refusal(actor, &connection, flow, code, Reason::failed(check, detail)).await?;
        Err(failure.decided(decision))
    }

    /// Leaves attempt, decision and audit entry of a sign-in that was refused without a message.
    ///
    /// # Errors
    /// `RateLimited` when too much of this is recorded already.
    pub(super) async fn leave_refusal(
        &self,
        actor: &Actor,
        connection: &Connection,
        flow: Flow,
        code: &str,
        check: Reason,
    ) -> Result<DecisionId> {
        self.0.refusals.require(&actor.origin.network())?;
        self.0.refusals.require(connection.id.as_str())?;
        let workspace = &connection.workspace_id;
        let mut tx = self.0.store.begin_always().await?;
        let refusal = Refusal {
            action: "session:start",
            object: Some(object(&connection.id)),
            reasons: vec![check.clone()],
        };
        let decision = refuse_in(&mut tx, actor, Some(workspace), refusal).await?;
        let attempt = Attempt {
            reason: Some(code.to_owned()),
            checks: vec![check],
            decision_id: Some(decision.clone()),
            ..self.blank_attempt(actor, connection, flow)
        };
        attempts::insert(&mut tx, workspace, &attempt, None)?;
        let details = json!({"reason": code, "decision": decision, "attemptId": attempt.id, "flow": flow});
        let event = Event::failure("sso.refused", Some(("connection", connection.id.as_str())), details);
        audit::record_in(&mut tx, actor, Some(workspace), event).await?;
        tx.commit().await?;
        Ok(decision)
    }

    /// An attempt of this moment that came to nothing yet.
    pub(super) fn blank_attempt(&self, actor: &Actor, connection: &Connection, flow: Flow) -> Attempt {
        let now = self.0.store.now();
        Attempt {
            id: self.0.store.ids().make(),
            connection_id: connection.id.clone(),
            at: now,
            flow,
            success: false,
            reason: None,
            subject: None,
            email: None,
            checks: Vec::new(),
            facts: None,
            decision_id: None,
            ip: actor.origin.ip.map(|ip| ip.to_string()),
            browser: actor.origin.user_agent.clone(),
            request_id: actor.origin.request_id.to_string(),
            expires_at: now.plus_seconds(attempts::KEPT_DAYS * 86_400),
            has_message: false,
        }
    }
}

/// Takes away what checks found and leaves that they passed: it may be about another company's people.
pub(super) fn without_details(checks: &mut [Reason]) {
    checks.iter_mut().filter(|c| c.ok).for_each(|c| c.detail = "Passed.".to_owned());
}
