//! Metadata: writing ours, reading an identity provider's (saml-metadata-2.0-os).

use crate::authn_request::{HTTP_POST, HTTP_REDIRECT};
use crate::certificate::Certificate;
use crate::error::Rejection;
use crate::time;
use crate::write::{Xml, present};
use crate::xenc::ContentCipher;
use crate::xml::{self, ns};
use roxmltree::{Document, Node};
use std::collections::BTreeMap;

const FED: &str = "http://docs.oasis-open.org/wsfed/federation/200706";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Most certificates taken from metadata; further ones are left out.
const CERTIFICATES: usize = 16;

/// What our metadata says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpMetadata {
    /// Our entity id.
    pub entity_id: String,
    /// Assertion consumer services by HTTP-POST, the first being the default.
    pub acs_urls: Vec<String>,
    /// The single logout service, by HTTP-Redirect and HTTP-POST.
    pub slo_url: Option<String>,
    /// Keys that verify our requests.
    pub signing_certificates: Vec<Certificate>,
    /// Keys that assertions may be encrypted for.
    pub encryption_certificates: Vec<Certificate>,
    /// Ask for signed assertions.
    pub want_assertions_signed: bool,
    /// Promise signed requests.
    pub authn_requests_signed: bool,
    /// Wanted kinds of names, in order of preference.
    pub name_id_formats: Vec<String>,
    /// Who runs this.
    pub organisation: Option<Organisation>,
}

/// Who runs a service (metadata §2.3.2.1), in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Formal name.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// Web site.
    pub url: String,
}

/// Our metadata document.
pub fn sp_metadata(sp: &SpMetadata) -> String {
    let mut xml = Xml::new();
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.open(
        "md:EntityDescriptor",
        &[("xmlns:md", ns::MD), ("xmlns:ds", ns::DS), ("entityID", &sp.entity_id)],
    );
    let flag = |on: bool| if on { "true" } else { "false" };
    xml.open(
        "md:SPSSODescriptor",
        &[
            ("AuthnRequestsSigned", flag(sp.authn_requests_signed)),
            ("WantAssertionsSigned", flag(sp.want_assertions_signed)),
            ("protocolSupportEnumeration", ns::SAMLP),
        ],
    );
    for certificate in &sp.signing_certificates {
        key_descriptor(&mut xml, "signing", certificate);
    }
    for certificate in &sp.encryption_certificates {
        key_descriptor(&mut xml, "encryption", certificate);
    }
    logout_services(&mut xml, sp.slo_url.as_deref());
    for format in &sp.name_id_formats {
        xml.leaf("md:NameIDFormat", &[], format);
    }
    for (index, url) in sp.acs_urls.iter().enumerate() {
        let index_text = index.to_string();
        let attributes = present(&[
            ("Binding", Some(HTTP_POST)),
            ("Location", Some(url)),
            ("index", Some(&index_text)),
            ("isDefault", (index == 0).then_some("true")),
        ]);
        xml.empty("md:AssertionConsumerService", &attributes);
    }
    xml.close("md:SPSSODescriptor");
    if let Some(organisation) = &sp.organisation {
        let english = [("xml:lang", "en")];
        xml.open("md:Organization", &[]);
        xml.leaf("md:OrganizationName", &english, &organisation.name);
        xml.leaf("md:OrganizationDisplayName", &english, &organisation.display_name);
        xml.leaf("md:OrganizationURL", &english, &organisation.url);
        xml.close("md:Organization");
    }
    xml.close("md:EntityDescriptor");
    xml.finish()
}

/// A single logout URL by both front-channel bindings.
pub(crate) fn logout_services(xml: &mut Xml, url: Option<&str>) {
    for binding in [HTTP_REDIRECT, HTTP_POST] {
        if let Some(url) = url {
            xml.empty("md:SingleLogoutService", &[("Binding", binding), ("Location", url)]);
        }
    }
}

pub(crate) fn key_descriptor(xml: &mut Xml, usage: &str, certificate: &Certificate) {
    xml.open("md:KeyDescriptor", &[("use", usage)]);
    xml.open("ds:KeyInfo", &[]);
    xml.open("ds:X509Data", &[]);
    xml.leaf("ds:X509Certificate", &[], &certificate.to_base64());
    xml.close("ds:X509Data");
    xml.close("ds:KeyInfo");
    if usage == "encryption" {
        for cipher in ContentCipher::ALL.into_iter().rev() {
            xml.empty("md:EncryptionMethod", &[("Algorithm", cipher.uri())]);
        }
        xml.empty("md:EncryptionMethod", &[("Algorithm", crate::xenc::RSA_OAEP_MGF1P)]);
    }
    xml.close("md:KeyDescriptor");
}

