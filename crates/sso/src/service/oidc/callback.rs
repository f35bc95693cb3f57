//! The provider's answer becomes a session, or a refusal with a reason of its own.

use std::sync::Arc;

use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, AuthMethod, ConnectionId, Domain, Error, Result, digest};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exchange::Tokens;
use super::provider::OidcClient;
use super::start::{Kept, request_row};
use super::{claims, provider::Provider};
use crate::Sso;
use crate::model::{Connection, ConnectionStatus, DomainStatus, Expected, Facts, Flow, Found};
use crate::oidc::discovery::Discovery;
use crate::oidc::id_token::{self, IdToken, Judged};
use crate::oidc::jws::{Jws, NAMES};
use crate::oidc::{CLOCK_SKEW_SECONDS, Flaw, message, quote};
use crate::service::connections::not_found;
use crate::service::entry::{Arrived, Authenticated, Refused, SignedIn};
use crate::store::logout::Called;
use crate::store::requests::{self, Pending};
use crate::store::{connections, domains};

/// How long an ID token is remembered as used at most, in seconds; its request and its nonce count once anyway.
const REPLAY_SECONDS: i64 = 86_400;
/// The longest ID token that is kept to sign out at the provider with, in bytes; it travels in an address.
const MAX_HINT: usize = 8 * 1024;
/// The longest session id of a provider, in bytes.
const MAX_SID: usize = 255;

/// What the provider sent with the browser (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Debug, Default, Deserialize)]
pub struct Callback {
    /// What is exchanged for tokens.
    pub code: Option<String>,
    /// Which sign-in it is about.
    pub state: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
}

/// The cookies of the browser that an answer came with.
#[derive(Debug)]
pub struct Cookies<'a> {
    /// The one that ties an answer to the browser that asked.
    pub browser: Option<&'a str>,
    /// The session that this browser had; it ends.
    pub session: Option<&'a str>,
}

/// One answer on its way, with what is known of it so far.
struct Way<'a> {
    actor: &'a Actor,
    connection: &'a Connection,
    client: Option<&'a OidcClient>,
    session: Option<&'a str>,
    checks: Vec<Reason>,
    message: Option<Vec<u8>>,
    /// The ID token's parts, unverified, for the attempt.
    seen: Option<(Map<String, Value>, String)>,
}

impl Sso {
    /// Takes a provider's answer and begins a session. Every failure leaves an attempt, a decision and an audit entry;
    /// the caller learns only their number.
    ///
    /// # Errors
    /// `NotFound` for an unknown connection or one of another protocol; `Authentication` with the decision for an answer
    /// that is not accepted.
    pub async fn finish_oidc(
        &self,
        actor: &Actor,
        id: &ConnectionId,
        callback: &Callback,
        cookies: Cookies<'_>,
    ) -> Result<SignedIn> {
        let found = connections::for_sign_in(&mut self.0.store.reader(), id).await?;
        let connection = found.filter(|c| c.config.oidc().is_some()).ok_or_else(not_found)?;
        let mut way = Way {
            actor,
            connection: &connection,
            client: None,
            session: cookies.session,
            checks: Vec::new(),
            message: None,
            seen: None,
        };
        if connection.status != ConnectionStatus::Active {
            let detail =
                format!("The connection is {}; an administrator must activate it.", connection.status);
            return self.turn_away(way, Flaw::new("connection_inactive", "connection", detail)).await;
        }
        let client = match self.oidc_client(&connection).await? {
            Ok(client) => client,
            Err(flaw) => return self.turn_away(way, flaw).await,
        };
        way.client = Some(&client);
        let (pending, kept) = match self.oidc_request(&connection, callback, cookies.browser).await? {
            Ok(found) => found,
            Err(flaw) => return self.turn_away(way, flaw).await,
        };
        way.checks
            .push(Reason::passed("request", "The answer is to a sign-in that began here, in this browser."));
        let provider = match self.provider(&client).await {
            Ok(provider) => provider,
            Err(flaw) => return self.turn_away(way, flaw).await,
        };
        let code = match check_answer(callback, &provider.discovery, &mut way.checks) {
            Ok(code) => code,
            Err(flaw) => {
                let error = callback.error.as_deref();
                let words = callback.error_description.as_deref().map(quote);
                way.message = error.map(|e| message::of_error(&quote(e), words.as_deref()));
                return self.turn_away(way, flaw).await;
            }
        };
        let parties = (&client, &*provider);
        let tokens = match self.exchange(Some(&connection.workspace_id), parties, code, kept.verifier).await?
        {
            Ok(tokens) => tokens,
            Err(flaw) => return self.turn_away(way, flaw).await,
        };
        way.checks.push(Reason::passed("token endpoint", "The provider gave tokens for the code."));
        way.message = message::of_token(&tokens.id_token);
        way.seen = Jws::parse(&tokens.id_token).map(|j| {
            let algorithm = j.algorithm_name().to_owned();
            (j.claims, algorithm)
        });
        let verified = self.judged(&mut way, &client, provider, &kept.nonce, &tokens).await;
        let (token, provider) = match verified {
            Ok(verified) => verified,
            Err(flaw) => return self.turn_away(way, flaw).await,
        };
        match self.whom(&mut way, &client, &provider.discovery, &token, &tokens).await? {
            Ok(who) => {
                let (checks, arrived) = self.arrived(&mut way);
                let arrived = Arrived { return_to: Some(&pending.return_to), ..arrived };
                self.admit(actor, &arrived, None, &who, &checks).await
            }
            Err(flaw) => self.turn_away(way, flaw).await,
        }
    }

