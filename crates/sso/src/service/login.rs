//! A SAML response becomes a session: decode, find the connection, judge, then one transaction.

use gatehouse_saml::{
    CLOCK_SKEW, InResponseTo, Judgement, Message, Outline, Policy, Protocol, VerifiedAssertion,
    decode_post_binding, verify,
};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, AuthMethod, ConnectionId, Error, Result, SigningKeyId, digest};

use super::entry::{Arrived, Refused, SignedIn};
use super::key_ring::KeyRing;
use super::saml_claims::{authenticated, claims};
use crate::Sso;
use crate::model::{Connection, ConnectionStatus, Expected, FALLBACK_CHECK, Facts, Flow, SamlConfig};
use crate::store::requests::{self, Pending};
use crate::store::{connections, domains};

/// Which assertion consumer service was posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The one that all connections share.
    Shared,
    /// A connection's own, for answers we asked for.
    Own(ConnectionId),
    /// A connection's own, for answers nobody asked for.
    IdpInitiated(ConnectionId),
}

/// A posted response.
#[derive(Debug)]
pub struct Posted<'a> {
    /// Where to.
    pub endpoint: Endpoint,
    /// The form field `SAMLResponse`.
    pub response: &'a str,
    /// The form field `RelayState`; counts only for answers nobody asked for, and only as a path on this host.
    pub relay_state: Option<&'a str>,
    /// The cookie that ties an answer to the browser that asked.
    pub browser: Option<&'a str>,
    /// The session cookie that this browser had; it ends.
    pub replaces: Option<&'a str>,
}

/// Which connections a response may be for.
enum Candidates {
    One(Box<Connection>),
    Several(Vec<ConnectionId>),
}

/// A response that the policy accepts.
struct Accepted {
    assertion: VerifiedAssertion,
    checks: Vec<Reason>,
    /// The key of ours that opened it.
    opened: Option<SigningKeyId>,
}

impl Sso {
    /// Judges a posted response and begins a session. Every failure leaves an attempt, a decision and an audit entry;
    /// the caller learns only their number.
    ///
    /// # Errors
    /// `InvalidRequest` for what is no SAML response; `NotFound` for an unknown connection; `Authentication` with the
    /// decision for a response that is not accepted.
    pub async fn finish(&self, actor: &Actor, posted: Posted<'_>) -> Result<SignedIn> {
        let bytes = match decode_post_binding(posted.response) {
            Ok(bytes) => bytes,
            Err(e) => {
                let failure = Error::invalid_request(format!("This is not a SAML response: {}", e.detail));
                return self
                    .refuse_intake(actor, &posted.endpoint, e.reason.code(), &e.detail, failure)
                    .await;
            }
        };
        let message = Message::parse(&bytes);
        let peek = message.as_ref().ok().map(Message::peek);
        let pending = match peek.as_ref().and_then(|p| p.in_response_to.as_deref()) {
            Some(id) => requests::find(&mut self.0.store.reader(), id).await?,
            None => None,
        };
        let issuer = peek.as_ref().and_then(|p| p.issuer.as_deref());
        let connection = match self.connection_of(&posted.endpoint, pending.as_ref(), issuer).await? {
            Candidates::One(connection) => *connection,
            Candidates::Several(ids) => self.believing(&posted, message.as_ref().ok(), ids).await?,
        };
        let asked = peek.as_ref().is_some_and(|p| p.in_response_to.is_some());
        let flow = if asked { Flow::SpInitiated } else { Flow::IdpInitiated };
        let outline = message.as_ref().ok().map(Message::outline);
        let request = pending.as_ref().filter(|p| p.connection_id == connection.id).map(|p| p.id.clone());
        let arrived = Arrived {
            connection: &connection,
            flow,
            message: Some(&bytes),
            facts: self.facts(&connection, &posted.endpoint, request, outline),
            replaces: posted.replaces,
            return_to: posted.relay_state,
        };
        let message = match message {
            Ok(message) => message,
            Err(e) => {
                let refused = Refused::new(Vec::new(), e.reason.code(), "message", e.detail);
                return self.refuse(actor, &arrived, refused).await;
            }
        };
        let waiting = match self.waiting(&arrived, &posted, pending) {
            Ok(waiting) => waiting,
            Err(refused) => return self.refuse(actor, &arrived, refused).await,
        };
        let Accepted { assertion, checks, opened } =
            match self.judge(&connection, &posted.endpoint, &message, waiting.as_ref()).await? {
                Ok(accepted) => accepted,
                Err(refused) => return self.refuse(actor, &arrived, refused).await,
            };
        let saml = connection.config.saml().ok_or_else(|| Error::internal("not a SAML connection"))?;
        let claims = match claims(&saml.attribute_mapping, &assertion) {
            Ok(claims) => claims,
            Err(no) => {
                let refused = Refused::person(checks, &assertion.name_id().value, None, no);
                return self.refuse(actor, &arrived, refused).await;
            }
        };
        let who = authenticated(claims, &assertion, AuthMethod::Saml, opened);
        self.admit(actor, &arrived, waiting.as_ref(), &who, &checks).await
    }

