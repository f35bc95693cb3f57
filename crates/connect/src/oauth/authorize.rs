//! The way to the consent page (RFC 6749 §4.1.1 with RFC 7636), by the library.

use gatehouse_types::{Error, Result, Secret};
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use url::Url;

use super::ClientSpec;

/// The address that the browser goes to.
///
/// # Errors
/// `Validation` when the server has no address for that.
pub(crate) fn address(spec: &ClientSpec, state: &Secret, verifier: Option<&Secret>) -> Result<Url> {
    let authorization = spec.authorization_url.as_ref().ok_or_else(|| {
        Error::validation("authorizationUrl", "Nobody can authorize this: it has no authorization URL.")
    })?;
    let client = BasicClient::new(ClientId::new(spec.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(authorization.clone()))
        .set_redirect_uri(RedirectUrl::from_url(spec.callback_url.clone()));
    let mut request = client.authorize_url(|| CsrfToken::new(state.expose().to_owned()));
    if !spec.scopes.is_empty() {
        // one text: it goes out exactly as it was entered
        request = match spec.scope_parameter.as_str() {
            "scope" => request.add_scope(Scope::new(spec.scopes.clone())),
            other => request.add_extra_param(other.to_owned(), spec.scopes.clone()),
        };
    }
    if let Some(verifier) = verifier {
        let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
        request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    }
    for (name, value) in &spec.authorization_params {
        request = request.add_extra_param(name.clone(), value.clone());
    }
    Ok(request.url().0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oauth::spec::tests::spec;

    #[test]
    fn the_way_carries_everything_once_and_keeps_what_stood_in_the_address() {
        // the example of RFC 7636, appendix B
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let url = address(&spec(), &Secret::new("st"), Some(&verifier)).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let found: BTreeMap<_, _> = pairs.iter().cloned().collect();
        assert_eq!(found.len(), pairs.len());
        for (name, value) in [
            ("tenant", "a"),
            ("response_type", "code"),
            ("client_id", "client:id"),
            ("redirect_uri", "https://gatehouse.test/oauth/callback/ctx"),
            ("scope", "read write"),
            ("state", "st"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("audience", "api"),
        ] {
            assert_eq!(found[name], value);
        }
    }
}
