//! SAML 2.0 responses.

use super::encrypt::{Encryption, KeyTransport, encrypt_element};
use super::sign::{SignOptions, sign_enveloped};
use super::{Fault, IdpError};
use crate::certificate::Certificate;
use crate::keys::{SignatureAlgorithm, SigningKey};
use crate::time;
use crate::write::{Xml, present};
use crate::xml::ns;
use std::time::Duration;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
const DENIED: &str = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
const HOURS_2: i64 = 2 * 3600 * 1_000_000;

/// What to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sign {
    /// The assertion.
    #[default]
    Assertion,
    /// The response.
    Response,
    /// Both, the assertion first.
    Both,
    /// Nothing.
    Nothing,
}

/// A SAML 2.0 response to be issued. Make one with [`ResponseBuilder::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct ResponseBuilder {
    /// The response's ID.
    pub response_id: String,
    /// The assertion's ID.
    pub assertion_id: String,
    /// The identity provider.
    pub issuer: String,
    /// The response's destination.
    pub destination: Option<String>,
    /// The confirmation's recipient.
    pub recipient: String,
    /// Audiences of the one restriction.
    pub audiences: Vec<String>,
    /// The request answered, in response and confirmation.
    pub in_response_to: Option<String>,
    /// The person's name.
    pub name_id: String,
    /// Its format.
    pub name_id_format: Option<String>,
    /// Attributes in order.
    pub attributes: Vec<(String, Vec<String>)>,
    /// The session's name.
    pub session_index: Option<String>,
    /// Time of issue, microseconds since the Unix epoch.
    pub issued_at: i64,
    /// When the person authenticated; `None`: at the time of issue.
    pub authn_instant: Option<i64>,
    /// Validity from issue on.
    pub lifetime: Duration,
    /// What is signed.
    pub sign: Sign,
    /// Signature and digest algorithm.
    pub algorithm: SignatureAlgorithm,
    /// For whom and how the assertion is encrypted.
    pub encrypt: Option<(Certificate, Encryption, KeyTransport)>,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

impl ResponseBuilder {
    /// A response for five minutes with signed assertion. `id` is a fresh XML ID: the response gets it, the
    /// assertion gets it with a suffix.
    pub fn new(id: &str, issuer: &str, acs_url: &str, audience: &str, name_id: &str, issued_at: i64) -> Self {
        Self {
            response_id: id.to_owned(),
            assertion_id: format!("{id}-a"),
            issuer: issuer.to_owned(),
            destination: Some(acs_url.to_owned()),
            recipient: acs_url.to_owned(),
            audiences: vec![audience.to_owned()],
            in_response_to: None,
            name_id: name_id.to_owned(),
            name_id_format: Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".to_owned()),
            attributes: Vec::new(),
            session_index: Some(format!("{id}-s")),
            issued_at,
            authn_instant: None,
            lifetime: Duration::from_secs(300),
            sign: Sign::default(),
            algorithm: SignatureAlgorithm::default(),
            encrypt: None,
            fault: None,
        }
    }

    /// The response as XML, signed and encrypted as wanted.
    ///
    /// # Errors
    /// When signing or encryption fails.
    pub fn issue(&self, key: &SigningKey, certificate: &Certificate) -> Result<String, IdpError> {
        let mut this = self.clone();
        this.misbehave();
        let (other_key, other_certificate);
        let (key, certificate) = if self.fault == Some(Fault::OtherCertificate) {
            other_key = SigningKey::generate()?;
            other_certificate =
                other_key.self_signed("Another key", certificate.not_before(), certificate.not_after())?;
            (&other_key, &other_certificate)
        } else {
            (key, certificate)
        };
        let options = SignOptions {
            algorithm: this.algorithm,
            certificate: Some(certificate.clone()),
            inclusive_prefixes: Vec::new(),
        };
        let mut xml = this.unsigned();
        if matches!(this.sign, Sign::Assertion | Sign::Both) {
            xml = sign_enveloped(&xml, &this.assertion_id, key, &options)?;
        }
        if let Some((certificate, encryption, transport)) = &this.encrypt {
            xml = encrypt_element(&xml, &this.assertion_id, certificate, *encryption, *transport, true)?;
        }
        if matches!(this.sign, Sign::Response | Sign::Both) {
            xml = sign_enveloped(&xml, &this.response_id, key, &options)?;
        }
        Ok(this.spoil(xml))
    }

    /// The response as the form field `SAMLResponse`.
    ///
    /// # Errors
    /// As [`ResponseBuilder::issue`].
    pub fn issue_base64(&self, key: &SigningKey, certificate: &Certificate) -> Result<String, IdpError> {
        Ok(crate::xml::encode_base64(self.issue(key, certificate)?))
    }

    /// Faults of content, before signing.
    fn misbehave(&mut self) {
        let elsewhere = || "https://elsewhere.example/saml".to_owned();
        match self.fault {
            Some(Fault::Unsigned) => self.sign = Sign::Nothing,
            Some(Fault::Expired) => self.issued_at -= HOURS_2,
            Some(Fault::FutureClock) => self.issued_at += HOURS_2,
            Some(Fault::WrongAudience) => self.audiences = vec![elsewhere()],
            Some(Fault::WrongRecipient) => self.recipient = elsewhere(),
            Some(Fault::WrongDestination) => self.destination = Some(elsewhere()),
            Some(Fault::WrongIssuer) => self.issuer = elsewhere(),
            Some(Fault::WrongInResponseTo) => self.in_response_to = Some("_another-request".to_owned()),
            _ => {}
        }
    }