    /// Takes an answer to the operator's client: which connection it is for, its state says.
    ///
    /// # Errors
    /// As [`Sso::finish_oidc`]; `Authentication` for a state that is no sign-in of the operator's client.
    pub async fn finish_operator_oidc(
        &self,
        actor: &Actor,
        callback: &Callback,
        cookies: Cookies<'_>,
    ) -> Result<SignedIn> {
        let db = &mut self.0.store.reader();
        let pending = match &callback.state {
            Some(state) => requests::find(db, &request_row(state)).await?,
            None => None,
        };
        let connection = match pending {
            Some(pending) => connections::for_sign_in(db, &pending.connection_id).await?,
            None => None,
        };
        let ours = connection.filter(|c| self.redirect_uri(c) == self.operator_redirect_uri());
        let connection = ours.ok_or_else(|| {
            Error::authentication(
                "This sign-in is unknown, was used already or has expired. Start again at the sign-in page.",
            )
        })?;
        self.finish_oidc(actor, &connection.id, callback, cookies).await
    }

    /// The request that an answer is to, tied to this browser and taken for good: each takes one answer.
    async fn oidc_request(
        &self,
        connection: &Connection,
        callback: &Callback,
        browser: Option<&str>,
    ) -> Result<Result<(Pending, Kept), Flaw>> {
        let unknown = || {
            let detail =
                "The sign-in that this answer is to (state) is unknown, used or expired. Start again.";
            Flaw::new("state_unknown", "request", detail)
        };
        let store = &self.0.store;
        let Some(state) = &callback.state else { return Ok(Err(unknown())) };
        let row = request_row(state);
        let found = requests::find(&mut store.reader(), &row).await?;
        let ours = found.filter(|p| p.connection_id == connection.id && p.expires_at > store.now());
        let Some(pending) = ours else { return Ok(Err(unknown())) };
        if browser.is_none_or(|b| digest(b) != pending.browser) {
            let detail = "The answer is to a sign-in of another browser, or this browser keeps no cookies.";
            return Ok(Err(Flaw::new("browser_mismatch", "request", detail)));
        }
        let kept = requests::secrets(store, &row).await?;
        let mut tx = store.begin_always().await?;
        let first = requests::take(&mut tx, &row).await?;
        tx.commit().await?;
        let Some(kept) = kept.filter(|_| first) else { return Ok(Err(unknown())) };
        Ok(Ok((pending, serde_json::from_slice(&kept).map_err(Error::internal)?)))
    }

    /// The verified token; the keys are read again when one is missing.
    async fn judged(
        &self,
        way: &mut Way<'_>,
        client: &OidcClient,
        mut provider: Arc<Provider>,
        nonce: &str,
        tokens: &Tokens,
    ) -> Result<(IdToken, Arc<Provider>), Flaw> {
        let expected = id_token::Expected {
            issuer: &client.issuer,
            client_id: &client.client_id,
            nonce,
            access_token: tokens.access_token.expose(),
            now: self.0.store.now(),
        };
        let mut judged = id_token::judge(&tokens.id_token, &provider.keys, expected);
        if judged.outcome.as_ref().is_err_and(|flaw| flaw.code == "key_unknown") {
            provider = self.with_new_keys(client, provider).await;
            judged = id_token::judge(&tokens.id_token, &provider.keys, expected);
        }
        let Judged { checks, outcome } = judged;
        way.checks.extend(checks);
        outcome.map(|token| (token, provider))
    }

