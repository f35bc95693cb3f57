use gatehouse_types::{AuthProfileId, Error, Result, Secret, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::{AllowedHost, Fields};
use crate::oauth::ClientAuth;

/// How a profile comes by tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) enum AuthorizationType {
    /// A person consents in the browser.
    #[serde(rename = "oauth2")]
    OAuth2,
    /// The client id and secret alone are exchanged for tokens.
    #[serde(rename = "oauth2_client_credentials")]
    ClientCredentials,
}

impl AuthorizationType {
    /// The name, as stored and in the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OAuth2 => "oauth2",
            Self::ClientCredentials => "oauth2_client_credentials",
        }
    }

    /// What people call it.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::OAuth2 => "OAuth V2",
            Self::ClientCredentials => "OAuth V2 Client Credentials",
        }
    }
}

impl std::str::FromStr for AuthorizationType {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "oauth2" => Ok(Self::OAuth2),
            "oauth2_client_credentials" => Ok(Self::ClientCredentials),
            "" => Err(Error::validation("authorizationType", "Select the authorization type.")),
            _ => Err(Error::validation(
                "authorizationType",
                "The authorization type must be oauth2 or oauth2_client_credentials.",
            )),
        }
    }
}

/// A profile without its secrets.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) id: AuthProfileId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) version: i64,
    pub(crate) kind: AuthorizationType,
    /// The name of the identity provider; never changed.
    pub(crate) name: String,
    pub(crate) description: String,
    /// The unguessable end of the callback's address.
    pub(crate) context: String,
    pub(crate) client_id: String,
    pub(crate) client_auth: ClientAuth,
    /// Addresses are kept as they were entered: they may have a place for the tenant.
    pub(crate) authorization_url: Option<String>,
    pub(crate) tenancy_url: bool,
    pub(crate) token_url: String,
    pub(crate) refresh_url: Option<String>,
    pub(crate) revocation_url: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) scope: String,
    /// The status with which the outside says that a token is not taken.
    pub(crate) auth_error_status: u16,
    /// What must stand in the body besides; empty: nothing.
    pub(crate) auth_error_text: String,
    /// Where its tokens may go.
    pub(crate) allowed_hosts: Vec<AllowedHost>,
    /// Who answers for it.
    pub(crate) responsible: Option<UserId>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// What is sealed of a profile.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    pub(crate) client_secret: Secret,
    pub(crate) fields: Fields,
}

/// How a client shows its secret, as stored and in the API.
pub(crate) const fn client_auth_name(auth: ClientAuth) -> &'static str {
    match auth {
        ClientAuth::Basic => "basic",
        ClientAuth::Post => "post",
        ClientAuth::None => "none",
    }
}

/// The way of a name; a profile always has a secret.
///
/// # Errors
/// `Validation`.
pub(crate) fn client_auth(text: &str) -> Result<ClientAuth> {
    match text {
        "basic" => Ok(ClientAuth::Basic),
        "post" => Ok(ClientAuth::Post),
        _ => {
            Err(Error::validation("clientAuthentication", "The client authentication must be basic or post."))
        }
    }
}
