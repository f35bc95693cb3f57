//! Statements: that somebody signed in, and who that is (rule 13).

use super::expired;
use crate::error::{Reason, Rejection, quote, quote_any};
use crate::policy::Policy;
use crate::time;
use crate::xml::{self, ns};
use roxmltree::Node;
use std::collections::BTreeMap;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

pub(super) struct Authn {
    pub(super) session_index: Option<String>,
    pub(super) session_not_on_or_after: Option<i64>,
    pub(super) context: Option<String>,
}

pub(super) fn authn_statement(assertion: Node<'_, '_>, policy: &Policy) -> Result<Authn, Rejection> {
    let statement = xml::named(assertion, ns::SAML, "AuthnStatement").next().ok_or_else(|| {
        Rejection::new(Reason::AuthnStatementMissing, "The assertion does not say that anybody signed in.")
    })?;
    let end = xml::time(statement, "SessionNotOnOrAfter")?;
    if let Some(end) = end
        && policy.is_past(end)
    {
        return Err(Rejection::new(
            Reason::SessionExpired,
            expired("session of the identity provider", end, policy),
        ));
    }
    fresh(statement, policy)?;
    let context = xml::named(statement, ns::SAML, "AuthnContext")
        .flat_map(|c| xml::named(c, ns::SAML, "AuthnContextClassRef"))
        .next()
        .map(xml::text)
        .transpose()?;
    demanded(context.as_deref(), policy)?;
    Ok(Authn {
        session_index: xml::attribute(statement, "SessionIndex").map(str::to_owned),
        session_not_on_or_after: end,
        context,
    })
}

/// With `ForceAuthn` the person must have authenticated after the request was made, skew granted.
fn fresh(statement: Node<'_, '_>, policy: &Policy) -> Result<(), Rejection> {
    let Some(since) = policy.authenticated_since else { return Ok(()) };
    xml::required_attribute(statement, "AuthnInstant")?;
    let at = xml::time(statement, "AuthnInstant")?.unwrap_or_default();
    if at < since.saturating_sub(policy.skew_micros()) {
        return Err(Rejection::new(
            Reason::AuthnNotFresh,
            format!(
                "The person authenticated at {}, before the request of {}, which demanded a new authentication \
                 (ForceAuthn). See whether the identity provider heeds ForceAuthn.",
                time::format(at),
                time::format(since)
            ),
        ));
    }
    if policy.is_future(at) {
        return Err(Rejection::new(
            Reason::IssuedInFuture,
            format!("The person authenticated at {}, now is {}.", time::format(at), time::format(policy.now)),
        ));
    }
    Ok(())
}

/// An exact comparison: one of the demanded contexts must be what the provider names.
fn demanded(context: Option<&str>, policy: &Policy) -> Result<(), Rejection> {
    let wanted = &policy.authn_contexts;
    if wanted.is_empty() || context.is_some_and(|c| wanted.iter().any(|w| w == c)) {
        return Ok(());
    }
    Err(Rejection::new(
        Reason::AuthnContextMismatch,
        format!(
            "The person authenticated by {}; the request demanded {}.",
            context.map_or_else(|| "an unnamed method".to_owned(), quote),
            quote_any(wanted)
        ),
    ))
}

pub(super) fn attributes(assertion: Node<'_, '_>) -> Result<BTreeMap<String, Vec<String>>, Rejection> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let all = xml::named(assertion, ns::SAML, "AttributeStatement")
        .flat_map(|s| xml::named(s, ns::SAML, "Attribute"));
    for attribute in all {
        let name = xml::required_attribute(attribute, "Name")?;
        let values = xml::named(attribute, ns::SAML, "AttributeValue").filter(|v| !is_nil(*v));
        out.entry(name.to_owned()).or_default().extend(values.map(xml::deep_text));
    }
    Ok(out)
}

fn is_nil(value: Node<'_, '_>) -> bool {
    value.attribute((XSI, "nil")).is_some_and(|v| matches!(v, "true" | "1"))
}
