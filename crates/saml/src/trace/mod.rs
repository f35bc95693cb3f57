//! A received message as an administrator is shown it: what it says of itself, and its text without the person.

mod indent;
mod redact;

pub use redact::redact;

use roxmltree::Node;

use crate::certificate::Certificate;
use crate::message::Message;
use crate::xml::{self, ns};

/// Values of one kind that are told, at most.
const LISTED: usize = 20;
/// Characters of one value that are told, at most.
const SHOWN: usize = 300;

/// What a message says of itself, to be shown beside what was expected. Nothing in it is verified, and nothing in it
/// is decided by. Times are microseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The issuers, of the response and of the assertion; each once.
    pub issuers: Vec<String>,
    /// Where the response is addressed to.
    pub destination: Option<String>,
    /// The request it answers.
    pub in_response_to: Option<String>,
    /// Whom the assertion is for.
    pub audiences: Vec<String>,
    /// The recipients of the confirmations.
    pub recipients: Vec<String>,
    /// When the response, or else the assertion, was issued.
    pub issued_at: Option<i64>,
    /// The start of the assertion's validity.
    pub not_before: Option<i64>,
    /// The end of the assertion's validity.
    pub not_on_or_after: Option<i64>,
    /// The end of the confirmation.
    pub confirmed_until: Option<i64>,
    /// Whether the assertion is encrypted; what it says cannot be read here then.
    pub encrypted: bool,
    /// Signature and digest algorithms, each once.
    pub algorithms: Vec<String>,
    /// SHA-256 fingerprints of the certificates that came along; a hint and never a source of trust.
    pub certificates: Vec<String>,
    /// The format of the NameID.
    pub name_id_format: Option<String>,
    /// The names of the attributes, without their values.
    pub attribute_names: Vec<String>,
}

impl Message<'_> {
    /// What the message says of itself. Unverified.
    pub fn outline(&self) -> Outline {
        let root = self.document.root_element();
        let mut outline = Outline {
            destination: own(root, "Destination"),
            in_response_to: own(root, "InResponseTo"),
            issued_at: time(root, "IssueInstant"),
            ..Outline::default()
        };
        for node in root.descendants().filter(Node::is_element) {
            outline.take(node);
        }
        outline
    }
}

impl Outline {
    fn take(&mut self, node: Node<'_, '_>) {
        match (node.tag_name().namespace(), node.tag_name().name()) {
            (Some(ns::SAML), "Issuer") => add(&mut self.issuers, &xml::deep_text(node)),
            (Some(ns::SAML), "Assertion") => {
                self.issued_at = self.issued_at.or_else(|| time(node, "IssueInstant"));
            }
            (Some(ns::SAML1), "Assertion") => {
                self.issued_at = self.issued_at.or_else(|| time(node, "IssueInstant"));
                add(&mut self.issuers, xml::attribute(node, "Issuer").unwrap_or_default());
            }
            (Some(ns::SAML | ns::SAML1), "Audience") => add(&mut self.audiences, &xml::deep_text(node)),
            (Some(ns::SAML), "SubjectConfirmationData") => {
                add(&mut self.recipients, xml::attribute(node, "Recipient").unwrap_or_default());
                self.confirmed_until = self.confirmed_until.or_else(|| time(node, "NotOnOrAfter"));
                self.in_response_to = self.in_response_to.take().or_else(|| own(node, "InResponseTo"));
            }
            (Some(ns::SAML | ns::SAML1), "Conditions") => {
                self.not_before = self.not_before.or_else(|| time(node, "NotBefore"));
                self.not_on_or_after = self.not_on_or_after.or_else(|| time(node, "NotOnOrAfter"));
            }
            (Some(ns::SAML), "EncryptedAssertion") => self.encrypted = true,
            (Some(ns::SAML), "NameID") => {
                self.name_id_format = self.name_id_format.take().or_else(|| own(node, "Format"));
            }
            (Some(ns::SAML), "Attribute") => {
                add(&mut self.attribute_names, xml::attribute(node, "Name").unwrap_or_default());
            }
            (Some(ns::SAML1), "Attribute") => {
                add(&mut self.attribute_names, xml::attribute(node, "AttributeName").unwrap_or_default());
            }
            (Some(ns::DS), "SignatureMethod" | "DigestMethod") => {
                add(&mut self.algorithms, xml::attribute(node, "Algorithm").unwrap_or_default());
            }
            (Some(ns::DS), "X509Certificate") => {
                if let Ok(certificate) = Certificate::from_pem_or_base64(&xml::deep_text(node)) {
                    add(&mut self.certificates, certificate.fingerprint());
                }
            }
            _ => {}
        }
    }
}

fn own(node: Node<'_, '_>, name: &str) -> Option<String> {
    xml::attribute(node, name).map(shortened)
}

fn time(node: Node<'_, '_>, name: &str) -> Option<i64> {
    xml::time(node, name).ok().flatten()
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if text.chars().count() > SHOWN {
        shown.push('…');
    }
    shown
}

fn add(list: &mut Vec<String>, value: &str) {
    let value = shortened(value);
    if !value.is_empty() && list.len() < LISTED && !list.contains(&value) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_tells_what_stands_in_the_message() {
        let xml = r#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns="urn:oasis:names:tc:SAML:2.0:assertion"
            Destination="https://sp.test/acs" InResponseTo="_r" IssueInstant="2026-01-01T00:00:00Z"><Issuer>https://idp.test</Issuer>
            <Assertion><Issuer>https://idp.test</Issuer><Subject><NameID Format="urn:f">ada</NameID><SubjectConfirmation>
            <SubjectConfirmationData Recipient="https://sp.test/other"/></SubjectConfirmation></Subject>
            <Conditions NotOnOrAfter="2026-01-01T00:05:00Z"><AudienceRestriction><Audience>https://sp.test</Audience>
            </AudienceRestriction></Conditions><AttributeStatement><Attribute Name="email"><AttributeValue>ada@idp.test</AttributeValue>
            </Attribute></AttributeStatement></Assertion></p:Response>"#;
        let outline = Message::parse(xml.as_bytes()).unwrap().outline();
        assert_eq!(outline.issuers, ["https://idp.test"]);
        assert_eq!(outline.destination.as_deref(), Some("https://sp.test/acs"));
        assert_eq!(outline.recipients, ["https://sp.test/other"]);
        assert_eq!(outline.audiences, ["https://sp.test"]);
        assert_eq!(outline.attribute_names, ["email"]);
        assert_eq!(outline.not_on_or_after.unwrap() - outline.issued_at.unwrap(), 300_000_000);
        assert!(!format!("{outline:?}").contains("ada"), "no name of a person");
    }
}
