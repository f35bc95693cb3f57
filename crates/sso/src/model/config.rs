use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use gatehouse_types::{Error, Result};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::ClientAuthentication;
use super::wsfed::WsfedConfig;

/// The longest URL or entity id, in bytes (SAML 2.0 core §8.3.6 allows 1024 for entity ids).
const MAX_URL: usize = 1024;
/// Entries of an attribute mapping at most.
const MAX_MAPPINGS: usize = 20;

/// Authentication contexts demanded at most.
const MAX_CONTEXTS: usize = 10;

/// How the provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// OpenID Connect.
    Oidc,
    /// SAML 2.0.
    Saml,
    /// WS-Federation.
    Wsfed,
}

impl Protocol {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Wsfed => "wsfed",
        }
    }
}

impl FromStr for Protocol {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Oidc, Self::Saml, Self::Wsfed].into_iter().find(|p| p.as_str() == text);
        found.ok_or_else(|| Error::validation("protocol", "protocol must be one of oidc, saml, wsfed."))
    }
}

/// The preset whose labels and guide the console shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Okta.
    Okta,
    /// OneLogin.
    Onelogin,
    /// Windows Azure, today Entra ID.
    Azure,
    /// Google.
    Google,
    /// Any other.
    Other,
}

impl Provider {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Okta => "okta",
            Self::Onelogin => "onelogin",
            Self::Azure => "azure",
            Self::Google => "google",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::Okta, Self::Onelogin, Self::Azure, Self::Google, Self::Other];
        let found = all.into_iter().find(|p| p.as_str() == text);
        found.ok_or_else(|| {
            Error::validation("provider", "provider must be one of okta, onelogin, azure, google, other.")
        })
    }
}

/// How requests travel to a SAML identity provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestBinding {
    /// In the address (HTTP-Redirect).
    #[default]
    Redirect,
    /// In a form (HTTP-POST).
    Post,
}

impl RequestBinding {
    /// Its identifier (SAML 2.0 bindings).
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Redirect => gatehouse_saml::HTTP_REDIRECT,
            Self::Post => gatehouse_saml::HTTP_POST,
        }
    }
}

impl FromStr for RequestBinding {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "redirect" => Ok(Self::Redirect),
            "post" => Ok(Self::Post),
            _ => Err(Error::validation(
                "samlConfig.requestBinding",
                "requestBinding must be one of redirect, post.",
            )),
        }
    }
}

/// How to reach and believe a SAML identity provider. Its certificates are kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SamlConfig {
    /// The provider's entity id: the issuer of its assertions.
    pub entity_id: String,
    /// Where requests go.
    pub sso_url: String,
    /// Whether requests are signed.
    #[serde(default)]
    pub sign_requests: bool,
    /// `email` and `name` to the names of the attributes that carry them.
    #[serde(default)]
    pub attribute_mapping: BTreeMap<String, String>,
    /// Whether SHA-1 signatures count; a warned exception for old providers.
    #[serde(default)]
    pub allow_sha1: bool,
    /// The assertion consumer service that requests name: that of the connection, else the common one.
    #[serde(default)]
    pub own_acs: bool,
    /// Where logout requests go; `None`: signing out here is not told to the provider.
    #[serde(default)]
    pub slo_url: Option<String>,
    /// Where answers to the provider's logout requests go, when not to the same.
    #[serde(default)]
    pub slo_response_url: Option<String>,
    /// How logout messages travel there.
    #[serde(default)]
    pub slo_binding: SloBinding,
    /// How requests travel.
    #[serde(default)]
    pub request_binding: RequestBinding,
    /// Whether requests demand that people authenticate anew.
    #[serde(default)]
    pub force_authn: bool,
    /// The kind of name that requests ask for.
    #[serde(default)]
    pub name_id_format: Option<String>,
    /// The authentication contexts of which requests demand one.
    #[serde(default)]
    pub authn_context: Vec<String>,
    /// Where the provider's metadata is fetched again and again.
    #[serde(default)]
    pub metadata_url: Option<String>,
    /// The certificate, in PEM, that the metadata must be signed with.
    #[serde(default)]
    pub metadata_certificate: Option<String>,
}

/// How logout messages travel to the provider (SAML 2.0 bindings §3.4 and §3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SloBinding {
    /// HTTP-Redirect: in the address.
    #[default]
    Redirect,
    /// HTTP-POST: in a form.
    Post,
}

