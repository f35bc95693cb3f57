//! The response (rule 11).

use super::{answers, issue_instant, version};
use crate::error::{Reason, Rejection, quote, quote_any};
use crate::judgement::Checks;
use crate::policy::Policy;
use crate::time;
use crate::xml::{self, ns};
use roxmltree::Node;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// What can be said of a response before anything in it is looked for: version and status.
pub(crate) fn check_head(response: Node<'_, '_>, checks: &mut Checks) -> Result<(), Rejection> {
    checks.run("Response is SAML 2.0", version(response), |()| "Version is 2.0.".to_owned())?;
    checks
        .run("Status is Success", status(response), |()| "The identity provider reports success.".to_owned())
}

/// Rule 11 and the times of the response.
pub(crate) fn check_response(
    response: Node<'_, '_>,
    signed: bool,
    policy: &Policy,
    checks: &mut Checks,
) -> Result<(), Rejection> {
    checks.run(
        "Response issuer is the configured identity provider",
        response_issuer(response, policy),
        |i| {
            i.as_ref()
                .map_or_else(|| "The response names no issuer; the assertion must.".to_owned(), |i| quote(i))
        },
    )?;
    checks.run("Destination is our ACS URL", destination(response, signed, policy), |d| {
        d.map_or_else(|| "None given, which an unsigned response may do.".to_owned(), quote)
    })?;
    checks.run("Response was not issued in the future", issue_instant(response, policy), |t| {
        time::format(*t)
    })?;
    checks
        .run("Response answers the expected request", response_in_response_to(response, policy), |r| {
            r.map_or_else(|| "The response itself names no request.".to_owned(), quote)
        })
        .map(|_| ())
}

fn status(response: Node<'_, '_>) -> Result<(), Rejection> {
    let missing = || Rejection::new(Reason::StructureInvalid, "The response has no status.");
    let status = xml::at_most_one(response, ns::SAMLP, "Status")?.ok_or_else(missing)?;
    let code = xml::at_most_one(status, ns::SAMLP, "StatusCode")?.ok_or_else(missing)?;
    let value = xml::attribute(code, "Value").unwrap_or_default();
    if value == SUCCESS {
        return Ok(());
    }
    let second = xml::named(code, ns::SAMLP, "StatusCode").next().and_then(|c| xml::attribute(c, "Value"));
    let message = xml::named(status, ns::SAMLP, "StatusMessage").next().map(xml::deep_text);
    let mut detail = format!("The identity provider refused with {}", quote(value));
    for more in [second.map(str::to_owned), message].into_iter().flatten() {
        detail.push_str(", ");
        detail.push_str(&quote(&more));
    }
    detail.push_str(". The cause is in the identity provider's own log.");
    Err(Rejection::new(Reason::StatusNotSuccess, detail))
}

fn response_issuer(response: Node<'_, '_>, policy: &Policy) -> Result<Option<String>, Rejection> {
    let Some(issuer) = xml::at_most_one(response, ns::SAML, "Issuer")? else { return Ok(None) };
    let issuer = xml::text(issuer)?;
    if issuer == policy.idp_entity_id {
        return Ok(Some(issuer));
    }
    Err(Rejection::new(
        Reason::ResponseIssuerMismatch,
        format!("The response is from {}; expected {}.", quote(&issuer), quote(&policy.idp_entity_id)),
    ))
}

fn destination<'a>(
    response: Node<'a, '_>,
    signed: bool,
    policy: &Policy,
) -> Result<Option<&'a str>, Rejection> {
    match xml::attribute(response, "Destination") {
        None if signed => Err(Rejection::new(
            Reason::DestinationMissing,
            "The response is signed and must therefore name its destination (bindings §3.5.5.2).",
        )),
        None => Ok(None),
        Some(found) if policy.acs_urls.iter().any(|url| url == found) => Ok(Some(found)),
        Some(found) => Err(Rejection::new(
            Reason::DestinationMismatch,
            format!(
                "The response is addressed to {}; expected {}. Correct the ACS URL at the identity provider.",
                quote(found),
                quote_any(&policy.acs_urls)
            ),
        )),
    }
}

fn response_in_response_to<'a>(
    response: Node<'a, '_>,
    policy: &Policy,
) -> Result<Option<&'a str>, Rejection> {
    let Some(found) = xml::attribute(response, "InResponseTo") else { return Ok(None) };
    answers(Some(found), policy).map(|()| Some(found))
}
