//! What a verified assertion says about a person, whether it came by SAML or by WS-Federation.

use std::collections::BTreeMap;

use gatehouse_saml::VerifiedAssertion;
use gatehouse_types::{AuthMethod, Email, Result, SigningKeyId, Timestamp};

use super::entry::Authenticated;
use super::person::{Claims, NotThisPerson, no};
use crate::store::logout::Called;

/// NameIDs of this format change with every sign-in and identify nobody (SAML 2.0 core §8.3.8).
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// The longest NameID (SAML 2.0 core §8.3.7 bounds persistent ones to 256).
const MAX_NAME_ID: usize = 512;
/// The longest name of a format that is kept, in bytes.
const MAX_FORMAT: usize = 512;

/// Attribute names that carry an e-mail address when no mapping says which.
const EMAIL_ATTRIBUTES: [&str; 6] = [
    "email",
    "mail",
    "emailaddress",
    "emailAddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
];
/// Attribute names that carry a person's shown name when no mapping says which.
const NAME_ATTRIBUTES: [&str; 5] = [
    "name",
    "displayName",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "urn:oid:2.16.840.1.113730.3.1.241",
];

/// Reads the person's claims; `mapping` says which attributes carry the e-mail address and the name.
pub(crate) fn claims(
    mapping: &BTreeMap<String, String>,
    assertion: &VerifiedAssertion,
) -> Result<Claims, NotThisPerson> {
    let name_id = assertion.name_id();
    let transient = name_id.format.as_deref() == Some(TRANSIENT);
    let email = email(mapping, assertion)?;
    if name_id.value.len() > MAX_NAME_ID {
        return Err(no(
            "name_id_too_long",
            "name id",
            format!("The NameID is longer than {MAX_NAME_ID} bytes."),
        ));
    }
    let subject = if transient { format!("transient:{email}") } else { name_id.value.clone() };
    let name = one_of(assertion, mapping.get("name"), &NAME_ATTRIBUTES);
    let format = name_id.format.clone().filter(|f| f.len() <= MAX_FORMAT);
    let (name, attributes) = (name.map(str::to_owned), assertion.attributes().clone());
    Ok(Claims { subject, format, email, email_verified: true, name, attributes })
}

fn one_of<'a>(assertion: &'a VerifiedAssertion, mapped: Option<&String>, usual: &[&str]) -> Option<&'a str> {
    let values = |name: &str| assertion.attributes().get(name).and_then(|v| v.first()).map(String::as_str);
    match mapped {
        Some(name) => values(name),
        None => usual.iter().find_map(|name| values(name)),
    }
}

fn email(mapping: &BTreeMap<String, String>, assertion: &VerifiedAssertion) -> Result<Email, NotThisPerson> {
    let mapped = mapping.get("email");
    let names: Vec<&str> = mapped.map_or_else(|| EMAIL_ATTRIBUTES.to_vec(), |name| vec![name.as_str()]);
    let given = names.iter().find_map(|name| assertion.attributes().get(*name));
    let text = match (given, mapped) {
        (Some(values), _) if values.len() == 1 => values[0].as_str(),
        (Some(values), _) => {
            let detail = format!("The e-mail attribute has {} values; exactly one is needed.", values.len());
            return Err(no("email_ambiguous", "e-mail", detail));
        }
        (None, Some(name)) => {
            let detail = format!(
                "The attribute {name}, mapped to the e-mail address, is missing. Release it at the provider, or change the mapping."
            );
            return Err(no("email_missing", "e-mail", detail));
        }
        (None, None) => assertion.name_id().value.as_str(),
    };
    text.parse().map_err(|_| {
        let detail = "No attribute carries an e-mail address and the NameID is none. Release the e-mail attribute at the provider, or set attributeMapping.email.";
        no("email_missing", "e-mail", detail.to_owned())
    })
}

/// The identity that an accepted assertion hands over; `opened` is the key of ours that decrypted it.
pub(crate) fn authenticated(
    claims: Claims,
    assertion: &VerifiedAssertion,
    method: AuthMethod,
    opened: Option<SigningKeyId>,
) -> Authenticated {
    Authenticated {
        claims,
        called: Called::of(assertion),
        issued_at: Timestamp::from_micros(assertion.issue_instant()),
        session_until: assertion.session_not_on_or_after().map(Timestamp::from_micros),
        replay_key: assertion.assertion_id().to_owned(),
        replay_until: Timestamp::from_micros(assertion.replay_until()),
        method,
        certificate: Some(assertion.certificate_fingerprint().to_owned()),
        used_fallback: assertion.used_fallback(),
        opened,
    }
}
