//! Reading a signature, refusing every part the profile does not name (rules 6 to 8).

use super::algorithms::{digest_method, signature_method};
use super::{ENVELOPED, EXC_C14N, Signature};
use crate::error::{Reason, Rejection, quote};
use crate::limits;
use crate::xml::{self, ns};
use aws_lc_rs::digest;
use roxmltree::Node;

impl<'a, 'i> Signature<'a, 'i> {
    /// Reads a `ds:Signature`, refusing every part the profile does not name.
    pub(crate) fn read(node: Node<'a, 'i>, allow_sha1: bool) -> Result<Self, Rejection> {
        let signed = node.parent_element().ok_or_else(|| malformed("The signature has no parent."))?;
        let parts = children(node)?;
        let (signed_info, value) = match parts.as_slice() {
            [info, value] => (*info, *value),
            [info, value, key_info] if xml::is(*key_info, ns::DS, "KeyInfo") => (*info, *value),
            _ => {
                return Err(malformed(
                    "A signature must hold SignedInfo, SignatureValue and at most one KeyInfo, and nothing else.",
                ));
            }
        };
        expect(signed_info, "SignedInfo")?;
        expect(value, "SignatureValue")?;
        let value = xml::base64_text(value)
            .ok_or_else(|| malformed("SignatureValue must be base64 without any other markup."))?;

        let parts = children(signed_info)?;
        let references = parts.iter().filter(|n| xml::is(**n, ns::DS, "Reference")).count();
        if references != 1 {
            return Err(Rejection::new(
                Reason::ReferenceCount,
                format!("The signature has {references} references; exactly one is taken."),
            ));
        }
        let [c14n, method, reference] = parts.as_slice() else {
            return Err(malformed(
                "SignedInfo must hold one CanonicalizationMethod, SignatureMethod, Reference.",
            ));
        };
        expect(*c14n, "CanonicalizationMethod")?;
        expect(*method, "SignatureMethod")?;
        expect(*reference, "Reference")?;
        let info_prefixes = canonicalization(*c14n)?;
        let method_uri = algorithm(*method)?;
        if method.children().any(|n| n.is_element()) {
            return Err(malformed("SignatureMethod must have no parameters."));
        }
        let signature_method = signature_method(method_uri, allow_sha1)?;
        let (prefixes, digest_method, digest) = read_reference(*reference, signed, allow_sha1)?;
        Ok(Self {
            node,
            signed,
            signed_info,
            info_prefixes,
            prefixes,
            method: signature_method,
            method_uri,
            digest_method,
            digest,
            value,
        })
    }
}

fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::SignatureMalformed, detail)
}

/// Element children; text between them must be blank.
fn children<'a, 'i>(node: Node<'a, 'i>) -> Result<Vec<Node<'a, 'i>>, Rejection> {
    let stray = node.children().any(|n| n.is_text() && !xml::trim(n.text().unwrap_or_default()).is_empty());
    if stray {
        return Err(malformed(format!("<{}> has stray text.", node.tag_name().name())));
    }
    Ok(xml::elements(node).collect())
}

fn expect(node: Node<'_, '_>, name: &str) -> Result<(), Rejection> {
    if xml::is(node, ns::DS, name) {
        return Ok(());
    }
    Err(malformed(format!("Found <{}> where <{name}> belongs.", node.tag_name().name())))
}

fn algorithm<'a>(node: Node<'a, '_>) -> Result<&'a str, Rejection> {
    xml::attribute(node, "Algorithm")
        .ok_or_else(|| malformed(format!("<{}> names no algorithm.", node.tag_name().name())))
}

