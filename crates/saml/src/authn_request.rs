//! Requests that this service provider sends (core §3.4.1) by the bindings HTTP-Redirect and HTTP-POST
//! (bindings §3.4 and §3.5).

use crate::certificate::Certificate;
use crate::idp::{SignOptions, sign_enveloped};
use crate::keys::{KeyError, SigningKey};
use crate::redirect::address;
use crate::write::{Xml, present};
use crate::xml::{encode_base64, ns};
use crate::{limits, time};

/// The binding by which responses come back.
pub const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The binding by which requests leave in a URL.
pub const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// What kind of name the identity provider should send (core §3.4.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameIdPolicy {
    /// The format URI; `None` leaves it to the identity provider.
    pub format: Option<String>,
    /// Whether the identity provider may make a new identifier.
    pub allow_create: bool,
}

/// A request for authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// A fresh, unguessable XML ID: it must begin with a letter or underscore.
    pub id: String,
    /// Microseconds since the Unix epoch.
    pub issue_instant: i64,
    /// The identity provider's single sign-on URL; it may have a query of its own.
    pub destination: String,
    /// Where the response must be posted.
    pub acs_url: String,
    /// Our entity id.
    pub issuer: String,
    /// Demand that the person signs in again.
    pub force_authn: bool,
    /// Forbid the identity provider to show anything.
    pub is_passive: bool,
    /// The wanted kind of name.
    pub name_id_policy: Option<NameIdPolicy>,
    /// The authentication contexts of which one must be met exactly; none: any will do.
    pub authn_contexts: Vec<String>,
}

/// Why a request cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Longer than [`limits::RELAY_STATE_BYTES`].
    #[error("the relay state has more than {} bytes", limits::RELAY_STATE_BYTES)]
    RelayStateTooLong,
    /// Signing failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The request could not be written; a fault of this crate.
    #[error("the request could not be signed: {0}")]
    Signature(String),
}

impl AuthnRequest {
    /// The request as XML.
    pub fn to_xml(&self) -> String {
        let instant = time::format(self.issue_instant);
        let mut xml = Xml::new();
        let attributes = present(&[
            ("xmlns:samlp", Some(ns::SAMLP)),
            ("xmlns:saml", Some(ns::SAML)),
            ("ID", Some(&self.id)),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(&instant)),
            ("Destination", Some(&self.destination)),
            ("ForceAuthn", self.force_authn.then_some("true")),
            ("IsPassive", self.is_passive.then_some("true")),
            ("ProtocolBinding", Some(HTTP_POST)),
            ("AssertionConsumerServiceURL", Some(&self.acs_url)),
        ]);
        xml.open("samlp:AuthnRequest", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        if let Some(policy) = &self.name_id_policy {
            let attributes = present(&[
                ("Format", policy.format.as_deref()),
                ("AllowCreate", Some(if policy.allow_create { "true" } else { "false" })),
            ]);
            xml.empty("samlp:NameIDPolicy", &attributes);
        }
        if !self.authn_contexts.is_empty() {
            xml.open("samlp:RequestedAuthnContext", &[("Comparison", "exact")]);
            for context in &self.authn_contexts {
                xml.leaf("saml:AuthnContextClassRef", &[], context);
            }
            xml.close("samlp:RequestedAuthnContext");
        }
        xml.close("samlp:AuthnRequest");
        xml.finish()
    }

    /// The form field `SAMLRequest` of the HTTP-POST binding (bindings §3.5.4): the request in base64 and, with a
    /// key, an enveloped RSA-SHA256 signature in it.
    ///
    /// # Errors
    /// When signing fails.
    pub fn post_field(&self, signing: Option<(&SigningKey, &Certificate)>) -> Result<String, RequestError> {
        let xml = match signing {
            None => self.to_xml(),
            Some((key, certificate)) => {
                let certificate = Some(certificate.clone());
                let options = SignOptions { certificate, ..SignOptions::default() };
                sign_enveloped(&self.to_xml(), &self.id, key, &options)
                    .map_err(|e| RequestError::Signature(e.to_string()))?
            }
        };
        Ok(encode_base64(xml))
    }

    /// The URL to send the browser to: the deflated request, the relay state and, with a key, their RSA-SHA256
    /// signature (bindings §3.4.4.1).
    ///
    /// # Errors
    /// When the relay state is too long or signing fails.
    pub fn redirect_url(
        &self,
        relay_state: Option<&str>,
        signing: Option<&SigningKey>,
    ) -> Result<String, RequestError> {
        address(&self.destination, "SAMLRequest", &self.to_xml(), relay_state, signing)
    }
}
