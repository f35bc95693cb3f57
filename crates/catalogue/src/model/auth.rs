//! Ways to authenticate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Field, FieldType, Method, OAuth, TestRequest, TokenBody};
use crate::{Key, Pointer, Slug, Template, UrlTemplate};

/// One way to authenticate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthType {
    /// Unique in the connector, never changed once released.
    pub id: Slug,
    /// What people choose.
    pub label: String,
    /// What happens.
    pub kind: AuthKind,
    /// Asked for this way alone.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Where the credential is put; unset means what is usual for the kind.
    #[serde(default)]
    pub apply: Vec<Placement>,
    /// For `oauth2_*`; also what a `jwt` is exchanged at.
    #[serde(default)]
    pub oauth: Option<OAuth>,
    /// For `basic`, where user name and password are other fields.
    #[serde(default)]
    pub basic: Option<Basic>,
    /// For `jwt` and `oauth2_jwt_bearer`.
    #[serde(default)]
    pub jwt: Option<Jwt>,
    /// For `session`; for `basic` where a product wants a token beside the password (`apply` says where).
    #[serde(default)]
    pub session: Option<Session>,
    /// For `aws_sigv4`.
    #[serde(default)]
    pub aws: Option<Aws>,
    /// For `oauth1`.
    #[serde(default)]
    pub oauth1: Option<OAuth1>,
    /// Asked once connected, with the credential: values that calls need.
    #[serde(default)]
    pub lookup: Vec<Lookup>,
    /// Instead of the connector's address.
    #[serde(default)]
    pub base_url: Option<UrlTemplate>,
    /// Instead of the connector's test.
    #[serde(default)]
    pub test: Option<TestRequest>,
    /// Whether each person may have a connection of their own; unset: with `oauth2_code` alone.
    #[serde(default)]
    pub user_authentication: Option<bool>,
}

impl AuthType {
    /// Whether each person may have a connection of their own.
    pub fn allows_user_authentication(&self) -> bool {
        self.user_authentication.unwrap_or(self.kind == AuthKind::Oauth2Code)
    }

    /// Where the credential is put: what the file says, or what is usual for the kind. Empty for what is not
    /// put but computed (`basic`, `aws_sigv4`, `oauth1`) and for `none`; what stands beside `basic` is here.
    pub fn placements(&self) -> Vec<Placement> {
        if !self.apply.is_empty() {
            return self.apply.clone();
        }
        let bearer = match self.kind {
            AuthKind::Bearer => "Bearer {token}",
            AuthKind::Jwt => "Bearer {jwt}",
            AuthKind::Session => "Bearer {session_value}",
            kind if kind.is_oauth2() => "Bearer {access_token}",
            _ => return Vec::new(),
        };
        let value = Template::parse(bearer).into_iter();
        value
            .map(|value| Placement { place: Place::Header, name: "Authorization".to_owned(), value })
            .collect()
    }
}

/// What happens when one authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// OAuth 2.0 authorization code: a person consents in the browser.
    Oauth2Code,
    /// OAuth 2.0 client credentials: the application itself.
    Oauth2ClientCredentials,
    /// OAuth 2.0 resource owner password (RFC 6749 §4.3), where a vendor offers nothing else.
    Oauth2Password,
    /// A signed assertion is exchanged for a token (RFC 7523 §2.1): service accounts.
    Oauth2JwtBearer,
    /// A signed token that is itself the credential.
    Jwt,
    /// A key put where `apply` says.
    ApiKey,
    /// A lasting token as `Authorization: Bearer`.
    Bearer,
    /// User name and password (RFC 7617).
    Basic,
    /// Several values put where `apply` says.
    Custom,
    /// A sign-in call gives a token for a while.
    Session,
    /// AWS Signature Version 4.
    AwsSigv4,
    /// OAuth 1.0a with a lasting token (RFC 5849).
    Oauth1,
    /// Nothing.
    None,
}

impl AuthKind {
    /// Whether a token endpoint is asked.
    pub fn is_oauth2(self) -> bool {
        matches!(
            self,
            Self::Oauth2Code | Self::Oauth2ClientCredentials | Self::Oauth2Password | Self::Oauth2JwtBearer
        )
    }
}

