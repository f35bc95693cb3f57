//! One identity provider, one service provider, and tools to build and bend messages.

use gatehouse_saml::idp::{
    ResponseBuilder, RstrBuilder, Sign, SignOptions, TokenKind, canonical_form, sign_enveloped,
};
use gatehouse_saml::{
    CLOCK_SKEW, Certificate, DecryptionKey, InResponseTo, Judgement, Policy, Protocol, Reason,
    SignatureAlgorithm, SigningKey, VerifiedAssertion, verify_bytes,
};
use std::sync::LazyLock;

pub(crate) const NOW: i64 = 1_780_272_000_000_000; // 2026-06-01T00:00:00Z
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const YEAR: i64 = 365 * 86_400 * SECOND;

pub(crate) const IDP: &str = "https://idp.example/metadata";
pub(crate) const SP: &str = "https://gate.example/saml/metadata";
pub(crate) const ACS: &str = "https://gate.example/saml/acs";
pub(crate) const ACS_IDP: &str = "https://gate.example/saml/acs/con_1/idp";
pub(crate) const REALM: &str = "urn:gatehouse:example";
pub(crate) const REPLY: &str = "https://gate.example/wsfed/con_1/reply";
pub(crate) const REQUEST: &str = "_request-1";

/// A key and its certificate.
pub(crate) struct Party {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

impl Party {
    fn new(name: &str, not_before: i64, not_after: i64) -> Self {
        let key = SigningKey::generate().unwrap();
        let certificate = key.self_signed(name, not_before, not_after).unwrap();
        Self { key, certificate }
    }
}

pub(crate) static IDP_KEY: LazyLock<Party> = LazyLock::new(|| Party::new("IdP", NOW - YEAR, NOW + YEAR));
pub(crate) static OTHER: LazyLock<Party> = LazyLock::new(|| Party::new("Other", NOW - YEAR, NOW + YEAR));
pub(crate) static SP_KEY: LazyLock<Party> = LazyLock::new(|| Party::new("SP", NOW - YEAR, NOW + YEAR));

/// A message, how it is judged, and what must come of it.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) message: Vec<u8>,
    pub(crate) policy: Policy,
    pub(crate) reason: Reason,
}

pub(crate) fn attack(name: &'static str, message: impl Into<Vec<u8>>, reason: Reason) -> Attack {
    Attack { name, message: message.into(), policy: policy(), reason }
}

impl Attack {
    pub(crate) fn under(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }
}

