//! A received message before it is judged.

use crate::error::{Reason, Rejection, quote};
use crate::limits;
use crate::xml::{self, ns};
use roxmltree::{Document, Node};

/// Decodes the form field of the HTTP-POST binding (bindings §3.5.4): base64 with any white space.
///
/// # Errors
/// [`Reason::NotBase64`] or [`Reason::MessageTooLarge`].
pub fn decode_post_binding(field: &str) -> Result<Vec<u8>, Rejection> {
    if field.len() > limits::ENCODED_BYTES {
        return Err(too_large());
    }
    let bytes = if field.bytes().any(|c| c.is_ascii_whitespace()) {
        let packed: Vec<u8> = field.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
        xml::decode_base64(&packed)
    } else {
        xml::decode_base64(field.as_bytes())
    };
    let bytes = bytes.filter(|b| !b.is_empty()).ok_or_else(|| {
        Rejection::new(Reason::NotBase64, "The form field SAMLResponse is not base64 of a message.")
    })?;
    if bytes.len() > limits::MESSAGE_BYTES { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> Rejection {
    Rejection::new(
        Reason::MessageTooLarge,
        format!("The message has more than {} bytes.", limits::MESSAGE_BYTES),
    )
}

/// The protocol a message belongs to, by its root element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageProtocol {
    /// A `samlp:Response`.
    Saml2,
    /// A `RequestSecurityTokenResponse` or a collection of them.
    WsFed,
}

/// A message within the bounds of [`crate::limits`], well-formed, with the root of one of the protocols.
/// Nothing in it is verified.
#[derive(Debug)]
pub struct Message<'a> {
    pub(crate) document: Document<'a>,
    protocol: MessageProtocol,
}

/// Unverified hints, only for finding the connection and the pending request that a message may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// The protocol.
    pub protocol: MessageProtocol,
    /// The issuer, of the response or else of the assertion.
    pub issuer: Option<String>,
    /// The request answered.
    pub in_response_to: Option<String>,
    /// The address sent to.
    pub destination: Option<String>,
    /// The response's ID.
    pub response_id: Option<String>,
}

impl<'a> Message<'a> {
    /// Checks rules 1 and 2 and builds the tree.
    ///
    /// # Errors
    /// The reason why the bytes are no message of either protocol.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let document = xml::parse(bytes)?;
        let root = document.root_element();
        let protocol = if xml::is(root, ns::SAMLP, "Response") {
            MessageProtocol::Saml2
        } else if is_rstr(root) || is_rstr_collection(root) {
            MessageProtocol::WsFed
        } else {
            return Err(Rejection::new(
                Reason::UnexpectedRoot,
                format!(
                    "The root element is {} in namespace {}; expected a SAML 2.0 Response or a WS-Federation \
                     RequestSecurityTokenResponse.",
                    quote(root.tag_name().name()),
                    quote(root.tag_name().namespace().unwrap_or_default())
                ),
            ));
        };
        Ok(Self { document, protocol })
    }

    /// The protocol, by the root element.
    pub fn protocol(&self) -> MessageProtocol {
        self.protocol
    }

    /// Whether a part of it is encrypted (XML Encryption §3.1), so that a key of ours may be needed.
    pub fn is_encrypted(&self) -> bool {
        self.document.descendants().any(|n| xml::is(n, ns::XENC, "EncryptedData"))
    }

    /// What the message says about itself. Unverified.
    pub fn peek(&self) -> Peek {
        let root = self.document.root_element();
        let own = |name| xml::attribute(root, name).map(str::to_owned);
        let saml2 = self.protocol == MessageProtocol::Saml2;
        Peek {
            protocol: self.protocol,
            issuer: self.issuer(),
            in_response_to: own("InResponseTo").filter(|_| saml2),
            destination: own("Destination").filter(|_| saml2),
            response_id: own("ID").filter(|_| saml2),
        }
    }

    fn issuer(&self) -> Option<String> {
        let root = self.document.root_element();
        if let Some(issuer) = xml::named(root, ns::SAML, "Issuer").next() {
            return xml::text(issuer).ok();
        }
        let assertion = root
            .descendants()
            .find(|n| xml::is(*n, ns::SAML, "Assertion") || xml::is(*n, ns::SAML1, "Assertion"))?;
        match xml::attribute(assertion, "Issuer") {
            Some(issuer) => Some(issuer.to_owned()),
            None => xml::text(xml::named(assertion, ns::SAML, "Issuer").next()?).ok(),
        }
    }
}

fn is_trust(node: Node<'_, '_>, name: &str) -> bool {
    xml::is(node, ns::WST13, name) || xml::is(node, ns::WST05, name)
}

pub(crate) fn is_rstr(node: Node<'_, '_>) -> bool {
    is_trust(node, "RequestSecurityTokenResponse")
}

pub(crate) fn is_rstr_collection(node: Node<'_, '_>) -> bool {
    is_trust(node, "RequestSecurityTokenResponseCollection")
}

pub(crate) fn is_requested_token(node: Node<'_, '_>) -> bool {
    is_trust(node, "RequestedSecurityToken")
}
