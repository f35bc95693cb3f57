//! The rules of WS-Federation for a verified SAML 1.1 assertion (rule 14).

use crate::error::{Reason, Rejection, quote};
use crate::judge::Signed;
use crate::judgement::{Checks, Claims, NameId};
use crate::policy::Policy;
use crate::saml2::{each_names_us, id_of, named, validity};
use crate::time;
use crate::xml::{self, ns};
use roxmltree::Node;
use std::collections::BTreeMap;

const BEARER: &str = "urn:oasis:names:tc:SAML:1.0:cm:bearer";

/// Rule 14 for the verified assertion, and its claims.
pub(crate) fn check_assertion(
    signed: Signed<'_, '_>,
    realm: &str,
    policy: &Policy,
    checks: &mut Checks,
) -> Result<Claims, Rejection> {
    let node = signed.node();
    checks.run("Assertion is SAML 1.1", version(node), |()| "Version is 1.1.".to_owned())?;
    let id = checks.run("Assertion has an ID", id_of(node, "AssertionID"), |id| quote(id))?;
    let issuer =
        checks.run("Assertion issuer is the configured token service", issuer(node, policy), |i| quote(i))?;
    let issued = checks
        .run("Assertion was not issued in the future", issue_instant(node, policy), |t| time::format(*t))?;
    let (conditions, end) =
        checks.run("Conditions are known and hold now", conditions(node, policy), |c| {
            format!("Until {}.", time::format(c.1))
        })?;
    let restrictions = xml::named(conditions, ns::SAML1, "AudienceRestrictionCondition");
    checks.run(
        "Audience is our realm",
        each_names_us(restrictions, ns::SAML1, &[realm.to_owned()]),
        |n| format!("All {n} audience restrictions name us."),
    )?;
    let name_id =
        checks.run("All statements are about one named bearer", subjects(node), |n| quote(&n.value))?;
    let authn = checks.run("There is an authentication statement", authn_statement(node), |a| {
        xml::attribute(*a, "AuthenticationMethod").map_or_else(|| "No method given.".to_owned(), quote)
    })?;
    let attributes = checks.run("Attributes have names", attributes(node), named)?;
    Ok(Claims {
        assertion_id: id,
        issue_instant: issued,
        issuer,
        name_id,
        session_index: None,
        session_not_on_or_after: None,
        not_on_or_after: end,
        attributes,
        in_response_to: None,
        authn_context: xml::attribute(authn, "AuthenticationMethod").map(str::to_owned),
    })
}

fn version(node: Node<'_, '_>) -> Result<(), Rejection> {
    let found = (xml::attribute(node, "MajorVersion"), xml::attribute(node, "MinorVersion"));
    if found == (Some("1"), Some("1")) {
        return Ok(());
    }
    Err(Rejection::new(Reason::VersionUnsupported, "The assertion is not of SAML version 1.1."))
}

fn issuer(node: Node<'_, '_>, policy: &Policy) -> Result<String, Rejection> {
    let found = xml::required_attribute(node, "Issuer")?;
    if found == policy.idp_entity_id {
        return Ok(found.to_owned());
    }
    Err(Rejection::new(
        Reason::IssuerMismatch,
        format!("The assertion is from {}; expected {}.", quote(found), quote(&policy.idp_entity_id)),
    ))
}

fn issue_instant(node: Node<'_, '_>, policy: &Policy) -> Result<i64, Rejection> {
    xml::required_attribute(node, "IssueInstant")?;
    let at = xml::time(node, "IssueInstant")?.unwrap_or_default();
    if policy.is_future(at) {
        return Err(Rejection::new(
            Reason::IssuedInFuture,
            format!(
                "Issued at {}, now is {}. Compare the clocks.",
                time::format(at),
                time::format(policy.now)
            ),
        ));
    }
    Ok(at)
}

fn conditions<'a, 'i>(node: Node<'a, 'i>, policy: &Policy) -> Result<(Node<'a, 'i>, i64), Rejection> {
    let conditions = xml::at_most_one(node, ns::SAML1, "Conditions")?
        .ok_or_else(|| Rejection::new(Reason::ConditionsMissing, "The assertion has no conditions."))?;
    let end = validity(conditions, policy)?.ok_or_else(|| {
        Rejection::new(Reason::AssertionWithoutExpiry, "The conditions have no NotOnOrAfter.")
    })?;
    for condition in xml::elements(conditions) {
        let known = ["AudienceRestrictionCondition", "DoNotCacheCondition"];
        if !known.iter().any(|name| xml::is(condition, ns::SAML1, name)) {
            return Err(Rejection::new(
                Reason::ConditionUnknown,
                format!("The condition <{}> is not known; it cannot be kept.", condition.tag_name().name()),
            ));
        }
    }
    Ok((conditions, end))
}