impl FromStr for SloBinding {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "redirect" => Ok(Self::Redirect),
            "post" => Ok(Self::Post),
            _ => Err(Error::validation("samlConfig.sloBinding", "sloBinding must be redirect or post.")),
        }
    }
}

/// How to reach an OpenID provider; its client secret is sealed in a column of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OidcConfig {
    /// The issuer.
    pub issuer_url: String,
    /// Our client id there.
    pub client_id: String,
    /// Where the discovery document is, when not at the usual place below the issuer.
    pub discovery_url: Option<String>,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// How we authenticate at the token endpoint; `None`: as the provider's metadata says.
    #[serde(default)]
    pub client_authentication: Option<ClientAuthentication>,
    /// Whether addresses count of which the provider does not say whether they are verified (Entra ID). One that it
    /// calls unverified never counts.
    #[serde(default)]
    pub trust_email: bool,
}

/// The configuration of a connection, by protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Config {
    /// SAML 2.0.
    Saml(SamlConfig),
    /// OpenID Connect.
    Oidc(OidcConfig),
    /// WS-Federation.
    Wsfed(WsfedConfig),
}

impl Config {
    /// The protocol it is of.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Saml(_) => Protocol::Saml,
            Self::Oidc(_) => Protocol::Oidc,
            Self::Wsfed(_) => Protocol::Wsfed,
        }
    }

    /// In whose words people are named: the provider, and where it matters who we are there. A name that one gave says
    /// nothing about who bears it at another.
    pub(crate) fn names_people_as(&self) -> Vec<String> {
        match self {
            Self::Saml(saml) => vec![saml.entity_id.clone()],
            Self::Wsfed(wsfed) => wsfed.expected_issuer().into_iter().collect(),
            Self::Oidc(oidc) => {
                let asked_at =
                    oidc.asked_at().map(|o| o.map(|o| o.ascii_serialization()).unwrap_or_default());
                [vec![oidc.issuer_url.clone(), oidc.client_id.clone()], asked_at.to_vec()].concat()
            }
        }
    }

    /// The SAML configuration, when it is one.
    pub const fn saml(&self) -> Option<&SamlConfig> {
        match self {
            Self::Saml(saml) => Some(saml),
            _ => None,
        }
    }

    /// The WS-Federation configuration, when it is one.
    pub const fn wsfed(&self) -> Option<&WsfedConfig> {
        match self {
            Self::Wsfed(wsfed) => Some(wsfed),
            _ => None,
        }
    }

    /// The OpenID Connect configuration, when it is one.
    pub const fn oidc(&self) -> Option<&OidcConfig> {
        match self {
            Self::Oidc(oidc) => Some(oidc),
            _ => None,
        }
    }

    /// Where the provider's metadata is fetched again and again.
    pub fn metadata_url(&self) -> Option<&str> {
        match self {
            Self::Saml(c) => c.metadata_url.as_deref(),
            Self::Wsfed(c) => c.metadata_url.as_deref(),
            Self::Oidc(_) => None,
        }
    }

    /// Whether the provider is told when somebody signs out here.
    pub(crate) const fn is_told_of_sign_outs(&self) -> bool {
        match self {
            Self::Saml(c) => c.slo_url.is_some(),
            Self::Wsfed(_) => true,
            Self::Oidc(_) => false,
        }
    }

    /// The issuer as it was given, or as metadata names it.
    pub(crate) fn known_issuer(&self) -> Option<&str> {
        match self {
            Self::Saml(c) => Some(c.entity_id.as_str()),
            Self::Wsfed(c) => c.issuer.as_deref(),
            Self::Oidc(_) => None,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// `Validation`, naming the field.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Saml(c) => {
                entity_id("samlConfig.entityId", &c.entity_id)?;
                sign_on_url("samlConfig.ssoUrl", &c.sso_url)?;
                for (field, url) in
                    [("samlConfig.sloUrl", &c.slo_url), ("samlConfig.sloResponseUrl", &c.slo_response_url)]
                {
                    url.as_deref().map(|url| sign_on_url(field, url)).transpose()?;
                }
                mapping("samlConfig.attributeMapping", &c.attribute_mapping)?;
                if let Some(format) = &c.name_id_format {
                    uri("samlConfig.nameIdFormat", format)?;
                }
                contexts(&c.authn_context)?;
                if let Some(url) = &c.metadata_url {
                    sign_on_url("samlConfig.metadataUrl", url)?;
                }
                metadata_certificate(c.metadata_certificate.as_deref()).map(drop)
            }
            Self::Oidc(c) if c.is_of_operator() => scopes(&c.scopes),
            Self::Oidc(c) => {
                sign_on_url("oidcConfig.issuerUrl", &c.issuer_url)?;
                required("oidcConfig.clientId", &c.client_id)?;
                if let Some(url) = &c.discovery_url {
                    sign_on_url("oidcConfig.discoveryUrl", url)?;
                }
                scopes(&c.scopes)
            }
            Self::Wsfed(c) => c.check(),
        }
    }
}

