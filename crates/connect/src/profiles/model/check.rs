//! The rules of single values. Messages name the field as people know it.

use gatehouse_types::{Error, Result, Secret};
use url::Url;

use super::hosts::is_loopback;
use super::tenancy::{has_tenancy, misplaced, with_tenancy};

/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;
/// The longest client id, secret or issuer, in characters.
const MAX_ID: usize = 1_000;
/// The longest address, in characters.
const MAX_URL: usize = 2_000;
/// The longest scope, in characters.
const MAX_SCOPE: usize = 2_000;
/// The longest text that marks a refusal, in characters.
const MAX_MARK: usize = 200;

fn line(field: &'static str, label: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::validation(field, format!("Enter the {label}.")));
    }
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(Error::validation(
            field,
            format!("The {label} is one line of at most {most} characters."),
        ));
    }
    Ok(text.to_owned())
}

pub(crate) fn name(text: &str) -> Result<String> {
    line("identityProviderName", "identity provider name", text, MAX_NAME)
}

pub(crate) fn description(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAX_DESCRIPTION
        || text.chars().any(|c| c.is_control() && c != '\n' && c != '\r')
    {
        return Err(Error::validation("description", "The description has at most 500 characters."));
    }
    Ok(text.to_owned())
}

pub(crate) fn client_id(text: &str) -> Result<String> {
    line("clientId", "client ID", text, MAX_ID)
}

pub(crate) fn client_secret(secret: &Secret) -> Result<Secret> {
    // spaces at the ends come from copying; the provider gives none
    line("clientSecret", "client secret", secret.expose(), MAX_ID).map(Secret::new)
}

/// Scopes are sent exactly as they are entered.
pub(crate) fn scope(text: &str) -> Result<String> {
    if text.chars().count() > MAX_SCOPE || text.chars().any(char::is_control) {
        return Err(Error::validation("scope", "The scope is one line of at most 2000 characters."));
    }
    Ok(text.trim().to_owned())
}

pub(crate) fn auth_error_status(status: i64) -> Result<u16> {
    let status = u16::try_from(status).ok().filter(|s| (100..=599).contains(s));
    status.ok_or_else(|| {
        Error::validation("authErrorStatusCode", "The auth error status code is a number from 100 to 599.")
    })
}

pub(crate) fn auth_error_text(text: &str) -> Result<String> {
    if text.chars().count() > MAX_MARK || text.chars().any(char::is_control) {
        return Err(Error::validation("authErrorBody", "The text is one line of at most 200 characters."));
    }
    Ok(text.trim().to_owned())
}

pub(crate) fn issuer(text: &str) -> Result<Option<String>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let text = line("issuer", "issuer", text, MAX_ID)?;
    address("issuer", "issuer", &text, false)?;
    Ok(Some(text))
}

/// An address of an authorization server: https, but for this machine; with a place for the tenant if there are tenants.
pub(crate) fn url(field: &'static str, label: &str, text: &str, tenancy: bool) -> Result<String> {
    let text = line(field, label, text, MAX_URL)?;
    address(field, label, &text, tenancy)?;
    Ok(text)
}

fn address(field: &'static str, label: &str, text: &str, tenancy: bool) -> Result<()> {
    let wrong = |why: &str| Err(Error::validation(field, format!("The {label} {why}")));
    if has_tenancy(text) {
        if !tenancy {
            return wrong("has a place for a tenancy, which is switched off.");
        }
        if let Some(why) = misplaced(text) {
            return Err(Error::validation(field, why));
        }
    }
    let Ok(url) = Url::parse(&with_tenancy(text, "tenant")) else {
        return wrong("must be a whole address like https://login.example.com/oauth/token.");
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return wrong("must begin with https://.");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return wrong("must hold no user name, password or fragment.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_but_for_this_machine() {
        let url = |text: &str| url("tokenRequestUrl", "token request URL", text, true);
        for good in [
            "https://op.test/token?x=1",
            "http://127.0.0.1:9/t",
            "http://localhost/t",
            "https://{tenancy}.op.test/t",
        ] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "http://op.test/t",
            "op.test",
            "https://a:b@op.test/",
            "https://op.test/#x",
            "ftp://op.test",
            "https://{tenancy}/",
        ] {
            assert_eq!(url(bad).unwrap_err().field(), Some("tokenRequestUrl"), "{bad}");
        }
    }

    #[test]
    fn a_place_for_a_tenancy_needs_the_choice() {
        assert!(super::url("authorizationUrl", "x", "https://{tenancy}.op.test/", false).is_err());
    }
}