    /// Faults of transport, after signing.
    fn spoil(&self, xml: String) -> String {
        match self.fault {
            Some(Fault::WrongSignature) => with_a_changed_bit(xml),
            Some(Fault::Tampered) => xml.replacen("</saml:NameID>", ".evil.example</saml:NameID>", 1),
            Some(Fault::Wrapped) => {
                let mut forged = self.clone();
                forged.assertion_id.push_str("-forged");
                forged.name_id = "admin@evil.example".to_owned();
                xml.replacen("</samlp:Response>", &format!("{}</samlp:Response>", forged.assertion()), 1)
            }
            _ => xml,
        }
    }

    /// The response without signature or encryption, for signing by another tool.
    pub fn unsigned(&self) -> String {
        let mut xml = Xml::new();
        let instant = time::format(self.issued_at);
        let attributes = present(&[
            ("xmlns:samlp", Some(ns::SAMLP)),
            ("xmlns:saml", Some(ns::SAML)),
            ("ID", Some(&self.response_id)),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(&instant)),
            ("Destination", self.destination.as_deref()),
            ("InResponseTo", self.in_response_to.as_deref()),
        ]);
        xml.open("samlp:Response", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        xml.open("samlp:Status", &[]);
        if self.fault == Some(Fault::Denied) {
            xml.open("samlp:StatusCode", &[("Value", RESPONDER)]);
            xml.empty("samlp:StatusCode", &[("Value", DENIED)]);
            xml.close("samlp:StatusCode");
            xml.leaf("samlp:StatusMessage", &[], "The lab was told to refuse.");
        } else {
            xml.empty("samlp:StatusCode", &[("Value", SUCCESS)]);
        }
        xml.close("samlp:Status");
        xml.raw(&self.assertion());
        xml.close("samlp:Response");
        xml.finish()
    }

    /// The assertion alone, unsigned; it declares its own namespaces.
    pub fn assertion(&self) -> String {
        let mut xml = Xml::new();
        let instant = time::format(self.issued_at);
        let end = time::format(self.end());
        xml.open(
            "saml:Assertion",
            &[
                ("xmlns:saml", ns::SAML),
                ("ID", &self.assertion_id),
                ("Version", "2.0"),
                ("IssueInstant", &instant),
            ],
        );
        xml.leaf("saml:Issuer", &[], &self.issuer);
        self.subject(&mut xml, &end);
        xml.open("saml:Conditions", &[("NotBefore", &instant), ("NotOnOrAfter", &end)]);
        xml.open("saml:AudienceRestriction", &[]);
        for audience in &self.audiences {
            xml.leaf("saml:Audience", &[], audience);
        }
        xml.close("saml:AudienceRestriction");
        xml.close("saml:Conditions");
        let authenticated = time::format(self.authn_instant.unwrap_or(self.issued_at));
        let session = present(&[
            ("AuthnInstant", Some(&authenticated)),
            ("SessionIndex", self.session_index.as_deref()),
        ]);
        xml.open("saml:AuthnStatement", &session);
        xml.open("saml:AuthnContext", &[]);
        xml.leaf("saml:AuthnContextClassRef", &[], PASSWORD);
        xml.close("saml:AuthnContext");
        xml.close("saml:AuthnStatement");
        self.attribute_statement(&mut xml);
        xml.close("saml:Assertion");
        xml.finish()
    }

    fn subject(&self, xml: &mut Xml, end: &str) {
        xml.open("saml:Subject", &[]);
        xml.leaf("saml:NameID", &present(&[("Format", self.name_id_format.as_deref())]), &self.name_id);
        xml.open("saml:SubjectConfirmation", &[("Method", BEARER)]);
        let data = present(&[
            ("NotOnOrAfter", Some(end)),
            ("Recipient", Some(&self.recipient)),
            ("InResponseTo", self.in_response_to.as_deref()),
        ]);
        xml.empty("saml:SubjectConfirmationData", &data);
        xml.close("saml:SubjectConfirmation");
        xml.close("saml:Subject");
    }

    fn attribute_statement(&self, xml: &mut Xml) {
        if self.attributes.is_empty() {
            return;
        }
        xml.open("saml:AttributeStatement", &[]);
        for (name, values) in &self.attributes {
            xml.open("saml:Attribute", &[("Name", name), ("NameFormat", BASIC)]);
            for value in values {
                xml.leaf("saml:AttributeValue", &[], value);
            }
            xml.close("saml:Attribute");
        }
        xml.close("saml:AttributeStatement");
    }

    fn end(&self) -> i64 {
        let lifetime = i64::try_from(self.lifetime.as_micros()).unwrap_or(i64::MAX);
        self.issued_at.saturating_add(lifetime)
    }
}

/// The message with a signature value that does not verify.
pub(super) fn with_a_changed_bit(xml: String) -> String {
    let mark = "SignatureValue>";
    let Some(at) = xml.find(mark).map(|n| n + mark.len()) else { return xml };
    let changed = if xml[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{changed}{}", &xml[..at], &xml[at + 1..])
}