/// The one subject of all statements, confirmed as bearer where it is confirmed at all.
fn subjects(node: Node<'_, '_>) -> Result<NameId, Rejection> {
    let mut one: Option<NameId> = None;
    for statement in xml::elements(node).filter(|n| n.tag_name().name().ends_with("Statement")) {
        let subject = xml::at_most_one(statement, ns::SAML1, "Subject")?.ok_or_else(|| {
            Rejection::new(
                Reason::SubjectMissing,
                format!("<{}> has no subject.", statement.tag_name().name()),
            )
        })?;
        bearer(subject)?;
        let name = name_of(subject)?;
        match &one {
            Some(first) if *first != name => {
                return Err(Rejection::new(
                    Reason::SubjectMismatch,
                    format!(
                        "One statement is about {}, another about {}.",
                        quote(&first.value),
                        quote(&name.value)
                    ),
                ));
            }
            _ => one = Some(name),
        }
    }
    one.ok_or_else(|| Rejection::new(Reason::AuthnStatementMissing, "The assertion has no statement."))
}

fn bearer(subject: Node<'_, '_>) -> Result<(), Rejection> {
    let methods = xml::named(subject, ns::SAML1, "SubjectConfirmation")
        .flat_map(xml::elements)
        .filter(|n| xml::is(*n, ns::SAML1, "ConfirmationMethod"));
    let confirmations = xml::named(subject, ns::SAML1, "SubjectConfirmation").count();
    let mut bearer = 0;
    for method in methods {
        if xml::text(method)? != BEARER {
            return Err(not_bearer());
        }
        bearer += 1;
    }
    if bearer < confirmations { Err(not_bearer()) } else { Ok(()) }
}

fn not_bearer() -> Rejection {
    Rejection::new(
        Reason::BearerConfirmationMissing,
        "The subject is confirmed by another method than bearer, which is not supported.",
    )
}

fn name_of(subject: Node<'_, '_>) -> Result<NameId, Rejection> {
    let mut all = xml::named(subject, ns::SAML1, "NameIdentifier");
    let Some(node) = all.next() else {
        return Err(Rejection::new(
            Reason::NameIdMissing,
            "A subject has no NameIdentifier. Add a rule that issues Name ID at the token service.",
        ));
    };
    if all.next().is_some() {
        return Err(Rejection::new(Reason::NameIdMultiple, "A subject has more than one NameIdentifier."));
    }
    let value = xml::text(node)?;
    if value.is_empty() {
        return Err(Rejection::new(Reason::NameIdEmpty, "The NameIdentifier is empty."));
    }
    let own = |name| xml::attribute(node, name).map(str::to_owned);
    Ok(NameId { value, format: own("Format"), name_qualifier: own("NameQualifier"), sp_name_qualifier: None })
}

fn authn_statement<'a, 'i>(node: Node<'a, 'i>) -> Result<Node<'a, 'i>, Rejection> {
    xml::named(node, ns::SAML1, "AuthenticationStatement").next().ok_or_else(|| {
        Rejection::new(Reason::AuthnStatementMissing, "The assertion does not say that anybody signed in.")
    })
}

/// Attributes under the name that claims are known by: namespace, slash, name.
fn attributes(node: Node<'_, '_>) -> Result<BTreeMap<String, Vec<String>>, Rejection> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let all =
        xml::named(node, ns::SAML1, "AttributeStatement").flat_map(|s| xml::named(s, ns::SAML1, "Attribute"));
    for attribute in all {
        let name = xml::required_attribute(attribute, "AttributeName")?;
        let namespace = xml::attribute(attribute, "AttributeNamespace").unwrap_or_default();
        let full = match namespace {
            "" => name.to_owned(),
            space if space.ends_with('/') => format!("{space}{name}"),
            space => format!("{space}/{name}"),
        };
        let values = xml::named(attribute, ns::SAML1, "AttributeValue").map(xml::deep_text);
        out.entry(full).or_default().extend(values);
    }
    Ok(out)
}
