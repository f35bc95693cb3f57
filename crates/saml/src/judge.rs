//! The judge: the rules in their order, each leaving a check.

use crate::dsig::{self, VerifiedBy};
use crate::error::{Reason, Rejection};
use crate::judgement::{Check, Checks, Claims, Judgement, VerifiedAssertion};
use crate::message::{Message, MessageProtocol};
use crate::policy::{Policy, Protocol};
use crate::structure::{self, Layout, Slot};
use crate::xml::{self, ns};
use crate::{saml2, saml11, xenc};
use roxmltree::{Document, Node};
use std::ops::Range;
use zeroize::Zeroizing;

/// Judges a message by the policy.
pub fn verify(message: &Message<'_>, policy: &Policy) -> Judgement {
    let mut checks = Checks(Vec::with_capacity(24));
    checks.pass("Message is UTF-8 XML within the limits", "No document type, entities or excess.");
    let outcome = Judge { policy, checks: &mut checks }.judge(message);
    Judgement { checks: checks.0, outcome }
}

/// Parses and judges a message; what does not parse gets a judgement too.
pub fn verify_bytes(bytes: &[u8], policy: &Policy) -> Judgement {
    match Message::parse(bytes) {
        Ok(message) => verify(&message, policy),
        Err(refused) => Judgement {
            checks: vec![Check {
                check: if refused.reason == Reason::UnexpectedRoot {
                    "Message is a response of the protocol"
                } else {
                    "Message is UTF-8 XML within the limits"
                },
                ok: false,
                detail: refused.detail.clone(),
            }],
            outcome: Err(refused),
        },
    }
}

/// An assertion that a verified signature covers: its own, or that of the response around it (rule 9).
///
/// Only this module makes one, so claims cannot be read from anything else.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a, 'i>(Node<'a, 'i>);

impl<'a, 'i> Signed<'a, 'i> {
    pub(crate) fn node(self) -> Node<'a, 'i> {
        self.0
    }
}

struct Judge<'p> {
    policy: &'p Policy,
    checks: &'p mut Checks,
}

