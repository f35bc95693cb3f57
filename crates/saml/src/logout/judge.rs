//! The rules for logout messages in their order, each leaving a check.

use super::make::{PARTIAL, SUCCESS};
use super::name::{identifier, name};
use super::receive::{LogoutKind, LogoutMessage};
use super::{LogoutJudgement, LogoutStatus, VerifiedLogout, VerifiedLogoutRequest, VerifiedLogoutResponse};
use crate::dsig;
use crate::error::{Reason, Rejection, quote, quote_any};
use crate::judgement::Checks;
use crate::policy::{InResponseTo, Policy};
use crate::saml2::{issue_instant, version};
use crate::xml::{self, ns};
use crate::{limits, structure, time};
use roxmltree::{Document, Node};

/// Judges a logout message. Of the policy count: the issuer, `acs_urls` as our single logout URLs, certificates,
/// decryption keys, the request that a response must answer, and the time. SHA-1 is never accepted here.
pub fn verify_logout(message: &LogoutMessage, policy: &Policy) -> LogoutJudgement {
    let mut checks = Checks(Vec::with_capacity(16));
    let outcome = judge(message, policy, &mut checks);
    LogoutJudgement { checks: checks.0, outcome }
}

fn judge(message: &LogoutMessage, policy: &Policy, checks: &mut Checks) -> Result<VerifiedLogout, Rejection> {
    let document =
        checks.run("Message is UTF-8 XML of the protocol within the limits", message.document(), |_| {
            format!("A {}, no document type, entities or excess.", message.kind.element())
        })?;
    let root = document.root_element();
    checks.run("Message is SAML 2.0", version(root), |()| "Version is 2.0.".to_owned())?;
    let id = checks.run("Message has an ID", id_of(root), |id| quote(id))?;
    let ids = structure::ids_are_unique(&document);
    checks.run("IDs are unique", ids, |n| format!("{n} IDs, no two alike."))?;
    let parts = parts(root, message.kind);
    checks.run("Every part is in its place", parts, |()| "Nothing that does not belong there.".to_owned())?;
    let by = signature(message, &document, policy, checks)?;
    addressed(root, policy, checks)?;
    let issued = checks.run("Message was issued just now", recent(root, policy), |t| time::format(*t))?;
    let certificate_fingerprint = policy.certificates.get(by).map_or("", |c| c.fingerprint()).to_owned();
    match message.kind {
        LogoutKind::Request => {
            let end = checks.run("Request has not expired", request_end(root, policy), |end| match end {
                Some(end) => format!("Until {}.", time::format(*end)),
                None => "Without an end of its own.".to_owned(),
            })?;
            let session_indexes =
                checks.run("Sessions are named within bounds", session_indexes(root), |list| {
                    if list.is_empty() {
                        "All sessions of the person.".to_owned()
                    } else {
                        format!("{} named.", list.len())
                    }
                })?;
            let name_id = checks
                .run("Request names exactly one person", name(&document, policy), |n| quote(&n.value))?;
            let replay_until =
                end.unwrap_or(i64::MAX).min(oldest(issued)).saturating_add(policy.skew_micros());
            Ok(VerifiedLogout::Request(VerifiedLogoutRequest {
                id,
                name_id,
                session_indexes,
                replay_until,
                certificate_fingerprint,
            }))
        }
        LogoutKind::Response => {
            let in_response_to =
                checks.run("Response answers the expected request", answered(root, policy), |r| quote(r))?;
            let status = checks.run("Status is readable", status(root), |s| match s {
                LogoutStatus::Success => "The identity provider reports success.".to_owned(),
                LogoutStatus::Partial => "The identity provider reports a partial logout.".to_owned(),
                LogoutStatus::Failed(code) => format!("The identity provider reports {}.", quote(code)),
            })?;
            Ok(VerifiedLogout::Response(VerifiedLogoutResponse {
                id,
                in_response_to,
                status,
                certificate_fingerprint,
            }))
        }
    }
}

fn structure_invalid(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::StructureInvalid, detail)
}

fn id_of(root: Node<'_, '_>) -> Result<String, Rejection> {
    match xml::required_attribute(root, "ID")? {
        "" => Err(structure_invalid("The ID of the message is empty.")),
        id if id.len() > limits::NAME_BYTES => Err(structure_invalid("The ID of the message is too long.")),
        id => Ok(id.to_owned()),
    }
}

