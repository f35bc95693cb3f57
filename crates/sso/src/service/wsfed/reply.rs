//! A reply becomes a session: the request found by its context, the token judged, then what every protocol shares.

use gatehouse_saml::{
    CLOCK_SKEW, InResponseTo, Judgement, Message, Policy, Protocol, Reason as Why, limits, verify,
};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, AuthMethod, ConnectionId, Error, Kind, Result, Secret, digest, random_token};

use super::wsfed_of;
use crate::Sso;
use crate::model::{Connection, ConnectionStatus, Expected, FALLBACK_CHECK, Facts, Flow, WsfedConfig};
use crate::service::entry::{Arrived, Authenticated, Refused, SignedIn};
use crate::service::key_ring::KeyRing;
use crate::service::saml_claims::{authenticated, claims};
use crate::store::connections;
use crate::store::requests::{self, Pending};

/// The longest context that is looked up, in bytes; ours are shorter.
const MAX_CONTEXT: usize = 128;

/// A posted reply (WS-Federation 1.2 §13.2.3).
#[derive(Debug)]
pub struct WsfedPosted<'a> {
    /// Whose reply address was posted to.
    pub connection: &'a ConnectionId,
    /// The form field `wresult`.
    pub result: &'a str,
    /// The form field `wctx`: our context, or nothing when nobody asked.
    pub context: Option<&'a str>,
    /// The cookie that ties a reply to the browser that asked.
    pub browser: Option<&'a str>,
    /// The session cookie that this browser had; it ends.
    pub replaces: Option<&'a str>,
}

/// A finished sign-in, and the cookie by which the provider may end it.
#[derive(Debug)]
pub struct WsfedSignedIn {
    /// The session.
    pub signed_in: SignedIn,
    /// Names the browser to its provider's sign-off.
    pub browser: Secret,
}

impl Sso {
    /// Judges a posted reply and begins a session. Every failure leaves an attempt, a decision and an audit entry; the
    /// caller learns only their number.
    ///
    /// # Errors
    /// `NotFound` for an unknown connection; `Authentication` with the decision for a reply that is not accepted.
    pub async fn finish_wsfed(&self, actor: &Actor, posted: WsfedPosted<'_>) -> Result<WsfedSignedIn> {
        let outcome = self.judge_reply(actor, &posted).await;
        if let (Err(_), Some(browser)) = (&outcome, posted.browser) {
            self.0.round_trips.forget(posted.connection, browser);
        }
        outcome
    }

    /// Leaves the attempt of a post that is no reply; hands the failure on with the decision's number.
    ///
    /// # Errors
    /// Always: the failure itself, or the database's.
    pub async fn refuse_reply<T>(&self, actor: &Actor, id: &ConnectionId, failure: Error) -> Result<T> {
        let found = connections::find_anywhere(&mut self.0.store.reader(), id).await?;
        let Some(connection) = found.filter(|c| c.config.wsfed().is_some()) else {
            return Err(Error::not_found("Connection"));
        };
        let code = match failure.kind() {
            Kind::PayloadTooLarge => "message_too_large",
            _ => "form_invalid",
        };
        let check = Reason::failed("form", failure.message().to_owned());
        let decision = self.leave_refusal(actor, &connection, Flow::SpInitiated, code, check).await?;
        Err(failure.decided(decision))
    }

