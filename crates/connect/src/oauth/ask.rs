//! Requests to token endpoints. They are written here and not by the library: vendors want JSON bodies, headers and words
//! of their own, and one way for all of them is easier to trust than two.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatehouse_outbound::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use gatehouse_outbound::{Http, Limits, OutboundRequest};
use gatehouse_types::Secret;
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::answer::{AskError, Tokens, read};
use super::{ClientAuth, ClientSpec, GrantKind, TokenBody};

/// The bounds of a request: no redirects, which would carry a secret elsewhere.
pub(crate) const LIMITS: Limits = Limits {
    max_bytes: 256 * 1024,
    timeout: Duration::from_secs(10),
    max_redirects: 0,
    same_host_only: true,
};
/// What stands in an outline in place of a secret.
pub(crate) const MASK: &str = "••••••••";

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Wanted<'a> {
    /// Tokens for a code (§4.1.3).
    Code { code: &'a Secret, verifier: Option<&'a Secret> },
    /// Tokens for ourselves (§4.4.2).
    Client,
    /// Fresh tokens (§6).
    Refresh { token: &'a Secret },
}

/// One parameter, and whether it is a secret.
pub(crate) type Param = (String, Secret, bool);

impl Wanted<'_> {
    fn hidden(&self) -> Vec<&Secret> {
        match self {
            Self::Code { code, verifier } => std::iter::once(*code).chain(*verifier).collect(),
            Self::Client => Vec::new(),
            Self::Refresh { token } => vec![*token],
        }
    }

    /// The address, and the parameters besides those of the client.
    fn params<'s>(&self, spec: &'s ClientSpec) -> (&'s Url, Vec<Param>) {
        let open = |name: &str, value: &str| (name.to_owned(), Secret::new(value), false);
        let hidden = |name: &str, value: &Secret| (name.to_owned(), value.clone(), true);
        let of_spec = |of: &[(String, String)]| -> Vec<Param> {
            of.iter().map(|(name, value)| hidden(name, &Secret::new(value.as_str()))).collect()
        };
        let named = |usual: &str| open("grant_type", spec.grant_type.as_deref().unwrap_or(usual));
        match self {
            Self::Code { code, verifier } => {
                let mut params = vec![named("authorization_code"), hidden("code", code)];
                params.push(open("redirect_uri", spec.callback_url.as_str()));
                params.extend(verifier.map(|verifier| hidden("code_verifier", verifier)));
                params.extend(of_spec(&spec.token_params));
                (&spec.token_url, params)
            }
            Self::Client => {
                let mut params = vec![named("client_credentials")];
                if !spec.scopes.is_empty() {
                    params.push(open(&spec.scope_parameter, &spec.scopes));
                }
                params.extend(of_spec(&spec.token_params));
                (&spec.token_url, params)
            }
            Self::Refresh { token } => {
                let mut params = vec![open("grant_type", "refresh_token"), hidden("refresh_token", token)];
                params.extend(of_spec(&spec.refresh_params));
                (spec.refresh_url.as_ref().unwrap_or(&spec.token_url), params)
            }
        }
    }
}

/// Asks, and reads the answer.
pub(crate) async fn ask(http: &Http, spec: &ClientSpec, wanted: Wanted<'_>) -> Result<Tokens, AskError> {
    let (url, params) = wanted.params(spec);
    let request = write(spec, url, params)?;
    let answer = http.send(request).await.map_err(|e| AskError::Unreachable(e.to_string()))?;
    let of_spec = spec.hidden();
    let mut hide = wanted.hidden();
    hide.extend(&of_spec);
    read(spec, &answer, &hide)
}

/// How a request looks, with its secrets masked.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) params: Vec<(String, String)>,
}

/// The request for tokens that a test sends, or would send, for people to look at.
pub(crate) fn outline(spec: &ClientSpec) -> Outline {
    let unknown = Secret::new("");
    let wanted = match spec.grant {
        GrantKind::ClientCredentials => Wanted::Client,
        GrantKind::AuthorizationCode => {
            Wanted::Code { code: &unknown, verifier: spec.pkce.then_some(&unknown) }
        }
    };
    let (url, mut params) = wanted.params(spec);
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    if by_header(spec).is_some() {
        headers.push(("authorization".to_owned(), format!("Basic {MASK}")));
    } else {
        params.extend(by_body(spec));
    }
    headers.extend(spec.token_headers.iter().map(|(name, _)| (name.clone(), MASK.to_owned())));
    let shown = |(name, value, is_secret): Param| {
        let value = if is_secret { MASK.to_owned() } else { value.expose().to_owned() };
        (name, value)
    };
    Outline { url: url.clone(), headers, params: params.into_iter().map(shown).collect() }
}

