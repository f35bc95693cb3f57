use std::time::Duration;

use gatehouse_types::{Secret, digest};
use url::Url;

/// How tokens are come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantKind {
    /// A person consents in the browser (RFC 6749 §4.1).
    AuthorizationCode,
    /// We ask for ourselves (§4.4); also what asks the token endpoint alone in another way (§4.3, RFC 7523): with
    /// [`ClientSpec::grant_type`] and [`ClientSpec::token_params`].
    ClientCredentials,
}

/// How we show who we are at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// In the header (RFC 6749 §2.3.1).
    Basic,
    /// In the body.
    Post,
    /// The id alone.
    None,
}

/// How a request to the token endpoint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenBody {
    /// `application/x-www-form-urlencoded`, as the standard has it.
    Form,
    /// `application/json`.
    Json,
    /// In the query of a POST.
    Query,
}

/// Where the answer of the token endpoint holds what (JSON pointers, RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenPointers {
    /// The access token.
    pub(crate) access_token: String,
    /// The refresh token.
    pub(crate) refresh_token: String,
    /// The seconds until the access token ends.
    pub(crate) expires_in: String,
    /// Further values that calls need, by name: `instance_url` and the like.
    pub(crate) values: Vec<(String, String)>,
}

impl Default for TokenPointers {
    /// As RFC 6749 §5.1 has it.
    fn default() -> Self {
        Self {
            access_token: "/access_token".to_owned(),
            refresh_token: "/refresh_token".to_owned(),
            expires_in: "/expires_in".to_owned(),
            values: Vec::new(),
        }
    }
}

/// An authorization server and how we present ourselves to it; made from a profile's row or from a connector's type and
/// fields, with what was asked of the end user put in.
#[derive(Clone, Debug)]
pub(crate) struct ClientSpec {
    /// How tokens are come by.
    pub(crate) grant: GrantKind,
    /// Instead of the usual `grant_type` of a request for tokens.
    pub(crate) grant_type: Option<String>,
    /// Where a person consents; there for [`GrantKind::AuthorizationCode`].
    pub(crate) authorization_url: Option<Url>,
    /// Where tokens come from.
    pub(crate) token_url: Url,
    /// Where they are refreshed, when that is elsewhere.
    pub(crate) refresh_url: Option<Url>,
    /// Where they are revoked (RFC 7009), when it is known.
    pub(crate) revocation_url: Option<Url>,
    /// The issuer, when it was entered: answers that name another one are refused (RFC 9207).
    pub(crate) issuer: Option<String>,
    /// Who we are there.
    pub(crate) client_id: String,
    /// The proof of it.
    pub(crate) client_secret: Option<Secret>,
    /// As sent; already joined with the provider's separator. Empty: not sent.
    pub(crate) scopes: String,
    /// `scope` unless the provider wants another.
    pub(crate) scope_parameter: String,
    /// How the secret is shown.
    pub(crate) client_auth: ClientAuth,
    /// How requests for tokens are written.
    pub(crate) body: TokenBody,
    /// Whether a proof of RFC 7636 (S256) is sent.
    pub(crate) pkce: bool,
    /// Further parameters of the authorization request.
    pub(crate) authorization_params: Vec<(String, String)>,
    /// Further parameters of requests for tokens.
    pub(crate) token_params: Vec<(String, String)>,
    /// Further parameters when refreshing.
    pub(crate) refresh_params: Vec<(String, String)>,
    /// Headers of requests to the token endpoint.
    pub(crate) token_headers: Vec<(String, Secret)>,
    /// The unguessable end of [`ClientSpec::callback_url`].
    pub(crate) callback_context: String,
    /// Where the browser comes back to, exactly as the provider knows it.
    pub(crate) callback_url: Url,
    /// Where answers hold what.
    pub(crate) pointers: TokenPointers,
    /// Parameters that come to the callback beside the code and are kept as values, by name.
    pub(crate) callback_values: Vec<(String, String)>,
    /// How long an access token lasts when the answer does not say; `None`: until it is refused.
    pub(crate) default_lifetime: Option<Duration>,
}

impl ClientSpec {
    /// A fingerprint of who is asked and as whom: an authorization that began under another one does not end here.
    pub(crate) fn server(&self) -> String {
        let authorization = self.authorization_url.as_ref().map_or("", Url::as_str);
        digest(
            &[authorization, self.token_url.as_str(), &self.client_id, self.callback_url.as_str()].join("\n"),
        )
    }

    /// Everything that no message may repeat: also the values of parameters, among which are PINs and signed assertions.
    pub(crate) fn hidden(&self) -> Vec<Secret> {
        let params = self.token_params.iter().chain(&self.refresh_params);
        let params = params.map(|(_, value)| Secret::new(value.as_str()));
        let headers = self.token_headers.iter().map(|(_, value)| value.clone());
        self.client_secret.iter().cloned().chain(headers).chain(params).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A usual client of a usual server.
    pub(crate) fn spec() -> ClientSpec {
        ClientSpec {
            grant: GrantKind::AuthorizationCode,
            grant_type: None,
            authorization_url: Some("https://op.test/authorize?tenant=a".parse().unwrap()),
            token_url: "https://op.test/token".parse().unwrap(),
            refresh_url: None,
            revocation_url: None,
            issuer: None,
            client_id: "client:id".to_owned(),
            client_secret: Some(Secret::new("p&ss word")),
            scopes: "read write".to_owned(),
            scope_parameter: "scope".to_owned(),
            client_auth: ClientAuth::Basic,
            body: TokenBody::Form,
            pkce: true,
            authorization_params: vec![("audience".to_owned(), "api".to_owned())],
            token_params: Vec::new(),
            refresh_params: Vec::new(),
            token_headers: Vec::new(),
            callback_context: "ctx".to_owned(),
            callback_url: "https://gatehouse.test/oauth/callback/ctx".parse().unwrap(),
            pointers: TokenPointers::default(),
            callback_values: Vec::new(),
            default_lifetime: None,
        }
    }

    #[test]
    fn another_server_or_client_has_another_fingerprint() {
        let (a, mut b) = (spec(), spec());
        assert_eq!(a.server(), b.server());
        b.token_url = "https://evil.test/token".parse().unwrap();
        assert_ne!(a.server(), b.server());
    }
}
