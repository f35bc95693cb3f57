//! What an authorization server says of itself (RFC 8414, OpenID Connect Discovery), when it can be found: who it is, and
//! where tokens are revoked. Believed only if the document names the very authorization endpoint that was entered.

use std::time::Duration;

use gatehouse_outbound::{Http, Limits};
use serde::Deserialize;
use url::Url;

/// Where servers publish it, below the origin and below each folder of the authorization endpoint.
const NAMES: [&str; 2] = [".well-known/openid-configuration", ".well-known/oauth-authorization-server"];
/// Places that are looked at, at most.
const PLACES: usize = 4;
/// The bounds of a look.
const LIMITS: Limits =
    Limits { max_bytes: 256 * 1024, timeout: Duration::from_secs(3), max_redirects: 0, same_host_only: true };

/// What counts of the document.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    authorization_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) revocation_endpoint: Option<String>,
    /// Whether answers name the issuer (RFC 9207 §3).
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// Looks for the document; `None` when there is none that speaks of this endpoint.
pub(crate) async fn look(http: &Http, authorization: &Url) -> Option<Metadata> {
    for place in places(authorization) {
        let answer = http.get(place.as_str(), LIMITS).await.ok().filter(|a| a.status.is_success());
        let found: Option<Metadata> = answer.and_then(|a| serde_json::from_slice(&a.body).ok());
        let ours = found.filter(|m| {
            let said = m.authorization_endpoint.as_deref().and_then(|text| Url::parse(text).ok());
            said.is_some_and(|said| bare(&said) == bare(authorization)) && m.issuer.len() <= 500
        });
        if ours.is_some() {
            return ours;
        }
    }
    None
}

/// An address without its query: what was entered may hold parameters.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The origin first, then the folder of the endpoint (tenants have issuers with a path).
fn places(authorization: &Url) -> Vec<Url> {
    let folder = bare(authorization);
    let folder = folder.rsplit_once('/').map(|(before, _)| format!("{before}/")).unwrap_or_default();
    let bases = [authorization.join("/").ok(), Url::parse(&folder).ok()];
    let mut all: Vec<Url> = Vec::new();
    for base in bases.into_iter().flatten() {
        for name in NAMES {
            if let Ok(place) = base.join(name)
                && !all.contains(&place)
            {
                all.push(place);
            }
        }
    }
    all.truncate(PLACES);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_looked_for_at_the_origin_and_beside_the_endpoint() {
        let found = places(&"https://op.test/realms/a/auth?x=1".parse().unwrap());
        let found: Vec<_> = found.iter().map(Url::as_str).collect();
        assert_eq!(found[0], "https://op.test/.well-known/openid-configuration");
        assert!(found.contains(&"https://op.test/realms/a/.well-known/oauth-authorization-server"));
        assert_eq!(places(&"https://op.test/auth".parse().unwrap()).len(), 2);
    }
}
