//! OAuth 2.0 and what vendors made of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FieldType;
use super::connector::yes;
use crate::{Key, Pointer, Template, UrlTemplate};

/// Endpoints and quirks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// Where the person consents; for `oauth2_code` alone.
    #[serde(default)]
    pub authorization_url: Option<UrlTemplate>,
    /// Where tokens come from.
    pub token_url: UrlTemplate,
    /// Where they are refreshed, when that is elsewhere.
    #[serde(default)]
    pub refresh_url: Option<UrlTemplate>,
    /// Where they are revoked as RFC 7009 has it. Vendors with ways of their own have none here.
    #[serde(default)]
    pub revoke_url: Option<UrlTemplate>,
    /// Asked for unless a field `scope` says otherwise.
    #[serde(default)]
    pub scopes: Vec<Template>,
    /// Between scopes; a space unless said otherwise.
    #[serde(default = "space")]
    pub scope_separator: String,
    /// The parameter that carries them; `scope` unless said otherwise.
    #[serde(default = "scope")]
    pub scope_parameter: String,
    /// How the client shows its secret at the token endpoint.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// How the request to the token endpoint is written.
    #[serde(default)]
    pub body: TokenBody,
    /// Instead of the usual `grant_type`.
    #[serde(default)]
    pub grant_type: Option<String>,
    /// Whether a proof of RFC 7636 (S256) is sent; on unless said otherwise.
    #[serde(default = "yes")]
    pub pkce: bool,
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub authorization_params: BTreeMap<String, Template>,
    /// Further parameters of the token request.
    #[serde(default)]
    pub token_params: BTreeMap<String, Template>,
    /// Further parameters when refreshing.
    #[serde(default)]
    pub refresh_params: BTreeMap<String, Template>,
    /// Headers of requests to the token endpoint.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Where the answer holds the access token.
    #[serde(default = "access_token")]
    pub access_token: Pointer,
    /// Where the answer holds the refresh token.
    #[serde(default = "refresh_token")]
    pub refresh_token: Pointer,
    /// Where the answer holds the seconds until the access token ends.
    #[serde(default = "expires_in")]
    pub expires_in: Pointer,
    /// Seconds until it ends when the answer does not say; unset: until it is refused.
    #[serde(default)]
    pub default_lifetime_seconds: Option<u32>,
    /// Variables taken from the answer of the token endpoint.
    #[serde(default)]
    pub token_values: Vec<TokenValue>,
    /// Variables taken from the parameters that come to the callback beside the code.
    #[serde(default)]
    pub callback_values: Vec<TokenValue>,
    /// What is known about refreshing.
    #[serde(default)]
    pub refresh: Refresh,
    /// What a token that is a JWT must say, for the connection test.
    #[serde(default)]
    pub expected_claims: Vec<ExpectedClaim>,
}

/// How the client shows its secret at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the body.
    #[default]
    Post,
    /// RFC 7617, as RFC 6749 §2.3.1 has it.
    Basic,
    /// `client_id` alone, without a secret.
    None,
}

/// How a request to a token endpoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenBody {
    /// `application/x-www-form-urlencoded`.
    #[default]
    Form,
    /// `application/json`.
    Json,
    /// In the query.
    Query,
}

/// A variable taken from an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenValue {
    /// The name of the variable.
    pub key: Key,
    /// The place in the answer; for callback values `/<parameter>`.
    pub pointer: Pointer,
    /// What it must be.
    #[serde(default, rename = "type")]
    pub kind: FieldType,
    /// For `url` and `host`: the host is one of these or below one of them.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whether connecting fails without it.
    #[serde(default = "yes")]
    pub required: bool,
}

/// What is known about refreshing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// Whether refresh tokens exist at all; on unless said otherwise.
    #[serde(default = "yes")]
    pub supported: bool,
    /// Whether each use gives a new one and ends the old.
    #[serde(default)]
    pub rotates: bool,
    /// The scope without which none comes.
    #[serde(default)]
    pub needs_scope: Option<String>,
    /// How long one lasts.
    #[serde(default)]
    pub lifetime_days: Option<u32>,
    /// What the days are counted from.
    #[serde(default)]
    pub lifetime_from: RefreshLifetime,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            supported: true,
            rotates: false,
            needs_scope: None,
            lifetime_days: None,
            lifetime_from: RefreshLifetime::Use,
        }
    }
}

/// What the life of a refresh token is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshLifetime {
    /// From its last use: it ends when it is not used.
    #[default]
    Use,
    /// From the consent: it ends whatever happens.
    Consent,
}

/// What a claim of the access token must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedClaim {
    /// The claim.
    pub claim: String,
    /// Its value, one of these; empty: it must only be there.
    #[serde(default)]
    pub equals: Vec<Template>,
    /// The vendor's setting that says what it must be, named when it does not match.
    pub setting: String,
}

fn space() -> String {
    " ".to_owned()
}

fn scope() -> String {
    "scope".to_owned()
}

fn access_token() -> Pointer {
    Pointer::member("access_token")
}

fn refresh_token() -> Pointer {
    Pointer::member("refresh_token")
}

fn expires_in() -> Pointer {
    Pointer::member("expires_in")
}
