//! What the page offers to choose, and how each provider calls its values.

use gatehouse_types::Role;
use gatehouse_web::Choice;

use crate::model::{Protocol, Provider};

/// The names of the fields, as the provider's own console has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels {
    pub(super) sso_url: &'static str,
    pub(super) entity_id: &'static str,
    pub(super) certificate: &'static str,
}

/// The names of the fields of a WS-Federation provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct WsfedLabels {
    pub(super) sign_on_url: &'static str,
    pub(super) metadata_url: &'static str,
}

/// The names of the fields of one WS-Federation provider.
pub(super) const fn wsfed_labels(provider: Provider) -> WsfedLabels {
    match provider {
        Provider::Azure => WsfedLabels {
            sign_on_url: "Azure AD sign-on end point url",
            metadata_url: "Azure AD federation metadata document",
        },
        _ => WsfedLabels {
            sign_on_url: "AD sign-on end point url",
            metadata_url: "AD federation metadata document url",
        },
    }
}

/// The names of the fields of one provider.
pub(super) const fn labels(provider: Provider) -> Labels {
    match provider {
        Provider::Okta => Labels {
            sso_url: "Okta single sign-on url",
            entity_id: "Identity provider issuer",
            certificate: "Certificate",
        },
        Provider::Onelogin => {
            Labels { sso_url: "SAML 2.0 endpoint", entity_id: "Issuer url", certificate: "X.509 certificate" }
        }
        Provider::Azure | Provider::Google | Provider::Other => {
            Labels { sso_url: "Single sign-on url", entity_id: "Issuer url", certificate: "Certificate" }
        }
    }
}

/// The providers of a protocol, the preselected one first.
pub(super) const fn providers_of(protocol: Protocol) -> &'static [(Provider, &'static str)] {
    match protocol {
        Protocol::Saml => {
            &[(Provider::Okta, "Okta"), (Provider::Onelogin, "OneLogin"), (Provider::Other, "Other")]
        }
        Protocol::Wsfed => &[(Provider::Azure, "Windows Azure"), (Provider::Other, "Other")],
        Protocol::Oidc => &[
            (Provider::Google, "Google account (Sign in with Google)"),
            (Provider::Okta, "Okta"),
            (Provider::Azure, "Entra ID (Windows Azure)"),
            (Provider::Other, "Other"),
        ],
    }
}

/// The name of a protocol.
pub(super) const fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Saml => "SAML",
        Protocol::Wsfed => "WS-Federation",
        Protocol::Oidc => "OpenID Connect",
    }
}

/// The protocols to choose from; the preselected one first.
pub(super) fn protocols() -> Vec<Choice> {
    let all = [Protocol::Saml, Protocol::Wsfed, Protocol::Oidc];
    all.into_iter().map(|p| Choice::new(p.as_str(), protocol_name(p))).collect()
}

/// The providers to choose from.
pub(super) fn providers(protocol: Protocol) -> Vec<Choice> {
    providers_of(protocol).iter().map(|(p, label)| Choice::new(p.as_str(), *label)).collect()
}

/// How requests may travel.
pub(super) fn bindings() -> Vec<Choice> {
    vec![
        Choice::new("redirect", "In the address (HTTP-Redirect)"),
        Choice::new("post", "In a form (HTTP-POST)"),
    ]
}

/// How we may authenticate at an OpenID provider's token endpoint.
pub(super) fn client_authentications() -> Vec<Choice> {
    vec![
        Choice::new("", "As the provider says"),
        Choice::new("basic", "Client secret in the header (client_secret_basic)"),
        Choice::new("post", "Client secret in the form (client_secret_post)"),
        Choice::new("private_key_jwt", "A statement signed with our key (private_key_jwt)"),
    ]
}

/// The roles that a first sign-in may give.
pub(super) fn roles() -> Vec<Choice> {
    let label = |role| match role {
        Role::Viewer => "Viewer: looks, changes nothing",
        Role::Member => "Member: uses the product, administers nothing",
        Role::Admin | Role::Owner => "Admin: administers the workspace",
    };
    let given = [Role::Viewer, Role::Member, Role::Admin];
    given.into_iter().map(|r| Choice::new(r.as_str(), label(r))).collect()
}
