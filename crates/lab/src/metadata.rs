//! What the lab says of itself, and what it learns of the service provider.

use gatehouse_saml::Certificate;
use gatehouse_saml::idp::{IdpDescription, idp_metadata};

use crate::addresses::Addresses;

/// Metadata of an identity provider (SAML 2.0 metadata §2.4.3) that takes requests by HTTP-Redirect and HTTP-POST.
pub(crate) fn document(addresses: &Addresses, certificates: Vec<Certificate>) -> String {
    let described = idp_metadata(&IdpDescription {
        entity_id: addresses.entity_id(),
        sso_url: addresses.sign_on_url(),
        slo_url: Some(addresses.logout_url()),
        certificates,
        passive_endpoint: None,
        want_authn_requests_signed: false,
    });
    posted_elsewhere(&described, addresses)
}

/// The engine gives both bindings one address; the lab takes posted requests at one of their own.
fn posted_elsewhere(metadata: &str, addresses: &Addresses) -> String {
    let service = |location: &str| {
        format!(r#"<md:SingleSignOnService Binding="{}" Location="{location}"/>"#, gatehouse_saml::HTTP_POST)
    };
    metadata.replace(&service(&addresses.sign_on_url()), &service(&addresses.posted_sign_on_url()))
}

/// The first certificate in the metadata of our own service provider: the one that verifies signed requests. `None`
/// when it names none; then signatures stay unchecked.
pub(crate) fn signing_certificate(sp_metadata: &str) -> Option<Certificate> {
    let (_, rest) = sp_metadata.split_once("<ds:X509Certificate>")?;
    let (base64, _) = rest.split_once("</ds:X509Certificate>")?;
    Certificate::from_pem_or_base64(base64).ok()
}
