//! The way to the provider: the authorization request (OpenID Connect Core §3.1.2.1) with PKCE (RFC 7636).

use gatehouse_types::{Actor, Error, Result, Secret, digest, random_token};
use gatehouse_web::LocalPath;
use openidconnect::core::{CoreClient, CoreJsonWebKeySet, CoreResponseType};
use openidconnect::{
    AuthUrl, AuthenticationFlow, ClientId, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, RedirectUrl, Scope,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::provider::OidcClient;
use crate::Sso;
use crate::model::{Connection, DomainStatus, Flow};
use crate::oidc::Flaw;
use crate::oidc::discovery::Discovery;
use crate::service::start::{REQUEST_SECONDS, Started, Way};
use crate::store::domains;
use crate::store::requests::{self, Pending};

/// What only the answer to a request must meet; sealed until then.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// The row of a request by its state; no id of a SAML request looks like it.
pub(crate) fn request_row(state: &str) -> String {
    format!("oidc:{}", digest(state))
}

impl Sso {
    /// Begins a sign-in over OpenID Connect; the connection is active.
    pub(crate) async fn start_oidc(
        &self,
        actor: &Actor,
        connection: &Connection,
        return_to: &LocalPath,
        browser: Secret,
    ) -> Result<Started> {
        let client = match self.oidc_client(connection).await? {
            Ok(client) => client,
            Err(flaw) => return self.cannot_start(actor, connection, &flaw).await,
        };
        let provider = match self.provider(&client).await {
            Ok(provider) => provider,
            Err(flaw) => return self.cannot_start(actor, connection, &flaw).await,
        };
        let store = &self.0.store;
        let random = || random_token(&**store.random());
        let (state, nonce) = (random(), random());
        // 256 random bits in 43 characters: a verifier of RFC 7636 §4.1
        let verifier = random();
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&openidconnect::PkceCodeVerifier::new(
            verifier.expose().to_owned(),
        ));
        let url =
            authorization_url(&client, &provider.discovery, (state.expose(), nonce.expose()), challenge);
        let mut url = url.map_err(|e| Error::internal(format!("no authorization request: {e}")))?;
        if client.hosted_domain {
            let found = domains::of(&mut store.reader(), &connection.id).await?;
            let mut verified = found.iter().filter(|d| d.status == DomainStatus::Verified && d.federated);
            // the account chooser shows one organisation; with several it cannot
            if let (Some(only), None) = (verified.next(), verified.next()) {
                url.query_pairs_mut().append_pair("hd", &only.domain.to_string());
            }
        }
        let now = store.now();
        let pending = Pending {
            id: request_row(state.expose()),
            connection_id: connection.id.clone(),
            browser: digest(browser.expose()),
            return_to: return_to.as_str().to_owned(),
            created_at: now,
            expires_at: now.plus_seconds(REQUEST_SECONDS),
            force_authn: false,
        };
        let kept = Kept { nonce: nonce.expose().to_owned(), verifier: verifier.expose().to_owned() };
        let mut tx = store.begin_always().await?;
        requests::insert_sealed(&mut tx, &pending, &serde_json::to_vec(&kept).map_err(Error::internal)?);
        tx.commit().await?;
        Ok(Started { way: Way::Redirect(url.into()), browser })
    }

    /// Leaves the attempt of a sign-in that cannot begin, because of the provider or the operator.
    async fn cannot_start<T>(&self, actor: &Actor, connection: &Connection, flaw: &Flaw) -> Result<T> {
        let decision =
            self.leave_refusal(actor, connection, Flow::SpInitiated, flaw.code, flaw.reason()).await?;
        let message = "Your identity provider cannot be reached at this moment. Try again in a minute; if it happens \
                       once more, give your administrator the number below.";
        Err(Error::unavailable(message).decided(decision))
    }
}

/// The address of the request with all its parameters.
pub(crate) fn authorization_url(
    client: &OidcClient,
    discovery: &Discovery,
    (state, nonce): (&str, &str),
    challenge: PkceCodeChallenge,
) -> Result<Url, url::ParseError> {
    let (state, nonce) = (state.to_owned(), nonce.to_owned());
    let core = CoreClient::new(
        ClientId::new(client.client_id.clone()),
        IssuerUrl::new(client.issuer.clone())?,
        CoreJsonWebKeySet::new(Vec::new()),
    )
    .set_auth_uri(AuthUrl::new(discovery.authorization_endpoint.clone())?)
    .set_redirect_uri(RedirectUrl::new(client.redirect_uri.clone())?);
    let request = core
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            move || CsrfToken::new(state.clone()),
            move || Nonce::new(nonce.clone()),
        )
        // the library asks for openid by itself
        .add_scopes(client.scopes.iter().filter(|s| *s != "openid").cloned().map(Scope::new))
        .set_pkce_challenge(challenge);
    Ok(request.url().0)
}
