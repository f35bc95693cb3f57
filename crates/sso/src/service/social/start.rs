//! The way to Google or Microsoft.

use gatehouse_identity::model::SocialProvider;
use gatehouse_types::{Actor, Error, Result, Secret, SessionId, digest, random_token};
use openidconnect::PkceCodeChallenge;
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::service::oidc::start::authorization_url;
use crate::service::start::{REQUEST_SECONDS, Started, Way};
use crate::store::social::{self, Waiting};

/// What an account at a provider is wanted for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocialPurpose {
    /// To sign in, and go on to a path on this host.
    SignIn {
        /// The path.
        return_to: String,
    },
    /// To be linked to whoever is signed in.
    Link {
        /// The session, which must come back with the answer.
        session: SessionId,
    },
    /// To sign up.
    SignUp {
        /// The name of the workspace to be made.
        workspace: String,
    },
}

/// What only the answer must meet; sealed until then.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) purpose: SocialPurpose,
}

/// The row of a sign-in by its state.
pub(super) fn row_of(state: &str) -> String {
    format!("social:{}", digest(state))
}

impl Sso {
    /// Begins a sign-in with an account at a provider. The browser keeps the secret it may have from a sign-in in another
    /// window, so that both can end well.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not offered; `RateLimited` for a network that begins too many; `Unavailable` with
    /// a recorded decision when the provider cannot be reached. For signing up and for linking as
    /// [`gatehouse_identity::Identity::sign_up_by_provider`] and [`gatehouse_identity::Identity::require_linking`].
    pub async fn start_social(
        &self,
        actor: &Actor,
        provider: SocialProvider,
        purpose: SocialPurpose,
        browser: Option<&str>,
    ) -> Result<Started> {
        let store = &self.0.store;
        self.0.starts.require(&actor.origin.network())?;
        let client = self.social_client(provider).ok_or_else(|| Error::not_found("Sign-in provider"))?;
        match &purpose {
            SocialPurpose::SignIn { .. } => {}
            SocialPurpose::Link { .. } => self.0.identity.require_linking(actor, provider).await?,
            SocialPurpose::SignUp { .. } => self.0.identity.require_sign_up()?,
        }
        let found = match self.provider(&client).await {
            Ok(found) => found,
            Err(flaw) => {
                let reasons = (flaw.code, vec![flaw.reason()]);
                let refused =
                    self.0.identity.refuse_by_provider(actor, provider, reasons, None, None).await?;
                let message = format!(
                    "{} cannot be reached at this moment. Try again in a minute, or sign in another way.",
                    provider.name()
                );
                let error = Error::unavailable(message);
                return Err(match refused.decision() {
                    Some(decision) => error.decided(decision.clone()),
                    None => error,
                });
            }
        };
        let random = || random_token(&**store.random());
        // 256 random bits in 43 characters: a verifier of RFC 7636 §4.1
        let (state, nonce, verifier) = (random(), random(), random());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&openidconnect::PkceCodeVerifier::new(
            verifier.expose().to_owned(),
        ));
        let url = authorization_url(&client, &found.discovery, (state.expose(), nonce.expose()), challenge);
        let mut url = url.map_err(|e| Error::internal(format!("no authorization request: {e}")))?;
        // whoever has several accounts is asked which one
        url.query_pairs_mut().append_pair("prompt", "select_account");
        let browser = match browser.filter(|b| b.len() == 43) {
            Some(known) => Secret::new(known),
            None => random(),
        };
        let waiting = Waiting {
            id: row_of(state.expose()),
            provider,
            browser: digest(browser.expose()),
            expires_at: store.now().plus_seconds(REQUEST_SECONDS),
        };
        let kept = Kept { nonce: nonce.expose().to_owned(), verifier: verifier.expose().to_owned(), purpose };
        let mut tx = store.begin_always().await?;
        social::insert(&mut tx, &waiting, &serde_json::to_vec(&kept).map_err(Error::internal)?).await?;
        tx.commit().await?;
        Ok(Started { way: Way::Redirect(url.into()), browser })
    }
}
