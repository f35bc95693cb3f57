//! The strict profile of XML Signature (rules 6 to 8): read the structure, verify the value, compare the
//! digest, and hand on the very node that was verified.

use crate::c14n::canonicalize;
use crate::certificate::{Certificate, Verifies};
use crate::error::{Reason, Rejection, quote};
use crate::limits;
use crate::policy::Policy;
use crate::xml::{self, ns};
use aws_lc_rs::{constant_time, digest};
use roxmltree::Node;

pub(crate) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The parts of a signature that keeps rules 6 to 8.
pub(crate) struct Signature<'a, 'i> {
    node: Node<'a, 'i>,
    signed: Node<'a, 'i>,
    signed_info: Node<'a, 'i>,
    info_prefixes: Vec<&'a str>,
    prefixes: Vec<&'a str>,
    method: Verifies,
    method_uri: &'a str,
    digest_method: &'static digest::Algorithm,
    digest: Vec<u8>,
    value: Vec<u8>,
}

/// Which pinned certificate verified a signature.
#[derive(Clone, Copy)]
pub(crate) struct VerifiedBy {
    /// Its place in the policy's list.
    pub(crate) index: usize,
}

fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::SignatureMalformed, detail)
}

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
            return Err(malformed("SignedInfo must hold one CanonicalizationMethod, SignatureMethod, Reference."));
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

    /// Verifies value and digest with the pinned certificates: the first that is usable, then the other.
    pub(crate) fn verify(&self, usable: &[usize], policy: &Policy) -> Result<VerifiedBy, Rejection> {
        let signed_info = canonicalize(self.signed_info, None, &self.info_prefixes)?;
        let verifies = |c: &Certificate| c.verifies(self.method, &signed_info, &self.value);
        let by = usable.iter().copied().find(|i| policy.certificates.get(*i).is_some_and(verifies));
        let Some(index) = by else { return Err(self.wrong_key(usable, policy, verifies)) };

        let canonical = canonicalize(self.signed, Some(self.node), &self.prefixes)?;
        let found = digest::digest(self.digest_method, &canonical);
        if constant_time::verify_slices_are_equal(found.as_ref(), &self.digest).is_err() {
            return Err(Rejection::new(
                Reason::DigestMismatch,
                format!(
                    "The signature is genuine, but <{}> was changed after it was signed. Look for a proxy, \
                     script or tool that rewrites the message.",
                    self.signed.tag_name().name()
                ),
            ));
        }
        Ok(VerifiedBy { index })
    }

    /// Why no usable certificate verified the signature; looks into KeyInfo for the explanation only.
    fn wrong_key(
        &self,
        usable: &[usize],
        policy: &Policy,
        verifies: impl Fn(&Certificate) -> bool,
    ) -> Rejection {
        let unusable = policy.certificates.iter().enumerate().filter(|(i, _)| !usable.contains(i));
        for (_, certificate) in unusable {
            if verifies(certificate) {
                return match unusable_because(certificate, policy.now) {
                    Some(refused) => refused,
                    None => Rejection::new(Reason::Internal, "A certificate was not considered."),
                };
            }
        }
        let pinned: Vec<&str> = policy.certificates.iter().map(Certificate::fingerprint).collect();
        let pinned = pinned.join(" and ");
        let named = self.named_certificate();
        if !policy.certificates.iter().any(|c| c.can(self.method)) {
            return Rejection::new(
                Reason::SignatureWrongKey,
                format!("Signed with {}, which no pinned certificate's key can be used for.", self.method_uri),
            );
        }
        match named {
            Some(named) if policy.certificates.contains(&named) => Rejection::new(
                Reason::SignatureInvalid,
                format!(
                    "The message names the pinned certificate {}, but its signature value is not of that key: \
                     it was altered, or signed with another key.",
                    named.fingerprint()
                ),
            ),
            Some(named) => Rejection::new(
                Reason::SignatureWrongKey,
                format!(
                    "Signed with a certificate that is not pinned (SHA-256 {}); pinned: {pinned}. If the \
                     identity provider has changed its certificate, add the new one to the connection.",
                    named.fingerprint()
                ),
            ),
            None => Rejection::new(
                Reason::SignatureWrongKey,
                format!(
                    "No pinned certificate verifies the signature; pinned: SHA-256 {pinned}. If the identity \
                     provider has changed its certificate, add the new one to the connection."
                ),
            ),
        }
    }

    fn named_certificate(&self) -> Option<Certificate> {
        let key_info = xml::named(self.node, ns::DS, "KeyInfo").next()?;
        let node = key_info.descendants().find(|n| xml::is(*n, ns::DS, "X509Certificate"))?;
        Certificate::from_der(&xml::base64_text(node)?).ok()
    }
}

