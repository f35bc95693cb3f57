//! SAML 2.0 and WS-Federation sign-in: judging responses, making requests and metadata, and, for the lab
//! and for tests, issuing responses.
//!
//! A pure engine: no clock, no network, no storage. Times are `i64` microseconds since the Unix epoch and are
//! passed in. The acceptance policy is in `docs/` and is kept rule by rule; the comments name the rules.
//!
//! The way of a message: [`decode_post_binding`] → [`Message::parse`] (bounds, then the tree) →
//! [`Message::peek`] to find the connection → [`verify`] with the connection's [`Policy`].
#![forbid(unsafe_code)]

mod authn_request;
mod c14n;
mod certificate;
mod dsig;
mod error;
pub mod idp;
mod judge;
mod judgement;
mod keys;
pub mod limits;
mod logout;
mod message;
mod metadata;
mod pem;
mod policy;
mod query;
mod redirect;
mod saml11;
mod saml2;
mod scan;
mod structure;
mod time;
mod trace;
mod write;
mod xenc;
mod xml;

pub use authn_request::{AuthnRequest, HTTP_POST, HTTP_REDIRECT, NameIdPolicy, RequestError};
pub use certificate::{Certificate, CertificateError, KeyKind};
pub use error::{Reason, Rejection};
pub use judge::{verify, verify_bytes};
pub use judgement::{Check, Judgement, NameId, VerifiedAssertion};
pub use keys::{DecryptionKey, KeyError, SignatureAlgorithm, SigningKey};
pub use logout::{
    LogoutError, LogoutJudgement, LogoutKind, LogoutMessage, LogoutPeek, LogoutRequest, LogoutResponse,
    LogoutStatus, VerifiedLogout, VerifiedLogoutRequest, VerifiedLogoutResponse, verify_logout,
};
pub use message::{Message, MessageProtocol, Peek, decode_post_binding};
pub use metadata::{
    IdpMetadata, LogoutService, MetadataError, Organisation, SpMetadata, parse_idp_metadata,
    read_idp_metadata, sp_metadata,
};
pub use policy::{CLOCK_SKEW, InResponseTo, Policy, Protocol};
pub use redirect::{ReceivedRequest, RedirectError};
pub use trace::{Outline, redact};
