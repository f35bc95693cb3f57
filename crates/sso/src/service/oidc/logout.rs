//! A provider tells that somebody left (OpenID Connect Back-Channel Logout 1.0): the sessions end at once.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{Actor, ConnectionId, Error, Id, Result, digest};
use serde_json::json;

use crate::Sso;
use crate::model::{Attempt, Connection, Flow};
use crate::oidc::Flaw;
use crate::oidc::logout_token::{self, LogoutToken};
use crate::service::connections::{not_found, object};
use crate::store::{attempts, connections, logout, requests};

impl Sso {
    /// Ends the sessions that a logout token is about. A switched off connection still ends sessions: its provider knows
    /// best who has left. An unknown person is answered like a known one.
    ///
    /// # Errors
    /// `NotFound` for an unknown connection or one of another protocol; `InvalidRequest` with the decision for a token
    /// that is not accepted (§2.8: the answer is 400).
    pub async fn backchannel_logout(&self, actor: &Actor, id: &ConnectionId, token: &str) -> Result<()> {
        let found = connections::find_anywhere(&mut self.0.store.reader(), id).await?;
        let connection = found.filter(|c| c.config.oidc().is_some()).ok_or_else(not_found)?;
        let mut checks = Vec::new();
        match self.judged_logout(&connection, token, &mut checks).await? {
            Ok(token) => self.end_sessions(actor, &connection, token, checks).await,
            Err(flaw) => self.refuse_logout_token(actor, &connection, checks, flaw).await,
        }
    }

    async fn judged_logout(
        &self,
        connection: &Connection,
        token: &str,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<LogoutToken, Flaw>> {
        let client = match self.oidc_client(connection).await? {
            Ok(client) => client,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let mut provider = match self.provider(&client).await {
            Ok(provider) => provider,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let parties = (client.issuer.as_str(), client.client_id.as_str());
        let now = self.0.store.now();
        let mut judged = logout_token::judge(token, &provider.keys, parties, now, checks);
        if judged.as_ref().is_err_and(|flaw| flaw.code == "key_unknown") {
            checks.clear();
            provider = self.with_new_keys(&client, provider).await;
            judged = logout_token::judge(token, &provider.keys, parties, now, checks);
        }
        Ok(judged)
    }

    async fn end_sessions(
        &self,
        actor: &Actor,
        connection: &Connection,
        token: LogoutToken,
        mut checks: Vec<Reason>,
    ) -> Result<()> {
        let mut tx = self.0.store.begin_always().await?;
        let used = format!("logout:{}", digest(&token.id));
        if !requests::first_use(&mut tx, &connection.id, &used, token.until).await? {
            tx.rollback().await?;
            let detail = "This logout token ended sessions before; each counts once.";
            let flaw = Flaw::new("replayed", "single use", detail);
            return self.refuse_logout_token(actor, connection, checks, flaw).await;
        }
        checks.push(Reason::passed("single use", "The logout token was not used before."));
        let (subject, session) = (token.subject.as_deref(), token.session.as_deref());
        logout::note_left(&mut tx, &connection.id, subject, session).await?;
        let mut ended = 0;
        for session in logout::left(&mut tx, &connection.id, subject, session).await? {
            ended += i64::from(self.0.identity.end_for_provider(&mut tx, actor, &session).await?);
            logout::forget(&mut tx, &session).await?;
        }
        let attempt = Attempt {
            success: true,
            checks,
            subject: token.subject.clone(),
            ..self.blank_attempt(actor, connection, Flow::Logout)
        };
        let details = json!({"sessionsEnded": ended, "attemptId": attempt.id});
        attempts::insert(&mut tx, &connection.workspace_id, &attempt, None)?;
        let event = Event::success("sso.logout-received", ("connection", connection.id.as_str()), details);
        audit::record_in(&mut tx, actor, Some(&connection.workspace_id), event).await?;
        Ok(tx.commit().await?)
    }

    async fn refuse_logout_token(
        &self,
        actor: &Actor,
        connection: &Connection,
        mut checks: Vec<Reason>,
        flaw: Flaw,
    ) -> Result<()> {
        // nobody fills the audit log from outside
        self.0.refusals.require(&actor.origin.network())?;
        self.0.refusals.require(connection.id.as_str())?;
        checks.push(flaw.reason());
        let workspace = &connection.workspace_id;
        let mut tx = self.0.store.begin_always().await?;
        let refusal =
            Refusal { action: "session:end", object: Some(object(&connection.id)), reasons: checks.clone() };
        let decision = refuse_in(&mut tx, actor, Some(workspace), refusal).await?;
        let attempt = Attempt {
            reason: Some(flaw.code.to_owned()),
            checks,
            decision_id: Some(decision.clone()),
            ..self.blank_attempt(actor, connection, Flow::Logout)
        };
        attempts::insert(&mut tx, workspace, &attempt, None)?;
        let details =
            json!({"reason": flaw.code, "decision": decision, "attemptId": attempt.id, "flow": Flow::Logout});
        let event = Event::failure("sso.refused", Some(("connection", connection.id.as_str())), details);
        audit::record_in(&mut tx, actor, Some(workspace), event).await?;
        tx.commit().await?;
        Err(Error::invalid_request("The logout token was not accepted.").decided(decision))
    }
}
