//! The second half of a sign-in, the same whichever protocol the provider speaks: somebody it authenticated comes in,
//! or is refused. One transaction: single use, the person, the session, the attempt, the audit.

use gatehouse_identity::{NewSession, Signed};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse_in};
use gatehouse_types::{Actor, AuthMethod, Email, Error, Id, Kind, Result, SigningKeyId, Timestamp};
use gatehouse_web::LocalPath;
use serde_json::json;

use super::connections::object;
use super::intake::without_details;
use super::person::{Claims, Found, NotThisPerson, may_be_foreign};
use crate::Sso;
use crate::model::{Attempt, Connection, ConnectionStatus, Facts, Flow};
use crate::store::logout::{self, Called};
use crate::store::requests::{self, Pending};
use crate::store::{attempts, certificates, connections, keys};

/// The largest message of a failed sign-in that is kept, in bytes.
const MAX_KEPT_FAILURE: usize = 64 * 1024;

/// A finished sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub signed: Signed,
    /// Where the browser goes.
    pub return_to: LocalPath,
}

/// Whom a provider authenticated, as its verified message says; what every protocol hands over.
#[derive(Clone, Debug)]
pub(crate) struct Authenticated {
    pub(crate) claims: Claims,
    /// What the session is called at the provider; its first name is the subject that attempts show.
    pub(crate) called: Called,
    /// When the provider said so.
    pub(crate) issued_at: Timestamp,
    /// When the provider's session ends, if it tells.
    pub(crate) session_until: Option<Timestamp>,
    /// What names the message; it counts once.
    pub(crate) replay_key: String,
    /// From when on no clock accepts the message any more.
    pub(crate) replay_until: Timestamp,
    /// How the session is marked.
    pub(crate) method: AuthMethod,
    /// The fingerprint of the pinned certificate that was relied on.
    pub(crate) certificate: Option<String>,
    /// Whether that was the older one.
    pub(crate) used_fallback: bool,
    /// The key of ours that opened the message.
    pub(crate) opened: Option<SigningKeyId>,
}

/// One message on its way through.
pub(crate) struct Arrived<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) flow: Flow,
    /// What is kept of the message, sealed, for whoever looks into the attempt.
    pub(crate) message: Option<&'a [u8]>,
    /// What was expected and what the message says of itself; unverified, for the attempt alone.
    pub(crate) facts: Option<Facts>,
    /// The session cookie that this browser had; it ends.
    pub(crate) replaces: Option<&'a str>,
    /// Where the browser goes when no request of ours says it; counts only as a path on this host.
    pub(crate) return_to: Option<&'a str>,
}

/// Why a message was refused.
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) checks: Vec<Reason>,
    pub(crate) subject: Option<String>,
    pub(crate) email: Option<String>,
}

impl Refused {
    /// A refusal by the check that failed, after those that passed.
    pub(crate) fn new(
        mut checks: Vec<Reason>,
        code: impl Into<String>,
        check: &str,
        detail: impl Into<String>,
    ) -> Self {
        checks.push(Reason::failed(check, detail));
        Self { code: code.into(), checks, subject: None, email: None }
    }

    /// A refusal of a person. Somebody outside the verified domains may be another company's: nothing is kept that
    /// tells who it is.
    pub(crate) fn person(
        mut checks: Vec<Reason>,
        subject: &str,
        email: Option<&Email>,
        no: NotThisPerson,
    ) -> Self {
        let foreign = may_be_foreign(no.code);
        if foreign {
            without_details(&mut checks);
        }
        let subject = (!foreign).then(|| subject.to_owned());
        let email = email.filter(|_| !foreign).map(ToString::to_string);
        Self { subject, email, ..Self::new(checks, no.code, no.check, no.detail) }
    }
}

impl Sso {
    /// Lets somebody in whom a provider authenticated, with the request that was answered and the checks that passed.
    pub(crate) async fn admit(
        &self,
        actor: &Actor,
        arrived: &Arrived<'_>,
        waiting: Option<&Pending>,
        who: &Authenticated,
        checks: &[Reason],
    ) -> Result<SignedIn> {
        match self.enter(actor, arrived, waiting, who, checks.to_vec()).await {
            // somebody else made the same account at this very moment: it is there now
            Err(e) if e.kind() == Kind::Conflict => {
                self.enter(actor, arrived, waiting, who, checks.to_vec()).await
            }
            outcome => outcome,
        }
    }

