//! What a verified ID token, and if need be the userinfo endpoint, says about a person.

use gatehouse_types::Domain;
use serde_json::{Map, Value};

use crate::oidc::{Flaw, quote};
use crate::service::person::Claims;

/// The longest shown name that is taken over, in characters.
const MAX_NAME: usize = 200;

/// The claims (Core §5.1). `email_verified` counts as true when it is `true` or the text "true", which some send, and
/// when it is absent from a provider whose addresses are trusted.
///
/// # Errors
/// `email_missing` without a usable address.
pub(crate) fn read(subject: &str, said: &Map<String, Value>, trusted: bool) -> Result<Claims, Flaw> {
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    let email = text("email").and_then(|t| t.parse().ok()).ok_or_else(|| {
        let detail = match text("email") {
            Some(other) => format!("The claim email is no address: “{}”.", quote(other)),
            None => "The provider gave no e-mail address. Allow the scope email for our client, and give the person \
                     an address at the provider."
                .to_owned(),
        };
        Flaw::new("email_missing", "e-mail", detail)
    })?;
    let verified = match said.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(text)) => text == "true",
        None | Some(Value::Null) => trusted,
        Some(_) => false,
    };
    let name = text("name").map(|n| n.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect());
    Ok(Claims {
        subject: subject.to_owned(),
        format: None,
        email,
        email_verified: verified,
        attributes: said.iter().filter_map(|(name, value)| Some((name.clone(), texts(value)?))).collect(),
        name,
    })
}

/// The values of a claim that is a text or a list of texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(all) => all.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// What counts of the userinfo endpoint's word.
pub(crate) fn taken(userinfo: Map<String, Value>) -> Map<String, Value> {
    userinfo
        .into_iter()
        .filter(|(name, _)| ["email", "email_verified", "name"].contains(&name.as_str()))
        .collect()
}

/// Adds what the userinfo endpoint says and the ID token does not. The address and whether it is verified belong
/// together and come from one place.
pub(crate) fn complete(mut said: Map<String, Value>, userinfo: Map<String, Value>) -> Map<String, Value> {
    if !said.contains_key("email") {
        said.remove("email_verified");
        let taken = ["email", "email_verified"].into_iter();
        said.extend(taken.filter_map(|name| Some((name.to_owned(), userinfo.get(name)?.clone()))));
    }
    if let (false, Some(name)) = (said.contains_key("name"), userinfo.get("name")) {
        said.insert("name".to_owned(), name.clone());
    }
    said
}

/// The organisation of a Google account (`hd`) must be one whose domain is verified here.
///
/// # Errors
/// `hosted_domain_mismatch`.
pub(crate) fn hosted_domain(said: &Map<String, Value>, verified: &[Domain]) -> Result<String, Flaw> {
    let found = said.get("hd").and_then(Value::as_str);
    let domain = found.and_then(|hd| hd.parse::<Domain>().ok());
    match domain.filter(|d| verified.contains(d)) {
        Some(domain) => Ok(format!("The account is of the organisation {domain}.")),
        None => {
            let detail = match found {
                Some(hd) => format!(
                    "The account is of the organisation “{}” (hd), none of the verified domains.",
                    quote(hd)
                ),
                None => {
                    "The account is of no organisation (hd is missing): a private Google account.".to_owned()
                }
            };
            Err(Flaw::new("hosted_domain_mismatch", "organisation", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_address_is_verified_when_it_is_said_in_so_many_words() {
        let verified = |value: Value| {
            let said = map(json!({"email": "a@b.test", "email_verified": value}));
            read("s", &said, false).unwrap().email_verified
        };
        assert!(verified(json!(true)) && verified(json!("true")));
        for not in [json!(false), json!("false"), json!("TRUE"), json!(1), json!(null), json!(["true"])] {
            assert!(!verified(not.clone()), "{not}");
        }
        assert!(!read("s", &map(json!({"email": "a@b.test"})), false).unwrap().email_verified);
        for none in [json!({}), json!({"email": "x"}), json!({"email": ["a@b.test"]})] {
            assert_eq!(read("s", &map(none), true).unwrap_err().code, "email_missing");
        }
    }

    #[test]
    fn trust_fills_silence_and_never_overrules_the_provider() {
        let verified = |said: Value| read("s", &map(said), true).unwrap().email_verified;
        assert!(verified(json!({"email": "a@b.test"})));
        assert!(verified(json!({"email": "a@b.test", "email_verified": null})));
        for no in [json!(false), json!("false"), json!(0), json!([])] {
            assert!(!verified(json!({"email": "a@b.test", "email_verified": no.clone()})), "{no}");
        }
    }

    #[test]
    fn address_and_its_proof_come_from_one_place() {
        let token = map(json!({"email_verified": true}));
        let full = complete(token, map(json!({"email": "a@b.test", "name": "A"})));
        assert!(
            !read("s", &full, false).unwrap().email_verified,
            "the token's word was about another address"
        );
        let token = map(json!({"email": "a@b.test"}));
        let full = complete(token, map(json!({"email": "c@d.test", "email_verified": true})));
        let read = read("s", &full, false).unwrap();
        assert_eq!((read.email.to_string().as_str(), read.email_verified), ("a@b.test", false));
    }

    #[test]
    fn r024_a_google_account_must_be_of_a_verified_organisation() {
        let verified = ["corp.test".parse().unwrap()];
        assert!(hosted_domain(&map(json!({"hd": "corp.test"})), &verified).is_ok());
        for other in [json!({"hd": "evil.test"}), json!({}), json!({"hd": ""}), json!({"hd": ["corp.test"]})]
        {
            assert_eq!(hosted_domain(&map(other), &verified).unwrap_err().code, "hosted_domain_mismatch");
        }
    }
}