impl Judge<'_> {
    fn judge(&mut self, message: &Message<'_>) -> Result<VerifiedAssertion, Rejection> {
        let protocol = message.protocol();
        self.checks.run("Message is a response of the protocol", self.speaks(protocol), |()| {
            "The root element is the expected one.".to_owned()
        })?;
        let document = &message.document;
        if protocol == MessageProtocol::Saml2 {
            saml2::check_head(document.root_element(), self.checks)?;
        }
        let layout = self.layout(document, protocol)?;
        let usable = self.certificates()?;
        let response_by = match (layout.response, layout.response_signature) {
            (Some(_), Some(signature)) => Some(self.signature("Response signature", signature, &usable)?),
            _ => None,
        };
        match layout.slot {
            Slot::Plain(_) => self.assertion(&layout, response_by, &usable),
            Slot::Encrypted { replaced, data } => {
                let (text, place, key) = self.decrypt(document, replaced, data)?;
                let document = parse_in_place(&text, &place);
                let document = self.checks.run("Decrypted content is one element", document, |_| {
                    "Every rule is applied to it again.".to_owned()
                })?;
                // Rules 2 to 5 once more, for the document that decryption made.
                let inner = self.layout(&document, protocol)?;
                let accepted = self.assertion(&inner, response_by, &usable)?;
                Ok(VerifiedAssertion { decrypted_with: Some(key), ..accepted })
            }
        }
    }

    fn speaks(&self, protocol: MessageProtocol) -> Result<(), Rejection> {
        match (&self.policy.protocol, protocol) {
            (Protocol::Saml2, MessageProtocol::Saml2) | (Protocol::WsFed { .. }, MessageProtocol::WsFed) => {
                Ok(())
            }
            (Protocol::Saml2, _) => Err(Rejection::new(
                Reason::UnexpectedRoot,
                "The message is of WS-Federation, the connection is for SAML 2.0.",
            )),
            (Protocol::WsFed { .. }, _) => Err(Rejection::new(
                Reason::UnexpectedRoot,
                "The message is of SAML 2.0, the connection is for WS-Federation.",
            )),
        }
    }

    fn layout<'a, 'i>(
        &mut self,
        document: &'a Document<'i>,
        protocol: MessageProtocol,
    ) -> Result<Layout<'a, 'i>, Rejection> {
        let found = structure::find_assertion(document, protocol);
        let slot =
            self.checks.run("There is exactly one assertion, in its place", found, |slot| match slot {
                Slot::Plain(_) => "One assertion.".to_owned(),
                Slot::Encrypted { .. } => "One encrypted assertion.".to_owned(),
            })?;
        let ids = structure::ids_are_unique(document);
        self.checks.run("IDs are unique", ids, |n| format!("{n} IDs, no two alike."))?;
        let layout = structure::find_signatures(document, protocol, slot);
        self.checks.run("Signatures are in their places only", layout, |l| {
            match (l.response_signature.is_some(), l.assertion_signature.is_some()) {
                (true, true) => "Response and assertion are signed.",
                (true, false) => "The response is signed.",
                (false, true) => "The assertion is signed.",
                (false, false) => "No signature outside its place.",
            }
            .to_owned()
        })
    }

    fn certificates(&mut self) -> Result<Vec<usize>, Rejection> {
        let usable = dsig::usable_certificates(self.policy);
        let count = self.policy.certificates.len();
        self.checks
            .run("A pinned certificate is valid now", usable, |u| format!("{} of {count} usable.", u.len()))
    }

    fn signature(
        &mut self,
        check: &'static str,
        signature: Node<'_, '_>,
        usable: &[usize],
    ) -> Result<VerifiedBy, Rejection> {
        let policy = self.policy;
        let by = dsig::Signature::read(signature, policy.allow_sha1).and_then(|s| s.verify(usable, policy));
        self.checks.run(check, by, |by| {
            let certificate = policy.certificates.get(by.index).map_or("", |c| c.fingerprint());
            let which = match by.index {
                0 => "the first".to_owned(),
                1 => "the second".to_owned(),
                2 => "the third".to_owned(),
                further => format!("the {}th", further + 1),
            };
            let warning = if by.sha1 { " It uses SHA-1, which can be forged: move to SHA-256." } else { "" };
            format!("Verified with {which} pinned certificate, SHA-256 {certificate}.{warning}")
        })
    }

    fn decrypt(
        &mut self,
        document: &Document<'_>,
        replaced: Node<'_, '_>,
        data: Node<'_, '_>,
    ) -> Result<(Zeroizing<String>, Range<usize>, usize), Rejection> {
        let plain = xenc::decrypt(replaced, data, &self.policy.decryption_keys).and_then(|(plain, key)| {
            let (text, place) = put_in_place(document, replaced, &plain)?;
            Ok((text, place, key))
        });
        self.checks.run("Assertion is decrypted", plain, |_| "Decrypted with our key.".to_owned())
    }

    /// From the signature of the assertion on: the layout holds a plain one.
    fn assertion(
        &mut self,
        layout: &Layout<'_, '_>,
        response_by: Option<VerifiedBy>,
        usable: &[usize],
    ) -> Result<VerifiedAssertion, Rejection> {
        let Slot::Plain(node) = layout.slot else { return Err(xenc::failed()) };
        let assertion_by = match layout.assertion_signature {
            Some(signature) => Some(self.signature("Assertion signature", signature, usable)?),
            None => None,
        };
        let by = assertion_by.or(response_by).ok_or_else(|| {
            Rejection::new(
                Reason::SignatureMissing,
                "Neither the response nor the assertion is signed. Set the identity provider to sign assertions.",
            )
        });
        let by = self.checks.run("A signature covers the assertion", by, |_| {
            let what = if assertion_by.is_some() { "Its own." } else { "That of the response." };
            what.to_owned()
        })?;
        let signed = Signed(node);
        if let Some(response) = layout.response {
            saml2::check_response(response, response_by.is_some(), self.policy, self.checks)?;
        }
        let claims = self.claims(signed)?;
        let fallback = [assertion_by, response_by].into_iter().flatten().any(|by| by.index > 0);
        Ok(self.accept(claims, layout, by, fallback))
    }

    fn claims(&mut self, signed: Signed<'_, '_>) -> Result<Claims, Rejection> {
        match &self.policy.protocol {
            Protocol::WsFed { realm, .. } if xml::is(signed.node(), ns::SAML1, "Assertion") => {
                saml11::check_assertion(signed, realm, self.policy, self.checks)
            }
            _ => saml2::check_assertion(signed, self.policy, self.checks),
        }
    }

    fn accept(
        &self,
        claims: Claims,
        layout: &Layout<'_, '_>,
        by: VerifiedBy,
        used_fallback: bool,
    ) -> VerifiedAssertion {
        let certificate = self.policy.certificates.get(by.index);
        VerifiedAssertion {
            replay_until: claims.not_on_or_after.saturating_add(self.policy.skew_micros()),
            response_id: layout.response.and_then(|r| xml::attribute(r, "ID")).map(str::to_owned),
            certificate_fingerprint: certificate.map_or_else(String::new, |c| c.fingerprint().to_owned()),
            used_fallback,
            decrypted_with: None,
            claims,
        }
    }
}

/// The text of the document with the decrypted element in the place of the encrypted one (XML Encryption
/// §4.3), so that it has the namespaces of its place and every rule sees one document; and that place.
pub(crate) fn put_in_place(
    document: &Document<'_>,
    replaced: Node<'_, '_>,
    plain: &[u8],
) -> Result<(Zeroizing<String>, Range<usize>), Rejection> {
    let plain = std::str::from_utf8(plain).map_err(|_| xenc::failed())?;
    let plain = xml::trim(plain);
    let source = document.input_text();
    let range = replaced.range();
    let mut text = Zeroizing::new(String::with_capacity(source.len() + plain.len()));
    text.push_str(&source[..range.start]);
    text.push_str(plain);
    text.push_str(&source[range.end..]);
    Ok((text, range.start..range.start + plain.len()))
}

/// Scans and parses the document again. The plaintext must be exactly one element, or it could close its
/// parent; whatever is wrong with it is the one decryption error.
pub(crate) fn parse_in_place<'t>(text: &'t str, place: &Range<usize>) -> Result<Document<'t>, Rejection> {
    let document = xml::parse(text.as_bytes()).map_err(|_| xenc::failed())?;
    let fits = document.descendants().any(|n| n.is_element() && n.range() == *place);
    if fits { Ok(document) } else { Err(xenc::failed()) }
}