/// The children that the schema names, and nothing elsewhere that could be taken for one of them.
fn parts(root: Node<'_, '_>, kind: LogoutKind) -> Result<(), Rejection> {
    for child in xml::elements(root) {
        let known = xml::is(child, ns::SAML, "Issuer")
            || xml::is(child, ns::DS, "Signature")
            || xml::is(child, ns::SAMLP, "Extensions")
            || match kind {
                LogoutKind::Request => {
                    ["NameID", "EncryptedID", "BaseID"].iter().any(|n| xml::is(child, ns::SAML, n))
                        || xml::is(child, ns::SAMLP, "SessionIndex")
                }
                LogoutKind::Response => xml::is(child, ns::SAMLP, "Status"),
            };
        if !known {
            return Err(misplaced(child));
        }
    }
    let encrypted = identifier(root).ok();
    for node in root.descendants().filter(|n| n.is_element() && *n != root) {
        let parent = node.parent_element();
        let fits = match node.tag_name().name() {
            "LogoutRequest" | "LogoutResponse" | "Response" | "Assertion" | "EncryptedAssertion" => false,
            "EncryptedData" => parent.is_some() && parent == encrypted,
            "Issuer" | "SessionIndex" | "Status" => parent == Some(root),
            _ => true,
        };
        if !fits {
            return Err(misplaced(node));
        }
    }
    Ok(())
}

fn misplaced(node: Node<'_, '_>) -> Rejection {
    Rejection::new(
        Reason::MisplacedElement,
        format!(
            "There is a <{}> inside <{}>, where it does not belong: the mark of a wrapping attack.",
            node.tag_name().name(),
            node.parent_element().map_or("", |p| p.tag_name().name())
        ),
    )
}

/// The signature: of the query, or the one in the message; answers the place of the certificate.
fn signature(
    message: &LogoutMessage,
    document: &Document<'_>,
    policy: &Policy,
    checks: &mut Checks,
) -> Result<usize, Rejection> {
    let place = inner_signature(document);
    let inner = checks.run("Signatures are in their places only", place, |s| match s {
        Some(_) => "The message is signed.".to_owned(),
        None => "No signature in the message.".to_owned(),
    })?;
    let usable = checks.run("A pinned certificate is valid now", dsig::usable_certificates(policy), |u| {
        format!("{} of {} usable.", u.len(), policy.certificates.len())
    })?;
    let verified = match (&message.detached, inner) {
        (Some(detached), None) => detached.verify(&usable, policy),
        // bindings §3.4.4.1: a signature on the message itself must be removed
        (Some(_), Some(_)) => Err(Rejection::new(
            Reason::SignatureMisplaced,
            "A message in a query is signed beside itself, not inside.",
        )),
        (None, Some(signature)) => {
            dsig::Signature::read(signature, false).and_then(|s| s.verify(&usable, policy)).map(|by| by.index)
        }
        (None, None) => Err(Rejection::new(
            Reason::SignatureMissing,
            "The message is not signed. Set the identity provider to sign logout messages.",
        )),
    };
    checks.run("Message signature", verified, |index| {
        let fingerprint = policy.certificates.get(*index).map_or("", |c| c.fingerprint());
        format!("Verified with a pinned certificate, SHA-256 {fingerprint}.")
    })
}

/// The signature of the root, if there is one, and that there is none elsewhere.
fn inner_signature<'a, 'i>(document: &'a Document<'i>) -> Result<Option<Node<'a, 'i>>, Rejection> {
    let root = document.root_element();
    let mut found = None;
    for node in root.descendants().filter(|n| xml::is(*n, ns::DS, "Signature")) {
        if node.parent_element() != Some(root) {
            return Err(Rejection::new(
                Reason::SignatureMisplaced,
                "There is a signature inside a part of the message; only the message itself may be signed.",
            ));
        }
        if found.replace(node).is_some() {
            return Err(Rejection::new(Reason::SignatureMultiple, "The message has two signatures."));
        }
    }
    Ok(found)
}