    async fn judge_reply(&self, actor: &Actor, posted: &WsfedPosted<'_>) -> Result<WsfedSignedIn> {
        let db = &mut self.0.store.reader();
        let found = connections::for_sign_in(db, posted.connection).await?;
        let connection = &found.ok_or_else(|| Error::not_found("Connection"))?;
        let config = wsfed_of(connection)?;
        let bytes = posted.result.as_bytes();
        if bytes.len() > limits::MESSAGE_BYTES {
            let failure = Error::new(Kind::PayloadTooLarge, "The reply is too large.");
            return self.refuse_reply(actor, &connection.id, failure).await;
        }
        let context = posted.context.filter(|c| !c.is_empty());
        let flow = if context.is_some() { Flow::SpInitiated } else { Flow::IdpInitiated };
        let message = Message::parse(bytes);
        let arrived = Arrived {
            connection,
            flow,
            message: Some(bytes),
            facts: message.as_ref().ok().map(|m| self.reply_facts(connection, config, m)),
            replaces: posted.replaces,
            return_to: None,
        };
        let message = match message {
            Ok(message) => message,
            Err(e) => {
                let refused = Refused::new(Vec::new(), e.reason.code(), "message", e.detail);
                return self.refuse_token(actor, &arrived, refused).await;
            }
        };
        let pending = match context.filter(|c| c.len() <= MAX_CONTEXT) {
            Some(context) => requests::find(&mut self.0.store.reader(), context).await?,
            None => None,
        };
        let waiting = match self.asked(connection, config, flow, posted.browser, pending) {
            Ok(waiting) => waiting,
            Err(refused) => return self.refuse_token(actor, &arrived, refused).await,
        };
        let (mut who, checks) = match self.judge_token(connection, config, &message).await? {
            Ok(accepted) => accepted,
            Err(refused) => return self.refuse_token(actor, &arrived, refused).await,
        };
        let browser = match posted.browser {
            Some(known) => Secret::new(known),
            None => random_token(&**self.0.store.random()),
        };
        who.called.browser = Some(digest(browser.expose()));
        let signed_in = self.admit(actor, &arrived, waiting.as_ref(), &who, &checks).await?;
        Ok(WsfedSignedIn { signed_in, browser })
    }

    async fn refuse_token<T>(&self, actor: &Actor, arrived: &Arrived<'_>, refused: Refused) -> Result<T> {
        match self.refuse(actor, arrived, refused).await {
            Err(e) => Err(e),
            Ok(_) => Err(Error::internal("a refusal signed somebody in")),
        }
    }

    /// The request that a reply answers, tied to this browser; `None` for one that nobody asked for, where the
    /// connection takes such.
    fn asked(
        &self,
        connection: &Connection,
        config: &WsfedConfig,
        flow: Flow,
        browser: Option<&str>,
        pending: Option<Pending>,
    ) -> Result<Option<Pending>, Refused> {
        let refuse = |code: &str, detail: &str| Refused::new(Vec::new(), code, "request", detail);
        if flow == Flow::IdpInitiated {
            if config.provider_initiated {
                return Ok(None);
            }
            // the context is not signed: were it optional, taking it away would undo the tie to the browser
            let detail = "The reply names no request (wctx). The connection takes only answers to sign-ins that began \
                 here, because nothing else ties a reply to the browser that asked.";
            return Err(refuse("reply_not_asked", detail));
        }
        let ours = pending.filter(|p| p.connection_id == connection.id && p.expires_at > self.0.store.now());
        let Some(pending) = ours else {
            let detail = "The request that this reply answers (wctx) is unknown, used or expired. Start the sign-in again.";
            return Err(refuse("request_unknown", detail));
        };
        if browser.is_none_or(|b| digest(b) != pending.browser) {
            let detail = "The reply answers a request of another browser, or this browser keeps no cookies.";
            return Err(refuse("browser_mismatch", detail));
        }
        Ok(Some(pending))
    }

