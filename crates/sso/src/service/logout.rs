//! A provider's logout message: a request ends sessions and is answered, a response tells what became of ours.

use gatehouse_saml::{
    CLOCK_SKEW, Certificate, InResponseTo, LogoutJudgement, LogoutKind, LogoutMessage, LogoutResponse,
    LogoutStatus, Policy, Protocol, VerifiedLogout, VerifiedLogoutRequest, VerifiedLogoutResponse,
    verify_logout,
};
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{
    Actor, ConnectionId, Error, Id, Result, SigningKeyId, Timestamp, digest, random_token,
};
use serde_json::json;

use super::connections::object;
use super::intake::without_details;
use super::logout_start::Leave;
use crate::Sso;
use crate::model::{Attempt, Connection, Flow};
use crate::store::{attempts, certificates, connections, logout, requests};

/// Which single logout service was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutEndpoint {
    /// The one that all connections share.
    Shared,
    /// A connection's own.
    Own(ConnectionId),
}

/// What comes after a logout message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutOutcome {
    /// Sessions ended; the answer goes to the provider.
    Answer(Leave),
    /// Sessions ended; the provider has no address for answers, or it is not certain which.
    Ended,
    /// The provider answered our request so.
    Finished(LogoutStatus),
}

/// Why a message was refused.
struct Refused {
    code: String,
    checks: Vec<Reason>,
}

impl Refused {
    fn new(mut checks: Vec<Reason>, code: &str, check: &str, detail: &str) -> Self {
        checks.push(Reason::failed(check, detail));
        Self { code: code.to_owned(), checks }
    }
}

/// A request that a connection's keys verify.
struct Believed {
    connection: Connection,
    request: VerifiedLogoutRequest,
    checks: Vec<Reason>,
}

impl Sso {
    /// The single logout service that all connections share.
    pub fn slo_url(&self) -> String {
        self.0.public_url.join("/saml/slo")
    }

    /// The single logout service of one connection.
    pub fn own_slo_url(&self, connection: &ConnectionId) -> String {
        self.0.public_url.join(&format!("/saml/slo/{connection}"))
    }

    /// Judges a logout message. A request ends its sessions at once; it needs no cookie. Every refusal leaves an
    /// attempt, a decision and an audit entry; the caller learns only their number.
    ///
    /// # Errors
    /// `InvalidRequest` for what is no logout message; `NotFound` for an unknown connection; `Authentication` with the
    /// decision for a message that is not accepted.
    pub async fn logout(
        &self,
        actor: &Actor,
        endpoint: &LogoutEndpoint,
        message: &LogoutMessage,
    ) -> Result<LogoutOutcome> {
        let peek = message.peek().map_err(|e| {
            Error::invalid_request(format!("This is not a SAML logout message: {}", e.detail))
        })?;
        let db = &mut self.0.store.reader();
        let pending = match (message.kind(), &peek.in_response_to) {
            (LogoutKind::Response, Some(id)) => logout::connection_of(db, id, self.0.store.now()).await?,
            _ => None,
        };
        // an address of one connection takes no answer to a request of another
        let pending = pending.filter(|p| !matches!(endpoint, LogoutEndpoint::Own(id) if id != p));
        let (issuer, name) = (peek.issuer.as_deref(), peek.name.as_deref());
        let candidates = self.logout_candidates(endpoint, pending.as_ref(), issuer, name).await?;
        let several = candidates.len() > 1;
        let expected = peek.in_response_to.filter(|_| pending.is_some());
        let mut believed = Vec::new();
        let mut first = None;
        for connection in candidates {
            let policy = self.logout_policy(endpoint, &connection, expected.clone()).await?;
            let LogoutJudgement { checks, outcome } = verify_logout(message, &policy);
            let checks: Vec<Reason> = checks
                .into_iter()
                .map(|c| Reason { check: c.check.to_owned(), ok: c.ok, detail: c.detail })
                .collect();
            match outcome {
                Ok(VerifiedLogout::Response(response)) => {
                    return self.logged_out(actor, &connection, &response, checks).await;
                }
                Ok(VerifiedLogout::Request(request)) => {
                    believed.push(Believed { connection, request, checks })
                }
                Err(e) => {
                    let code = e.reason.code().to_owned();
                    let mut checks = checks;
                    if several {
                        without_details(&mut checks);
                    }
                    first = first.or(Some((connection, Refused { code, checks })));
                }
            }
        }
        match (believed.is_empty(), first) {
            (false, _) => self.log_out(actor, endpoint, believed, message.relay_state()).await,
            (true, Some((connection, refused))) => self.refuse_logout(actor, &connection, refused).await,
            (true, None) => Err(Error::not_found("Connection")),
        }
    }

