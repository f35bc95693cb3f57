//! Whose sessions end: the one name of a request, plain or encrypted.

use crate::error::{Reason, Rejection};
use crate::judge::{parse_in_place, put_in_place};
use crate::judgement::NameId;
use crate::policy::Policy;
use crate::structure;
use crate::xenc;
use crate::xml::{self, ns};
use roxmltree::{Document, Node};

/// The name in the verified request.
pub(super) fn name(document: &Document<'_>, policy: &Policy) -> Result<NameId, Rejection> {
    let root = document.root_element();
    let node = identifier(root)?;
    if xml::is(node, ns::SAML, "NameID") {
        return read(node);
    }
    let mut all = xml::named(node, ns::XENC, "EncryptedData");
    let (Some(data), None) = (all.next(), all.next()) else {
        return Err(Rejection::new(
            Reason::EncryptionMalformed,
            "EncryptedID must hold exactly one EncryptedData.",
        ));
    };
    let (plain, _) = xenc::decrypt(node, data, &policy.decryption_keys)?;
    let (text, place) = put_in_place(document, node, &plain)?;
    let decrypted = parse_in_place(&text, &place)?;
    // every rule of structure once more, for the document that decryption made
    structure::ids_are_unique(&decrypted).map_err(|_| xenc::failed())?;
    match identifier(decrypted.root_element()) {
        Ok(node) if xml::is(node, ns::SAML, "NameID") && node.range() == place => {
            read(node).map_err(|_| xenc::failed())
        }
        _ => Err(xenc::failed()),
    }
}

/// The one identifier, a direct child of the request, and no other anywhere.
pub(super) fn identifier<'a, 'i>(root: Node<'a, 'i>) -> Result<Node<'a, 'i>, Rejection> {
    let is_one = |n: &Node<'_, '_>| {
        n.is_element() && matches!(n.tag_name().name(), "NameID" | "EncryptedID" | "BaseID")
    };
    let mut all = root.descendants().filter(is_one);
    let (first, more) = (all.next(), all.next());
    let Some(node) = first.filter(|n| {
        n.parent_element() == Some(root)
            && (xml::is(*n, ns::SAML, "NameID") || xml::is(*n, ns::SAML, "EncryptedID"))
    }) else {
        return Err(Rejection::new(
            Reason::NameIdMissing,
            "The request has no NameID (or EncryptedID) that says whose sessions end.",
        ));
    };
    if more.is_some() {
        return Err(Rejection::new(
            Reason::NameIdMultiple,
            "The request has more than one name; exactly one is taken.",
        ));
    }
    Ok(node)
}

fn read(node: Node<'_, '_>) -> Result<NameId, Rejection> {
    let value = xml::text(node)?;
    if value.is_empty() {
        return Err(Rejection::new(Reason::NameIdEmpty, "The NameID is empty."));
    }
    let own = |name| xml::attribute(node, name).map(str::to_owned);
    Ok(NameId {
        value,
        format: own("Format"),
        name_qualifier: own("NameQualifier"),
        sp_name_qualifier: own("SPNameQualifier"),
    })
}
