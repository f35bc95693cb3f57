//! A profile as the broker takes it.

use gatehouse_store::{Queries, Store, Tx};
use gatehouse_types::{AuthProfileId, Error, Result, WorkspaceId};
use gatehouse_web::PublicUrl;
use url::Url;

use super::PAGES;
use crate::grants::callback;
use crate::holders::About;
use crate::oauth::{GrantKind, TokenBody, TokenPointers};
use crate::profiles::model::{AuthorizationType, Profile, Secrets, has_tenancy, with_tenancy};
use crate::profiles::store;
use crate::{Asked, ClientSpec};

/// See [`crate::holders::about`].
pub(crate) async fn about<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &AuthProfileId,
) -> Result<Option<About>> {
    let found = store::about(db, workspace, id).await?;
    Ok(found.map(|(name, responsible)| About { name, responsible, page: format!("{PAGES}/{id}") }))
}

/// See [`crate::holders::lock`].
pub(crate) async fn lock(tx: &mut Tx, workspace: &WorkspaceId, id: &AuthProfileId) -> Result<bool> {
    Ok(store::lock(tx, workspace, id).await?.is_some())
}

/// See [`crate::holders::spec`].
pub(crate) async fn spec<Q: Queries>(
    keys: &Store,
    db: &mut Q,
    public_url: &PublicUrl,
    (workspace, id): (&WorkspaceId, &AuthProfileId),
    asked: &Asked,
) -> Result<Option<ClientSpec>> {
    let found = store::find(keys, db, workspace, id).await?;
    found.map(|(profile, secrets)| spec_of(public_url, &profile, &secrets, asked)).transpose()
}

/// The authorization server of a profile, with the tenant and what else was asked put in.
///
/// # Errors
/// `Validation` when the tenancy is missing.
pub(crate) fn spec_of(
    public_url: &PublicUrl,
    profile: &Profile,
    secrets: &Secrets,
    asked: &Asked,
) -> Result<ClientSpec> {
    let address = |field: &'static str, text: &str| -> Result<Url> {
        let text = match (has_tenancy(text), &asked.tenancy) {
            (false, _) => text.to_owned(),
            (true, Some(tenant)) => with_tenancy(text, tenant),
            (true, None) => {
                return Err(Error::validation(
                    "tenancy",
                    "Enter the tenancy: the part of the address that is your own.",
                ));
            }
        };
        Url::parse(&text).map_err(|_| Error::validation(field, "This is no address."))
    };
    let optional =
        |field: &'static str, text: &Option<String>| text.as_deref().map(|t| address(field, t)).transpose();
    let fixed: Vec<(String, String)> =
        secrets.fields.additional.iter().filter_map(|f| Some((f.key.clone(), f.value.clone()?))).collect();
    // what a person was asked for is a credential: it goes into bodies, never into the address of a page
    let own = secrets.fields.asked().filter_map(|key| Some((key.to_owned(), asked.fields.get(key)?.clone())));
    let with_own: Vec<(String, String)> = fixed.iter().cloned().chain(own).collect();
    let is_code = profile.kind == AuthorizationType::OAuth2;
    Ok(ClientSpec {
        grant: if is_code { GrantKind::AuthorizationCode } else { GrantKind::ClientCredentials },
        grant_type: None,
        authorization_url: optional("authorizationUrl", &profile.authorization_url)?,
        token_url: address("tokenRequestUrl", &profile.token_url)?,
        refresh_url: optional("refreshTokenUrl", &profile.refresh_url)?,
        revocation_url: optional("revocationUrl", &profile.revocation_url)?,
        issuer: profile.issuer.clone(),
        client_id: profile.client_id.clone(),
        client_secret: Some(secrets.client_secret.clone()),
        scopes: profile.scope.clone(),
        scope_parameter: "scope".to_owned(),
        client_auth: profile.client_auth,
        body: TokenBody::Form,
        pkce: is_code,
        authorization_params: fixed,
        token_params: with_own.clone(),
        refresh_params: with_own,
        token_headers: Vec::new(),
        callback_context: profile.context.clone(),
        callback_url: Url::parse(&callback::address(public_url, &profile.context))
            .map_err(Error::internal)?,
        pointers: TokenPointers::default(),
        callback_values: Vec::new(),
        default_lifetime: None,
    })
}
