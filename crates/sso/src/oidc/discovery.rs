//! The provider's own description (OpenID Connect Discovery 1.0 §3 and §4).

use serde::Deserialize;

use super::{Flaw, quote};
use crate::model::{ClientAuthentication, sign_on_url};

/// The check that a discovery document stands for.
const CHECK: &str = "discovery";
/// Where the document is, below the issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// What a provider takes that does not say (Discovery §3).
const DEFAULT_AUTHENTICATION: &str = "client_secret_basic";

/// What we need of the document; everything else in it is left alone.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    #[serde(default)]
    pub(crate) userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub(crate) end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether answers name the issuer (RFC 9207 §3).
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// Where the document of an issuer is (Discovery §4): a final slash of the issuer counts once.
pub(crate) fn address(issuer: &str) -> String {
    format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer))
}

impl Discovery {
    /// Reads the document of an issuer.
    ///
    /// # Errors
    /// `discovery_invalid` when it is none, `discovery_issuer_mismatch` when it is another issuer's (Discovery §4.3: the
    /// issuer must be identical).
    pub(crate) fn read(body: &[u8], issuer: &str) -> Result<Self, Flaw> {
        let invalid = |why: String| {
            let detail = format!("The discovery document cannot be used: {why}");
            Flaw::new("discovery_invalid", CHECK, detail)
        };
        let found: Self = serde_json::from_slice(body).map_err(|e| invalid(quote(&e.to_string())))?;
        if found.issuer != issuer {
            let detail = format!(
                "The discovery document is of the issuer “{}”, not of “{}”. Enter the issuer exactly as the provider \
                 writes it.",
                quote(&found.issuer),
                quote(issuer)
            );
            return Err(Flaw::new("discovery_issuer_mismatch", CHECK, detail));
        }
        let needed = [
            ("authorization_endpoint", Some(&found.authorization_endpoint)),
            ("token_endpoint", Some(&found.token_endpoint)),
            ("jwks_uri", Some(&found.jwks_uri)),
            ("userinfo_endpoint", found.userinfo_endpoint.as_ref()),
            ("end_session_endpoint", found.end_session_endpoint.as_ref()),
        ];
        for (name, url) in needed {
            if url.is_some_and(|url| sign_on_url(name, url).is_err()) {
                return Err(invalid(format!("{name} is no https address.")));
            }
        }
        Ok(found)
    }

    /// Whether an answer that names this issuer may be this provider's. With a template, which of the many it is, the token
    /// tells.
    pub(crate) fn is_of(&self, issuer: &str) -> bool {
        match self.issuer.split_once("{tenantid}") {
            Some((before, after)) => issuer.starts_with(before) && issuer.ends_with(after),
            None => self.issuer == issuer,
        }
    }

    /// How we authenticate at the token endpoint when the connection does not say: with the secret in the header if
    /// the provider takes it there, else in the form.
    pub(crate) fn authentication(&self, has_secret: bool) -> Option<ClientAuthentication> {
        let takes = |method: &str| match &self.token_endpoint_auth_methods_supported {
            Some(methods) => methods.iter().any(|m| m == method),
            None => method == DEFAULT_AUTHENTICATION,
        };
        match has_secret {
            true if takes("client_secret_basic") => Some(ClientAuthentication::Basic),
            true if takes("client_secret_post") => Some(ClientAuthentication::Post),
            // what the provider forgot to say
            true if !takes("private_key_jwt") => Some(ClientAuthentication::Basic),
            _ if takes("private_key_jwt") => Some(ClientAuthentication::PrivateKeyJwt),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({"issuer": "https://op.test", "authorization_endpoint": "https://op.test/auth",
            "token_endpoint": "https://op.test/token", "jwks_uri": "https://op.test/jwks"})
    }

    fn read(document: &Value) -> Result<Discovery, Flaw> {
        Discovery::read(document.to_string().as_bytes(), "https://op.test")
    }

    #[test]
    fn the_document_is_below_the_issuer_whether_it_ends_in_a_slash_or_not() {
        let at = "https://op.test/t/.well-known/openid-configuration";
        assert_eq!(address("https://op.test/t"), at);
        assert_eq!(address("https://op.test/t/"), at);
    }

    #[test]
    fn the_issuer_must_be_the_very_same() {
        assert_eq!(read(&document()).unwrap().issuer, "https://op.test");
        for other in ["https://op.test/", "https://OP.test", "https://evil.test"] {
            let mut found = document();
            found["issuer"] = json!(other);
            assert_eq!(read(&found).unwrap_err().code, "discovery_issuer_mismatch", "{other}");
        }
    }

    #[test]
    fn addresses_that_nobody_may_be_sent_to_make_the_document_useless() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"] {
            for bad in ["http://op.test/x", "javascript:alert(1)", ""] {
                let mut found = document();
                found[name] = json!(bad);
                assert_eq!(read(&found).unwrap_err().code, "discovery_invalid", "{name} {bad}");
            }
        }
        let mut found = document();
        found.as_object_mut().unwrap().remove("jwks_uri");
        assert_eq!(read(&found).unwrap_err().code, "discovery_invalid");
        assert_eq!(Discovery::read(b"<html>", "https://op.test").unwrap_err().code, "discovery_invalid");
    }

    #[test]
    fn the_header_is_preferred_for_the_secret() {
        let with = |methods: Value, has_secret| {
            let mut found = document();
            found["token_endpoint_auth_methods_supported"] = methods;
            read(&found).unwrap().authentication(has_secret)
        };
        use ClientAuthentication::{Basic, Post, PrivateKeyJwt};
        assert_eq!(with(json!(["client_secret_post", "client_secret_basic"]), true), Some(Basic));
        assert_eq!(with(json!(["client_secret_post", "private_key_jwt"]), true), Some(Post));
        assert_eq!(with(json!(["private_key_jwt"]), true), Some(PrivateKeyJwt));
        assert_eq!(with(json!(["private_key_jwt"]), false), Some(PrivateKeyJwt));
        assert_eq!(with(json!(null), true), Some(Basic));
        assert_eq!(with(json!(["none"]), false), None);
    }
}
