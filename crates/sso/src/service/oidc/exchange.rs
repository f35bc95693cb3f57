//! From the code to the tokens, and to the userinfo endpoint: calls through our own door, by the library's requests.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_outbound::header::{AUTHORIZATION, HeaderValue};
use gatehouse_outbound::{Http, Limits, OutboundRequest};
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Error, Id, RequestId, Result, Secret, WorkspaceId, random_token};
use openidconnect::core::{CoreClient, CoreJsonWebKeySet};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, HttpRequest, HttpResponse,
    IssuerUrl, PkceCodeVerifier, RedirectUrl, RequestTokenError, TokenUrl,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::provider::{OidcClient, Provider};
use crate::Sso;
use crate::model::{ClientAuthentication, Connection};
use crate::oidc::client_auth::{ASSERTION_TYPE, assertion, sign_jwt};
use crate::oidc::{Flaw, quote};

/// The check that the token endpoint stands for.
const CHECK: &str = "token endpoint";
/// The bounds of a call of the token or userinfo endpoint: no redirects, which would carry a secret elsewhere.
const LIMITS: Limits = Limits {
    max_bytes: 256 * 1024,
    timeout: std::time::Duration::from_secs(10),
    max_redirects: 0,
    same_host_only: true,
};

/// The library's way out: our own client. What came is kept apart, so that a token which the library cannot read is
/// refused for a reason of its own.
struct Door {
    http: Http,
    body: Arc<Mutex<Vec<u8>>>,
}

impl<'c> AsyncHttpClient<'c> for Door {
    type Error = gatehouse_outbound::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = Url::parse(&parts.uri.to_string()).map_err(|_| gatehouse_outbound::Error::Refused {
                origin: "the token endpoint".to_owned(),
                reason: gatehouse_outbound::Refusal::NotAUrl,
            })?;
            let (method, headers) = (parts.method, parts.headers);
            let outbound = OutboundRequest { method, url, headers, body, limits: LIMITS };
            let answer = self.http.send(outbound).await?;
            answer.body.clone_into(&mut self.body.lock().unwrap_or_else(PoisonError::into_inner));
            let mut response = HttpResponse::new(answer.body);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

/// What the token endpoint gave.
pub(crate) struct Tokens {
    pub(crate) access_token: Secret,
    pub(crate) id_token: String,
}

/// The answer of the token endpoint (Core §3.1.3.3), as far as we need it.
#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    token_type: String,
    id_token: Option<String>,
}