    async fn enter(
        &self,
        actor: &Actor,
        arrived: &Arrived<'_>,
        waiting: Option<&Pending>,
        who: &Authenticated,
        mut checks: Vec<Reason>,
    ) -> Result<SignedIn> {
        let connection = arrived.connection;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        // asking the provider took its time: what was believed may have been changed or switched off meanwhile
        if who.method == AuthMethod::Oidc
            && let Some(refused) = changed_meanwhile(&mut tx, connection).await?
        {
            tx.rollback().await?;
            return self
                .refuse(actor, arrived, Refused { checks: [checks, refused.checks].concat(), ..refused })
                .await;
        }
        let admitted = self.admitted(&mut tx, actor, connection, waiting, who, &mut checks).await?;
        let found = match admitted {
            Ok(found) => {
                self.give_mapped_role(&mut tx, actor, connection, &who.claims, found, &mut checks).await?
            }
            Err(refused) => {
                tx.rollback().await?;
                return self.refuse(actor, arrived, refused).await;
            }
        };
        if let Some(fingerprint) = &who.certificate {
            certificates::touch(&mut tx, connection, fingerprint);
        }
        if let Some(key) = &who.opened {
            keys::touch(&mut tx, key);
        }
        if let Some(cookie) = arrived.replaces {
            self.0.identity.end_replaced(&mut tx, actor, cookie).await?;
        }
        let usual = NewSession::usual(&found.user.id, &connection.workspace_id, found.role, who.method);
        let seconds = session_seconds(who.session_until, self.0.store.now(), usual.seconds);
        let new = NewSession { connection: Some(&connection.id), seconds, token_seconds: None, ..usual };
        let signed = self.0.identity.start_session(&mut tx, actor, new).await?;
        self.0.identity.learn_place(&mut tx, actor, &found.user.id).await?;
        let session = &signed.session;
        logout::remember(&mut tx, &session.id, &connection.id, &who.called, session.expires_at)?;
        let attempt = Attempt {
            success: true,
            subject: Some(who.called.value.clone()),
            email: Some(who.claims.email.to_string()),
            checks,
            ..self.new_attempt(actor, arrived)
        };
        attempts::insert(&mut tx, &connection.workspace_id, &attempt, arrived.message)?;
        let details = json!({"connectionId": connection.id, "attemptId": attempt.id, "flow": arrived.flow,
            "usedFallbackCertificate": who.used_fallback});
        let event = Event::success("sso.signed-in", ("user", found.user.id.as_str()), details);
        audit::record(&mut tx, &signed.actor, event).await?;
        tx.commit().await?;
        let wanted = waiting.map(|p| p.return_to.as_str()).or(arrived.return_to);
        Ok(SignedIn { signed, return_to: LocalPath::parse(wanted.unwrap_or("/")) })
    }

    /// Who comes in with a message that counts for the first time, in the caller's transaction.
    async fn admitted(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        waiting: Option<&Pending>,
        who: &Authenticated,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<Found, Refused>> {
        let (subject, claims) = (&who.called.value, &who.claims);
        let named = |refused| Refused {
            subject: Some(subject.clone()),
            email: Some(claims.email.to_string()),
            ..refused
        };
        if let Err(refused) = single_use(tx, connection, waiting, who, checks).await? {
            return Ok(Err(named(refused)));
        }
        let single = match who.method {
            AuthMethod::Oidc => "The ID token was not used before.",
            _ => "The assertion was not used before.",
        };
        checks.push(Reason::passed("single use", single));
        if let Some(found) = self.known(tx, connection, claims, &who.called, checks).await? {
            return Ok(Ok(found));
        }
        if logout::has_ended(tx, &connection.id, &who.called, who.issued_at).await? {
            let detail = "The provider has ended this session of its own already. Sign in again.";
            let checks = std::mem::take(checks);
            return Ok(Err(named(Refused::new(checks, "session_logged_out", "provider's session", detail))));
        }
        let found = self.person(tx, actor, connection, claims, checks).await?;
        Ok(found.map_err(|no| Refused::person(std::mem::take(checks), subject, Some(&claims.email), no)))
    }

    /// The attempt of a message, with what was expected and what it says; its outcome is the caller's.
    fn new_attempt(&self, actor: &Actor, arrived: &Arrived<'_>) -> Attempt {
        let blank = self.blank_attempt(actor, arrived.connection, arrived.flow);
        Attempt { facts: arrived.facts.clone(), ..blank }
    }

    /// Leaves the attempt, its decision and its audit entry, and tells the caller their number.
    pub(crate) async fn refuse(
        &self,
        actor: &Actor,
        arrived: &Arrived<'_>,
        refused: Refused,
    ) -> Result<SignedIn> {
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
        let message = arrived.message.filter(|message| {
            !may_be_foreign(&refused.code)
                && message.len() <= MAX_KEPT_FAILURE
                && self.0.kept_failures.check(arrived.connection.id.as_str()).is_ok()
        });
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
    who: &Authenticated,
    checks: &[Reason],
) -> Result<Result<(), Refused>> {
    if !requests::first_use(tx, &connection.id, &who.replay_key, who.replay_until).await? {
        let detail = match who.method {
            AuthMethod::Oidc => "This ID token signed somebody in before; each counts once.",
            _ => "This assertion signed somebody in before; each counts once.",
        };
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
fn session_seconds(until: Option<Timestamp>, now: Timestamp, usual: i64) -> i64 {
    until.map_or(usual, |at| (at.seconds() - now.seconds()).clamp(60, usual))
}

/// The refusal of somebody whose connection is another by now than when the answer was judged. The connection stays as
/// it is until the end of the transaction.
async fn changed_meanwhile(tx: &mut Tx, judged: &Connection) -> Result<Option<Refused>> {
    let now = connections::lock(tx, &judged.workspace_id, &judged.id).await?;
    if now.is_some_and(|c| c.status == ConnectionStatus::Active && c.version == judged.version) {
        return Ok(None);
    }
    let detail = "The connection was changed or switched off while the provider was asked. Sign in again.";
    Ok(Some(Refused::new(Vec::new(), "connection_changed", "connection", detail)))
}
