//! The subject and its confirmation (rules 12 and 13).

use super::{answers, expired};
use crate::error::{Reason, Rejection, quote, quote_any};
use crate::judgement::NameId;
use crate::policy::{Policy, Protocol};
use crate::xml::{self, ns};
use roxmltree::Node;

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

pub(super) fn subject<'a, 'i>(assertion: Node<'a, 'i>) -> Result<(Node<'a, 'i>, NameId), Rejection> {
    let subject = xml::at_most_one(assertion, ns::SAML, "Subject")?
        .ok_or_else(|| Rejection::new(Reason::SubjectMissing, "The assertion has no subject."))?;
    let mut all = subject.descendants().filter(|n| xml::is(*n, ns::SAML, "NameID"));
    let (first, more) = (all.next(), all.next());
    let Some(node) = first.filter(|n| n.parent_element() == Some(subject)) else {
        return Err(Rejection::new(
            Reason::NameIdMissing,
            "The subject has no NameID. Set the identity provider to send the e-mail address as NameID.",
        ));
    };
    if more.is_some() {
        return Err(Rejection::new(Reason::NameIdMultiple, "The subject has more than one NameID."));
    }
    let value = xml::text(node)?;
    if value.is_empty() {
        return Err(Rejection::new(
            Reason::NameIdEmpty,
            "The NameID is empty. See which attribute the identity provider fills it from.",
        ));
    }
    let own = |name| xml::attribute(node, name).map(str::to_owned);
    let name_id = NameId {
        value,
        format: own("Format"),
        name_qualifier: own("NameQualifier"),
        sp_name_qualifier: own("SPNameQualifier"),
    };
    Ok((subject, name_id))
}

#[derive(Default)]
pub(super) struct Confirmed {
    pub(super) recipient: Option<String>,
    pub(super) not_on_or_after: Option<i64>,
    pub(super) in_response_to: Option<String>,
}

/// Rule 12: one bearer confirmation must satisfy all of it.
pub(super) fn confirm(subject: Node<'_, '_>, policy: &Policy) -> Result<Confirmed, Rejection> {
    let mut first = None;
    let bearer = xml::named(subject, ns::SAML, "SubjectConfirmation")
        .filter(|c| xml::attribute(*c, "Method") == Some(BEARER));
    for confirmation in bearer {
        match confirm_by(confirmation, policy) {
            Ok(confirmed) => return Ok(confirmed),
            Err(refused) => first = first.or(Some(refused)),
        }
    }
    Err(first.unwrap_or_else(|| {
        Rejection::new(
            Reason::BearerConfirmationMissing,
            "The subject has no confirmation of method bearer; other methods are not supported.",
        )
    }))
}

fn confirm_by(confirmation: Node<'_, '_>, policy: &Policy) -> Result<Confirmed, Rejection> {
    let strict = policy.protocol == Protocol::Saml2;
    let Some(data) = xml::at_most_one(confirmation, ns::SAML, "SubjectConfirmationData")? else {
        // Tokens of WS-Federation are confirmed by their audience; the data is optional there (rule 14).
        return if strict { Err(no_recipient()) } else { Ok(Confirmed::default()) };
    };
    let recipient = xml::attribute(data, "Recipient");
    match recipient {
        None if strict => return Err(no_recipient()),
        None => {}
        Some(found) => check_recipient(found, policy)?,
    }
    if xml::attribute(data, "NotBefore").is_some() {
        return Err(Rejection::new(
            Reason::ConfirmationNotBefore,
            "The bearer confirmation has a NotBefore, which the profile forbids (profiles §4.1.4.2).",
        ));
    }
    let end = xml::time(data, "NotOnOrAfter")?;
    match end {
        None if strict => {
            return Err(Rejection::new(
                Reason::ConfirmationWithoutExpiry,
                "The bearer confirmation has no NotOnOrAfter, which the profile demands (profiles §4.1.4.2).",
            ));
        }
        Some(end) if policy.is_past(end) => {
            return Err(Rejection::new(
                Reason::ConfirmationExpired,
                expired("bearer confirmation", end, policy),
            ));
        }
        _ => {}
    }
    let in_response_to = xml::attribute(data, "InResponseTo");
    if strict {
        answers(in_response_to, policy)?;
    }
    Ok(Confirmed {
        recipient: recipient.map(str::to_owned),
        not_on_or_after: end,
        in_response_to: in_response_to.map(str::to_owned),
    })
}

fn no_recipient() -> Rejection {
    Rejection::new(Reason::RecipientMissing, "The bearer confirmation names no recipient.")
}

fn check_recipient(found: &str, policy: &Policy) -> Result<(), Rejection> {
    let expected = match &policy.protocol {
        Protocol::Saml2 => policy.acs_urls.as_slice(),
        Protocol::WsFed { reply, .. } => std::slice::from_ref(reply),
    };
    if expected.iter().any(|url| url == found) {
        return Ok(());
    }
    Err(Rejection::new(
        Reason::RecipientMismatch,
        format!(
            "The confirmation is for the recipient {}; expected {}. Correct the ACS URL at the identity provider.",
            quote(found),
            quote_any(expected)
        ),
    ))
}