/// What an identity provider's metadata says. Nothing in it is verified: whoever fetched it must trust its
/// origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdpMetadata {
    /// Its entity id.
    pub entity_id: String,
    /// Single sign-on URLs of SAML 2.0 by binding URI; the first of each binding.
    pub sso_urls: BTreeMap<String, String>,
    /// Single logout services of SAML 2.0 by binding URI; the first of each binding.
    pub slo_urls: BTreeMap<String, LogoutService>,
    /// The passive endpoint of a WS-Federation security token service.
    pub passive_endpoint: Option<String>,
    /// Signing certificates in their order, each once; unreadable ones are left out.
    pub certificates: Vec<Certificate>,
    /// Whether it wants signed requests.
    pub want_authn_requests_signed: bool,
    /// End of validity, microseconds since the Unix epoch: the earliest that the entity or a list around it says.
    pub valid_until: Option<i64>,
    /// For how long a copy may be kept, microseconds: the shortest that is said.
    pub cache_duration: Option<i64>,
}

/// A single logout service (metadata §2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutService {
    /// Where requests go.
    pub location: String,
    /// Where responses go, when not to the same.
    pub response_location: Option<String>,
}

/// Why metadata cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not within the bounds, not well-formed, or malformed.
    #[error("not usable as metadata: {0}")]
    Malformed(Rejection),
    /// The root is no entity.
    #[error("not SAML metadata: the root must be an EntityDescriptor")]
    NotMetadata,
    /// No identity provider, or several.
    #[error("the metadata describes {0} identity providers; exactly one is needed")]
    IdentityProviders(usize),
    /// The wanted entity is not in it, or is no identity provider.
    #[error("the metadata describes no identity provider with the entity id {0}")]
    NotThisEntity(String),
    /// A key for it is pinned, and it is not signed.
    #[error("the metadata is not signed, and a certificate for its signature is pinned")]
    NotSigned,
    /// No readable signing certificate.
    #[error("the metadata has no readable signing certificate")]
    NoCertificate,
}

impl From<Rejection> for MetadataError {
    fn from(refused: Rejection) -> Self {
        Self::Malformed(refused)
    }
}

/// Reads an identity provider's metadata: an entity with one SAML 2.0 identity provider role or one
/// WS-Federation security token service role, or a list with one such entity.
///
/// # Errors
/// When it is none, within the bounds of [`crate::limits`].
pub fn parse_idp_metadata(bytes: &[u8]) -> Result<IdpMetadata, MetadataError> {
    choose(&xml::parse(bytes)?, None)
}

/// Reads the identity provider of this entity id (when one is given) from metadata, and verifies the signature of the
/// document with the pinned certificate (when one is given). Without it, the origin of the document must be trusted.
///
/// # Errors
/// As [`parse_idp_metadata`]; and when the entity is not there, or the signature is missing or wrong.
pub fn read_idp_metadata(
    bytes: &[u8],
    entity_id: Option<&str>,
    signer: Option<&Certificate>,
    now: i64,
) -> Result<IdpMetadata, MetadataError> {
    let document = xml::parse(bytes)?;
    if let Some(signer) = signer {
        let by = crate::dsig::verify_root(&document, std::slice::from_ref(signer), now)?;
        by.ok_or(MetadataError::NotSigned)?;
    }
    choose(&document, entity_id)
}

fn choose(document: &Document<'_>, wanted: Option<&str>) -> Result<IdpMetadata, MetadataError> {
    let root = document.root_element();
    if !is_list(root) && !xml::is(root, ns::MD, "EntityDescriptor") {
        return Err(MetadataError::NotMetadata);
    }
    let entities = root.descendants().filter(|e| xml::is(*e, ns::MD, "EntityDescriptor") && in_lists(*e));
    let mut providers = entities
        .filter(|e| xml::elements(*e).any(is_provider))
        .filter(|e| wanted.is_none_or(|wanted| xml::attribute(*e, "entityID") == Some(wanted)));
    match (providers.next(), providers.next(), wanted) {
        (Some(entity), None, _) => read_entity(entity),
        (None, _, Some(wanted)) => Err(MetadataError::NotThisEntity(wanted.to_owned())),
        (None, _, None) => Err(MetadataError::IdentityProviders(0)),
        (Some(_), Some(_), _) => Err(MetadataError::IdentityProviders(2 + providers.count())),
    }
}