/// Judges every attack and tells all that were not refused for their reason.
pub(crate) fn all_refused(attacks: Vec<Attack>, at_least: usize) {
    assert!(attacks.len() >= at_least, "only {} attacks", attacks.len());
    let mut wrong = Vec::new();
    for attack in &attacks {
        let judgement = verify_bytes(&attack.message, &attack.policy);
        match &judgement.outcome {
            Err(refused) if refused.reason == attack.reason => {
                let last = judgement.checks.last().expect("a check");
                assert!(!last.ok, "{}: the last check is the failed one", attack.name);
                assert!(!refused.detail.is_empty());
                let failed = judgement.checks.iter().filter(|c| !c.ok).count();
                assert_eq!(failed, 1, "{}: {:?}", attack.name, judgement.checks);
            }
            Err(refused) => {
                wrong.push(format!("{}: {refused} instead of {}", attack.name, attack.reason));
            }
            Ok(_) => wrong.push(format!("{}: ACCEPTED", attack.name)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
}

pub(crate) fn accepted(judgement: Judgement) -> VerifiedAssertion {
    match judgement.outcome {
        Ok(verified) => verified,
        Err(refused) => panic!("refused: {refused}\n{:#?}", judgement.checks),
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        protocol: Protocol::Saml2,
        idp_entity_id: IDP.to_owned(),
        audiences: vec![SP.to_owned(), ACS_IDP.to_owned()],
        acs_urls: vec![ACS.to_owned(), ACS_IDP.to_owned()],
        certificates: vec![IDP_KEY.certificate.clone()],
        decryption_keys: vec![DecryptionKey::from_signing_key(&SP_KEY.key).unwrap()],
        in_response_to: InResponseTo::Expect(REQUEST.to_owned()),
        now: NOW,
        clock_skew: CLOCK_SKEW,
        authenticated_since: None,
        authn_contexts: Vec::new(),
        allow_sha1: false,
    }
}

pub(crate) fn wsfed_policy() -> Policy {
    Policy { protocol: Protocol::WsFed { realm: REALM.to_owned(), reply: REPLY.to_owned() }, ..policy() }
}

/// The honest response all others are made from.
pub(crate) fn response() -> ResponseBuilder {
    let mut builder = ResponseBuilder::new("_r1", IDP, ACS, SP, "ada@example.org", NOW - 5 * SECOND);
    builder.in_response_to = Some(REQUEST.to_owned());
    builder.attributes = vec![
        ("email".to_owned(), vec!["ada@example.org".to_owned()]),
        ("groups".to_owned(), vec!["staff".to_owned(), "admins".to_owned()]),
    ];
    builder
}

pub(crate) fn rstr() -> RstrBuilder {
    let mut response = ResponseBuilder::new("_t1", IDP, REPLY, REALM, "ada@example.org", NOW - 5 * SECOND);
    let claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
    response.attributes = vec![(format!("{claims}/emailaddress"), vec!["ada@example.org".to_owned()])];
    RstrBuilder { response, kind: TokenKind::Saml11, collection: false }
}

pub(crate) fn issue(builder: &ResponseBuilder) -> String {
    builder.issue(&IDP_KEY.key, &IDP_KEY.certificate).unwrap()
}

pub(crate) fn issue_rstr(builder: &RstrBuilder) -> String {
    builder.issue(&IDP_KEY.key, &IDP_KEY.certificate).unwrap()
}

/// The honest response, assertion signed.
pub(crate) fn honest() -> String {
    issue(&response())
}

/// The honest response, response signed.
pub(crate) fn honest_response_signed() -> String {
    let mut builder = response();
    builder.sign = Sign::Response;
    issue(&builder)
}

/// Signs the element of that ID with the identity provider's key.
pub(crate) fn sign(xml: &str, id: &str) -> String {
    let options = SignOptions { certificate: Some(IDP_KEY.certificate.clone()), ..SignOptions::default() };
    sign_enveloped(xml, id, &IDP_KEY.key, &options).unwrap()
}

/// Changes the unsigned honest response, then signs its assertion: what a bad identity provider would send.
pub(crate) fn signed_after(change: impl FnOnce(String) -> String) -> String {
    sign(&change(response().unsigned()), "_r1-a")
}

/// Replaces, and insists that there was something to replace.
pub(crate) fn swap(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "nothing to replace: {from} in {text}");
    text.replacen(from, to, 1)
}

/// Replaces in the honest response before signing.
pub(crate) fn signed_with(from: &str, to: &str) -> String {
    signed_after(|xml| swap(&xml, from, to))
}

/// The piece from one mark up to and including another.
pub(crate) fn cut<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from}"));
    let end = text[start..].find(to).unwrap_or_else(|| panic!("no {to}")) + start + to.len();
    &text[start..end]
}

pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Signs the honest assertion with a `SignedInfo` that was changed first; its text must be canonical.
pub(crate) fn with_signed_info(change: impl Fn(String) -> String) -> String {
    let xml = response().unsigned();
    let canonical = canonical_form(&xml, "_r1-a", &[]).unwrap();
    with_custom_signature(&xml, &canonical, change, |info| {
        IDP_KEY.key.sign(SignatureAlgorithm::RsaSha256, info).unwrap()
    })
}

/// As above, with any signed bytes and any signing.
pub(crate) fn with_custom_signature(
    xml: &str,
    canonical: &[u8],
    change: impl Fn(String) -> String,
    signing: impl Fn(&[u8]) -> Vec<u8>,
) -> String {
    let digest = base64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical));
    let info = change(signed_info("_r1-a", &digest));
    let value = base64(signing(info.as_bytes()));
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
    );
    insert_signature(xml, "_r1-a", &signature)
}

/// Puts a signature after the issuer of the element with that ID.
pub(crate) fn insert_signature(xml: &str, id: &str, signature: &str) -> String {
    let at = xml.find(&format!(" ID=\"{id}\"")).expect("the ID");
    let mark = "</saml:Issuer>";
    let at = at + xml[at..].find(mark).expect("an issuer") + mark.len();
    format!("{}{signature}{}", &xml[..at], &xml[at..])
}

/// An ordinary `SignedInfo` in canonical form.
pub(crate) fn signed_info(id: &str, digest: &str) -> String {
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    format!(
        "<ds:SignedInfo xmlns:ds=\"{DS}\">\
         <ds:CanonicalizationMethod Algorithm=\"{c14n}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"{c14n}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
}
