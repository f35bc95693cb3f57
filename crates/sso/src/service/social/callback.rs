//! The answer of Google or Microsoft: judged as one through a connection is, then handed to identity.

use gatehouse_identity::model::SocialProvider;
use gatehouse_identity::{Device, ProviderSignIn, SignIn, Vouched};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, Error, Kind, Result, digest};
use gatehouse_web::LocalPath;

use super::start::{Kept, SocialPurpose, row_of};
use super::{TENANT, claims};
use crate::Sso;
use crate::oidc::id_token::{self, Judged};
use crate::oidc::jws::Jws;
use crate::oidc::{Flaw, quote};
use crate::service::oidc::callback::{Callback, Cookies, check_answer};
use crate::service::oidc::exchange::Tokens;
use crate::service::oidc::provider::{OidcClient, Provider};
use crate::store::social;

/// What came of an answer.
#[derive(Debug)]
pub enum SocialOutcome {
    /// Somebody comes in, or is asked for the second step, and goes on to a path on this host.
    SignIn {
        /// The sign-in.
        outcome: SignIn,
        /// The path.
        return_to: LocalPath,
    },
    /// The account is linked to whoever is signed in.
    Linked(SocialProvider),
    /// The account could not be linked, or does not sign up; why is told on that page.
    Told {
        /// The path of the page.
        page: &'static str,
        /// Why.
        why: String,
    },
}

