//! Reading what a service provider asks.

use gatehouse_saml::{AuthnRequest, Certificate, ReceivedRequest, RedirectError, limits};
use gatehouse_types::{Error, Kind, Result};
use gatehouse_web::PublicUrl;

use crate::addresses::AcsUrl;

/// The longest request id that is repeated.
const MAX_ID: usize = 128;

/// Whom the lab of one workspace answers.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The one service provider it knows: this Gatehouse.
    pub(crate) issuer: String,
    /// Where requests to this workspace's lab are addressed.
    pub(crate) destination: String,
    /// Where the answer goes when the request does not say.
    pub(crate) default_acs: String,
    /// The host whose consumer services count.
    pub(crate) public_url: PublicUrl,
    /// Verifies signed requests, when it is known.
    pub(crate) certificate: Option<Certificate>,
}

/// What a request's signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// None is there.
    Absent,
    /// One is there; nothing to check it with.
    Unchecked,
    /// It is the service provider's.
    Verified,
}

impl Signature {
    /// In words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Absent => "not signed",
            Self::Unchecked => "signed, not checked",
            Self::Verified => "signed and verified",
        }
    }

    /// The tone of its badge.
    pub(crate) const fn tone(self) -> &'static str {
        match self {
            Self::Absent | Self::Unchecked => "neutral",
            Self::Verified => "good",
        }
    }
}

/// An acceptable request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) request_id: String,
    pub(crate) acs: AcsUrl,
    pub(crate) relay_state: Option<String>,
    pub(crate) force_authn: bool,
    pub(crate) signature: Signature,
}

impl Expected {
    /// Reads a request of the HTTP-Redirect binding (SAML 2.0 bindings §3.4) from the raw query string.
    ///
    /// # Errors
    /// When it is no request, too large, wrongly signed, of another service provider, addressed to another identity
    /// provider (core §3.2.1: the recipient must check) or wants its answer elsewhere than at this host.
    pub(crate) fn read(&self, query: &str) -> Result<Asked> {
        let received =
            AuthnRequest::from_redirect_query(query, self.certificate.as_ref()).map_err(refused)?;
        let there = query.split('&').any(|p| p.starts_with("Signature="));
        self.accept(received, there)
    }

    /// Reads a request of the HTTP-POST binding (bindings §3.5).
    ///
    /// # Errors
    /// As [`Expected::read`].
    pub(crate) fn read_post(&self, field: &str, relay_state: Option<String>, now: i64) -> Result<Asked> {
        let known = self.certificate.as_slice();
        let received = AuthnRequest::from_post_field(field, relay_state, known, now).map_err(refused)?;
        self.accept(received, false)
    }

    /// The request, when it may be answered; `signed` says whether a signature is there at all.
    fn accept(&self, received: ReceivedRequest, signed: bool) -> Result<Asked> {
        let signature = match (received.signature_verified, signed) {
            (true, _) => Signature::Verified,
            (false, true) => Signature::Unchecked,
            (false, false) => Signature::Absent,
        };
        if received.issuer != self.issuer {
            return Err(refuse("The request is not from this Gatehouse: the lab answers nobody else."));
        }
        if received.destination.as_ref().is_some_and(|d| *d != self.destination) {
            return Err(refuse("The request is addressed to another identity provider."));
        }
        let wanted = received.acs_url.as_deref().unwrap_or(&self.default_acs);
        let acs = consumer_service(&self.public_url, wanted)?;
        Ok(Asked {
            request_id: request_id(received.id)?,
            acs,
            relay_state: relay_state(received.relay_state)?,
            force_authn: received.force_authn,
            signature,
        })
    }
}

/// The wanted consumer service.
///
/// # Errors
/// `InvalidRequest` when it is none of this host: the lab never sends anybody elsewhere.
pub(crate) fn consumer_service(public_url: &PublicUrl, wanted: &str) -> Result<AcsUrl> {
    AcsUrl::parse(public_url, wanted)
        .ok_or_else(|| refuse("The answer is wanted at an address that is no sign-in address of this host."))
}

/// An id that can be repeated as InResponseTo: an NCName (core §1.3.4) in ASCII, of bounded length.
///
/// # Errors
/// `InvalidRequest` for anything else.
pub(crate) fn request_id(id: String) -> Result<String> {
    let begins = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if begins && fits && id.len() <= MAX_ID { Ok(id) } else { Err(refuse("The request has no usable ID.")) }
}

/// A relay state of bounded length; an empty one is none.
///
/// # Errors
/// `Validation` on the field `relayState` when it is too long.
pub(crate) fn relay_state(text: Option<String>) -> Result<Option<String>> {
    let text = text.filter(|t| !t.is_empty());
    if text.as_ref().is_some_and(|t| t.len() > limits::RELAY_STATE_BYTES) {
        let words = format!("The relay state is longer than {} bytes.", limits::RELAY_STATE_BYTES);
        return Err(Error::validation("relayState", words));
    }
    Ok(text)
}

fn refuse(why: &'static str) -> Error {
    Error::invalid_request(why)
}

fn refused(why: RedirectError) -> Error {
    match why {
        RedirectError::TooLarge => Error::new(Kind::PayloadTooLarge, "The request is too large."),
        RedirectError::Missing => refuse(
            "This address answers sign-in requests, and none came along. Begin at Gatehouse, or at the lab's start page.",
        ),
        other => Error::invalid_request(format!("The sign-in request cannot be used: {other}.")),
    }
}

#[cfg(test)]
#[path = "tests/request.rs"]
mod tests;
