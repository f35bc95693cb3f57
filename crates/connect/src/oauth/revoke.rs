//! Taking tokens back at their server (RFC 7009).

use std::time::Duration;

use gatehouse_outbound::Http;
use gatehouse_types::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ask::write;
use super::{ClientAuth, ClientSpec, GrantKind, TokenBody, TokenPointers};

/// What it takes to revoke tokens of a grant that is gone, and whose holder may be gone too; kept sealed until it is done.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Revocation {
    url: Url,
    client_id: String,
    client_secret: Option<String>,
    by_header: bool,
    headers: Vec<(String, String)>,
    refresh_token: Option<String>,
    access_token: Option<String>,
}

/// How a try went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server takes the tokens no more.
    Done,
    /// It may well work later.
    Later(String),
    /// It will not work.
    Never(String),
}

impl Revocation {
    /// For the tokens of a grant at a server that has an address for it.
    pub(crate) fn of(spec: &ClientSpec, url: Url, refresh: Option<String>, access: Option<String>) -> Self {
        let open = |secret: &Secret| secret.expose().to_owned();
        Self {
            url,
            client_id: spec.client_id.clone(),
            client_secret: spec.client_secret.as_ref().map(open),
            by_header: spec.client_auth == ClientAuth::Basic,
            headers: spec.token_headers.iter().map(|(name, value)| (name.clone(), open(value))).collect(),
            refresh_token: refresh,
            access_token: access,
        }
    }

    fn spec(&self) -> ClientSpec {
        let client_auth = match (&self.client_secret, self.by_header) {
            (Some(_), true) => ClientAuth::Basic,
            (Some(_), false) => ClientAuth::Post,
            (None, _) => ClientAuth::None,
        };
        ClientSpec {
            grant: GrantKind::AuthorizationCode,
            grant_type: None,
            authorization_url: None,
            token_url: self.url.clone(),
            refresh_url: None,
            revocation_url: Some(self.url.clone()),
            issuer: None,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.as_deref().map(Secret::new),
            scopes: String::new(),
            scope_parameter: String::new(),
            client_auth,
            body: TokenBody::Form,
            pkce: false,
            authorization_params: Vec::new(),
            token_params: Vec::new(),
            refresh_params: Vec::new(),
            token_headers: self.headers.iter().map(|(n, v)| (n.clone(), Secret::new(v.as_str()))).collect(),
            callback_context: String::new(),
            callback_url: self.url.clone(),
            pointers: TokenPointers::default(),
            callback_values: Vec::new(),
            default_lifetime: Some(Duration::ZERO),
        }
    }

    /// Revokes the refresh token, with which its access tokens should end (§2.1), and the access token besides.
    pub(crate) async fn run(&self, http: &Http) -> Outcome {
        let spec = self.spec();
        let both = [("refresh_token", &self.refresh_token), ("access_token", &self.access_token)];
        for (hint, token) in both {
            let Some(token) = token else { continue };
            let params = vec![
                ("token".to_owned(), Secret::new(token.as_str()), true),
                ("token_type_hint".to_owned(), Secret::new(hint), false),
            ];
            let request = match write(&spec, &self.url, params) {
                Ok(request) => request,
                Err(e) => return Outcome::Never(e.to_string()),
            };
            let answer = match http.send(request).await {
                Ok(answer) => answer,
                Err(e) => return Outcome::Later(e.to_string()),
            };
            match answer.status.as_u16() {
                200..=299 => {}
                // unsupported_token_type (§2.2.1): this kind of token cannot be revoked there, and ends by itself
                400 if hint == "access_token" => {}
                429 | 500..=599 => {
                    return Outcome::Later(format!("The provider answered {}.", answer.status));
                }
                _ => return Outcome::Never(format!("The provider answered {}.", answer.status)),
            }
        }
        Outcome::Done
    }
}
