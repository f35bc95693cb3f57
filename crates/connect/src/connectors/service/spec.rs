//! From a type's file and a connector's values to the authorization server that the broker asks.

use std::collections::BTreeMap;
use std::time::Duration;

use gatehouse_catalogue::{
    self as catalogue, AuthKind, AuthType, Field, Key, OAuth, Template, TokenValue, UrlError, UrlTemplate,
};
use gatehouse_store::{Queries, Store};
use gatehouse_types::{ConnectorId, Error, Result, Secret, WorkspaceId};
use gatehouse_web::PublicUrl;
use url::Url;

use super::connectors::not_found;
use super::kept_types::Types;
use super::types::known;
use super::view::{gone, way};
use crate::connectors::credential::{Moment, assertion, unfilled};
use crate::connectors::model::connector::Connector;
use crate::connectors::model::fields::Values;
use crate::connectors::model::known::Known;
use crate::connectors::store::connectors;
use crate::grants::callback;
use crate::{ClientAuth, ClientSpec, Connect, GrantKind, TokenBody, TokenPointers};

/// The grant of RFC 7523 §2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The grant of RFC 6749 §4.3.
const PASSWORD: &str = "password";

/// A connector with its type and all its values: what a call is made of.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) connector: Connector,
    pub(crate) known: Known,
    pub(crate) values: Values,
}

impl Ready {
    /// Its way to authenticate; that there is one was seen when this was made.
    pub(crate) fn auth(&self) -> Result<&AuthType> {
        way(&self.known, &self.connector)
    }
}

/// An address that cannot be made of the values.
pub(crate) fn unmade(error: UrlError) -> Error {
    match error {
        UrlError::Template(catalogue::TemplateError::Missing(name)) => unfilled(&name),
        other => Error::conflict(format!("An address of this connector cannot be made: {other}.")),
    }
}

/// Everything of a connector that a call needs; `None` when there is none of this id. `types` are those that were read
/// before, where they are at hand.
pub(crate) async fn ready<Q: Queries>(
    store: &Store,
    db: &mut Q,
    types: Option<&Types>,
    (workspace, id): (&WorkspaceId, &ConnectorId),
) -> Result<Option<Ready>> {
    let Some(connector) = connectors::find(db, workspace, id).await? else { return Ok(None) };
    let known = match types {
        Some(types) => types.known(db, workspace, &connector.type_id).await?,
        None => known(db, workspace, &connector.type_id).await?,
    };
    let known = known.ok_or_else(gone)?;
    way(&known, &connector)?;
    let secret = connectors::secrets(db, store, id).await?;
    let values = Values { plain: connector.plain.clone(), secret, expiry: connector.expiry.clone() };
    Ok(Some(Ready { connector, known, values }))
}

/// Something nobody used before, at this moment.
pub(crate) fn moment(store: &Store) -> Moment {
    Moment { now: store.now(), nonce: store.ids().uuid().simple().to_string() }
}

/// The callback of a connector, which is its own and unguessable.
pub(crate) fn callback_of(public_url: &PublicUrl, connector: &Connector) -> String {
    callback::address(public_url, &connector.context)
}

/// The authorization server of a connector, and how it presents itself there; `None` when it speaks no OAuth 2.0.
///
/// # Errors
/// `Conflict` when a value is missing or an address cannot be made.
pub(crate) fn spec_of(store: &Store, public_url: &PublicUrl, ready: &Ready) -> Result<Option<ClientSpec>> {
    let auth = ready.auth()?;
    let Some(oauth) = &auth.oauth else { return Ok(None) };
    let callback = callback_of(public_url, &ready.connector);
    let value = |name: &str| match name {
        "redirect_uri" => Some(callback.clone()),
        name => ready.values.get(name).map(str::to_owned),
    };
    let url = |template: &UrlTemplate| template.fill(value).map_err(unmade);
    let optional = |template: &Option<UrlTemplate>| template.as_ref().map(url).transpose();
    let mut token_params = params(&oauth.token_params, value);
    let (grant, grant_type) = grant(store, auth, oauth, &mut token_params, value)?;
    let headers = params(&oauth.headers, value);
    Ok(Some(ClientSpec {
        grant,
        grant_type,
        authorization_url: optional(&oauth.authorization_url)?,
        token_url: url(&oauth.token_url)?,
        refresh_url: optional(&oauth.refresh_url)?,
        revocation_url: optional(&oauth.revoke_url)?,
        issuer: None,
        client_id: ready.values.get("client_id").unwrap_or_default().to_owned(),
        client_secret: ready.values.get("client_secret").map(Secret::new),
        scopes: scopes(auth, oauth, &ready.values, value),
        scope_parameter: oauth.scope_parameter.clone(),
        client_auth: match oauth.client_auth {
            catalogue::ClientAuth::Post => ClientAuth::Post,
            catalogue::ClientAuth::Basic => ClientAuth::Basic,
            catalogue::ClientAuth::None => ClientAuth::None,
        },
        body: match oauth.body {
            catalogue::TokenBody::Form => TokenBody::Form,
            catalogue::TokenBody::Json => TokenBody::Json,
            catalogue::TokenBody::Query => TokenBody::Query,
        },
        pkce: oauth.pkce,
        authorization_params: params(&oauth.authorization_params, value),
        token_params,
        refresh_params: params(&oauth.refresh_params, value),
        token_headers: headers.into_iter().map(|(name, text)| (name, Secret::new(text))).collect(),
        callback_context: ready.connector.context.clone(),
        callback_url: Url::parse(&callback).map_err(Error::internal)?,
        pointers: pointers(oauth),
        callback_values: oauth
            .callback_values
            .iter()
            .map(|v| (v.key.to_string(), v.pointer.as_str().trim_start_matches('/').to_owned()))
            .collect(),
        default_lifetime: oauth.default_lifetime_seconds.map(|s| Duration::from_secs(s.into())),
    }))
}

