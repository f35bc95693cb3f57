//! Conditions: validity and audience (rule 13); the same helpers serve SAML 1.1.

use super::expired;
use crate::error::{Reason, Rejection, quote_any};
use crate::policy::{Policy, Protocol};
use crate::time;
use crate::xml::{self, ns};
use roxmltree::Node;

/// Rule 13: the conditions, their end, and that none of them is unknown.
pub(super) fn conditions<'a, 'i>(
    assertion: Node<'a, 'i>,
    policy: &Policy,
) -> Result<(Node<'a, 'i>, Option<i64>), Rejection> {
    let conditions = xml::at_most_one(assertion, ns::SAML, "Conditions")?
        .ok_or_else(|| Rejection::new(Reason::ConditionsMissing, "The assertion has no conditions."))?;
    let end = validity(conditions, policy)?;
    for condition in xml::elements(conditions) {
        let known = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
        if !known.iter().any(|name| xml::is(condition, ns::SAML, name)) {
            return Err(Rejection::new(
                Reason::ConditionUnknown,
                format!("The condition <{}> is not known; it cannot be kept.", condition.tag_name().name()),
            ));
        }
    }
    Ok((conditions, end))
}

/// The validity period of `Conditions`, the same in SAML 1.1 and 2.0.
pub(crate) fn validity(conditions: Node<'_, '_>, policy: &Policy) -> Result<Option<i64>, Rejection> {
    if let Some(begin) = xml::time(conditions, "NotBefore")?
        && policy.is_future(begin)
    {
        return Err(Rejection::new(
            Reason::AssertionNotYetValid,
            format!(
                "The assertion is valid from {}, now is {}. Correct the clock of the identity provider or of \
                 this machine.",
                time::format(begin),
                time::format(policy.now)
            ),
        ));
    }
    let end = xml::time(conditions, "NotOnOrAfter")?;
    match end {
        Some(end) if policy.is_past(end) => {
            Err(Rejection::new(Reason::AssertionExpired, expired("assertion", end, policy)))
        }
        _ => Ok(end),
    }
}

/// Rule 13: there is a restriction, and each contains us.
pub(super) fn audiences(conditions: Node<'_, '_>, policy: &Policy) -> Result<usize, Rejection> {
    let expected = match &policy.protocol {
        Protocol::Saml2 => policy.audiences.as_slice(),
        Protocol::WsFed { realm, .. } => std::slice::from_ref(realm),
    };
    let restrictions = xml::named(conditions, ns::SAML, "AudienceRestriction");
    each_names_us(restrictions, ns::SAML, expected)
}

pub(crate) fn each_names_us<'a, 'i: 'a>(
    restrictions: impl Iterator<Item = Node<'a, 'i>>,
    namespace: &'static str,
    expected: &[String],
) -> Result<usize, Rejection> {
    let mut count = 0;
    for restriction in restrictions {
        let found: Vec<String> =
            xml::named(restriction, namespace, "Audience").map(xml::text).collect::<Result<_, _>>()?;
        if !found.iter().any(|audience| expected.contains(audience)) {
            return Err(Rejection::new(
                Reason::AudienceMismatch,
                format!(
                    "The assertion is for the audience {}; expected {}. Correct the audience (entity id, realm) \
                     at the identity provider.",
                    quote_any(&found),
                    quote_any(expected)
                ),
            ));
        }
        count += 1;
    }
    if count == 0 {
        return Err(Rejection::new(
            Reason::AudienceMissing,
            format!("The assertion is for no audience; expected {}.", quote_any(expected)),
        ));
    }
    Ok(count)
}
