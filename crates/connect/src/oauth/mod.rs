//! The language of authorization servers: OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), revocation (RFC 7009), metadata
//! (RFC 8414) and the issuer in answers (RFC 9207), and what vendors made of it.

pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod authorize;
pub(crate) mod jwt;
pub(crate) mod metadata;
pub(crate) mod revoke;
pub(crate) mod spec;

pub(crate) use answer::AskError;
pub(crate) use spec::{ClientAuth, ClientSpec, GrantKind, TokenBody, TokenPointers};