/// Who we are, for the header: both halves are encoded as in a form before they are joined (§2.3.1).
fn by_header(spec: &ClientSpec) -> Option<String> {
    let secret = spec.client_secret.as_ref().filter(|_| spec.client_auth == ClientAuth::Basic)?;
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(&spec.client_id), encoded(secret.expose()));
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

fn by_body(spec: &ClientSpec) -> Vec<Param> {
    // a signed assertion (RFC 7523 §2.1) says who we are by itself
    if spec.client_id.is_empty() {
        return Vec::new();
    }
    let mut params = vec![("client_id".to_owned(), Secret::new(spec.client_id.as_str()), false)];
    if let (ClientAuth::Post, Some(secret)) = (spec.client_auth, &spec.client_secret) {
        params.push(("client_secret".to_owned(), secret.clone(), true));
    }
    params
}

/// A request for the server, with who we are; also for revocations.
pub(crate) fn write(
    spec: &ClientSpec,
    url: &Url,
    mut params: Vec<Param>,
) -> Result<OutboundRequest, AskError> {
    let unfit = |_| AskError::Odd("A value of the client cannot stand in a header.".to_owned());
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    match by_header(spec) {
        Some(basic) => {
            let mut value = HeaderValue::try_from(basic).map_err(|_| unfit(()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        None => params.extend(by_body(spec)),
    }
    for (name, value) in &spec.token_headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|_| unfit(()))?;
        headers.insert(name, HeaderValue::try_from(value.expose()).map_err(|_| unfit(()))?);
    }
    let mut url = url.clone();
    let (kind, body) = match spec.body {
        TokenBody::Form => {
            let mut form = Serializer::new(String::new());
            for (name, value, _) in &params {
                form.append_pair(name, value.expose());
            }
            (Some("application/x-www-form-urlencoded"), form.finish())
        }
        TokenBody::Json => {
            let pairs = params.iter().map(|(name, value, _)| (name.clone(), value.expose().into()));
            (Some("application/json"), Value::Object(pairs.collect::<Map<_, _>>()).to_string())
        }
        TokenBody::Query => {
            for (name, value, _) in &params {
                url.query_pairs_mut().append_pair(name, value.expose());
            }
            (None, String::new())
        }
    };
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Ok(OutboundRequest::post(url, body.into_bytes()).with_headers(headers).with_limits(LIMITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::spec::tests::spec;

    fn written(spec: &ClientSpec, wanted: &Wanted<'_>) -> (OutboundRequest, String) {
        let (url, params) = wanted.params(spec);
        let request = write(spec, url, params).unwrap();
        let body = String::from_utf8(request.body.clone()).unwrap();
        (request, body)
    }

    #[test]
    fn the_header_holds_both_halves_as_a_form_writes_them() {
        let (request, body) = written(&spec(), &Wanted::Client);
        let basic = request.headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(BASE64_STANDARD.decode(basic).unwrap(), b"client%3Aid:p%26ss+word");
        assert_eq!(body, "grant_type=client_credentials&scope=read+write");
    }

    #[test]
    fn a_secret_in_the_body_is_in_no_header_and_a_public_client_has_none() {
        let mut post = ClientSpec { client_auth: ClientAuth::Post, ..spec() };
        let (request, body) = written(&post, &Wanted::Client);
        assert!(!request.headers.contains_key(AUTHORIZATION));
        assert!(body.ends_with("&client_id=client%3Aid&client_secret=p%26ss+word"), "{body}");
        post.client_auth = ClientAuth::None;
        assert!(written(&post, &Wanted::Client).1.ends_with("&client_id=client%3Aid"));
    }

    #[test]
    fn the_refresh_address_is_used_where_there_is_one() {
        let token = Secret::new("rt");
        let mut spec = spec();
        assert_eq!(written(&spec, &Wanted::Refresh { token: &token }).0.url, spec.token_url);
        spec.refresh_url = Some("https://op.test/refresh".parse().unwrap());
        let (request, body) = written(&spec, &Wanted::Refresh { token: &token });
        assert_eq!(request.url.path(), "/refresh");
        assert_eq!(body, "grant_type=refresh_token&refresh_token=rt");
    }

    #[test]
    fn vendors_get_json_and_words_of_their_own() {
        let spec = ClientSpec { body: TokenBody::Json, grant_type: Some("password".to_owned()), ..spec() };
        let (request, body) = written(&spec, &Wanted::Client);
        assert_eq!(request.headers[CONTENT_TYPE], "application/json");
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["grant_type"], "password");
    }

    #[test]
    fn an_outline_shows_no_secret() {
        for client_auth in [ClientAuth::Basic, ClientAuth::Post] {
            let shown = format!("{:?}", outline(&ClientSpec { client_auth, ..spec() }));
            assert!(
                !shown.contains("p&ss") && shown.contains(MASK) && shown.contains("authorization_code"),
                "{shown}"
            );
        }
    }
}
