//! Our metadata, and the metadata of identity providers.

use crate::support::*;
use gatehouse_saml::idp::{IdpDescription, idp_metadata};
use gatehouse_saml::{MetadataError, Organisation, Reason, SpMetadata, parse_idp_metadata, sp_metadata};

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

fn sp() -> SpMetadata {
    SpMetadata {
        entity_id: SP.to_owned(),
        acs_urls: vec![ACS.to_owned(), format!("{ACS_IDP}?a=1&b=2")],
        slo_url: Some("https://gate.example/saml/slo".to_owned()),
        signing_certificates: vec![SP_KEY.certificate.clone()],
        encryption_certificates: vec![SP_KEY.certificate.clone()],
        want_assertions_signed: true,
        authn_requests_signed: true,
        name_id_formats: vec!["urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".to_owned()],
        organisation: Some(Organisation {
            name: "Example <&> Co".to_owned(),
            display_name: "Example".to_owned(),
            url: "https://example.org".to_owned(),
        }),
    }
}

fn idp() -> IdpDescription {
    IdpDescription {
        entity_id: IDP.to_owned(),
        sso_url: "https://idp.example/sso".to_owned(),
        slo_url: Some("https://idp.example/slo".to_owned()),
        certificates: vec![IDP_KEY.certificate.clone(), OTHER.certificate.clone()],
        passive_endpoint: Some("https://idp.example/wsfed".to_owned()),
        want_authn_requests_signed: true,
    }
}

/// The order of the schema: keys, name formats, services; the organisation after the role.
#[test]
fn our_metadata_follows_the_schema() {
    let text = sp_metadata(&sp());
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("entityID"), Some(SP));
    let names = |node: roxmltree::Node<'_, '_>| -> Vec<String> {
        node.children().filter(|c| c.is_element()).map(|c| c.tag_name().name().to_owned()).collect()
    };
    assert_eq!(names(root), ["SPSSODescriptor", "Organization"]);
    let role = root.first_element_child().unwrap();
    assert_eq!(
        names(role),
        [
            "KeyDescriptor",
            "KeyDescriptor",
            "SingleLogoutService",
            "SingleLogoutService",
            "NameIDFormat",
            "AssertionConsumerService",
            "AssertionConsumerService"
        ]
    );
    assert_eq!(role.attribute("AuthnRequestsSigned"), Some("true"));
    let services: Vec<_> = role
        .children()
        .filter(|c| c.has_tag_name(("urn:oasis:names:tc:SAML:2.0:metadata", "AssertionConsumerService")))
        .collect();
    assert_eq!(
        (services[0].attribute("index"), services[0].attribute("isDefault")),
        (Some("0"), Some("true"))
    );
    assert_eq!((services[1].attribute("index"), services[1].attribute("isDefault")), (Some("1"), None));
    assert_eq!(services[1].attribute("Location"), Some(format!("{ACS_IDP}?a=1&b=2").as_str()));
}

#[test]
fn an_identity_providers_metadata_is_read() {
    let read = parse_idp_metadata(idp_metadata(&idp()).as_bytes()).unwrap();
    assert_eq!(read.entity_id, IDP);
    assert_eq!(read.sso_urls[REDIRECT], "https://idp.example/sso");
    assert_eq!(read.sso_urls.len(), 2);
    let services: Vec<_> = read.slo_urls.values().map(|s| s.location.as_str()).collect();
    assert_eq!(services, ["https://idp.example/slo"; 2]);
    let apart =
        idp_metadata(&idp()).replace("/slo\"", "/slo\" ResponseLocation=\"https://idp.example/slo/done\"");
    let read = parse_idp_metadata(apart.as_bytes()).unwrap();
    assert_eq!(read.slo_urls[REDIRECT].response_location.as_deref(), Some("https://idp.example/slo/done"));
    assert_eq!(read.passive_endpoint.as_deref(), Some("https://idp.example/wsfed"));
    assert_eq!(read.certificates, [IDP_KEY.certificate.clone(), OTHER.certificate.clone()]);
    assert!(read.want_authn_requests_signed);
    assert_eq!(read.valid_until, None);
}

#[test]
fn a_list_with_one_identity_provider_is_read() {
    let own = idp_metadata(&idp()).replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "", 1);
    let ours = sp_metadata(&sp()).replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "", 1);
    let list = |content: &str| {
        format!(
            "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{content}</EntitiesDescriptor>"
        )
    };
    let read = |text: String| parse_idp_metadata(text.as_bytes());
    assert_eq!(read(list(&format!("{ours}{own}"))).unwrap().entity_id, IDP);
    assert_eq!(read(list(&format!("{own}{own}"))), Err(MetadataError::IdentityProviders(2)));
    assert_eq!(read(list(&ours)), Err(MetadataError::IdentityProviders(0)));
    assert_eq!(read(ours), Err(MetadataError::IdentityProviders(0)));
}

#[test]
fn hostile_metadata_is_refused() {
    let good = idp_metadata(&idp());
    let reason = |text: &str| match parse_idp_metadata(text.as_bytes()) {
        Err(MetadataError::Malformed(refused)) => Some(refused.reason),
        _ => None,
    };
    assert_eq!(reason(&good.replacen("<md:", "<!DOCTYPE x><md:", 1)), Some(Reason::DoctypeForbidden));
    assert_eq!(reason(&format!("{good}{}", " ".repeat(2_000_000))), Some(Reason::MessageTooLarge));
    assert_eq!(reason(&good.replacen(" Location=", " Lokation=", 1)), Some(Reason::StructureInvalid));
    assert_eq!(parse_idp_metadata(b"<a/>"), Err(MetadataError::NotMetadata));
    let mut none = idp();
    none.certificates.clear();
    assert_eq!(parse_idp_metadata(idp_metadata(&none).as_bytes()), Err(MetadataError::NoCertificate));
}