    /// Whom the provider authenticated.
    async fn whom(
        &self,
        way: &mut Way<'_>,
        client: &OidcClient,
        discovery: &Discovery,
        token: &IdToken,
        tokens: &Tokens,
    ) -> Result<Result<Authenticated, Flaw>> {
        if client.hosted_domain {
            let found = domains::of(&mut self.0.store.reader(), &way.connection.id).await?;
            let verified = found.into_iter().filter(|d| d.status == DomainStatus::Verified);
            let verified: Vec<Domain> = verified.map(|d| d.domain).collect();
            match claims::hosted_domain(&token.claims, &verified) {
                Ok(words) => way.checks.push(Reason::passed("organisation", words)),
                Err(flaw) => return Ok(Err(flaw)),
            }
        }
        let mut said = token.claims.clone();
        if !said.contains_key("email")
            && let Some(endpoint) = &discovery.userinfo_endpoint
        {
            match self.userinfo(endpoint, &tokens.access_token, &token.subject).await {
                Ok(more) => {
                    way.checks.push(Reason::passed("userinfo", "The provider was asked for the address."));
                    let more = claims::taken(more);
                    way.message = way.message.take().and_then(|kept| message::with_userinfo(&kept, &more));
                    said = claims::complete(said, more);
                }
                Err(flaw) => return Ok(Err(flaw)),
            }
        }
        let claims = match claims::read(&token.subject, &said, client.trust_email) {
            Ok(claims) => claims,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let now = self.0.store.now();
        let sid = token.claims.get("sid").and_then(Value::as_str).filter(|s| s.len() <= MAX_SID);
        let hint = Some(&tokens.id_token)
            .filter(|t| discovery.end_session_endpoint.is_some() && t.len() <= MAX_HINT);
        Ok(Ok(Authenticated {
            called: Called::at_openid(
                &token.subject,
                sid,
                hint.cloned(),
                discovery.end_session_endpoint.clone(),
            ),
            claims,
            issued_at: token.issued_at,
            session_until: None,
            replay_key: format!("oidc:{}", digest(&tokens.id_token)),
            replay_until: token
                .expires_at
                .min(now.plus_seconds(REPLAY_SECONDS))
                .plus_seconds(CLOCK_SKEW_SECONDS),
            method: AuthMethod::Oidc,
            certificate: None,
            used_fallback: false,
            opened: None,
        }))
    }

    /// The answer as the second half of the sign-in takes it, and its checks so far.
    fn arrived<'w>(&self, way: &'w mut Way<'_>) -> (Vec<Reason>, Arrived<'w>) {
        let checks = std::mem::take(&mut way.checks);
        let expected = way.client.map(|client| Expected {
            issuer: client.issuer.clone(),
            audiences: vec![client.client_id.clone()],
            acs_url: String::new(),
            request: None,
            certificates: Vec::new(),
        });
        let found = way.seen.as_ref().map(|(claims, algorithm)| Found::of_token(claims, algorithm));
        let facts = expected.zip(found).map(|(expected, found)| Facts {
            expected,
            found,
            algorithms: NAMES.map(str::to_owned).to_vec(),
        });
        let arrived = Arrived {
            connection: way.connection,
            flow: Flow::SpInitiated,
            message: way.message.as_deref(),
            facts,
            replaces: way.session,
            return_to: None,
        };
        (checks, arrived)
    }

    async fn turn_away(&self, mut way: Way<'_>, flaw: Flaw) -> Result<SignedIn> {
        let actor = way.actor;
        let (checks, arrived) = self.arrived(&mut way);
        let refused: Refused = flaw.after(checks);
        self.refuse(actor, &arrived, refused).await
    }
}

/// The code of an answer: from the right issuer, and no refusal.
pub(crate) fn check_answer<'a>(
    callback: &'a Callback,
    discovery: &Discovery,
    checks: &mut Vec<Reason>,
) -> Result<&'a str, Flaw> {
    let mixed_up = |detail: String| Flaw::new("issuer_mixed_up", "answering issuer", detail);
    match &callback.iss {
        Some(iss) if discovery.is_of(iss) => {
            checks.push(Reason::passed("answering issuer", format!("{} answers.", quote(iss))));
        }
        Some(iss) => {
            return Err(mixed_up(format!(
                "The answer is from the issuer “{}”, and the request went to “{}”.",
                quote(iss),
                quote(&discovery.issuer)
            )));
        }
        None if discovery.authorization_response_iss_parameter_supported => {
            let detail =
                "The answer does not say which issuer it is from (iss), though the provider announces it.";
            return Err(mixed_up(detail.to_owned()));
        }
        None => {}
    }
    if let Some(error) = &callback.error {
        let words =
            callback.error_description.as_deref().map(|d| format!(": {}", quote(d))).unwrap_or_default();
        let code = if error == "access_denied" { "access_denied" } else { "provider_refused" };
        let detail = format!("The provider did not sign the person in ({}{words}).", quote(error));
        return Err(Flaw::new(code, "answer", detail));
    }
    callback.code.as_deref().filter(|c| !c.is_empty()).ok_or_else(|| {
        Flaw::new("code_missing", "answer", "The answer holds neither a code nor an error of the provider.")
    })
}
