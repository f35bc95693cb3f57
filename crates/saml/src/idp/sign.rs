//! Enveloped signatures of one element (xmldsig-core1 §6.6.4).

use super::IdpError;
use crate::c14n::canonicalize;
use crate::certificate::Certificate;
use crate::dsig::{ENVELOPED, EXC_C14N};
use crate::keys::{SignatureAlgorithm, SigningKey};
use crate::write::Xml;
use crate::xml::{self, ns};
use aws_lc_rs::digest;
use roxmltree::{Document, Node};

/// How to sign.
#[derive(Debug, Clone, Default)]
pub struct SignOptions {
    /// Signature and digest algorithm, both of the same SHA.
    pub algorithm: SignatureAlgorithm,
    /// The certificate to put into KeyInfo.
    pub certificate: Option<Certificate>,
    /// Prefixes of an InclusiveNamespaces list; none leaves the list out.
    pub inclusive_prefixes: Vec<String>,
}

impl SignatureAlgorithm {
    fn digest(self) -> (&'static str, &'static digest::Algorithm) {
        match self {
            Self::RsaSha256 => ("http://www.w3.org/2001/04/xmlenc#sha256", &digest::SHA256),
            Self::RsaSha384 => ("http://www.w3.org/2001/04/xmldsig-more#sha384", &digest::SHA384),
            Self::RsaSha512 => ("http://www.w3.org/2001/04/xmlenc#sha512", &digest::SHA512),
        }
    }
}

/// Signs the element with that ID and puts the signature after its issuer, or, when it has no issuer element
/// (SAML 1.1), at its end: where the schemas want it.
///
/// # Errors
/// When the text is no XML, has no such element, or signing fails.
pub fn sign_enveloped(
    xml_text: &str,
    id: &str,
    key: &SigningKey,
    options: &SignOptions,
) -> Result<String, IdpError> {
    let document = xml::parse(xml_text.as_bytes())?;
    let node = by_id(&document, id)?;
    let prefixes: Vec<&str> = options.inclusive_prefixes.iter().map(|p| default_as_empty(p)).collect();
    let canonical = canonicalize(node, None, &prefixes)?;
    let (digest_uri, digest_algorithm) = options.algorithm.digest();
    let digest = digest::digest(digest_algorithm, &canonical);

    let info = signed_info(id, options, digest_uri, digest.as_ref());
    let value = key.sign(options.algorithm, info.as_bytes())?;
    let mut signature = Xml::new();
    signature.open("ds:Signature", &[("xmlns:ds", ns::DS)]);
    signature.raw(&info);
    signature.leaf("ds:SignatureValue", &[], &xml::encode_base64(value));
    if let Some(certificate) = &options.certificate {
        signature.open("ds:KeyInfo", &[]);
        signature.open("ds:X509Data", &[]);
        signature.leaf("ds:X509Certificate", &[], &certificate.to_base64());
        signature.close("ds:X509Data");
        signature.close("ds:KeyInfo");
    }
    signature.close("ds:Signature");

    let at = insertion_point(node);
    let source = document.input_text();
    Ok(format!("{}{}{}", &source[..at], signature.finish(), &source[at..]))
}

/// The canonical form of the element with that ID, without its own signature: what a digest is made of.
///
/// # Errors
/// When the text is no XML or has no such element.
pub fn canonical_form(xml_text: &str, id: &str, inclusive_prefixes: &[&str]) -> Result<Vec<u8>, IdpError> {
    let document = xml::parse(xml_text.as_bytes())?;
    let node = by_id(&document, id)?;
    let own = xml::named(node, ns::DS, "Signature").next();
    let prefixes: Vec<&str> = inclusive_prefixes.iter().map(|p| default_as_empty(p)).collect();
    Ok(canonicalize(node, own, &prefixes)?)
}

fn default_as_empty(prefix: &str) -> &str {
    if prefix == "#default" { "" } else { prefix }
}

pub(super) fn by_id<'a, 'i>(document: &'a Document<'i>, id: &str) -> Result<Node<'a, 'i>, IdpError> {
    document
        .descendants()
        .find(|n| ["ID", "AssertionID"].iter().any(|name| xml::attribute(*n, name) == Some(id)))
        .ok_or_else(|| IdpError::NoSuchId(id.to_owned()))
}

/// `SignedInfo`, written in its canonical form: it declares its one prefix itself.
fn signed_info(id: &str, options: &SignOptions, digest_uri: &str, digest: &[u8]) -> String {
    let mut info = Xml::new();
    info.open("ds:SignedInfo", &[("xmlns:ds", ns::DS)]);
    let algorithm = |info: &mut Xml, name: &str, uri: &str| info.leaf(name, &[("Algorithm", uri)], "");
    algorithm(&mut info, "ds:CanonicalizationMethod", EXC_C14N);
    algorithm(&mut info, "ds:SignatureMethod", options.algorithm.uri());
    info.open("ds:Reference", &[("URI", &format!("#{id}"))]);
    info.open("ds:Transforms", &[]);
    algorithm(&mut info, "ds:Transform", ENVELOPED);
    if options.inclusive_prefixes.is_empty() {
        algorithm(&mut info, "ds:Transform", EXC_C14N);
    } else {
        info.open("ds:Transform", &[("Algorithm", EXC_C14N)]);
        let list = options.inclusive_prefixes.join(" ");
        info.leaf("ec:InclusiveNamespaces", &[("xmlns:ec", EXC_C14N), ("PrefixList", &list)], "");
        info.close("ds:Transform");
    }
    info.close("ds:Transforms");
    algorithm(&mut info, "ds:DigestMethod", digest_uri);
    info.leaf("ds:DigestValue", &[], &xml::encode_base64(digest));
    info.close("ds:Reference");
    info.close("ds:SignedInfo");
    info.finish()
}

fn insertion_point(node: Node<'_, '_>) -> usize {
    match xml::named(node, ns::SAML, "Issuer").next() {
        Some(issuer) => issuer.range().end,
        None => node.range().start + node.document().input_text()[node.range()].rfind("</").unwrap_or(0),
    }
}
