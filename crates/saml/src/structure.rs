//! Where the assertion and the signatures are, and that nothing like them is anywhere else (rules 2 to 5).

use crate::error::{Reason, Rejection, quote};
use crate::message::{MessageProtocol, is_requested_token, is_rstr};
use crate::xml::{self, ns};
use roxmltree::{Document, Node};

/// The one assertion of a message.
#[derive(Clone, Copy)]
pub(crate) enum Slot<'a, 'i> {
    /// The assertion itself.
    Plain(Node<'a, 'i>),
    /// The element that decryption replaces by an assertion, and the `EncryptedData` in it.
    Encrypted { replaced: Node<'a, 'i>, data: Node<'a, 'i> },
}

/// The layout of a message that keeps rules 2 to 5.
pub(crate) struct Layout<'a, 'i> {
    pub(crate) slot: Slot<'a, 'i>,
    /// The `samlp:Response`; WS-Federation has none.
    pub(crate) response: Option<Node<'a, 'i>>,
    pub(crate) response_signature: Option<Node<'a, 'i>>,
    pub(crate) assertion_signature: Option<Node<'a, 'i>>,
}

/// Rules 2 and 3: the one assertion, in its place, and no other.
pub(crate) fn find_assertion<'a, 'i>(
    document: &'a Document<'i>,
    protocol: MessageProtocol,
) -> Result<Slot<'a, 'i>, Rejection> {
    let root = document.root_element();
    let place = match protocol {
        MessageProtocol::Saml2 => root,
        MessageProtocol::WsFed => token_place(root)?,
    };
    let mut found = xml::elements(place).filter(|n| is_candidate(*n, protocol));
    let first = found.next();
    let more = found.next();
    let Some(slot) = first else {
        return Err(Rejection::new(
            Reason::AssertionMissing,
            "The message has no assertion in its place. If the identity provider shows no error of its own, \
             look whether the person is assigned to this application there.",
        ));
    };
    if more.is_some() {
        return Err(Rejection::new(
            Reason::MultipleAssertions,
            "The message has more than one assertion; exactly one is taken.",
        ));
    }
    let slot = slot_of(slot)?;
    nothing_else(document, slot)?;
    Ok(slot)
}

/// The `RequestedSecurityToken` of the one response.
fn token_place<'a, 'i>(root: Node<'a, 'i>) -> Result<Node<'a, 'i>, Rejection> {
    let response = if is_rstr(root) {
        root
    } else {
        let mut all = xml::elements(root).filter(|n| is_rstr(*n));
        match (all.next(), all.next()) {
            (Some(only), None) => only,
            _ => {
                return Err(Rejection::new(
                    Reason::ResponseCount,
                    "The collection must hold exactly one RequestSecurityTokenResponse.",
                ));
            }
        }
    };
    let mut all = xml::elements(response).filter(|n| is_requested_token(*n));
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => {
            Err(Rejection::new(Reason::AssertionMissing, "The response has no RequestedSecurityToken."))
        }
        _ => Err(Rejection::new(
            Reason::MultipleAssertions,
            "The response has more than one RequestedSecurityToken; exactly one is taken.",
        )),
    }
}

fn is_candidate(node: Node<'_, '_>, protocol: MessageProtocol) -> bool {
    let saml2 = xml::is(node, ns::SAML, "Assertion") || xml::is(node, ns::SAML, "EncryptedAssertion");
    match protocol {
        MessageProtocol::Saml2 => saml2,
        MessageProtocol::WsFed => {
            saml2 || xml::is(node, ns::SAML1, "Assertion") || xml::is(node, ns::XENC, "EncryptedData")
        }
    }
}

fn slot_of<'a, 'i>(node: Node<'a, 'i>) -> Result<Slot<'a, 'i>, Rejection> {
    match node.tag_name().name() {
        "Assertion" => Ok(Slot::Plain(node)),
        "EncryptedData" => Ok(Slot::Encrypted { replaced: node, data: node }),
        _ => {
            let mut all = xml::named(node, ns::XENC, "EncryptedData");
            match (all.next(), all.next()) {
                (Some(data), None) => Ok(Slot::Encrypted { replaced: node, data }),
                _ => Err(Rejection::new(
                    Reason::EncryptionMalformed,
                    "EncryptedAssertion must hold exactly one EncryptedData.",
                )),
            }
        }
    }
}

/// No assertion, response or encrypted data anywhere else, whatever its namespace.
fn nothing_else(document: &Document<'_>, slot: Slot<'_, '_>) -> Result<(), Rejection> {
    let expected = |node: Node<'_, '_>| match slot {
        Slot::Plain(assertion) => node == assertion,
        Slot::Encrypted { replaced, data } => node == replaced || node == data,
    };
    let root = document.root_element();
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        if matches!(name, "Assertion" | "EncryptedAssertion" | "EncryptedData" | "Response")
            && node != root
            && !expected(node)
        {
            return Err(Rejection::new(
                Reason::MisplacedElement,
                format!(
                    "There is another <{name}> inside <{}>: the mark of a signature wrapping attack.",
                    node.parent_element().map_or("", |p| p.tag_name().name())
                ),
            ));
        }
    }
    Ok(())
}

/// Rule 4: every ID, under any of its names and prefixes, is unique in the document.
pub(crate) fn ids_are_unique(document: &Document<'_>) -> Result<usize, Rejection> {
    let mut ids: Vec<&str> = document
        .descendants()
        .filter(Node::is_element)
        .flat_map(|n| n.attributes())
        .filter(|a| matches!(a.name(), "ID" | "Id" | "id" | "AssertionID"))
        .map(|a| a.value())
        .collect();
    ids.sort_unstable();
    match ids.windows(2).find(|w| w[0] == w[1]) {
        None => Ok(ids.len()),
        Some(twice) => Err(Rejection::new(
            Reason::DuplicateId,
            format!("The ID {} is there twice: the mark of a signature wrapping attack.", quote(twice[0])),
        )),
    }
}

/// Rule 5, places: signatures only as direct children of the response and of the assertion, one each.
pub(crate) fn find_signatures<'a, 'i>(
    document: &'a Document<'i>,
    protocol: MessageProtocol,
    slot: Slot<'a, 'i>,
) -> Result<Layout<'a, 'i>, Rejection> {
    let root = document.root_element();
    let response = (protocol == MessageProtocol::Saml2).then_some(root);
    let assertion = match slot {
        Slot::Plain(assertion) => Some(assertion),
        Slot::Encrypted { .. } => None,
    };
    let mut layout = Layout { slot, response, response_signature: None, assertion_signature: None };
    for node in root.descendants().filter(|n| xml::is(*n, ns::DS, "Signature")) {
        let parent = node.parent_element();
        let place = if parent.is_some() && parent == response {
            &mut layout.response_signature
        } else if parent.is_some() && parent == assertion {
            &mut layout.assertion_signature
        } else {
            return Err(Rejection::new(
                Reason::SignatureMisplaced,
                format!(
                    "There is a signature inside <{}>; only the response and the assertion may be signed.",
                    parent.map_or("", |p| p.tag_name().name())
                ),
            ));
        };
        if place.replace(node).is_some() {
            return Err(Rejection::new(
                Reason::SignatureMultiple,
                "One element has two signatures; at most one each is taken.",
            ));
        }
    }
    Ok(layout)
}