    /// What was expected of a response, and what it says.
    fn facts(
        &self,
        connection: &Connection,
        endpoint: &Endpoint,
        request: Option<String>,
        outline: Option<Outline>,
    ) -> Option<Facts> {
        let saml = connection.config.saml()?;
        let expected = Expected {
            issuer: saml.entity_id.clone(),
            audiences: vec![self.entity_id(), self.idp_acs_url(&connection.id)],
            acs_url: self.posted_to(endpoint),
            request,
            certificates: connection.certificates.iter().map(|c| c.fingerprint.clone()).collect(),
        };
        Some(Facts { expected, found: outline?.into(), algorithms: Vec::new() })
    }

    /// The connection that a response is for: by its address, by the request it answers, else by its issuer.
    async fn connection_of(
        &self,
        endpoint: &Endpoint,
        pending: Option<&Pending>,
        issuer: Option<&str>,
    ) -> Result<Candidates> {
        let db = &mut self.0.store.reader();
        let unknown = || Error::not_found("Connection");
        let id = match (endpoint, pending, issuer) {
            (Endpoint::Own(id) | Endpoint::IdpInitiated(id), ..) => id.clone(),
            (Endpoint::Shared, Some(pending), _) => pending.connection_id.clone(),
            (Endpoint::Shared, None, Some(issuer)) => {
                let mut found = connections::active_of_issuer(db, issuer).await?;
                if found.len() > 1 {
                    return Ok(Candidates::Several(found));
                }
                found.pop().ok_or_else(unknown)?
            }
            (Endpoint::Shared, None, None) => {
                return Err(Error::invalid_request("This is not a SAML response."));
            }
        };
        let found = connections::for_sign_in(db, &id).await?.ok_or_else(unknown)?;
        Ok(Candidates::One(Box::new(found)))
    }

    /// Of several connections that believe an issuer, the one that the response is really for: its key verifies it and
    /// the person is at one of its verified domains, which no two connections share.
    async fn believing(
        &self,
        posted: &Posted<'_>,
        message: Option<&Message<'_>>,
        ids: Vec<ConnectionId>,
    ) -> Result<Connection> {
        let unknown = || Error::not_found("Connection");
        let message = message.ok_or_else(unknown)?;
        for id in &ids {
            let Some(connection) = connections::for_sign_in(&mut self.0.store.reader(), id).await? else {
                continue;
            };
            let Some(saml) = connection.config.saml() else { continue };
            let ring = self.ring_for(&connection, message).await?;
            let policy = self.policy(&connection, &posted.endpoint, saml, None, ring.as_ref())?;
            let Ok(assertion) = verify(message, &policy).outcome else { continue };
            let Ok(claims) = claims(&saml.attribute_mapping, &assertion) else { continue };
            if domains::speaks_for(&mut self.0.store.reader(), id, &claims.email.domain()).await? {
                return Ok(connection);
            }
        }
        Err(unknown())
    }

    /// The request that a response answers, tied to this browser; `None` for one that nobody asked for.
    fn waiting(
        &self,
        arrived: &Arrived<'_>,
        posted: &Posted<'_>,
        pending: Option<Pending>,
    ) -> Result<Option<Pending>, Refused> {
        let refuse = |code: &str, detail: &str| Refused::new(Vec::new(), code, "request", detail);
        if arrived.flow == Flow::IdpInitiated {
            if arrived.connection.config.saml().is_some_and(|s| s.force_authn) {
                let detail = "The connection demands a new authentication for each sign-in (forceAuthn), which an answer \
                     to no request cannot show. Begin at the sign-in page.";
                return Err(refuse("authn_not_demanded", detail));
            }
            return Ok(None);
        }
        if matches!(posted.endpoint, Endpoint::IdpInitiated(_)) {
            let detail = "A response to a request was sent to the address for responses nobody asked for.";
            return Err(refuse("in_response_to_mismatch", detail));
        }
        let ours =
            pending.filter(|p| p.connection_id == arrived.connection.id && p.expires_at > self.0.store.now());
        let Some(pending) = ours else {
            let detail = "The request that this response answers is unknown, used or expired. Start the sign-in again.";
            return Err(refuse("request_unknown", detail));
        };
        let same = posted.browser.is_some_and(|b| digest(b) == pending.browser);
        if !same {
            let detail =
                "The response answers a request of another browser, or this browser keeps no cookies.";
            return Err(refuse("browser_mismatch", detail));
        }
        Ok(Some(pending))
    }

