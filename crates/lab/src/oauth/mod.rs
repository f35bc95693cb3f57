//! The lab as an authorization server with an API behind it: what authorization profiles and connectors are tried with
//! (RFC 6749, PKCE by RFC 7636, revocation by RFC 7009, the issuer in answers by RFC 9207). Codes and tokens are
//! statements signed with the workspace's own key; what was spent or revoked is remembered by this process.

mod asked;
mod echo;
pub mod faults;
mod memory;
pub(crate) mod pages;
mod service;

pub(crate) use echo::echo;
pub(crate) use memory::Memory;

use crate::Addresses;

impl Addresses {
    /// Who the lab's authorization server is.
    pub fn oauth_issuer(&self) -> String {
        self.absolute(self.oauth_path())
    }

    /// Where people agree.
    pub fn oauth_authorization_url(&self) -> String {
        format!("{}/authorize", self.oauth_issuer())
    }

    /// Where codes and refresh tokens become access tokens.
    pub fn oauth_token_url(&self) -> String {
        format!("{}/token", self.oauth_issuer())
    }

    /// Where tokens are given back.
    pub fn oauth_revocation_url(&self) -> String {
        format!("{}/revoke", self.oauth_issuer())
    }

    /// The API behind it: answers with what it got. Any path below it answers too.
    pub fn oauth_echo_url(&self) -> String {
        format!("{}/echo", self.oauth_issuer())
    }
}
