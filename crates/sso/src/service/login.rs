//! A SAML response becomes a session: decode, find the connection, judge, then one transaction.

use gatehouse_identity::{NewSession, Signed};
use gatehouse_saml::{
    CLOCK_SKEW, InResponseTo, Judgement, Message, Outline, Policy, Protocol, VerifiedAssertion,
    decode_post_binding, verify,
};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{
    Actor, AuthMethod, ConnectionId, Email, Error, Id, Kind, Result, SigningKeyId, Timestamp, digest,
};
use gatehouse_web::LocalPath;
use serde_json::json;

use super::connections::object;
use super::intake::without_details;
use super::key_ring::KeyRing;
use super::person::{Claims, Found, NotThisPerson, claims, may_be_foreign};
use crate::Sso;
use crate::model::{
    Attempt, Connection, ConnectionStatus, Expected, FALLBACK_CHECK, Facts, Flow, SamlConfig,
};
use crate::store::logout::Called;
use crate::store::requests::{self, Pending};
use crate::store::{attempts, certificates, connections, domains, keys, logout};

/// The largest message of a failed sign-in that is kept, in bytes.
const MAX_KEPT_FAILURE: usize = 64 * 1024;

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

/// A finished sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub signed: Signed,
    /// Where the browser goes.
    pub return_to: LocalPath,
}

/// Why a response was refused.
struct Refused {
    code: String,
    checks: Vec<Reason>,
    subject: Option<String>,
    email: Option<String>,
}

impl Refused {
    fn new(mut checks: Vec<Reason>, code: impl Into<String>, check: &str, detail: impl Into<String>) -> Self {
        checks.push(Reason::failed(check, detail));
        Self { code: code.into(), checks, subject: None, email: None }
    }

    /// A refusal of a person. Somebody outside the verified domains may be another company's: nothing is kept that
    /// tells who it is.
    fn person(mut checks: Vec<Reason>, subject: &str, email: Option<&Email>, no: NotThisPerson) -> Self {
        let foreign = may_be_foreign(no.code);
        if foreign {
            without_details(&mut checks);
        }
        let subject = (!foreign).then(|| subject.to_owned());
        let email = email.filter(|_| !foreign).map(ToString::to_string);
        Self { subject, email, ..Self::new(checks, no.code, no.check, no.detail) }
    }
}

/// Which connections a response may be for.
enum Candidates {
    One(Box<Connection>),
    Several(Vec<ConnectionId>),
}

/// A response that the policy accepts.
#[derive(Clone)]
struct Accepted {
    assertion: VerifiedAssertion,
    checks: Vec<Reason>,
    /// The key of ours that opened it.
    opened: Option<SigningKeyId>,
}

