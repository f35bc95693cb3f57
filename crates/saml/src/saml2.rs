//! The rules of SAML 2.0 for the response and the verified assertion (rules 11 to 13).

use crate::error::{Reason, Rejection, quote, quote_any};
use crate::judge::Signed;
use crate::judgement::{Checks, Claims, NameId};
use crate::policy::{InResponseTo, Policy, Protocol};
use crate::time;
use crate::xml::{self, ns};
use roxmltree::Node;
use std::collections::BTreeMap;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What can be said of a response before anything in it is looked for: version and status.
pub(crate) fn check_head(response: Node<'_, '_>, checks: &mut Checks) -> Result<(), Rejection> {
    checks.run("Response is SAML 2.0", version(response), |()| "Version is 2.0.".to_owned())?;
    checks.run("Status is Success", status(response), |()| "The identity provider reports success.".to_owned())
}

/// Rule 11 and the times of the response.
pub(crate) fn check_response(
    response: Node<'_, '_>,
    signed: bool,
    policy: &Policy,
    checks: &mut Checks,
) -> Result<(), Rejection> {
    checks.run("Response issuer is the configured identity provider", response_issuer(response, policy), |i| {
        i.as_ref().map_or_else(|| "The response names no issuer; the assertion must.".to_owned(), |i| quote(i))
    })?;
    checks.run("Destination is our ACS URL", destination(response, signed, policy), |d| {
        d.map_or_else(|| "None given, which an unsigned response may do.".to_owned(), quote)
    })?;
    checks.run("Response was not issued in the future", issue_instant(response, policy), |t| time::format(*t))?;
    checks.run("Response answers the expected request", response_in_response_to(response, policy), |r| {
        r.map_or_else(|| "The response itself names no request.".to_owned(), quote)
    })
    .map(|_| ())
}

fn version(node: Node<'_, '_>) -> Result<(), Rejection> {
    match xml::required_attribute(node, "Version")? {
        "2.0" => Ok(()),
        other => Err(Rejection::new(
            Reason::VersionUnsupported,
            format!("<{}> has version {}; expected 2.0.", node.tag_name().name(), quote(other)),
        )),
    }
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

fn issue_instant(node: Node<'_, '_>, policy: &Policy) -> Result<i64, Rejection> {
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

fn response_in_response_to<'a>(
    response: Node<'a, '_>,
    policy: &Policy,
) -> Result<Option<&'a str>, Rejection> {
    let Some(found) = xml::attribute(response, "InResponseTo") else { return Ok(None) };
    answers(Some(found), policy).map(|()| Some(found))
}

/// Rule 12, the request answered.
fn answers(found: Option<&str>, policy: &Policy) -> Result<(), Rejection> {
    match (&policy.in_response_to, found) {
        (InResponseTo::Expect(expected), Some(found)) if expected == found => Ok(()),
        (InResponseTo::Unsolicited, None) => Ok(()),
        (InResponseTo::Expect(expected), Some(found)) => Err(Rejection::new(
            Reason::InResponseToMismatch,
            format!("Answers the request {}; expected {}. Begin the sign-in anew.", quote(found), quote(expected)),
        )),
        (InResponseTo::Expect(expected), None) => Err(Rejection::new(
            Reason::InResponseToMissing,
            format!("Names no request; expected an answer to {}.", quote(expected)),
        )),
        (InResponseTo::Unsolicited, Some(found)) => Err(Rejection::new(
            Reason::InResponseToUnexpected,
            format!("Answers the request {}, which is not pending here. Begin the sign-in anew.", quote(found)),
        )),
    }
}

/// Rules 12 and 13 for the verified assertion, and its claims.
pub(crate) fn check_assertion(
    signed: Signed<'_, '_>,
    policy: &Policy,
    checks: &mut Checks,
) -> Result<Claims, Rejection> {
    let node = signed.node();
    checks.run("Assertion is SAML 2.0", version(node), |()| "Version is 2.0.".to_owned())?;
    let issuer = checks.run(
        "Assertion issuer is the configured identity provider",
        assertion_issuer(node, policy),
        |i: &String| quote(i),
    )?;
    checks.run("Assertion was not issued in the future", issue_instant(node, policy), |t| time::format(*t))?;
    let subject = checks.run("Subject has exactly one name", subject(node), |s| quote(&s.1.value))?;
    let (subject, name_id) = subject;
    let confirmed = checks.run("Bearer confirmation is for us and still valid", confirm(subject, policy), |c| {
        let end = c.not_on_or_after.map_or_else(|| "no end".to_owned(), time::format);
        format!("Recipient {}, until {end}.", c.recipient.as_deref().map_or("not named".to_owned(), quote))
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
    Ok(Claims {
        assertion_id: xml::required_attribute(node, "ID")?.to_owned(),
        issuer,
        name_id,
        session_index: authn.session_index,
        session_not_on_or_after: authn.session_not_on_or_after,
        not_on_or_after: end,
        attributes: attributes(node)?,
        in_response_to: confirmed.in_response_to,
        authn_context: authn.context,
    })
}

fn valid_until(end: Option<i64>) -> String {
    end.map_or_else(|| "Without an end of their own.".to_owned(), |t| format!("Until {}.", time::format(t)))
}

fn has_end(end: Option<i64>) -> Result<i64, Rejection> {
    end.ok_or_else(|| {
        Rejection::new(Reason::AssertionWithoutExpiry, "Neither conditions nor confirmation say an end.")
    })
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

fn subject<'a, 'i>(assertion: Node<'a, 'i>) -> Result<(Node<'a, 'i>, NameId), Rejection> {
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
struct Confirmed {
    recipient: Option<String>,
    not_on_or_after: Option<i64>,
    in_response_to: Option<String>,
}

/// Rule 12: one bearer confirmation must satisfy all of it.
fn confirm(subject: Node<'_, '_>, policy: &Policy) -> Result<Confirmed, Rejection> {
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
            return Err(Rejection::new(Reason::ConfirmationExpired, expired("bearer confirmation", end, policy)));
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

pub(crate) fn expired(what: &str, end: i64, policy: &Policy) -> String {
    format!(
        "The {what} ended at {}, now is {}. Begin the sign-in anew; if it persists, compare the clocks.",
        time::format(end),
        time::format(policy.now)
    )
}

/// Rule 13: the conditions, their end, and that none of them is unknown.
fn conditions<'a, 'i>(
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
fn audiences(conditions: Node<'_, '_>, policy: &Policy) -> Result<usize, Rejection> {
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

struct Authn {
    session_index: Option<String>,
    session_not_on_or_after: Option<i64>,
    context: Option<String>,
}

fn authn_statement(assertion: Node<'_, '_>, policy: &Policy) -> Result<Authn, Rejection> {
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
    let context = xml::named(statement, ns::SAML, "AuthnContext")
        .flat_map(|c| xml::named(c, ns::SAML, "AuthnContextClassRef"))
        .next()
        .map(xml::text)
        .transpose()?;
    Ok(Authn {
        session_index: xml::attribute(statement, "SessionIndex").map(str::to_owned),
        session_not_on_or_after: end,
        context,
    })
}

fn attributes(assertion: Node<'_, '_>) -> Result<BTreeMap<String, Vec<String>>, Rejection> {
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