fn read_reference<'a>(
    reference: Node<'a, '_>,
    signed: Node<'a, '_>,
    allow_sha1: bool,
) -> Result<(Vec<&'a str>, &'static digest::Algorithm, Vec<u8>), Rejection> {
    points_at(reference, signed)?;
    let parts = children(reference)?;
    let [transforms, method, value] = parts.as_slice() else {
        return Err(malformed("Reference must hold Transforms, DigestMethod and DigestValue."));
    };
    expect(*transforms, "Transforms")?;
    expect(*method, "DigestMethod")?;
    expect(*value, "DigestValue")?;
    let prefixes = read_transforms(*transforms)?;
    if method.children().any(|n| n.is_element()) {
        return Err(malformed("DigestMethod must have no parameters."));
    }
    let digest_method = digest_method(algorithm(*method)?, allow_sha1)?;
    let digest = xml::base64_text(*value)
        .ok_or_else(|| malformed("DigestValue must be base64 without any other markup."))?;
    Ok((prefixes, digest_method, digest))
}

/// Rule 7: the reference is “#” and the ID of the signature's parent.
fn points_at(reference: Node<'_, '_>, signed: Node<'_, '_>) -> Result<(), Rejection> {
    let id_name = if signed.tag_name().namespace() == Some(ns::SAML1) { "AssertionID" } else { "ID" };
    let uri = xml::attribute(reference, "URI");
    let id = xml::attribute(signed, id_name);
    match (uri.and_then(|u| u.strip_prefix('#')), id) {
        (Some(target), Some(id)) if !id.is_empty() && target == id => Ok(()),
        _ => Err(Rejection::new(
            Reason::ReferenceMismatch,
            format!(
                "The signature in <{}> covers {}; it must cover its parent, {}.",
                signed.tag_name().name(),
                uri.map_or_else(|| "something unnamed".to_owned(), quote),
                id.map_or_else(|| "which has no ID".to_owned(), |id| quote(&format!("#{id}")))
            ),
        )),
    }
}

fn read_transforms<'a>(transforms: Node<'a, '_>) -> Result<Vec<&'a str>, Rejection> {
    let list = children(transforms)?;
    for transform in &list {
        expect(*transform, "Transform")?;
        let uri = algorithm(*transform)?;
        if uri != ENVELOPED && uri != EXC_C14N {
            let is_c14n = uri.contains("c14n");
            let reason = if is_c14n { Reason::CanonicalizationForbidden } else { Reason::TransformForbidden };
            return Err(Rejection::new(reason, format!("The transform {} is not allowed.", quote(uri))));
        }
    }
    match list.as_slice() {
        [enveloped, c14n] if algorithm(*enveloped)? == ENVELOPED && algorithm(*c14n)? == EXC_C14N => {
            if enveloped.children().any(|n| n.is_element()) {
                return Err(malformed("The enveloped-signature transform must have no parameters."));
            }
            inclusive_prefixes(*c14n)
        }
        _ => Err(Rejection::new(
            Reason::TransformForbidden,
            "The transforms must be enveloped-signature and then exclusive canonicalization.",
        )),
    }
}

fn canonicalization<'a>(method: Node<'a, '_>) -> Result<Vec<&'a str>, Rejection> {
    let uri = algorithm(method)?;
    if uri != EXC_C14N {
        return Err(Rejection::new(
            Reason::CanonicalizationForbidden,
            format!("The canonicalization {} is not allowed; set exclusive without comments.", quote(uri)),
        ));
    }
    inclusive_prefixes(method)
}

/// The prefixes of an `InclusiveNamespaces` parameter, `#default` as the empty string.
fn inclusive_prefixes<'a>(node: Node<'a, '_>) -> Result<Vec<&'a str>, Rejection> {
    let parameters = children(node)?;
    match parameters.as_slice() {
        [] => Ok(Vec::new()),
        [list] if xml::is(*list, EXC_C14N, "InclusiveNamespaces") => {
            let text = xml::attribute(*list, "PrefixList").unwrap_or_default();
            let prefixes: Vec<&str> =
                text.split_ascii_whitespace().map(|p| if p == "#default" { "" } else { p }).collect();
            if prefixes.len() > limits::INCLUSIVE_PREFIXES || list.has_children() {
                return Err(malformed("InclusiveNamespaces lists too many prefixes."));
            }
            Ok(prefixes)
        }
        _ => Err(malformed("Canonicalization takes an InclusiveNamespaces parameter and no other.")),
    }
}