/// Profiles §4.4.4: the issuer is named; bindings §3.4.5.2 and §3.5.5.2: a signed message names its destination.
fn addressed(root: Node<'_, '_>, policy: &Policy, checks: &mut Checks) -> Result<(), Rejection> {
    let issuer = xml::at_most_one(root, ns::SAML, "Issuer")
        .and_then(|i| i.ok_or_else(|| structure_invalid("The message names no issuer.")))
        .and_then(xml::text)
        .and_then(|issuer| {
            if issuer == policy.idp_entity_id {
                return Ok(issuer);
            }
            Err(Rejection::new(
                Reason::IssuerMismatch,
                format!("The message is from {}; expected {}.", quote(&issuer), quote(&policy.idp_entity_id)),
            ))
        });
    checks.run("Issuer is the configured identity provider", issuer, |i| quote(i))?;
    let destination = match xml::attribute(root, "Destination") {
        Some(found) if policy.acs_urls.iter().any(|url| url == found) => Ok(found),
        Some(found) => Err(Rejection::new(
            Reason::DestinationMismatch,
            format!(
                "The message is addressed to {}; expected {}. Correct the single logout URL at the identity provider.",
                quote(found),
                quote_any(&policy.acs_urls)
            ),
        )),
        None => Err(Rejection::new(
            Reason::DestinationMissing,
            "The message is signed and must therefore name its destination (bindings §3.4.5.2).",
        )),
    };
    checks.run("Destination is our single logout URL", destination, |d| quote(d)).map(drop)
}

/// The last moment at which a message issued then counts, skew aside.
fn oldest(issued: i64) -> i64 {
    issued.saturating_add(limits::LOGOUT_AGE_MICROS)
}

fn recent(root: Node<'_, '_>, policy: &Policy) -> Result<i64, Rejection> {
    let issued = issue_instant(root, policy)?;
    if policy.is_past(oldest(issued)) {
        return Err(Rejection::new(
            Reason::LogoutExpired,
            format!(
                "Issued at {}, now is {}; a logout message counts for {} seconds. If it was sent just now, compare \
                 the clocks.",
                time::format(issued),
                time::format(policy.now),
                limits::LOGOUT_AGE_MICROS / 1_000_000
            ),
        ));
    }
    Ok(issued)
}

fn request_end(root: Node<'_, '_>, policy: &Policy) -> Result<Option<i64>, Rejection> {
    let end = xml::time(root, "NotOnOrAfter")?;
    match end {
        Some(end) if policy.is_past(end) => Err(Rejection::new(
            Reason::LogoutExpired,
            format!("The request ended at {}, now is {}.", time::format(end), time::format(policy.now)),
        )),
        end => Ok(end),
    }
}

fn session_indexes(root: Node<'_, '_>) -> Result<Vec<String>, Rejection> {
    let list: Vec<_> =
        xml::named(root, ns::SAMLP, "SessionIndex").take(limits::SESSION_INDEXES + 1).collect();
    if list.len() > limits::SESSION_INDEXES {
        let limit = limits::SESSION_INDEXES;
        return Err(Rejection::new(
            Reason::TooManySessionIndexes,
            format!("The request names more than {limit} sessions."),
        ));
    }
    list.into_iter().map(xml::text).collect()
}

fn answered(root: Node<'_, '_>, policy: &Policy) -> Result<String, Rejection> {
    let found = xml::attribute(root, "InResponseTo");
    match (&policy.in_response_to, found) {
        (InResponseTo::Expect(expected), Some(found)) if expected == found => Ok(found.to_owned()),
        (_, None) => Err(Rejection::new(Reason::InResponseToMissing, "The response names no request.")),
        (InResponseTo::Expect(expected), Some(found)) => Err(Rejection::new(
            Reason::InResponseToMismatch,
            format!("Answers the request {}; expected {}.", quote(found), quote(expected)),
        )),
        (InResponseTo::Unsolicited, Some(found)) => Err(Rejection::new(
            Reason::InResponseToUnexpected,
            format!("Answers the request {}, which is not pending here.", quote(found)),
        )),
    }
}

/// Success, partial under whichever first code (core §3.2.2.2), or what the provider says instead.
fn status(root: Node<'_, '_>) -> Result<LogoutStatus, Rejection> {
    let missing = || structure_invalid("The response has no status.");
    let status = xml::at_most_one(root, ns::SAMLP, "Status")?.ok_or_else(missing)?;
    let code = xml::at_most_one(status, ns::SAMLP, "StatusCode")?.ok_or_else(missing)?;
    let first = xml::attribute(code, "Value").ok_or_else(missing)?;
    let second = xml::at_most_one(code, ns::SAMLP, "StatusCode")?.and_then(|c| xml::attribute(c, "Value"));
    Ok(match (first, second) {
        (_, Some(PARTIAL)) => LogoutStatus::Partial,
        (SUCCESS, _) => LogoutStatus::Success,
        (first, second) => LogoutStatus::Failed(second.unwrap_or(first).to_owned()),
    })
}
