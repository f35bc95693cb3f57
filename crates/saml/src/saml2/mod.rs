//! The rules of SAML 2.0 for the response and the verified assertion (rules 11 to 13).

mod conditions;
mod response;
mod statements;
mod subject;

pub(crate) use conditions::{each_names_us, validity};
pub(crate) use response::{check_head, check_response};

use crate::error::{Reason, Rejection, quote};
use crate::judge::Signed;
use crate::judgement::{Checks, Claims};
use crate::policy::{InResponseTo, Policy};
use crate::time;
use crate::xml::{self, ns};
use conditions::{audiences, conditions};
use roxmltree::Node;
use statements::{attributes, authn_statement};
use std::collections::BTreeMap;
use subject::{confirm, subject};

/// Rules 12 and 13 for the verified assertion, and its claims.
pub(crate) fn check_assertion(
    signed: Signed<'_, '_>,
    policy: &Policy,
    checks: &mut Checks,
) -> Result<Claims, Rejection> {
    let node = signed.node();
    checks.run("Assertion is SAML 2.0", version(node), |()| "Version is 2.0.".to_owned())?;
    let id = checks.run("Assertion has an ID", id_of(node, "ID"), |id| quote(id))?;
    let issuer = checks.run(
        "Assertion issuer is the configured identity provider",
        assertion_issuer(node, policy),
        |i: &String| quote(i),
    )?;
    let issued = checks
        .run("Assertion was not issued in the future", issue_instant(node, policy), |t| time::format(*t))?;
    let subject = checks.run("Subject has exactly one name", subject(node), |s| quote(&s.1.value))?;
    let (subject, name_id) = subject;
    let confirmed =
        checks.run("Bearer confirmation is for us and still valid", confirm(subject, policy), |c| {
            let end = c.not_on_or_after.map_or_else(|| "no end".to_owned(), time::format);
            format!(
                "Recipient {}, until {end}.",
                c.recipient.as_deref().map_or("not named".to_owned(), quote)
            )
        })?;
    let conditions =
        checks.run("Conditions are known and hold now", conditions(node, policy), |c| valid_until(c.1))?;
    let (conditions, conditions_end) = conditions;
    checks.run("Audience is this service provider", audiences(conditions, policy), |n| {
        format!("All {n} audience restrictions name us.")
    })?;
    let authn = checks.run("There is an authentication statement", authn_statement(node, policy), |a| {
        a.context.as_deref().map_or_else(|| "No context class given.".to_owned(), quote)
    })?;
    let end = [confirmed.not_on_or_after, conditions_end].into_iter().flatten().min();
    let end = checks.run("Validity has an end", has_end(end), |t| time::format(*t))?;
    let attributes = checks.run("Attributes have names", attributes(node), named)?;
    Ok(Claims {
        assertion_id: id,
        issue_instant: issued,
        issuer,
        name_id,
        session_index: authn.session_index,
        session_not_on_or_after: authn.session_not_on_or_after,
        not_on_or_after: end,
        attributes,
        in_response_to: confirmed.in_response_to,
        authn_context: authn.context,
    })
}

/// The ID that the replay guard remembers: without one an assertion could be used again.
pub(crate) fn id_of(assertion: Node<'_, '_>, name: &str) -> Result<String, Rejection> {
    let id = xml::required_attribute(assertion, name)?;
    if id.is_empty() {
        return Err(Rejection::new(Reason::StructureInvalid, "The ID of the assertion is empty."));
    }
    Ok(id.to_owned())
}

pub(crate) fn named(attributes: &BTreeMap<String, Vec<String>>) -> String {
    let names: Vec<String> = attributes.keys().map(|n| quote(n)).collect();
    if names.is_empty() { "No attributes given.".to_owned() } else { names.join(", ") }
}

fn valid_until(end: Option<i64>) -> String {
    end.map_or_else(|| "Without an end of their own.".to_owned(), |t| format!("Until {}.", time::format(t)))
}

fn has_end(end: Option<i64>) -> Result<i64, Rejection> {
    end.ok_or_else(|| {
        Rejection::new(Reason::AssertionWithoutExpiry, "Neither conditions nor confirmation say an end.")
    })
}

pub(crate) fn version(node: Node<'_, '_>) -> Result<(), Rejection> {
    match xml::required_attribute(node, "Version")? {
        "2.0" => Ok(()),
        other => Err(Rejection::new(
            Reason::VersionUnsupported,
            format!("<{}> has version {}; expected 2.0.", node.tag_name().name(), quote(other)),
        )),
    }
}

fn assertion_issuer(assertion: Node<'_, '_>, policy: &Policy) -> Result<String, Rejection> {
    let issuer = xml::at_most_one(assertion, ns::SAML, "Issuer")?
        .ok_or_else(|| Rejection::new(Reason::StructureInvalid, "The assertion has no issuer."))?;
    let issuer = xml::text(issuer)?;
    if issuer == policy.idp_entity_id {
        return Ok(issuer);
    }
    Err(Rejection::new(
        Reason::IssuerMismatch,
        format!(
            "The assertion is from {}; expected {}. Compare the issuer of the connection with the identity \
             provider's entity id.",
            quote(&issuer),
            quote(&policy.idp_entity_id)
        ),
    ))
}

pub(crate) fn issue_instant(node: Node<'_, '_>, policy: &Policy) -> Result<i64, Rejection> {
    xml::required_attribute(node, "IssueInstant")?;
    let at = xml::time(node, "IssueInstant")?.unwrap_or_default();
    if policy.is_future(at) {
        return Err(Rejection::new(
            Reason::IssuedInFuture,
            format!(
                "Issued at {}, now is {}. Correct the clock of the identity provider or of this machine.",
                time::format(at),
                time::format(policy.now)
            ),
        ));
    }
    Ok(at)
}

/// Rule 12, the request answered.
fn answers(found: Option<&str>, policy: &Policy) -> Result<(), Rejection> {
    match (&policy.in_response_to, found) {
        (InResponseTo::Expect(expected), Some(found)) if expected == found => Ok(()),
        (InResponseTo::Unsolicited, None) => Ok(()),
        (InResponseTo::Expect(expected), Some(found)) => Err(Rejection::new(
            Reason::InResponseToMismatch,
            format!(
                "Answers the request {}; expected {}. Begin the sign-in anew.",
                quote(found),
                quote(expected)
            ),
        )),
        (InResponseTo::Expect(expected), None) => Err(Rejection::new(
            Reason::InResponseToMissing,
            format!("Names no request; expected an answer to {}.", quote(expected)),
        )),
        (InResponseTo::Unsolicited, Some(found)) => Err(Rejection::new(
            Reason::InResponseToUnexpected,
            format!(
                "Answers the request {}, which is not pending here. Begin the sign-in anew.",
                quote(found)
            ),
        )),
    }
}

pub(crate) fn expired(what: &str, end: i64, policy: &Policy) -> String {
    format!(
        "The {what} ended at {}, now is {}. Begin the sign-in anew; if it persists, compare the clocks.",
        time::format(end),
        time::format(policy.now)
    )
}