/// Where a value goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The part of the request.
    pub place: Place,
    /// The name of the header, of the parameter, or of the member of the body.
    pub name: String,
    /// Its value.
    pub value: Template,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A header.
    Header,
    /// A parameter of the query.
    Query,
    /// A member of the body.
    Body,
}

/// User name and password of `basic`, made of fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user name.
    pub username: Template,
    /// The password.
    pub password: Template,
}

/// A token that we sign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// How.
    pub algorithm: JwtAlgorithm,
    /// The field with the private key (PEM) or the shared secret.
    pub key: Key,
    /// `kid` of the header.
    #[serde(default)]
    pub key_id: Option<Template>,
    /// `iss`.
    pub issuer: Template,
    /// `sub`; left out when it is empty.
    #[serde(default)]
    pub subject: Option<Template>,
    /// `aud`.
    #[serde(default)]
    pub audience: Option<Template>,
    /// From `iat` to `exp`.
    pub lifetime_seconds: u32,
    /// Further claims; texts may hold variables.
    #[serde(default)]
    pub claims: BTreeMap<String, Template>,
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names of RFC 7518")]
pub enum JwtAlgorithm {
    HS256,
    RS256,
    PS256,
    ES256,
}

/// A sign-in call whose answer holds a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// POST unless said otherwise.
    #[serde(default = "post")]
    pub method: Method,
    /// The whole address.
    pub url: UrlTemplate,
    /// Headers of this call.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Sent as RFC 7617 with this call alone.
    #[serde(default)]
    pub basic: Option<Basic>,
    /// How the body is written.
    #[serde(default)]
    pub body_format: TokenBody,
    /// Members of the body.
    #[serde(default)]
    pub body: BTreeMap<String, Template>,
    /// Where the answer's JSON holds the token; this or `token_header` or `token_cookie`.
    #[serde(default)]
    pub token: Option<Pointer>,
    /// The header of the answer that holds it.
    #[serde(default)]
    pub token_header: Option<String>,
    /// The cookie of the answer that holds it.
    #[serde(default)]
    pub token_cookie: Option<String>,
    /// How long it is good for when the vendor does not say.
    pub lifetime_seconds: u32,
    /// Ends it: DELETE at this address.
    #[serde(default)]
    pub end_url: Option<UrlTemplate>,
}

/// AWS Signature Version 4 with the fields `access_key_id`, `secret_access_key` and perhaps `session_token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aws {
    /// The name of the service in the credential scope.
    pub service: Template,
    /// The region in the credential scope.
    pub region: Template,
}

/// OAuth 1.0a with the fields `consumer_key`, `consumer_secret`, `token` and `token_secret`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth1 {
    /// How the base string is signed.
    pub signature: OAuth1Signature,
    /// `realm` of the header.
    #[serde(default)]
    pub realm: Option<Template>,
}

/// How a request is signed with OAuth 1.0a.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OAuth1Signature {
    /// RFC 5849 §3.4.2.
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// The same with SHA-256.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

/// A call made once connected, whose answer holds values that other calls need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The whole address; asked with GET and the credential.
    pub url: UrlTemplate,
    /// Where the answer holds a list to choose from; unset: the answer itself is meant.
    #[serde(default)]
    pub list: Option<Pointer>,
    /// Which element of the list: the first rule that applies and finds one, else the first element.
    #[serde(default)]
    pub prefer: Vec<Prefer>,
    /// What is taken from it.
    pub values: Vec<LookupValue>,
}

/// An element of a list is chosen by a value in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefer {
    /// The place in the element.
    pub pointer: Pointer,
    /// The value there; this or `field`.
    #[serde(default)]
    pub equals: Option<Value>,
    /// The field whose value is there; does not apply while that is blank.
    #[serde(default)]
    pub field: Option<Key>,
}

/// A variable taken from an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupValue {
    /// The name of the variable.
    pub key: Key,
    /// The place in the answer or in the chosen element.
    pub pointer: Pointer,
    /// What it must be.
    #[serde(default, rename = "type")]
    pub kind: FieldType,
    /// For `url` and `host`: the host is one of these or below one of them.
    #[serde(default)]
    pub hosts: Vec<String>,
}

fn post() -> Method {
    Method::Post
}
