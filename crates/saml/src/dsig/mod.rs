//! The strict profile of XML Signature (rules 6 to 8): read the structure, verify the value, compare the
//! digest, and hand on the very node that was verified.

mod algorithms;
mod pinned;
mod read;

pub(crate) use pinned::usable_certificates;

use crate::policy::{CLOCK_SKEW, InResponseTo, Protocol};
use crate::structure;
use roxmltree::Document;

use crate::c14n::canonicalize;
use crate::certificate::{Certificate, Verifies, fingerprint};
use crate::error::{Reason, Rejection};
use crate::policy::Policy;
use crate::xml::{self, ns};
use aws_lc_rs::{constant_time, digest};
use pinned::unusable_because;
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

/// Verifies the enveloped signature of the root of a document that is no response: a request, or metadata.
/// `None` when the root is not signed.
///
/// # Errors
/// When the signature is outside the profile or none of the certificates, which may be used now, verifies it.
pub(crate) fn verify_root(
    document: &Document<'_>,
    certificates: &[Certificate],
    now: i64,
) -> Result<Option<VerifiedBy>, Rejection> {
    let root = document.root_element();
    let Some(signature) = xml::at_most_one(root, ns::DS, "Signature")? else { return Ok(None) };
    structure::ids_are_unique(document)?;
    let policy = Policy {
        protocol: Protocol::Saml2,
        idp_entity_id: String::new(),
        audiences: Vec::new(),
        acs_urls: Vec::new(),
        certificates: certificates.to_vec(),
        decryption_keys: Vec::new(),
        in_response_to: InResponseTo::Unsolicited,
        now,
        clock_skew: CLOCK_SKEW,
        authenticated_since: None,
        authn_contexts: Vec::new(),
        allow_sha1: false,
    };
    let usable = usable_certificates(&policy)?;
    Signature::read(signature, false)?.verify(&usable, &policy).map(Some)
}

/// Which pinned certificate verified a signature.
#[derive(Clone, Copy)]
pub(crate) struct VerifiedBy {
    /// Its place in the policy's list.
    pub(crate) index: usize,
    /// Whether SHA-1 was used, which the administrator has allowed and should be reminded of.
    pub(crate) sha1: bool,
}

impl Signature<'_, '_> {
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
        let sha1 =
            self.method == Verifies::RsaSha1 || *self.digest_method == digest::SHA1_FOR_LEGACY_USE_ONLY;
        Ok(VerifiedBy { index, sha1 })
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
        if !policy.certificates.iter().any(|c| c.can(self.method)) {
            return Rejection::new(
                Reason::SignatureWrongKey,
                format!(
                    "Signed with {}, which no pinned certificate's key can be used for.",
                    self.method_uri
                ),
            );
        }
        match self.named_certificate() {
            Some(named) if policy.certificates.iter().any(|c| c.der() == named) => Rejection::new(
                Reason::SignatureInvalid,
                "The message names a pinned certificate, but its signature value is not of that key: it was \
                 altered, or signed with another key.",
            ),
            Some(named) => Rejection::new(
                Reason::SignatureWrongKey,
                format!(
                    "Signed with a certificate that is not pinned (SHA-256 {}); pinned: {pinned}. If the \
                     identity provider has changed its certificate, add the new one to the connection.",
                    fingerprint(&named)
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

    /// The first certificate in KeyInfo, unread: only its bytes and fingerprint are of interest.
    fn named_certificate(&self) -> Option<Vec<u8>> {
        let key_info = xml::named(self.node, ns::DS, "KeyInfo").next()?;
        let node = key_info.descendants().find(|n| xml::is(*n, ns::DS, "X509Certificate"))?;
        xml::base64_text(node)
    }
}