    /// The pure part: the connection's policy over the message.
    async fn judge(
        &self,
        connection: &Connection,
        endpoint: &Endpoint,
        message: &Message<'_>,
        waiting: Option<&Pending>,
    ) -> Result<Result<Accepted, Refused>> {
        let saml = match (connection.status, connection.config.saml()) {
            (ConnectionStatus::Active, Some(saml)) => saml,
            (status, _) => {
                let detail = format!("The connection is {status}; an administrator must activate it.");
                return Ok(Err(Refused::new(Vec::new(), "connection_inactive", "connection", detail)));
            }
        };
        let ring = self.ring_for(connection, message).await?;
        let policy = self.policy(connection, endpoint, saml, waiting, ring.as_ref())?;
        let Judgement { checks, outcome } = verify(message, &policy);
        let mut checks: Vec<Reason> = checks
            .into_iter()
            .map(|c| Reason { check: c.check.to_owned(), ok: c.ok, detail: c.detail })
            .collect();
        Ok(match outcome {
            Ok(assertion) => {
                if assertion.used_fallback() {
                    let detail = "The latest certificate did not verify the signature; the older one did.";
                    checks.push(Reason::passed(FALLBACK_CHECK, detail));
                }
                let opened = ring.as_ref().zip(assertion.decrypted_with());
                if let Some(note) = opened.and_then(|(ring, at)| ring.note(at)) {
                    checks.push(Reason::passed("decryption key", note));
                }
                let opened =
                    opened.and_then(|(ring, at)| ring.decrypting().nth(at)).map(|key| key.id.clone());
                Ok(Accepted { assertion, checks, opened })
            }
            Err(rejection) => {
                if checks.iter().all(|c| c.ok) {
                    checks.push(Reason::failed("response", rejection.detail));
                }
                Err(Refused { code: rejection.reason.code().to_owned(), checks, subject: None, email: None })
            }
        })
    }

    /// The keys that may open the message; nobody looks for them when there is nothing to open.
    async fn ring_for(&self, connection: &Connection, message: &Message<'_>) -> Result<Option<KeyRing>> {
        if message.is_encrypted() {
            self.key_ring(&connection.workspace_id).await.map(Some)
        } else {
            Ok(None)
        }
    }

    fn policy(
        &self,
        connection: &Connection,
        endpoint: &Endpoint,
        saml: &SamlConfig,
        waiting: Option<&Pending>,
        ring: Option<&KeyRing>,
    ) -> Result<Policy> {
        let id = &connection.id;
        let pinned = connection.certificates.iter();
        let certificates = pinned.map(|c| self.certificate(&c.pem));
        Ok(Policy {
            protocol: Protocol::Saml2,
            idp_entity_id: saml.entity_id.clone(),
            audiences: vec![self.entity_id(), self.idp_acs_url(id)],
            acs_urls: vec![self.posted_to(endpoint)],
            certificates: certificates.collect::<Result<_>>()?,
            decryption_keys: ring
                .map(|ring| ring.decrypting().map(|k| k.decryption.clone()).collect())
                .unwrap_or_default(),
            in_response_to: waiting.map_or(InResponseTo::Unsolicited, |p| InResponseTo::Expect(p.id.clone())),
            now: self.0.store.now().micros(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: waiting.filter(|p| p.force_authn).map(|p| p.created_at.micros()),
            authn_contexts: saml.authn_context.clone(),
            allow_sha1: saml.allow_sha1,
        })
    }

    /// The address that was posted to.
    fn posted_to(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            Endpoint::Shared => self.acs_url(),
            Endpoint::Own(id) => self.sp_acs_url(id),
            Endpoint::IdpInitiated(id) => self.idp_acs_url(id),
        }
    }
}
