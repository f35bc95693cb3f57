//! Signing in with an account at Google or Microsoft, by the operator's client there: the same OpenID Connect as through a
//! connection, and no connection. Whom the account signs in is identity's matter.

pub(crate) mod callback;
mod claims;
pub(crate) mod start;

use gatehouse_identity::model::SocialProvider;
use url::Url;

use super::oidc::provider::OidcClient;
use crate::Sso;
use crate::model::DEFAULT_SCOPES;
use crate::oidc::discovery::address;
use crate::sso::OperatorClient;

/// What stands for the tenant in Microsoft's issuer.
const TENANT: &str = "{tenantid}";
/// The tenants that stand for many: accounts of every organisation, with and without private ones.
const SHARED_TENANTS: [&str; 2] = ["common", "organizations"];

/// What the issuer's document calls itself: at Microsoft's shared tenants a template, of which each token's issuer is one.
fn documented(provider: SocialProvider, issuer: &str) -> String {
    let shared = || {
        let url = Url::parse(issuer).ok()?;
        let first = url.path_segments()?.next()?;
        let tenant = SHARED_TENANTS.into_iter().find(|t| *t == first)?;
        Some(issuer.replacen(&format!("/{tenant}/"), &format!("/{TENANT}/"), 1))
    };
    match provider {
        SocialProvider::Google => issuer.to_owned(),
        SocialProvider::Microsoft => shared().unwrap_or_else(|| issuer.to_owned()),
    }
}

impl Sso {
    fn operator_client(&self, provider: SocialProvider) -> Option<&OperatorClient> {
        match provider {
            SocialProvider::Google => self.0.options.google.as_ref(),
            SocialProvider::Microsoft => self.0.options.microsoft.as_ref(),
        }
    }

    /// Where a provider sends the browser back to. Each has an address of its own, so that no answer of one is taken for
    /// the other's (RFC 9700 §4.4.2.2).
    pub(crate) fn social_redirect_uri(&self, provider: SocialProvider) -> String {
        match provider {
            SocialProvider::Google => self.operator_redirect_uri(),
            SocialProvider::Microsoft => self.0.public_url.join("/oidc/callback/microsoft"),
        }
    }

    /// What we are at a provider, if the operator has a client there.
    fn social_client(&self, provider: SocialProvider) -> Option<OidcClient> {
        let client = self.operator_client(provider)?;
        Some(OidcClient {
            issuer: documented(provider, &client.issuer),
            discovery_url: address(&client.issuer),
            client_id: client.client_id.clone(),
            secret: Some(client.client_secret.clone()),
            authentication: None,
            scopes: DEFAULT_SCOPES.map(str::to_owned).to_vec(),
            hosted_domain: false,
            trust_email: false,
            redirect_uri: self.social_redirect_uri(provider),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_tenant_of_microsoft_documents_a_template() {
        let at = |issuer: &str| documented(SocialProvider::Microsoft, issuer);
        for shared in ["common", "organizations"] {
            let issuer = format!("https://login.microsoftonline.com/{shared}/v2.0");
            assert_eq!(at(&issuer), "https://login.microsoftonline.com/{tenantid}/v2.0");
        }
        let own = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
        assert_eq!(at(own), own);
        let google = "https://accounts.google.com/common/x";
        assert_eq!(documented(SocialProvider::Google, google), google);
    }
}