pub(super) fn required<'a>(field: &'static str, text: &'a str) -> Result<&'a str> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::validation(field, format!("{field} is required.")));
    }
    if text.len() > MAX_URL || text.chars().any(char::is_control) {
        return Err(Error::validation(field, format!("{field} must not be longer than {MAX_URL} bytes.")));
    }
    Ok(text)
}

pub(super) fn entity_id(field: &'static str, text: &str) -> Result<()> {
    required(field, text).map(drop)
}

pub(super) fn mapping(field: &'static str, mapping: &BTreeMap<String, String>) -> Result<()> {
    let fits = |(k, v): (&String, &String)| !v.trim().is_empty() && k.len() <= 64 && v.len() <= MAX_URL;
    if mapping.len() > MAX_MAPPINGS || !mapping.iter().all(fits) {
        let message = "attributeMapping maps at most 20 names, like email and name, to attribute names.";
        return Err(Error::validation(field, message));
    }
    Ok(())
}

/// A URI as SAML names formats and contexts with (core §8): absolute, without spaces.
fn uri(field: &'static str, text: &str) -> Result<()> {
    let absolute = Url::parse(text).is_ok() && !text.chars().any(char::is_whitespace);
    if absolute && text.len() <= MAX_URL {
        return Ok(());
    }
    Err(Error::validation(field, format!("{field} must be a URI, like urn:oasis:names:tc:SAML:…")))
}

fn contexts(contexts: &[String]) -> Result<()> {
    const FIELD: &str = "samlConfig.authnContext";
    if contexts.len() > MAX_CONTEXTS {
        return Err(Error::validation(FIELD, "authnContext names at most 10 context classes."));
    }
    contexts.iter().try_for_each(|c| uri(FIELD, c))
}

/// The certificate that metadata must be signed with.
///
/// # Errors
/// `Validation` when the text is none of a key we accept.
pub fn metadata_certificate(text: Option<&str>) -> Result<Option<gatehouse_saml::Certificate>> {
    let read = |text: &str| {
        let certificate = gatehouse_saml::Certificate::from_pem_or_base64(text)?;
        certificate.check_key().map(|()| certificate)
    };
    text.map(read).transpose().map_err(|e| {
        Error::validation("samlConfig.metadataCertificate", format!("The certificate cannot be used: {e}"))
    })
}

fn scopes(scopes: &[String]) -> Result<()> {
    // scope-token of RFC 6749 §3.3
    let token = |s: &String| {
        !s.is_empty()
            && s.len() <= 128
            && s.bytes().all(|b| (0x21..=0x7E).contains(&b) && b != b'"' && b != b'\\')
    };
    if scopes.len() > 32 || !scopes.iter().all(token) {
        return Err(Error::validation(
            "oidcConfig.scopes",
            "scopes must be a list of at most 32 scope names.",
        ));
    }
    Ok(())
}

/// A URL that people's browsers or we are sent to: https, or http on this very machine.
///
/// # Errors
/// `Validation`, naming the field.
pub fn sign_on_url(field: &'static str, text: &str) -> Result<Url> {
    let text = required(field, text)?;
    let refuse = || {
        Error::validation(
            field,
            format!("{field} must be an https URL (http only at localhost or a loopback address)."),
        )
    };
    let url = Url::parse(text).map_err(|_| refuse())?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err(refuse()),
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match url.scheme() {
        "https" if plain => Ok(url),
        "http" if plain && loopback => Ok(url),
        _ => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_sent_to_https_or_to_this_machine_only() {
        for good in [
            "https://idp.example/sso?x=1",
            "http://127.0.0.1:8091/sso",
            "http://localhost/sso",
            "http://[::1]/",
        ] {
            sign_on_url("f", good).unwrap();
        }
        for bad in [
            "",
            "http://idp.example/",
            "javascript:alert(1)",
            "https://u:p@idp.example/",
            "//x",
            "https://",
            "https://idp.example/#f",
            "http://127.0.0.1.example/",
        ] {
            assert!(sign_on_url("f", bad).is_err(), "{bad}");
        }
    }
}
