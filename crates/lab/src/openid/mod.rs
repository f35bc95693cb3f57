//! The lab as an OpenID provider (OpenID Connect Core 1.0, authorization code with PKCE). Codes and access tokens are
//! statements signed with the workspace's own key, so that any server of several can redeem them; nothing is stored.

pub mod faults;
pub(crate) mod jwt;
mod logout;
pub(crate) mod pages;
pub(crate) mod service;

use gatehouse_types::{ConnectionId, WorkspaceId};
use gatehouse_web::PublicUrl;
use serde_json::{Value, json};

use crate::Addresses;

/// The client id that the lab knows.
pub const LAB_CLIENT_ID: &str = "gatehouse-lab";
/// Its secret. Whoever reaches a lab may be any of its people anyway.
pub const LAB_CLIENT_SECRET: &str = "lab-secret-of-nobody";

impl Addresses {
    /// The issuer.
    pub fn openid_issuer(&self) -> String {
        self.at("/oidc")
    }

    /// Where the lab's OpenID provider is found below its host.
    pub fn openid_path(&self) -> String {
        format!("{}/oidc", self.home_path())
    }

    fn at(&self, below: &str) -> String {
        self.public_url().join(&format!("{}{below}", self.home_path()))
    }

    /// What the provider says of itself (Discovery 1.0 §3).
    pub(crate) fn openid_discovery(&self) -> Value {
        json!({
            "issuer": self.openid_issuer(),
            "authorization_endpoint": self.at("/oidc/authorize"),
            "token_endpoint": self.at("/oidc/token"),
            "jwks_uri": self.at("/oidc/jwks"),
            "userinfo_endpoint": self.at("/oidc/userinfo"),
            "end_session_endpoint": self.at("/oidc/end_session"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
        })
    }
}

/// An address of this very host for one connection. Made only by checking, so the lab sends nobody elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnAddress {
    pub(crate) url: String,
    pub(crate) connection: ConnectionId,
}

impl OwnAddress {
    /// The address when it is this host's `below` with the id of a connection.
    fn parse(host: &PublicUrl, below: &str, url: &str) -> Option<Self> {
        let id = url.strip_prefix(host.as_str())?.strip_prefix(below)?;
        Some(Self { url: url.to_owned(), connection: id.parse().ok()? })
    }

    /// Where answers go.
    pub(crate) fn callback(host: &PublicUrl, url: &str) -> Option<Self> {
        Self::parse(host, "/oidc/callback/", url)
    }

    /// Where people go after they signed out.
    pub(crate) fn logged_out(host: &PublicUrl, url: &str) -> Option<Self> {
        Self::parse(host, "/oidc/logged-out/", url)
    }
}

/// The path of a lab's OpenID provider.
pub(crate) fn path(workspace: &WorkspaceId, below: &str) -> String {
    format!("/lab/idp/{workspace}/oidc/{below}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_addresses_of_this_host_alone() {
        let host: PublicUrl = "https://gate.test".parse().unwrap();
        let good = "https://gate.test/oidc/callback/con_1";
        assert_eq!(OwnAddress::callback(&host, good).unwrap().connection.to_string(), "con_1");
        for bad in [
            "https://evil.test/oidc/callback/con_1",
            "https://gate.test.evil.test/oidc/callback/con_1",
            "https://gate.test/oidc/callback/",
            "https://gate.test/oidc/callback/con_1/x",
            "https://gate.test/oidc/callback/con_1?x=1",
            "https://gate.test/oidc/logged-out/con_1",
        ] {
            assert_eq!(OwnAddress::callback(&host, bad), None, "{bad}");
        }
    }
}