    /// The pure part: the connection's policy over the message.
    async fn judge_token(
        &self,
        connection: &Connection,
        config: &WsfedConfig,
        message: &Message<'_>,
    ) -> Result<Result<(Authenticated, Vec<Reason>), Refused>> {
        let refuse =
            |code: &str, detail: String| Ok(Err(Refused::new(Vec::new(), code, "connection", detail)));
        if connection.status != ConnectionStatus::Active {
            let detail =
                format!("The connection is {}; an administrator must activate it.", connection.status);
            return refuse("connection_inactive", detail);
        }
        let issuer = match config.expected_issuer() {
            Ok(issuer) => issuer,
            Err(why) => return refuse(why.code(), why.message().to_owned()),
        };
        let ring = match message.is_encrypted() {
            true => Some(self.key_ring(&connection.workspace_id).await?),
            false => None,
        };
        let policy = self.token_policy(connection, config, issuer, ring.as_ref())?;
        let Judgement { checks, outcome } = verify(message, &policy);
        let mut checks: Vec<Reason> = checks
            .into_iter()
            .map(|c| Reason { check: c.check.to_owned(), ok: c.ok, detail: c.detail })
            .collect();
        let assertion = match outcome {
            Ok(assertion) => assertion,
            Err(rejection) => {
                let mut code = rejection.reason.code();
                if checks.iter().all(|c| c.ok) {
                    checks.push(Reason::failed("response", rejection.detail));
                }
                let issuer = message.peek().issuer.unwrap_or_default();
                if rejection.reason == Why::IssuerMismatch
                    && let Some(other) = config.other_tenant(&issuer)
                {
                    code = "tenant_mismatch";
                    let ours = config.tenant().unwrap_or_default();
                    let detail = format!(
                        "The token is of the tenant {other}; this connection believes {ours} alone, though the same keys \
                         sign for both."
                    );
                    checks.iter_mut().filter(|c| !c.ok).for_each(|c| c.detail.clone_from(&detail));
                }
                return Ok(Err(Refused { code: code.to_owned(), checks, subject: None, email: None }));
            }
        };
        // a token service signs with any of the keys in its metadata: only keys given by hand have an order
        let used_fallback = assertion.used_fallback() && config.metadata_url.is_none();
        if used_fallback {
            let detail = "The latest certificate did not verify the signature; the older one did.";
            checks.push(Reason::passed(FALLBACK_CHECK, detail));
        }
        let opened = ring.as_ref().zip(assertion.decrypted_with());
        if let Some(note) = opened.and_then(|(ring, at)| ring.note(at)) {
            checks.push(Reason::passed("decryption key", note));
        }
        let opened = opened.and_then(|(ring, at)| ring.decrypting().nth(at)).map(|key| key.id.clone());
        let claims = match claims(&config.attribute_mapping, &assertion) {
            Ok(claims) => claims,
            Err(no) => return Ok(Err(Refused::person(checks, &assertion.name_id().value, None, no))),
        };
        let who = authenticated(claims, &assertion, AuthMethod::Wsfed, opened);
        Ok(Ok((Authenticated { used_fallback, ..who }, checks)))
    }

    fn token_policy(
        &self,
        connection: &Connection,
        config: &WsfedConfig,
        issuer: String,
        ring: Option<&KeyRing>,
    ) -> Result<Policy> {
        let pinned = connection.certificates.iter();
        let certificates = pinned.map(|c| self.certificate(&c.pem));
        let (realm, reply) = (self.realm(&connection.id, config), self.reply_url(&connection.id));
        Ok(Policy {
            audiences: vec![realm.clone()],
            acs_urls: vec![reply.clone()],
            protocol: Protocol::WsFed { realm, reply },
            idp_entity_id: issuer,
            certificates: certificates.collect::<Result<_>>()?,
            decryption_keys: ring
                .map(|ring| ring.decrypting().map(|k| k.decryption.clone()).collect())
                .unwrap_or_default(),
            in_response_to: InResponseTo::Unsolicited,
            now: self.0.store.now().micros(),
            clock_skew: CLOCK_SKEW,
            authenticated_since: None,
            authn_contexts: Vec::new(),
            allow_sha1: config.allow_sha1,
        })
    }

    /// What the reply should say beside what it says; the request is named outside of the signed token.
    fn reply_facts(&self, connection: &Connection, config: &WsfedConfig, message: &Message<'_>) -> Facts {
        let expected = Expected {
            issuer: config.expected_issuer().unwrap_or_default(),
            audiences: vec![self.realm(&connection.id, config)],
            acs_url: self.reply_url(&connection.id),
            request: None,
            certificates: connection.certificates.iter().map(|c| c.fingerprint.clone()).collect(),
        };
        Facts { expected, found: message.outline().into(), algorithms: Vec::new() }
    }
}
