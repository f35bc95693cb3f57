//! Where a lab lives, and where its answers may go.

use gatehouse_types::{ConnectionId, WorkspaceId};
use gatehouse_web::PublicUrl;

/// The addresses of one workspace's lab identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    path: String,
    oauth: String,
    origin: PublicUrl,
}

impl Addresses {
    /// Those of this workspace.
    pub fn new(public_url: &PublicUrl, workspace: &WorkspaceId) -> Self {
        Self {
            path: format!("/lab/idp/{workspace}"),
            oauth: format!("/lab/oauth/{workspace}"),
            origin: public_url.clone(),
        }
    }

    /// The host that it is at.
    pub(crate) fn public_url(&self) -> &PublicUrl {
        &self.origin
    }

    /// Where the lab's authorization server and its API are found below their host.
    pub fn oauth_path(&self) -> &str {
        &self.oauth
    }

    /// The entity id: the URL of the metadata (SAML 2.0 metadata §4.1 recommends it).
    pub fn entity_id(&self) -> String {
        self.origin.join(&self.metadata_path())
    }

    /// The single sign-on URL, for requests by HTTP-Redirect.
    pub fn sign_on_url(&self) -> String {
        self.origin.join(&self.sign_on_path())
    }

    /// The second signing certificate in PEM.
    pub fn second_certificate_path(&self) -> String {
        format!("{}/certificate/second", self.path)
    }

    /// The single logout URL, for both bindings.
    pub fn logout_url(&self) -> String {
        self.origin.join(&self.logout_path())
    }

    /// Where logout messages arrive, and where it is shown who is signed in.
    pub fn logout_path(&self) -> String {
        format!("{}/slo", self.path)
    }

    /// The single sign-on URL, for requests by HTTP-POST.
    pub fn posted_sign_on_url(&self) -> String {
        self.origin.join(&format!("{}/post", self.sign_on_path()))
    }

    /// Where WS-Federation requests arrive, and people choose.
    pub fn wsfed_path(&self) -> String {
        format!("{}/wsfed", self.path)
    }

    /// The WS-Federation sign-on address.
    pub fn wsfed_url(&self) -> String {
        self.origin.join(&self.wsfed_path())
    }

    /// The federation metadata.
    pub fn wsfed_metadata_url(&self) -> String {
        format!("{}/metadata", self.wsfed_url())
    }

    /// The same of the token service that tenants share.
    pub fn shared_wsfed_path(&self) -> String {
        format!("{}/common/wsfed", self.path)
    }

    /// The sign-on address of the token service that tenants share.
    pub fn shared_wsfed_url(&self) -> String {
        self.origin.join(&self.shared_wsfed_path())
    }

    /// The federation metadata of the token service that tenants share.
    pub fn shared_wsfed_metadata_url(&self) -> String {
        format!("{}/metadata", self.shared_wsfed_url())
    }

    /// Its issuer, with `{tenantid}` in the place of the tenant.
    pub fn shared_issuer(&self) -> String {
        self.origin.join(&format!("{}/sts/{{tenantid}}/", self.path))
    }

    pub(crate) fn absolute(&self, path: &str) -> String {
        self.origin.join(path)
    }

    /// The page that explains the lab.
    pub fn home_path(&self) -> String {
        self.path.clone()
    }

    /// The metadata.
    pub fn metadata_path(&self) -> String {
        format!("{}/metadata", self.path)
    }

    /// Where requests arrive and people choose.
    pub fn sign_on_path(&self) -> String {
        format!("{}/sso", self.path)
    }

    /// Where a sign-in begins at the lab.
    pub fn start_path(&self) -> String {
        format!("{}/start", self.path)
    }

    /// The signing certificate in PEM.
    pub fn certificate_path(&self) -> String {
        format!("{}/certificate", self.path)
    }
}

/// An assertion consumer service of this very host. Made only by checking, so a response can go nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AcsUrl(String);

impl AcsUrl {
    /// The URL when it is one of ours: `/saml/acs`, `/saml/acs/{connection}` or `/saml/acs/{connection}/idp`.
    pub(crate) fn parse(public_url: &PublicUrl, url: &str) -> Option<Self> {
        let rest = url.strip_prefix(public_url.as_str())?.strip_prefix("/saml/acs")?;
        if !rest.is_empty() {
            let connection = rest.strip_prefix('/')?;
            connection.strip_suffix("/idp").unwrap_or(connection).parse::<ConnectionId>().ok()?;
        }
        Some(Self(url.to_owned()))
    }

    /// The one for answers that a connection did not ask for.
    pub(crate) fn unsolicited(public_url: &PublicUrl, connection: &ConnectionId) -> Self {
        Self(public_url.join(&format!("/saml/acs/{connection}/idp")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> PublicUrl {
        "https://gate.test".parse().unwrap()
    }

    #[test]
    fn the_consumer_services_of_this_host_are_accepted() {
        for path in ["/saml/acs", "/saml/acs/con_1", "/saml/acs/con_1/idp"] {
            let url = host().join(path);
            assert_eq!(AcsUrl::parse(&host(), &url).unwrap().as_str(), url);
        }
        let unsolicited = AcsUrl::unsolicited(&host(), &"con_1".parse().unwrap());
        assert_eq!(AcsUrl::parse(&host(), unsolicited.as_str()), Some(unsolicited));
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_no_consumer_service() {
        for url in [
            "",
            "/saml/acs",
            "https://evil.test/saml/acs",
            "http://gate.test/saml/acs",
            "https://gate.test.evil.test/saml/acs",
            "https://gate.test@evil.test/saml/acs",
            "https://gate.test:444/saml/acs",
            "https://gate.test/saml/acs/",
            "https://gate.test/saml/acsx",
            "https://gate.test/saml/acs?x",
            "https://gate.test/saml/acs/con_1/other",
            "https://gate.test/saml/acs/con_1/idp/idp",
            "https://gate.test/saml/acs/../../login",
            "https://gate.test/saml/acs/ws_1",
            "https://gate.test/login",
        ] {
            assert_eq!(AcsUrl::parse(&host(), url), None, "{url}");
        }
    }
}