/// One response on its way through.
struct Arrived<'a> {
    connection: &'a Connection,
    flow: Flow,
    bytes: &'a [u8],
    posted: &'a Posted<'a>,
    /// What the message says of itself; unverified, for the attempt alone.
    outline: Option<Outline>,
    /// The request of ours that it says to answer.
    request: Option<String>,
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
            Candidates::Several(ids) => self.believing(&posted, &bytes, message.as_ref().ok(), ids).await?,
        };
        let asked = peek.as_ref().is_some_and(|p| p.in_response_to.is_some());
        let flow = if asked { Flow::SpInitiated } else { Flow::IdpInitiated };
        let outline = message.as_ref().ok().map(Message::outline);
        let request = pending.as_ref().filter(|p| p.connection_id == connection.id).map(|p| p.id.clone());
        let arrived =
            Arrived { connection: &connection, flow, bytes: &bytes, posted: &posted, outline, request };
        let message = match message {
            Ok(message) => message,
            Err(e) => {
                let refused = Refused::new(Vec::new(), e.reason.code(), "message", e.detail);
                return self.refuse(actor, &arrived, refused).await;
            }
        };
        let waiting = match self.waiting(&arrived, pending) {
            Ok(waiting) => waiting,
            Err(refused) => return self.refuse(actor, &arrived, refused).await,
        };
        match self.judge(&arrived, &message, waiting.as_ref()).await? {
            Err(refused) => self.refuse(actor, &arrived, refused).await,
            Ok(accepted) => {
                let first = self.enter(actor, &arrived, waiting.clone(), accepted.clone()).await;
                match first {
                    // somebody else made the same account at this very moment: it is there now
                    Err(e) if e.kind() == Kind::Conflict => {
                        self.enter(actor, &arrived, waiting, accepted).await
                    }
                    outcome => outcome,
                }
            }
        }
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
        bytes: &[u8],
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
            let arrived = Arrived {
                connection: &connection,
                flow: Flow::IdpInitiated,
                bytes,
                posted,
                outline: None,
                request: None,
            };
            let ring = self.ring_for(&connection, message).await?;
            let policy = self.policy(&arrived, saml, None, ring.as_ref())?;
            let Ok(assertion) = verify(message, &policy).outcome else { continue };
            let Ok(claims) = claims(saml, &assertion) else { continue };
            if domains::speaks_for(&mut self.0.store.reader(), id, &claims.email.domain()).await? {
                return Ok(connection);
            }
        }
        Err(unknown())
    }

    /// The request that a response answers, tied to this browser; `None` for one that nobody asked for.
    fn waiting(&self, arrived: &Arrived<'_>, pending: Option<Pending>) -> Result<Option<Pending>, Refused> {
        let refuse = |code: &str, detail: &str| Refused::new(Vec::new(), code, "request", detail);
        if arrived.flow == Flow::IdpInitiated {
            if arrived.connection.config.saml().is_some_and(|s| s.force_authn) {
                let detail = "The connection demands a new authentication for each sign-in (forceAuthn), which an answer \
                     to no request cannot show. Begin at the sign-in page.";
                return Err(refuse("authn_not_demanded", detail));
            }
            return Ok(None);
        }
        if matches!(arrived.posted.endpoint, Endpoint::IdpInitiated(_)) {
            let detail = "A response to a request was sent to the address for responses nobody asked for.";
            return Err(refuse("in_response_to_mismatch", detail));
        }
        let ours =
            pending.filter(|p| p.connection_id == arrived.connection.id && p.expires_at > self.0.store.now());
        let Some(pending) = ours else {
            let detail = "The request that this response answers is unknown, used or expired. Start the sign-in again.";
            return Err(refuse("request_unknown", detail));
        };
        let same = arrived.posted.browser.is_some_and(|b| digest(b) == pending.browser);
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
        arrived: &Arrived<'_>,
        message: &Message<'_>,
        waiting: Option<&Pending>,
    ) -> Result<Result<Accepted, Refused>> {
        let connection = arrived.connection;
        let saml = match (connection.status, connection.config.saml()) {
            (ConnectionStatus::Active, Some(saml)) => saml,
            (status, _) => {
                let detail = format!("The connection is {status}; an administrator must activate it.");
                return Ok(Err(Refused::new(Vec::new(), "connection_inactive", "connection", detail)));
            }
        };
        let ring = self.ring_for(connection, message).await?;
        let policy = self.policy(arrived, saml, waiting, ring.as_ref())?;
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
        arrived: &Arrived<'_>,
        saml: &SamlConfig,
        waiting: Option<&Pending>,
        ring: Option<&KeyRing>,
    ) -> Result<Policy> {
        let id = &arrived.connection.id;
        let pinned = arrived.connection.certificates.iter();
        let certificates = pinned.map(|c| self.certificate(&c.pem));
        Ok(Policy {
            protocol: Protocol::Saml2,
            idp_entity_id: saml.entity_id.clone(),
            audiences: vec![self.entity_id(), self.idp_acs_url(id)],
            acs_urls: vec![self.posted_to(&arrived.posted.endpoint)],
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

    /// One transaction: single use, the person, the session, the attempt, the audit.
    async fn enter(
        &self,
        actor: &Actor,
        arrived: &Arrived<'_>,
        waiting: Option<Pending>,
        accepted: Accepted,
    ) -> Result<SignedIn> {
        let Accepted { assertion, mut checks, opened } = accepted;
        let assertion = &assertion;
        let connection = arrived.connection;
        let saml = connection.config.saml().ok_or_else(|| Error::internal("not a SAML connection"))?;
        let name_id = assertion.name_id().value.clone();
        let claims = match claims(saml, assertion) {
            Ok(claims) => claims,
            Err(no) => return self.refuse(actor, arrived, Refused::person(checks, &name_id, None, no)).await,
        };
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let admitted = self
            .admitted(&mut tx, actor, connection, waiting.as_ref(), assertion, &claims, &mut checks)
            .await?;
        let found = match admitted {
            Ok(found) => found,
            Err(refused) => {
                tx.rollback().await?;
                return self.refuse(actor, arrived, refused).await;
            }
        };
        certificates::touch(&mut tx, connection, assertion.certificate_fingerprint());
        if let Some(key) = &opened {
            keys::touch(&mut tx, key);
        }
        if let Some(cookie) = arrived.posted.replaces {
            self.0.identity.end_replaced(&mut tx, actor, cookie).await?;
        }
        let usual = NewSession::usual(&found.user.id, &connection.workspace_id, found.role, AuthMethod::Saml);
        let seconds = session_seconds(assertion, self.0.store.now(), usual.seconds);
        let new = NewSession { connection: Some(&connection.id), seconds, token_seconds: None, ..usual };
        let signed = self.0.identity.start_session(&mut tx, actor, new).await?;
        self.0.identity.learn_place(&mut tx, actor, &found.user.id).await?;
        let (session, called) = (&signed.session, Called::of(assertion));
        logout::remember(&mut tx, &session.id, &connection.id, &called, session.expires_at)?;
        let attempt = Attempt {
            success: true,
            subject: Some(name_id),
            email: Some(claims.email.to_string()),
            checks,
            ..self.new_attempt(actor, arrived)
        };
        attempts::insert(&mut tx, &connection.workspace_id, &attempt, Some(arrived.bytes))?;
        let details = json!({"connectionId": connection.id, "attemptId": attempt.id, "flow": arrived.flow,
            "usedFallbackCertificate": assertion.used_fallback()});
        let event = Event::success("sso.signed-in", ("user", found.user.id.as_str()), details);
        audit::record(&mut tx, &signed.actor, event).await?;
        tx.commit().await?;
        let wanted = waiting.as_ref().map(|p| p.return_to.as_str()).or(arrived.posted.relay_state);
        Ok(SignedIn { signed, return_to: LocalPath::parse(wanted.unwrap_or("/")) })
    }

    /// Who comes in with a response that counts for the first time, in the caller's transaction.
    #[allow(clippy::too_many_arguments, reason = "the parts of one sign-in, at one place")]
    async fn admitted(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        waiting: Option<&Pending>,
        assertion: &VerifiedAssertion,
        claims: &Claims,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<Found, Refused>> {
        let name_id = &assertion.name_id().value;
        let named = |refused| Refused {
            subject: Some(name_id.clone()),
            email: Some(claims.email.to_string()),
            ..refused
        };
        if let Err(refused) = single_use(tx, connection, waiting, assertion, checks).await? {
            return Ok(Err(named(refused)));
        }
        checks.push(Reason::passed("single use", "The assertion was not used before."));
        if let Some(found) = self.known(tx, connection, claims, assertion, checks).await? {
            return Ok(Ok(found));
        }
        if logout::has_ended(tx, &connection.id, assertion).await? {
            let detail = "The provider has ended this session of its own already. Sign in again.";
            let checks = std::mem::take(checks);
            return Ok(Err(named(Refused::new(checks, "session_logged_out", "provider's session", detail))));
        }
        let found = self.person(tx, actor, connection, claims, checks).await?;
        Ok(found.map_err(|no| Refused::person(std::mem::take(checks), name_id, Some(&claims.email), no)))
    }

    /// The attempt of a message, with what was expected and what it says; its outcome is the caller's.
    fn new_attempt(&self, actor: &Actor, arrived: &Arrived<'_>) -> Attempt {
        let connection = arrived.connection;
        let expected = connection.config.saml().map(|saml| Expected {
            issuer: saml.entity_id.clone(),
            audiences: vec![self.entity_id(), self.idp_acs_url(&connection.id)],
            acs_url: self.posted_to(&arrived.posted.endpoint),
            request: arrived.request.clone(),
            certificates: connection.certificates.iter().map(|c| c.fingerprint.clone()).collect(),
        });
        let found = arrived.outline.clone().map(Into::into);
        let facts = expected.zip(found).map(|(expected, found)| Facts { expected, found });
        Attempt { facts, ..self.blank_attempt(actor, connection, arrived.flow) }
    }

    /// The address that was posted to.
    fn posted_to(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            Endpoint::Shared => self.acs_url(),
            Endpoint::Own(id) => self.sp_acs_url(id),
            Endpoint::IdpInitiated(id) => self.idp_acs_url(id),
        }
    }

    /// Leaves the attempt, its decision and its audit entry, and tells the caller their number.
    async fn refuse(&self, actor: &Actor, arrived: &Arrived<'_>, refused: Refused) -> Result<SignedIn> {
        // nobody fills the audit log from outside
        self.0.refusals.require(&actor.origin.network())?;
        self.0.refusals.require(arrived.connection.id.as_str())?;
        let workspace = &arrived.connection.workspace_id;
        let mut tx = self.0.store.begin_always().await?;
        let refusal = Refusal {
            action: "session:start",
            object: Some(object(&arrived.connection.id)),
            reasons: refused.checks.clone(),
        };
        let decision = refuse_in(&mut tx, actor, Some(workspace), refusal).await?;
        let attempt = Attempt {
            reason: Some(refused.code.clone()),
            subject: refused.subject,
            email: refused.email,
            checks: refused.checks,
            decision_id: Some(decision.clone()),
            ..self.new_attempt(actor, arrived)
        };
        let keep = !may_be_foreign(&refused.code)
            && arrived.bytes.len() <= MAX_KEPT_FAILURE
            && self.0.kept_failures.check(arrived.connection.id.as_str()).is_ok();
        let message = keep.then_some(arrived.bytes);
        attempts::insert(&mut tx, workspace, &attempt, message)?;
        let details = json!({"reason": refused.code, "decision": decision, "attemptId": attempt.id, "flow": arrived.flow});
        let event =
            Event::failure("sso.refused", Some(("connection", arrived.connection.id.as_str())), details);
        audit::record_in(&mut tx, actor, Some(workspace), event).await?;
        tx.commit().await?;
        Err(Error::authentication(
            "Your identity provider's answer was not accepted. Try again; if it happens once more, give your \
             administrator the number below.",
        )
        .decided(decision))
    }
}

/// An answer counts once, and so does the request it answers.
async fn single_use(
    tx: &mut Tx,
    connection: &Connection,
    waiting: Option<&Pending>,
    assertion: &VerifiedAssertion,
    checks: &[Reason],
) -> Result<Result<(), Refused>> {
    let until = Timestamp::from_micros(assertion.replay_until());
    if !requests::first_use(tx, &connection.id, assertion.assertion_id(), until).await? {
        let detail = "This assertion signed somebody in before; each counts once.";
        return Ok(Err(Refused::new(checks.to_vec(), "replayed", "single use", detail)));
    }
    if let Some(pending) = waiting
        && !requests::take(tx, &pending.id).await?
    {
        let detail = "The request was answered before; each takes one answer.";
        return Ok(Err(Refused::new(checks.to_vec(), "request_unknown", "single use", detail)));
    }
    Ok(Ok(()))
}

/// A session ends no later than the provider says (SAML 2.0 core §2.7.2, SessionNotOnOrAfter).
fn session_seconds(assertion: &VerifiedAssertion, now: Timestamp, usual: i64) -> i64 {
    let until =
        assertion.session_not_on_or_after().map(|at| Timestamp::from_micros(at).seconds() - now.seconds());
    until.map_or(usual, |seconds| seconds.clamp(60, usual))
}
