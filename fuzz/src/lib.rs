//! What the fuzz targets share: two parties with fixed keys, one honest response, the policy that accepts it.
//!
//! The seeds were signed with these keys, so the targets begin at messages that are accepted, and can insist that
//! whatever else is accepted says the same. The keys are for this alone.

use gatehouse_saml::idp::ResponseBuilder;
use gatehouse_saml::{
    CLOCK_SKEW, Certificate, DecryptionKey, InResponseTo, Policy, Protocol, SigningKey, VerifiedAssertion,
};
use std::sync::LazyLock;

/// The time of every judgement, microseconds since 1970: 2027-06-01.
pub const NOW: i64 = 1_811_808_000_000_000;
/// The identity provider.
pub const IDP: &str = "https://idp.example/metadata";
/// Ourselves.
pub const SP: &str = "https://gate.example/saml/metadata";
/// Where responses go.
pub const ACS: &str = "https://gate.example/saml/acs";
/// Where logout messages go.
pub const SLO: &str = "https://gate.example/saml/slo";
/// The realm of WS-Federation.
pub const REALM: &str = "urn:gatehouse:example";
/// The reply address of WS-Federation.
pub const REPLY: &str = "https://gate.example/wsfed/con_1/reply";
/// The request that the honest response answers.
pub const REQUEST: &str = "_request-1";

/// A key and its certificate.
pub struct Party {
    /// The private half.
    pub key: SigningKey,
    /// The public half.
    pub certificate: Certificate,
}

fn party(key: &str, certificate: &str) -> Party {
    Party {
        key: SigningKey::from_pem(key).expect("the key in fuzz/keys"),
        certificate: Certificate::from_pem_or_base64(certificate).expect("the certificate in fuzz/keys"),
    }
}

/// The identity provider's key.
pub static IDP_KEY: LazyLock<Party> =
    LazyLock::new(|| party(include_str!("../keys/idp.key"), include_str!("../keys/idp.crt")));
/// Our key.
pub static SP_KEY: LazyLock<Party> =
    LazyLock::new(|| party(include_str!("../keys/sp.key"), include_str!("../keys/sp.crt")));

/// Accepts the honest response.
pub static SAML: LazyLock<Policy> = LazyLock::new(|| Policy {
    protocol: Protocol::Saml2,
    idp_entity_id: IDP.to_owned(),
    audiences: vec![SP.to_owned()],
    acs_urls: vec![ACS.to_owned()],
    certificates: vec![SP_KEY.certificate.clone(), IDP_KEY.certificate.clone()],
    decryption_keys: vec![DecryptionKey::from_signing_key(&SP_KEY.key).expect("our key decrypts")],
    in_response_to: InResponseTo::Expect(REQUEST.to_owned()),
    now: NOW,
    clock_skew: CLOCK_SKEW,
    authenticated_since: None,
    authn_contexts: Vec::new(),
    allow_sha1: true,
});

/// Accepts the honest WS-Federation response.
pub static WSFED: LazyLock<Policy> = LazyLock::new(|| Policy {
    protocol: Protocol::WsFed { realm: REALM.to_owned(), reply: REPLY.to_owned() },
    ..SAML.clone()
});

/// The honest response, before it is signed.
pub fn honest(issuer: &str, acs: &str, audience: &str) -> ResponseBuilder {
    let mut builder = ResponseBuilder::new("_r1", issuer, acs, audience, "ada@example.org", NOW - 5_000_000);
    builder.attributes = vec![
        ("email".to_owned(), vec!["ada@example.org".to_owned()]),
        ("groups".to_owned(), vec!["staff".to_owned(), "admins".to_owned()]),
    ];
    builder
}

/// Nobody but the identity provider can sign: whatever is accepted is what it said.
///
/// # Panics
/// When an accepted assertion says anything else than the honest one.
pub fn insist_on_honesty(verified: &VerifiedAssertion) {
    assert_eq!(verified.assertion_id(), "_r1-a");
    assert_eq!(verified.issuer(), IDP);
    assert_eq!(verified.name_id().value, "ada@example.org");
    assert_eq!(verified.not_on_or_after(), NOW + 295_000_000);
    for (name, values) in verified.attributes() {
        let expected: &[&str] =
            if name.ends_with("groups") { &["staff", "admins"] } else { &["ada@example.org"] };
        assert_eq!(values, expected, "{name}");
    }
}