fn pointers(oauth: &OAuth) -> TokenPointers {
    let values = oauth.token_values.iter();
    TokenPointers {
        access_token: oauth.access_token.as_str().to_owned(),
        refresh_token: oauth.refresh_token.as_str().to_owned(),
        expires_in: oauth.expires_in.as_str().to_owned(),
        values: values.map(|v| (v.key.to_string(), v.pointer.as_str().to_owned())).collect(),
    }
}

/// How tokens are come by; what asks the token endpoint alone brings its proof with each request.
fn grant(
    store: &Store,
    auth: &AuthType,
    oauth: &OAuth,
    token_params: &mut Vec<(String, String)>,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<(GrantKind, Option<String>)> {
    let own = oauth.grant_type.clone();
    let usual = |usual: &str| Some(own.clone().unwrap_or_else(|| usual.to_owned()));
    match auth.kind {
        AuthKind::Oauth2Password => {
            for name in ["username", "password"] {
                token_params.push((name.to_owned(), value(name).ok_or_else(|| unfilled(name))?));
            }
            Ok((GrantKind::ClientCredentials, usual(PASSWORD)))
        }
        AuthKind::Oauth2JwtBearer => {
            let token = assertion(auth, &moment(store), value)?;
            token_params.push(("assertion".to_owned(), token.expose().to_owned()));
            Ok((GrantKind::ClientCredentials, usual(JWT_BEARER)))
        }
        AuthKind::Oauth2ClientCredentials => Ok((GrantKind::ClientCredentials, own)),
        _ => Ok((GrantKind::AuthorizationCode, own)),
    }
}

impl Connect {
    /// Everything of a connector that a call needs.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when its type is gone.
    pub(crate) async fn ready(&self, workspace: &WorkspaceId, id: &ConnectorId) -> Result<Ready> {
        let store = &self.0.store;
        let types = Some(&self.0.types);
        ready(store, &mut store.reader(), types, (workspace, id)).await?.ok_or_else(not_found)
    }

    /// The authorization server of a connector that speaks OAuth 2.0.
    ///
    /// # Errors
    /// `Conflict` when it does not, or a value is missing.
    pub(crate) fn client_spec(&self, ready: &Ready) -> Result<ClientSpec> {
        spec_of(&self.0.store, &self.0.public_url, ready)?.ok_or_else(|| {
            Error::conflict(
                "This connector does not authenticate with OAuth 2.0: there is nothing to authorize.",
            )
        })
    }
}

/// Parameters filled; one whose field was left blank is not sent.
fn params(
    of: &BTreeMap<String, Template>,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Vec<(String, String)> {
    of.iter().filter_map(|(name, template)| Some((name.clone(), template.fill(value).ok()?))).collect()
}

/// What was entered as scope, as it was entered; else the file's.
fn scopes(
    auth: &AuthType,
    oauth: &OAuth,
    values: &Values,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> String {
    let asked = auth.fields.iter().any(|f| f.key.as_str() == "scope");
    if asked && let Some(entered) = values.get("scope") {
        return entered.to_owned();
    }
    let filled: Vec<String> = oauth.scopes.iter().filter_map(|s| s.fill(value).ok()).collect();
    filled.join(&oauth.scope_separator)
}

/// Values that a token answer or a callback brought, each judged by what the file says it must be.
///
/// # Errors
/// `Conflict` names the one that does not fit or is missing.
pub(crate) fn brought(of: &[TokenValue], found: &BTreeMap<String, String>) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for one in of {
        let key = one.key.to_string();
        match found.get(&key).filter(|text| !text.is_empty()) {
            Some(text) => {
                as_field(&one.key, one.kind, &one.hosts).check(text).map_err(|_| elsewhere(&key))?;
                all.push((key, text.clone()));
            }
            None if one.required => {
                return Err(Error::conflict(format!(
                    "The product did not tell {key}, which calls need. Authorize the connector again."
                )));
            }
            None => {}
        }
    }
    Ok(all)
}

pub(crate) fn elsewhere(key: &str) -> Error {
    Error::conflict(format!(
        "What the product tells as {key} is not what its type expects, so it is not used. Nothing was sent there."
    ))
}

/// A value that the vendor tells, as a field whose rules it keeps.
pub(crate) fn as_field(key: &Key, kind: catalogue::FieldType, hosts: &[String]) -> Field {
    Field {
        key: key.clone(),
        label: key.to_string(),
        kind,
        secret: false,
        required: true,
        default: None,
        suggestion: None,
        help: None,
        example: None,
        format: None,
        starts_with: Vec::new(),
        choices: BTreeMap::new(),
        hosts: hosts.to_vec(),
        expires: false,
    }
}
