//! WS-Federation responses (ws-federation-1.2 §13.2): a token in a RequestSecurityTokenResponse.

use super::encrypt::encrypt_element;
use super::sign::{SignOptions, sign_enveloped};
use super::{Fault, IdpError, ResponseBuilder};
use crate::certificate::Certificate;
use crate::keys::SigningKey;
use crate::time;
use crate::write::{Xml, present};
use crate::xml::ns;

const BEARER: &str = "urn:oasis:names:tc:SAML:1.0:cm:bearer";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:1.0:am:password";
const POLICY: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// The kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenKind {
    /// SAML 1.1, the default of AD FS and Entra ID.
    #[default]
    Saml11,
    /// SAML 2.0.
    Saml20,
}

/// A WS-Federation response. The fields of the response builder hold: its audience is the realm, its recipient
/// the reply URL; an attribute's name is split at its last slash into namespace and name for SAML 1.1.
#[derive(Debug, Clone)]
pub struct RstrBuilder {
    /// What the token says, how it is encrypted, and what goes wrong.
    pub response: ResponseBuilder,
    /// The kind of token.
    pub kind: TokenKind,
    /// Whether to answer with a collection (WS-Trust 1.3) instead of a bare response (February 2005).
    pub collection: bool,
}

impl RstrBuilder {
    /// The response as XML, its token signed and, if wanted, encrypted.
    ///
    /// # Errors
    /// When signing or encryption fails.
    pub fn issue(&self, key: &SigningKey, certificate: &Certificate) -> Result<String, IdpError> {
        let mut this = self.clone();
        this.misbehave();
        let (other_key, other_certificate);
        let (key, certificate) = if self.response.fault == Some(Fault::OtherCertificate) {
            other_key = SigningKey::generate()?;
            other_certificate =
                other_key.self_signed("Another key", certificate.not_before(), certificate.not_after())?;
            (&other_key, &other_certificate)
        } else {
            (key, certificate)
        };
        let options = SignOptions {
            algorithm: this.response.algorithm,
            certificate: Some(certificate.clone()),
            inclusive_prefixes: Vec::new(),
        };
        let id = &this.response.assertion_id;
        let mut xml = this.unsigned();
        if self.response.fault != Some(Fault::Unsigned) {
            xml = sign_enveloped(&xml, id, key, &options)?;
        }
        xml = this.spoil(xml);
        if let Some((certificate, encryption, transport)) = &this.response.encrypt {
            xml = encrypt_element(&xml, id, certificate, *encryption, *transport, false)?;
        }
        Ok(xml)
    }

    fn misbehave(&mut self) {
        const HOURS_2: i64 = 2 * 3600 * 1_000_000;
        let response = &mut self.response;
        match response.fault {
            Some(Fault::Expired) => response.issued_at -= HOURS_2,
            Some(Fault::FutureClock) => response.issued_at += HOURS_2,
            Some(Fault::WrongAudience) => response.audiences = vec!["urn:elsewhere".to_owned()],
            Some(Fault::WrongIssuer) => response.issuer = "https://elsewhere.example/sts".to_owned(),
            // only a token of SAML 2.0 names whom it is for
            Some(Fault::WrongRecipient) => {
                self.kind = TokenKind::Saml20;
                response.recipient = "https://elsewhere.example/reply".to_owned();
            }
            _ => {}
        }
    }

    /// Faults of transport, after signing.
    fn spoil(&self, xml: String) -> String {
        match self.response.fault {
            Some(Fault::WrongSignature) => super::response::with_a_changed_bit(xml),
            Some(Fault::Tampered) => {
                let name = if self.kind == TokenKind::Saml11 { "NameIdentifier" } else { "NameID" };
                xml.replacen(&format!("</saml:{name}>"), &format!(".evil.example</saml:{name}>"), 1)
            }
            Some(Fault::Wrapped) => {
                let mut forged = self.clone();
                forged.response.assertion_id.push_str("-forged");
                forged.response.name_id = "admin@evil.example".to_owned();
                xml.replacen(
                    "</t:RequestedSecurityToken>",
                    &format!("{}</t:RequestedSecurityToken>", forged.token()),
                    1,
                )
            }
            _ => xml,
        }
    }

