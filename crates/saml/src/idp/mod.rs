//! Issuing messages: for the built-in lab identity provider, and for tests.
//!
//! Nothing here is used to judge. The lab can be told to misbehave ([`Fault`]), so that administrators see
//! what each refusal looks like before they meet it.

mod encrypt;
mod fault;
mod metadata;
mod response;
mod rstr;
mod sign;

pub use encrypt::{Encryption, KeyTransport, encrypt_element};
pub use fault::Fault;
pub use metadata::{IdpDescription, idp_metadata};
pub use response::{ResponseBuilder, Sign};
pub use rstr::{RstrBuilder, TokenKind};
pub use sign::{SignOptions, canonical_form, sign_enveloped};

use crate::error::Rejection;
use crate::keys::KeyError;

/// Why a message cannot be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdpError {
    /// The message is not XML, or larger than any message may be.
    #[error("the message cannot be processed: {0}")]
    Message(#[from] Rejection),
    /// No element has that ID.
    #[error("no element has the ID {0}")]
    NoSuchId(String),
    /// Signing failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Encryption failed.
    #[error("the cryptographic library could not encrypt for this certificate")]
    Encryption,
}
