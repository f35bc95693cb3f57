use std::str::FromStr;

use gatehouse_types::Error;
use serde::{Deserialize, Serialize};

use super::OidcConfig;

/// How we prove to an OpenID provider who we are (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// The client secret in the header (`client_secret_basic`).
    Basic,
    /// The client secret in the form (`client_secret_post`).
    Post,
    /// A statement signed with our key (`private_key_jwt`).
    PrivateKeyJwt,
}

impl ClientAuthentication {
    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Post => "post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

impl FromStr for ClientAuthentication {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "basic" => Ok(Self::Basic),
            "post" => Ok(Self::Post),
            "private_key_jwt" => Ok(Self::PrivateKeyJwt),
            _ => Err(Error::validation(
                "oidcConfig.clientAuthentication",
                "clientAuthentication must be one of basic, post, private_key_jwt.",
            )),
        }
    }
}

/// What is asked for when a connection asks for no scopes (OpenID Connect core §5.4).
pub const DEFAULT_SCOPES: [&str; 3] = ["openid", "profile", "email"];

impl OidcConfig {
    /// The configuration that names nothing: the operator's client of a preset, like "Sign in with Google".
    pub fn of_operator() -> Self {
        Self {
            issuer_url: String::new(),
            client_id: String::new(),
            discovery_url: None,
            scopes: DEFAULT_SCOPES.map(str::to_owned).to_vec(),
            client_authentication: None,
            trust_email: false,
        }
    }

    /// The origins that are told the client secret, or told where to send it.
    pub(crate) fn asked_at(&self) -> [Option<url::Origin>; 2] {
        let origin = |url: &str| url::Url::parse(url).ok().map(|u| u.origin());
        let discovery = self.discovery_url.as_deref().unwrap_or(&self.issuer_url);
        [origin(&self.issuer_url), origin(discovery)]
    }

    /// Whether the operator's client is meant.
    pub fn is_of_operator(&self) -> bool {
        self.issuer_url.is_empty() && self.client_id.is_empty()
    }
}