    /// The response without signature or encryption.
    pub fn unsigned(&self) -> String {
        let trust = if self.collection { ns::WST13 } else { ns::WST05 };
        let start = time::format(self.response.issued_at);
        let end = time::format(self.end());
        let realm = self.response.audiences.first().map_or("", String::as_str);
        let mut xml = Xml::new();
        if self.collection {
            xml.open("t:RequestSecurityTokenResponseCollection", &[("xmlns:t", trust)]);
            xml.open("t:RequestSecurityTokenResponse", &[]);
        } else {
            xml.open("t:RequestSecurityTokenResponse", &[("xmlns:t", trust)]);
        }
        xml.open("t:Lifetime", &[]);
        xml.leaf("wsu:Created", &[("xmlns:wsu", UTILITY)], &start);
        xml.leaf("wsu:Expires", &[("xmlns:wsu", UTILITY)], &end);
        xml.close("t:Lifetime");
        xml.open("wsp:AppliesTo", &[("xmlns:wsp", POLICY)]);
        xml.open("wsa:EndpointReference", &[("xmlns:wsa", ADDRESSING)]);
        xml.leaf("wsa:Address", &[], realm);
        xml.close("wsa:EndpointReference");
        xml.close("wsp:AppliesTo");
        xml.open("t:RequestedSecurityToken", &[]);
        xml.raw(&self.token());
        xml.close("t:RequestedSecurityToken");
        xml.close("t:RequestSecurityTokenResponse");
        if self.collection {
            xml.close("t:RequestSecurityTokenResponseCollection");
        }
        xml.finish()
    }

    fn token(&self) -> String {
        match self.kind {
            TokenKind::Saml11 => self.saml11(),
            TokenKind::Saml20 => self.response.assertion(),
        }
    }

    fn saml11(&self) -> String {
        let response = &self.response;
        let (start, end) = (time::format(response.issued_at), time::format(self.end()));
        let mut xml = Xml::new();
        xml.open(
            "saml:Assertion",
            &[
                ("xmlns:saml", ns::SAML1),
                ("MajorVersion", "1"),
                ("MinorVersion", "1"),
                ("AssertionID", &response.assertion_id),
                ("Issuer", &response.issuer),
                ("IssueInstant", &start),
            ],
        );
        xml.open("saml:Conditions", &[("NotBefore", &start), ("NotOnOrAfter", &end)]);
        xml.open("saml:AudienceRestrictionCondition", &[]);
        for audience in &response.audiences {
            xml.leaf("saml:Audience", &[], audience);
        }
        xml.close("saml:AudienceRestrictionCondition");
        xml.close("saml:Conditions");
        if !response.attributes.is_empty() {
            xml.open("saml:AttributeStatement", &[]);
            self.subject(&mut xml);
            for (full, values) in &response.attributes {
                let (namespace, name) = full.rsplit_once('/').unwrap_or(("", full));
                xml.open("saml:Attribute", &[("AttributeName", name), ("AttributeNamespace", namespace)]);
                for value in values {
                    xml.leaf("saml:AttributeValue", &[], value);
                }
                xml.close("saml:Attribute");
            }
            xml.close("saml:AttributeStatement");
        }
        xml.open(
            "saml:AuthenticationStatement",
            &[("AuthenticationMethod", PASSWORD), ("AuthenticationInstant", &start)],
        );
        self.subject(&mut xml);
        xml.close("saml:AuthenticationStatement");
        xml.close("saml:Assertion");
        xml.finish()
    }

    fn subject(&self, xml: &mut Xml) {
        let format = present(&[("Format", self.response.name_id_format.as_deref())]);
        xml.open("saml:Subject", &[]);
        xml.leaf("saml:NameIdentifier", &format, &self.response.name_id);
        xml.open("saml:SubjectConfirmation", &[]);
        xml.leaf("saml:ConfirmationMethod", &[], BEARER);
        xml.close("saml:SubjectConfirmation");
        xml.close("saml:Subject");
    }

    fn end(&self) -> i64 {
        let lifetime = i64::try_from(self.response.lifetime.as_micros()).unwrap_or(i64::MAX);
        self.response.issued_at.saturating_add(lifetime)
    }
}