/// The places of the pinned certificates that may be used now, in their order.
///
/// # Errors
/// When there are none: the trouble of the first.
pub(crate) fn usable_certificates(policy: &Policy) -> Result<Vec<usize>, Rejection> {
    let count = policy.certificates.len();
    if count == 0 || count > limits::CERTIFICATES {
        return Err(Rejection::new(
            Reason::CertificateCount,
            format!("The connection has {count} certificates; one or two are needed."),
        ));
    }
    let mut usable = Vec::with_capacity(count);
    let mut first = None;
    for (index, certificate) in policy.certificates.iter().enumerate() {
        match unusable_because(certificate, policy.now) {
            None => usable.push(index),
            Some(refused) => first = first.or(Some(refused)),
        }
    }
    match first {
        Some(refused) if usable.is_empty() => Err(refused),
        _ => Ok(usable),
    }
}

fn unusable_because(certificate: &Certificate, now: i64) -> Option<Rejection> {
    let who = certificate.fingerprint();
    if let Err(e) = certificate.check_key() {
        return Some(Rejection::new(Reason::KeyForbidden, format!("Pinned certificate {who}: {e}.")));
    }
    if now > certificate.not_after() {
        let end = crate::time::format(certificate.not_after());
        return Some(Rejection::new(
            Reason::CertificateExpired,
            format!("Pinned certificate {who} expired at {end}. Add the identity provider's current one."),
        ));
    }
    if now < certificate.not_before() {
        let begin = crate::time::format(certificate.not_before());
        return Some(Rejection::new(
            Reason::CertificateNotYetValid,
            format!("Pinned certificate {who} is valid only from {begin}."),
        ));
    }
    None
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

fn signature_method(uri: &str, allow_sha1: bool) -> Result<Verifies, Rejection> {
    match uri {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Ok(Verifies::RsaSha256),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Ok(Verifies::RsaSha384),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Ok(Verifies::RsaSha512),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Ok(Verifies::EcdsaSha256),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" if allow_sha1 => Ok(Verifies::RsaSha1),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Err(sha1("signature")),
        _ => Err(Rejection::new(
            Reason::AlgorithmForbidden,
            format!("The signature algorithm {} is not allowed; set RSA-SHA256.", quote(uri)),
        )),
    }
}

fn digest_method(uri: &str, allow_sha1: bool) -> Result<&'static digest::Algorithm, Rejection> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Ok(&digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Ok(&digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Ok(&digest::SHA512),
        "http://www.w3.org/2000/09/xmldsig#sha1" if allow_sha1 => Ok(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        "http://www.w3.org/2000/09/xmldsig#sha1" => Err(sha1("digest")),
        _ => Err(Rejection::new(
            Reason::DigestAlgorithmForbidden,
            format!("The digest algorithm {} is not allowed; set SHA-256.", quote(uri)),
        )),
    }
}

fn sha1(what: &str) -> Rejection {
    Rejection::new(
        Reason::Sha1Forbidden,
        format!(
            "The {what} uses SHA-1, which can be forged. Set the identity provider to SHA-256; only if it cannot, \
             allow SHA-1 for this connection."
        ),
    )
}