    /// The connections a message may be for: by its address, by the request it answers, else by its issuer, those first
    /// through which the person is signed in. A switched off connection still ends sessions: its provider knows best
    /// who has left.
    async fn logout_candidates(
        &self,
        endpoint: &LogoutEndpoint,
        pending: Option<&ConnectionId>,
        issuer: Option<&str>,
        name: Option<&str>,
    ) -> Result<Vec<Connection>> {
        let db = &mut self.0.store.reader();
        let ids = match (endpoint, pending, issuer) {
            (LogoutEndpoint::Own(id), ..) => vec![id.clone()],
            (LogoutEndpoint::Shared, Some(id), _) => vec![id.clone()],
            (LogoutEndpoint::Shared, None, Some(issuer)) => {
                let mut ids = connections::with_sessions_of(db, issuer, name).await?;
                let others = connections::active_of_issuer(db, issuer).await?;
                ids.extend(others.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
                ids
            }
            (LogoutEndpoint::Shared, None, None) => Vec::new(),
        };
        let mut found = Vec::new();
        for id in &ids {
            let connection = connections::find_anywhere(db, id).await?;
            found.extend(connection.filter(|c| c.config.saml().is_some()));
        }
        Ok(found)
    }

    async fn logout_policy(
        &self,
        endpoint: &LogoutEndpoint,
        connection: &Connection,
        expected: Option<String>,
    ) -> Result<Policy> {
        let saml = connection.config.saml().ok_or_else(|| Error::internal("not a SAML connection"))?;
        let pinned = connection.certificates.iter();
        let certificates = pinned.map(|c| Certificate::from_pem_or_base64(&c.pem).map_err(Error::internal));
        let ring = self.key_ring(&connection.workspace_id).await?;
        let url = match endpoint {
            LogoutEndpoint::Shared => self.slo_url(),
            LogoutEndpoint::Own(id) => self.own_slo_url(id),
        };
        Ok(Policy {
            protocol: Protocol::Saml2,
            idp_entity_id: saml.entity_id.clone(),
            audiences: Vec::new(),
            acs_urls: vec![url],
            certificates: certificates.collect::<Result<_>>()?,
            decryption_keys: ring.decrypting().map(|k| k.decryption.clone()).collect(),
            in_response_to: expected.map_or(InResponseTo::Unsolicited, InResponseTo::Expect),
            now: self.0.store.now().micros(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: false,
        })
    }

    /// Ends the sessions that a request is about, of every connection whose keys verify it, in one transaction. An
    /// unknown name is answered like a known one. At the shared address a connection learns of it only when a session
    /// of its own ended: anybody may name somebody else's provider and its public certificate.
    async fn log_out(
        &self,
        actor: &Actor,
        endpoint: &LogoutEndpoint,
        believed: Vec<Believed>,
        relay_state: Option<&str>,
    ) -> Result<LogoutOutcome> {
        let mut tx = self.0.store.begin_always().await?;
        let mut ended_at = None;
        for (at, Believed { connection, request, checks }) in believed.iter().enumerate() {
            let until = Timestamp::from_micros(request.replay_until());
            let used = format!("logout:{}", digest(request.id()));
            if !requests::first_use(&mut tx, &connection.id, &used, until).await? {
                tx.rollback().await?;
                let detail = "This request ended sessions before; each counts once.";
                let refused = Refused::new(checks.clone(), "replayed", "single use", detail);
                return self.refuse_logout(actor, connection, refused).await;
            }
            let (name, indexes) = (request.name_id(), request.session_indexes());
            logout::note_ended(&mut tx, &connection.id, name, indexes).await?;
            let mut ended = 0;
            for session in logout::meant(&mut tx, &connection.id, name, indexes).await? {
                ended += i64::from(self.0.identity.end_for_provider(&mut tx, actor, &session).await?);
                logout::forget(&mut tx, &session).await?;
            }
            if ended > 0 && ended_at.is_none() {
                ended_at = Some(at);
            }
            if ended == 0 && *endpoint == LogoutEndpoint::Shared {
                continue;
            }
            certificates::touch(&mut tx, connection, request.certificate_fingerprint());
            let attempt = self.logout_attempt(actor, connection, None, checks.clone());
            let details = json!({"sessionsEnded": ended, "attemptId": attempt.id});
            attempts::insert(&mut tx, &connection.workspace_id, &attempt, None)?;
            let event =
                Event::success("sso.logout-received", ("connection", connection.id.as_str()), details);
            audit::record_in(&mut tx, actor, Some(&connection.workspace_id), event).await?;
        }
        let answer = self.answer(&believed, ended_at, relay_state).await?;
        if let Some((_, key)) = &answer {
            crate::store::keys::touch(&mut tx, key);
        }
        tx.commit().await?;
        Ok(answer.map_or(LogoutOutcome::Ended, |(leave, _)| LogoutOutcome::Answer(leave)))
    }

    /// The answer goes through the connection whose sessions ended; through none when several could be meant and they
    /// name different addresses: nobody is led to another workspace's address.
    async fn answer(
        &self,
        believed: &[Believed],
        ended_at: Option<usize>,
        relay_state: Option<&str>,
    ) -> Result<Option<(Leave, SigningKeyId)>> {
        let place = |b: &Believed| {
            b.connection
                .config
                .saml()
                .map(|s| (s.slo_response_url.clone().or(s.slo_url.clone()), s.slo_binding))
        };
        let agreed = believed.windows(2).all(|pair| place(&pair[0]) == place(&pair[1]));
        let chosen = ended_at.or(agreed.then_some(0)).and_then(|at| believed.get(at));
        let Some(Believed { connection, request, .. }) = chosen else { return Ok(None) };
        let response = LogoutResponse {
            id: format!("_{}", digest(random_token(&**self.0.store.random()).expose())),
            issue_instant: self.0.store.now().micros(),
            destination: String::new(),
            issuer: self.entity_id(),
            in_response_to: request.id().to_owned(),
            status: LogoutStatus::Success,
        };
        self.answer_logout(connection, response, relay_state).await
    }

    /// The provider's answer to a request of ours. Our session has ended long before.
    async fn logged_out(
        &self,
        actor: &Actor,
        connection: &Connection,
        response: &VerifiedLogoutResponse,
        checks: Vec<Reason>,
    ) -> Result<LogoutOutcome> {
        let mut tx = self.0.store.begin_always().await?;
        if !logout::take(&mut tx, &connection.id, response.in_response_to()).await? {
            tx.rollback().await?;
            let detail = "The request was answered before; each takes one answer.";
            let refused = Refused::new(checks, "request_unknown", "single use", detail);
            return self.refuse_logout(actor, connection, refused).await;
        }
        certificates::touch(&mut tx, connection, response.certificate_fingerprint());
        let attempt = self.logout_attempt(actor, connection, None, checks);
        let status = match response.status() {
            LogoutStatus::Success => "success",
            LogoutStatus::Partial => "partial",
            LogoutStatus::Failed(_) => "failed",
        };
        let details = json!({"status": status, "attemptId": attempt.id});
        attempts::insert(&mut tx, &connection.workspace_id, &attempt, None)?;
        let event = Event::success("sso.logout-answered", ("connection", connection.id.as_str()), details);
        audit::record_in(&mut tx, actor, Some(&connection.workspace_id), event).await?;
        tx.commit().await?;
        Ok(LogoutOutcome::Finished(response.status().clone()))
    }

    fn logout_attempt(
        &self,
        actor: &Actor,
        connection: &Connection,
        reason: Option<String>,
        checks: Vec<Reason>,
    ) -> Attempt {
        Attempt {
            success: reason.is_none(),
            reason,
            checks,
            ..self.blank_attempt(actor, connection, Flow::Logout)
        }
    }

    async fn refuse_logout(
        &self,
        actor: &Actor,
        connection: &Connection,
        refused: Refused,
    ) -> Result<LogoutOutcome> {
        // nobody fills the audit log from outside
        self.0.refusals.require(&actor.origin.network())?;
        self.0.refusals.require(connection.id.as_str())?;
        let workspace = &connection.workspace_id;
        let mut tx = self.0.store.begin_always().await?;
        let refusal = Refusal {
            action: "session:end",
            object: Some(object(&connection.id)),
            reasons: refused.checks.clone(),
        };
        let decision = refuse_in(&mut tx, actor, Some(workspace), refusal).await?;
        let mut attempt = self.logout_attempt(actor, connection, Some(refused.code.clone()), refused.checks);
        attempt.decision_id = Some(decision.clone());
        attempts::insert(&mut tx, workspace, &attempt, None)?;
        let details = json!({"reason": refused.code, "decision": decision, "attemptId": attempt.id, "flow": Flow::Logout});
        let event = Event::failure("sso.refused", Some(("connection", connection.id.as_str())), details);
        audit::record_in(&mut tx, actor, Some(workspace), event).await?;
        tx.commit().await?;
        Err(Error::authentication(
            "Your identity provider's logout message was not accepted. If you want to sign out here, use “Sign out” on \
             the console; give your administrator the number below.",
        )
        .decided(decision))
    }
}