impl Sso {
    /// Whether a sign-in with an account at a provider is under way by this state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_social(&self, state: Option<&str>) -> Result<bool> {
        let Some(state) = state else { return Ok(false) };
        Ok(social::find(&mut self.0.store.reader(), &row_of(state)).await?.is_some())
    }

    /// Takes a provider's answer. Every refusal leaves a decision and an audit entry; the caller learns only its number.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not offered; `Authentication` with the decision for an answer that is not
    /// accepted; `RateLimited`.
    pub async fn finish_social(
        &self,
        actor: &Actor,
        provider: SocialProvider,
        callback: &Callback,
        (cookies, device): (Cookies<'_>, Device),
    ) -> Result<SocialOutcome> {
        let client = self.social_client(provider).ok_or_else(|| Error::not_found("Sign-in provider"))?;
        let mut checks = Vec::new();
        let judged = self.judged_social(provider, &client, callback, cookies.browser, &mut checks).await?;
        let (kept, mut who) = match judged {
            Ok(judged) => judged,
            Err(flaw) => {
                checks.push(flaw.reason());
                let reasons = (flaw.code, checks);
                let refused =
                    self.0.identity.refuse_by_provider(actor, provider, reasons, None, None).await?;
                return Err(refused);
            }
        };
        who.checks = checks;
        let with = ProviderSignIn { who, replaces: cookies.session.map(str::to_owned), device };
        match kept.purpose {
            SocialPurpose::SignIn { return_to } => {
                let outcome = self.0.identity.login_by_provider(actor, with).await?;
                Ok(SocialOutcome::SignIn { outcome, return_to: LocalPath::parse(&return_to) })
            }
            SocialPurpose::Link { session } => {
                let signed_in = match &with.replaces {
                    Some(cookie) => self.0.identity.by_cookie(actor.origin.clone(), cookie).await?,
                    None => None,
                };
                let Some(person) = signed_in.filter(|p| p.session().is_ok_and(|s| *s == session)) else {
                    let why =
                        "You were signed out, or signed in anew, meanwhile. Link the account once more.";
                    return Ok(SocialOutcome::Told { page: "/account", why: why.to_owned() });
                };
                match self.0.identity.link_provider(&person, &with.who).await {
                    Ok(()) => Ok(SocialOutcome::Linked(provider)),
                    Err(e) => told("/account", e),
                }
            }
            SocialPurpose::SignUp { workspace } => {
                match self.0.identity.sign_up_by_provider(actor, with, &workspace).await {
                    Ok(done) => Ok(SocialOutcome::SignIn {
                        outcome: SignIn::Done(Box::new(done)),
                        return_to: LocalPath::parse("/"),
                    }),
                    Err(e) => told("/sign-up", e),
                }
            }
        }
    }

    /// Whom the provider vouches for; the flaw when the answer does not count. The sign-in that it is to is taken for good.
    async fn judged_social(
        &self,
        provider: SocialProvider,
        client: &OidcClient,
        callback: &Callback,
        browser: Option<&str>,
        checks: &mut Vec<Reason>,
    ) -> Result<Result<(Kept, Vouched), Flaw>> {
        let kept = match self.social_request(provider, callback.state.as_deref(), browser).await? {
            Ok(kept) => kept,
            Err(flaw) => return Ok(Err(flaw)),
        };
        checks
            .push(Reason::passed("request", "The answer is to a sign-in that began here, in this browser."));
        let found = match self.provider(client).await {
            Ok(found) => found,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let code = match check_answer(callback, &found.discovery, checks) {
            Ok(code) => code,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let parties = (client, &*found);
        let tokens = match self.exchange(None, parties, code, kept.verifier.clone()).await? {
            Ok(tokens) => tokens,
            Err(flaw) => return Ok(Err(flaw)),
        };
        checks.push(Reason::passed("token endpoint", "The provider gave tokens for the code."));
        let who = match self.vouched(provider, (client, found), (&kept.nonce, &tokens), checks).await {
            Ok(who) => who,
            Err(flaw) => return Ok(Err(flaw)),
        };
        if let Some(iss) = callback.iss.as_ref().filter(|iss| **iss != who.issuer) {
            let detail =
                format!("The answer is from “{}”, and the token is of “{}”.", quote(iss), quote(&who.issuer));
            return Ok(Err(Flaw::new("issuer_mixed_up", "answering issuer", detail)));
        }
        Ok(Ok((kept, who)))
    }

    /// The sign-in that an answer is to, of this provider and this browser; each takes one answer.
    async fn social_request(
        &self,
        provider: SocialProvider,
        state: Option<&str>,
        browser: Option<&str>,
    ) -> Result<Result<Kept, Flaw>> {
        let unknown = || {
            let detail =
                "The sign-in that this answer is to (state) is unknown, used or expired. Start again.";
            Flaw::new("state_unknown", "request", detail)
        };
        let store = &self.0.store;
        let Some(row) = state.map(row_of) else { return Ok(Err(unknown())) };
        let found = social::find(&mut store.reader(), &row).await?;
        let Some(waiting) = found.filter(|w| w.expires_at > store.now()) else { return Ok(Err(unknown())) };
        if waiting.provider != provider {
            let detail = format!(
                "The answer came to the address of {}, and the sign-in went to {}.",
                provider.name(),
                waiting.provider.name()
            );
            return Ok(Err(Flaw::new("issuer_mixed_up", "answering issuer", detail)));
        }
        if browser.is_none_or(|b| digest(b) != waiting.browser) {
            let detail = "The answer is to a sign-in of another browser, or this browser keeps no cookies.";
            return Ok(Err(Flaw::new("browser_mismatch", "request", detail)));
        }
        let kept = social::secrets(store, &row).await?;
        let mut tx = store.begin_always().await?;
        let first = social::take(&mut tx, &row).await?;
        tx.commit().await?;
        let Some(kept) = kept.filter(|_| first) else { return Ok(Err(unknown())) };
        Ok(Ok(serde_json::from_slice(&kept).map_err(Error::internal)?))
    }

    /// What the verified token says. The keys are read again when one is missing.
    async fn vouched(
        &self,
        provider: SocialProvider,
        (client, mut found): (&OidcClient, std::sync::Arc<Provider>),
        (nonce, tokens): (&str, &Tokens),
        checks: &mut Vec<Reason>,
    ) -> Result<Vouched, Flaw> {
        let jws = Jws::parse(&tokens.id_token);
        // unverified so far: it only chooses the issuer that the token must be of
        let issuer = claims::issuer_of(&client.issuer, jws.as_ref().map(|j| &j.claims))?;
        let expected = id_token::Expected {
            issuer: &issuer,
            client_id: &client.client_id,
            nonce,
            access_token: tokens.access_token.expose(),
            now: self.0.store.now(),
        };
        let mut judged = id_token::judge(&tokens.id_token, &found.keys, expected);
        if judged.outcome.as_ref().is_err_and(|flaw| flaw.code == "key_unknown") {
            found = self.with_new_keys(client, found).await;
            judged = id_token::judge(&tokens.id_token, &found.keys, expected);
        }
        let Judged { checks: passed, outcome } = judged;
        checks.extend(passed);
        let token = outcome?;
        let kid = jws.as_ref().and_then(Jws::kid);
        if client.issuer.contains(TENANT) {
            key_of_tenant(&found, kid, &token.claims, &issuer)?;
        }
        Ok(Vouched {
            provider,
            email: claims::proven_email(provider, &token.claims),
            label: claims::label(&token.claims),
            name: claims::name(&token.claims),
            issuer,
            subject: token.subject,
            checks: Vec::new(),
        })
    }
}

/// A key may be one tenant's alone; it verifies tokens of no other then.
fn key_of_tenant(
    found: &Provider,
    kid: Option<&str>,
    said: &serde_json::Map<String, serde_json::Value>,
    issuer: &str,
) -> Result<(), Flaw> {
    let Some(of) = kid.and_then(|kid| found.keys.issuer_of(kid)) else { return Ok(()) };
    if claims::issuer_of(of, Some(said))? == issuer {
        return Ok(());
    }
    let detail = format!("The key that signed the token is for the issuer “{}” alone.", quote(of));
    Err(Flaw::new("key_of_another_tenant", "signature", detail))
}

/// What can be told to whoever asked, on the page where the asking began.
fn told(page: &'static str, e: Error) -> Result<SocialOutcome> {
    match e.kind() {
        Kind::Conflict | Kind::Validation | Kind::NotFound => {
            Ok(SocialOutcome::Told { page, why: e.message().to_owned() })
        }
        _ => Err(e),
    }
}