impl Sso {
    /// Exchanges a code for tokens; a key to sign with is the workspace's.
    pub(crate) async fn exchange(
        &self,
        workspace: Option<&WorkspaceId>,
        (client, provider): (&OidcClient, &Provider),
        code: &str,
        verifier: String,
    ) -> Result<Result<Tokens, Flaw>> {
        let discovery = &provider.discovery;
        let named = client.authentication.or_else(|| discovery.authentication(client.secret.is_some()));
        let core = CoreClient::new(
            ClientId::new(client.client_id.clone()),
            IssuerUrl::new(client.issuer.clone()).map_err(Error::internal)?,
            CoreJsonWebKeySet::new(Vec::new()),
        )
        .set_token_uri(TokenUrl::new(discovery.token_endpoint.clone()).map_err(Error::internal)?)
        .set_redirect_uri(RedirectUrl::new(client.redirect_uri.clone()).map_err(Error::internal)?);
        let secret = client.secret.as_ref().map(|s| ClientSecret::new(s.expose().to_owned()));
        let core = match (named, secret) {
            (Some(ClientAuthentication::Basic), Some(secret)) => {
                core.set_client_secret(secret).set_auth_type(AuthType::BasicAuth)
            }
            (Some(ClientAuthentication::Post), Some(secret)) => {
                core.set_client_secret(secret).set_auth_type(AuthType::RequestBody)
            }
            (Some(ClientAuthentication::Basic | ClientAuthentication::Post), None) => {
                let detail = "The client secret is missing. Enter it on the connection.";
                return Ok(Err(Flaw::new("client_secret_missing", CHECK, detail)));
            }
            // a public client, or one with a key: it only names itself
            _ => core.set_auth_type(AuthType::RequestBody),
        };
        let mut request = core
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier));
        if named == Some(ClientAuthentication::PrivateKeyJwt) {
            let Some(workspace) = workspace else {
                let detail =
                    "The provider takes no client secret, and the operator's client has nothing else.";
                return Ok(Err(Flaw::new("client_refused", CHECK, detail)));
            };
            let statement = self.statement(workspace, client, &discovery.token_endpoint).await?;
            request = request
                .add_extra_param("client_assertion_type", ASSERTION_TYPE)
                .add_extra_param("client_assertion", statement);
        }
        let door = Door { http: self.0.http.clone(), body: Arc::default() };
        let asked = request.request_async(&door).await;
        let body = std::mem::take(&mut *door.body.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(match asked {
            Err(RequestTokenError::ServerResponse(refused)) => {
                let why = refused.error_description().map(|d| format!(": {}", quote(d))).unwrap_or_default();
                let error = refused.error().as_ref();
                let (code, what) = match error {
                    "invalid_client" | "unauthorized_client" => {
                        ("client_refused", "our client id or its secret")
                    }
                    _ => ("token_refused", "the code"),
                };
                let detail = format!("The provider refuses {what} ({}{why}).", quote(error));
                Err(Flaw::new(code, CHECK, detail))
            }
            Err(RequestTokenError::Request(e)) => {
                Err(Flaw::new("token_unreachable", CHECK, format!("The token endpoint gave no answer: {e}")))
            }
            Ok(_) | Err(_) => read(&body),
        })
    }

    /// Whether the provider knows our client: a code that nobody was given is offered, and what is refused tells. Every
    /// provider refuses the code; one that refuses the client says so (RFC 6749 §5.2).
    pub(crate) async fn try_client(
        &self,
        connection: &Connection,
        parties: (&OidcClient, &Provider),
    ) -> Result<Reason> {
        let random = || random_token(&**self.0.store.random()).expose().to_owned();
        Ok(match self.exchange(Some(&connection.workspace_id), parties, &random(), random()).await? {
            Err(flaw) if flaw.code == "token_refused" => Reason::passed(
                CHECK,
                "The provider knows our client: it refused only the made-up code of this test.",
            ),
            Err(flaw)
                if ["client_refused", "client_secret_missing", "token_unreachable"].contains(&flaw.code) =>
            {
                flaw.reason()
            }
            // whatever else it says of such a code is no word about the client
            Ok(_) | Err(_) => Reason::passed(CHECK, "The provider answered, and did not refuse our client."),
        })
    }

    /// Who we are, signed with the current key of the connection's workspace.
    async fn statement(
        &self,
        workspace: &WorkspaceId,
        client: &OidcClient,
        endpoint: &str,
    ) -> Result<String> {
        let key = self.key_ring(workspace).await?.current;
        let id: RequestId = self.0.store.ids().make();
        let claims = assertion(&client.client_id, endpoint, id.as_str(), self.0.store.now().seconds());
        sign_jwt(&key.signing, key.certificate.fingerprint(), &claims)
    }

    /// What the userinfo endpoint says of the subject (Core §5.3).
    pub(crate) async fn userinfo(
        &self,
        endpoint: &str,
        access_token: &Secret,
        subject: &str,
    ) -> Result<Map<String, Value>, Flaw> {
        let failed = |why: String| {
            Flaw::new(
                "userinfo_failed",
                "userinfo",
                format!("The userinfo endpoint was asked for the address: {why}"),
            )
        };
        let url = Url::parse(endpoint).map_err(|e| failed(e.to_string()))?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose()))
            .map_err(|_| failed("the access token cannot be sent.".to_owned()))?;
        bearer.set_sensitive(true);
        let mut request = OutboundRequest::get(url).with_limits(LIMITS);
        request.headers.insert(AUTHORIZATION, bearer);
        let answer = self.0.http.send(request).await.and_then(gatehouse_outbound::Response::success);
        let answer = answer.map_err(|e| failed(e.to_string()))?;
        let claims: Map<String, Value> = serde_json::from_slice(&answer.body).map_err(|_| {
            failed("the answer is no JSON object; signed answers are not supported.".to_owned())
        })?;
        if claims.get("sub").and_then(Value::as_str) != Some(subject) {
            let detail = "The userinfo endpoint speaks of another subject than the ID token.";
            return Err(Flaw::new("userinfo_subject_mismatch", "userinfo", detail));
        }
        Ok(claims)
    }
}

/// Reads a successful answer.
fn read(body: &[u8]) -> Result<Tokens, Flaw> {
    let answer: Answer = serde_json::from_slice(body).map_err(|e| {
        let detail = format!("The answer of the token endpoint cannot be read: {}", quote(&e.to_string()));
        Flaw::new("token_malformed", CHECK, detail)
    })?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        let detail =
            format!("The provider gives tokens of the type “{}”, not Bearer.", quote(&answer.token_type));
        return Err(Flaw::new("token_malformed", CHECK, detail));
    }
    let id_token = answer.id_token.ok_or_else(|| {
        let detail = "The provider gave no ID token. The scope openid must be allowed for our client.";
        Flaw::new("token_missing", CHECK, detail)
    })?;
    Ok(Tokens { access_token: answer.access_token, id_token })
}