fn is_list(node: Node<'_, '_>) -> bool {
    xml::is(node, ns::MD, "EntitiesDescriptor")
}

/// Whether nothing but lists is around an entity: one inside an extension is not meant.
fn in_lists(entity: Node<'_, '_>) -> bool {
    entity.ancestors().skip(1).filter(Node::is_element).all(is_list)
}

fn is_provider(role: Node<'_, '_>) -> bool {
    xml::is(role, ns::MD, "IDPSSODescriptor") || is_token_service(role)
}

fn is_token_service(role: Node<'_, '_>) -> bool {
    let kind = role.attribute((XSI, "type")).unwrap_or_default();
    xml::is(role, ns::MD, "RoleDescriptor") && kind.split(':').next_back() == Some("SecurityTokenServiceType")
}

fn read_entity(entity: Node<'_, '_>) -> Result<IdpMetadata, MetadataError> {
    let roles: Vec<_> = xml::elements(entity).filter(|r| is_provider(*r)).collect();
    let mut certificates = Vec::new();
    let mut sso_urls = BTreeMap::new();
    let mut slo_urls = BTreeMap::new();
    let mut passive_endpoint = None;
    let mut want_authn_requests_signed = false;
    for role in roles {
        signing_certificates(role, &mut certificates);
        if is_token_service(role) {
            passive_endpoint = passive_endpoint.or_else(|| passive_address(role));
            continue;
        }
        want_authn_requests_signed |=
            matches!(xml::attribute(role, "WantAuthnRequestsSigned"), Some("true" | "1"));
        for service in xml::named(role, ns::MD, "SingleSignOnService") {
            let binding = xml::required_attribute(service, "Binding")?.to_owned();
            let location = xml::required_attribute(service, "Location")?.to_owned();
            sso_urls.entry(binding).or_insert(location);
        }
        for service in xml::named(role, ns::MD, "SingleLogoutService") {
            let binding = xml::required_attribute(service, "Binding")?.to_owned();
            let location = xml::required_attribute(service, "Location")?.to_owned();
            let response_location = xml::attribute(service, "ResponseLocation").map(str::to_owned);
            slo_urls.entry(binding).or_insert(LogoutService { location, response_location });
        }
    }
    if certificates.is_empty() {
        return Err(MetadataError::NoCertificate);
    }
    Ok(IdpMetadata {
        entity_id: xml::required_attribute(entity, "entityID")?.to_owned(),
        sso_urls,
        slo_urls,
        passive_endpoint,
        certificates,
        want_authn_requests_signed,
        valid_until: shortest(entity, |n| xml::time(n, "validUntil"))?,
        cache_duration: shortest(entity, |n| {
            Ok(xml::attribute(n, "cacheDuration").and_then(|text| time::parse_duration(xml::trim(text))))
        })?,
    })
}

/// The least value that the entity or one of the lists around it has.
fn shortest(
    entity: Node<'_, '_>,
    value: impl Fn(Node<'_, '_>) -> Result<Option<i64>, Rejection>,
) -> Result<Option<i64>, Rejection> {
    let mut least: Option<i64> = None;
    for node in entity.ancestors().filter(Node::is_element) {
        least = [least, value(node)?].into_iter().flatten().min();
    }
    Ok(least)
}

fn signing_certificates(role: Node<'_, '_>, out: &mut Vec<Certificate>) {
    let descriptors = xml::named(role, ns::MD, "KeyDescriptor")
        .filter(|k| xml::attribute(*k, "use").is_none_or(|usage| usage == "signing"));
    let nodes = descriptors
        .flat_map(|k| k.descendants())
        .filter(|n| xml::is(*n, ns::DS, "X509Certificate"))
        .take(CERTIFICATES);
    for der in nodes.filter_map(xml::base64_text) {
        if let Ok(certificate) = Certificate::from_der(&der)
            && out.len() < CERTIFICATES
            && !out.contains(&certificate)
        {
            out.push(certificate);
        }
    }
}

fn passive_address(role: Node<'_, '_>) -> Option<String> {
    let endpoint = xml::named(role, FED, "PassiveRequestorEndpoint").next()?;
    let address = endpoint.descendants().find(|n| xml::is(*n, ADDRESSING, "Address"))?;
    xml::text(address).ok().filter(|a| !a.is_empty())
}
