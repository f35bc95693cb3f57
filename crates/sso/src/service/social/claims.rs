//! What a verified token of Google or Microsoft proves, and what it only says.

use gatehouse_identity::model::SocialProvider;
use gatehouse_types::Email;
use serde_json::{Map, Value};

use super::TENANT;
use crate::oidc::{Flaw, quote};

/// The longest name of an account that is kept, in characters.
const MAX_LABEL: usize = 254;
/// The domains of Google's own mailboxes.
const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];
/// The length of a tenant's id: a GUID with its hyphens.
const TENANT_ID: usize = 36;

fn text<'a>(said: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    said.get(name).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty())
}

/// The address that the account is proven to have.
///
/// Google's word counts for its own mailboxes and for organisations that it hosts (`hd`): elsewhere `email_verified` tells
/// of a day long past. Microsoft's `email` is whatever a tenant's administrator wrote; only `xms_edov` says that the
/// tenant owns the domain.
pub(super) fn proven_email(provider: SocialProvider, said: &Map<String, Value>) -> Option<Email> {
    let email: Email = text(said, "email")?.parse().ok()?;
    let verified = said.get("email_verified").map(is_true);
    let proven = match provider {
        SocialProvider::Google => {
            let own = GMAIL.contains(&email.domain().to_string().as_str());
            verified == Some(true) && (own || text(said, "hd").is_some())
        }
        SocialProvider::Microsoft => verified != Some(false) && said.get("xms_edov").is_some_and(is_edov),
    };
    proven.then_some(email)
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true) || value.as_str() == Some("true")
}

/// Microsoft writes it as a boolean, a number or a text.
fn is_edov(value: &Value) -> bool {
    is_true(value) || value.as_i64() == Some(1) || value.as_str() == Some("1")
}

/// What the account is called there, to tell it from others.
pub(super) fn label(said: &Map<String, Value>) -> Option<String> {
    let named = text(said, "email").or_else(|| text(said, "preferred_username"))?;
    Some(named.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect())
}

/// The shown name.
pub(super) fn name(said: &Map<String, Value>) -> Option<String> {
    text(said, "name").map(|n| n.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect())
}

/// The issuer that a token must name: that of the document, with the token's own tenant in the place of the template's.
/// That the token is right about its tenant, its signature and the comparison of its issuer tell.
///
/// # Errors
/// `tenant_missing` when the template cannot be filled.
pub(super) fn issuer_of(documented: &str, said: Option<&Map<String, Value>>) -> Result<String, Flaw> {
    if !documented.contains(TENANT) {
        return Ok(documented.to_owned());
    }
    let tenant = said.and_then(|said| text(said, "tid")).unwrap_or_default();
    let is_id = tenant.len() == TENANT_ID
        && tenant.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        });
    if !is_id {
        let detail = format!("The token is of no tenant (tid is “{}”).", quote(tenant));
        return Err(Flaw::new("tenant_missing", "tenant", detail));
    }
    Ok(documented.replace(TENANT, tenant))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn google_proves_addresses_of_its_own_and_of_hosted_organisations() {
        let proven = |said: Value| proven_email(SocialProvider::Google, &map(said)).map(|e| e.to_string());
        let corp = || Some("a@corp.test".to_owned());
        assert_eq!(
            proven(json!({"email": "a@corp.test", "email_verified": true, "hd": "corp.test"})),
            corp()
        );
        assert_eq!(
            proven(json!({"email": "a@gmail.com", "email_verified": "true"})),
            Some("a@gmail.com".to_owned())
        );
        for not in [
            json!({"email": "a@corp.test", "email_verified": true}),
            json!({"email": "a@corp.test", "email_verified": true, "hd": ""}),
            json!({"email": "a@corp.test", "hd": "corp.test"}),
            json!({"email": "a@gmail.com", "email_verified": false}),
            json!({"email": "a@gmail.com", "email_verified": 1}),
            json!({"email": "a@gmail.com.evil.test", "email_verified": true}),
            json!({"email_verified": true, "hd": "corp.test"}),
        ] {
            assert_eq!(proven(not.clone()), None, "{not}");
        }
    }

    #[test]
    fn microsoft_proves_an_address_only_by_the_owner_of_its_domain() {
        let proven = |said: Value| proven_email(SocialProvider::Microsoft, &map(said)).is_some();
        for yes in [json!(true), json!("true"), json!(1), json!("1")] {
            assert!(proven(json!({"email": "a@corp.test", "xms_edov": yes.clone()})), "{yes}");
        }
        for no in [json!(false), json!("false"), json!(0), json!("0"), json!(null), json!([1]), json!("yes")]
        {
            assert!(!proven(json!({"email": "a@corp.test", "xms_edov": no.clone()})), "{no}");
        }
        for not in [
            json!({"email": "a@corp.test"}),
            json!({"email": "a@corp.test", "email_verified": true}),
            json!({"email": "a@corp.test", "email_verified": false, "xms_edov": true}),
            json!({"preferred_username": "a@corp.test", "xms_edov": true}),
        ] {
            assert!(!proven(not.clone()), "{not}");
        }
    }

    #[test]
    fn the_template_is_filled_with_a_tenant_and_with_nothing_else() {
        const DOCUMENT: &str = "https://ms.test/{tenantid}/v2.0";
        let id = "9188040d-6c67-4c5b-b112-36a304b66dad";
        let of = |tid: Value| issuer_of(DOCUMENT, Some(&map(json!({ "tid": tid }))));
        assert_eq!(of(json!(id)).unwrap(), format!("https://ms.test/{id}/v2.0"));
        for bad in
            [json!(""), json!("common"), json!(id.to_uppercase()), json!(format!("{id}/x")), json!(null)]
        {
            assert_eq!(of(bad.clone()).unwrap_err().code, "tenant_missing", "{bad}");
        }
        assert_eq!(issuer_of("https://g.test", None).unwrap(), "https://g.test");
    }
}
