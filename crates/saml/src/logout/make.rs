//! Writing logout messages and putting them onto a binding.

use super::LogoutStatus;
use crate::authn_request::RequestError;
use crate::certificate::Certificate;
use crate::idp::{IdpError, SignOptions, sign_enveloped};
use crate::judgement::NameId;
use crate::keys::SigningKey;
use crate::redirect::address;
use crate::time;
use crate::write::{Xml, present};
use crate::xml::{encode_base64, ns};

pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
pub(super) const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
pub(super) const PARTIAL: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";
/// Why a session ends: the person wished it (core §3.7.3).
const BY_USER: &str = "urn:oasis:names:tc:SAML:2.0:logout:user";

/// Why a logout message cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutError {
    /// The relay state is too long, or the query string cannot be signed.
    #[error(transparent)]
    Redirect(#[from] RequestError),
    /// The message cannot be signed.
    #[error(transparent)]
    Sign(#[from] IdpError),
}

/// A request to end sessions of somebody (core §3.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// A fresh, unguessable XML ID: it must begin with a letter or underscore.
    pub id: String,
    /// Microseconds since the Unix epoch.
    pub issue_instant: i64,
    /// When the request stops to count, microseconds since the Unix epoch.
    pub not_on_or_after: Option<i64>,
    /// The receiver's single logout URL; it may have a query of its own.
    pub destination: String,
    /// The sender's entity id.
    pub issuer: String,
    /// Whose sessions end, named as the assertion did.
    pub name_id: NameId,
    /// Which sessions end, as the assertions named them; none: all.
    pub session_indexes: Vec<String>,
}

impl LogoutRequest {
    /// The request as XML.
    pub fn to_xml(&self) -> String {
        let instant = time::format(self.issue_instant);
        let end = self.not_on_or_after.map(time::format);
        let mut xml = Xml::new();
        let attributes = present(&[
            ("xmlns:samlp", Some(ns::SAMLP)),
            ("xmlns:saml", Some(ns::SAML)),
            ("ID", Some(&self.id)),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(&instant)),
            ("Destination", Some(&self.destination)),
            ("NotOnOrAfter", end.as_deref()),
            ("Reason", Some(BY_USER)),
        ]);
        xml.open("samlp:LogoutRequest", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        let name = &self.name_id;
        let attributes = present(&[
            ("NameQualifier", name.name_qualifier.as_deref()),
            ("SPNameQualifier", name.sp_name_qualifier.as_deref()),
            ("Format", name.format.as_deref()),
        ]);
        xml.leaf("saml:NameID", &attributes, &name.value);
        for index in &self.session_indexes {
            xml.leaf("samlp:SessionIndex", &[], index);
        }
        xml.close("samlp:LogoutRequest");
        xml.finish()
    }

    /// The URL to send the browser to: deflated, with the RSA-SHA256 signature of the query (bindings §3.4.4.1).
    ///
    /// # Errors
    /// When the relay state is too long or signing fails.
    pub fn redirect_url(&self, relay_state: Option<&str>, key: &SigningKey) -> Result<String, LogoutError> {
        Ok(address(&self.destination, "SAMLRequest", &self.to_xml(), relay_state, Some(key))?)
    }

    /// The form field `SAMLRequest` of the HTTP-POST binding, with an enveloped signature (bindings §3.5.4).
    ///
    /// # Errors
    /// When signing fails.
    pub fn post_field(&self, key: &SigningKey, certificate: &Certificate) -> Result<String, LogoutError> {
        enveloped(&self.to_xml(), &self.id, key, certificate)
    }
}

/// The answer to a request to end sessions (core §3.7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// A fresh, unguessable XML ID: it must begin with a letter or underscore.
    pub id: String,
    /// Microseconds since the Unix epoch.
    pub issue_instant: i64,
    /// Where the requester wants its answers.
    pub destination: String,
    /// The sender's entity id.
    pub issuer: String,
    /// The request it answers.
    pub in_response_to: String,
    /// What became of it.
    pub status: LogoutStatus,
}

impl LogoutResponse {
    /// The response as XML.
    pub fn to_xml(&self) -> String {
        let instant = time::format(self.issue_instant);
        let mut xml = Xml::new();
        xml.open(
            "samlp:LogoutResponse",
            &[
                ("xmlns:samlp", ns::SAMLP),
                ("xmlns:saml", ns::SAML),
                ("ID", &self.id),
                ("Version", "2.0"),
                ("IssueInstant", &instant),
                ("Destination", &self.destination),
                ("InResponseTo", &self.in_response_to),
            ],
        );
        xml.leaf("saml:Issuer", &[], &self.issuer);
        xml.open("samlp:Status", &[]);
        match &self.status {
            LogoutStatus::Success => xml.empty("samlp:StatusCode", &[("Value", SUCCESS)]),
            LogoutStatus::Partial => nested(&mut xml, SUCCESS, PARTIAL),
            LogoutStatus::Failed(code) => nested(&mut xml, RESPONDER, code),
        }
        xml.close("samlp:Status");
        xml.close("samlp:LogoutResponse");
        xml.finish()
    }

    /// The URL to send the browser to; see [`LogoutRequest::redirect_url`].
    ///
    /// # Errors
    /// When the relay state is too long or signing fails.
    pub fn redirect_url(&self, relay_state: Option<&str>, key: &SigningKey) -> Result<String, LogoutError> {
        Ok(address(&self.destination, "SAMLResponse", &self.to_xml(), relay_state, Some(key))?)
    }

    /// The form field `SAMLResponse` of the HTTP-POST binding, with an enveloped signature.
    ///
    /// # Errors
    /// When signing fails.
    pub fn post_field(&self, key: &SigningKey, certificate: &Certificate) -> Result<String, LogoutError> {
        enveloped(&self.to_xml(), &self.id, key, certificate)
    }
}

/// A status code with one of the second level in it.
fn nested(xml: &mut Xml, first: &str, second: &str) {
    xml.open("samlp:StatusCode", &[("Value", first)]);
    xml.empty("samlp:StatusCode", &[("Value", second)]);
    xml.close("samlp:StatusCode");
}

fn enveloped(
    xml: &str,
    id: &str,
    key: &SigningKey,
    certificate: &Certificate,
) -> Result<String, LogoutError> {
    let options = SignOptions { certificate: Some(certificate.clone()), ..SignOptions::default() };
    Ok(encode_base64(sign_enveloped(xml, id, key, &options)?))
}
