use std::error::Error as StdError;
use std::io;

use super::OutboundRequest;
use super::guard;
use super::resolver::Unreachable;
use crate::DnsError;
use crate::egress::Forbidden;

/// Why a call gave no answer. Texts are for administrators: they name the origin (scheme, host, port), never a
/// path, a query string, a header or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule of ours forbids the call; nothing was sent to the place that is named.
    #[error("Gatehouse does not call {origin}: {reason}")]
    Refused {
        /// The place.
        origin: String,
        /// The rule.
        reason: Refusal,
    },
    /// The host could not be looked up.
    #[error("{origin} was not called. {source}")]
    Resolve {
        /// The place.
        origin: String,
        /// What went wrong.
        source: DnsError,
    },
    /// The host has no address.
    #[error(
        "{origin} was not called: its name has no address in DNS. Check the spelling, and that the name is published."
    )]
    NoSuchHost {
        /// The place.
        origin: String,
    },
    /// No connection came about.
    #[error(
        "No connection to {origin} ({detail}). Check that it runs and that a firewall lets this server through."
    )]
    Connect {
        /// The place.
        origin: String,
        /// The network's words.
        detail: String,
    },
    /// It took longer than the call may take.
    #[error(
        "{origin} did not answer within {seconds} seconds. Try again; if it lasts, ask those who run it."
    )]
    Timeout {
        /// The place.
        origin: String,
        /// The time it had.
        seconds: f32,
    },
    /// The answer is larger than we read.
    #[error(
        "The answer of {origin} is larger than {limit} bytes and was not read. Check that the address is the right one."
    )]
    TooLarge {
        /// The place.
        origin: String,
        /// The most bytes that were allowed.
        limit: usize,
    },
    /// It sends us on and on.
    #[error(
        "{origin} redirects more than the allowed {limit} times. Give the address where the redirects end."
    )]
    TooManyRedirects {
        /// The place that redirected last.
        origin: String,
        /// The most redirects that were allowed.
        limit: u8,
    },
    /// The encrypted connection failed, mostly over the certificate.
    #[error(
        "No secure connection to {origin} ({detail}). Check that its certificate is valid for this name, not expired, and issued by an authority this server trusts."
    )]
    Tls {
        /// The place.
        origin: String,
        /// The library's words.
        detail: String,
    },
    /// The answer is not what HTTP or the caller expects.
    #[error("The answer of {origin} cannot be used ({detail}). Check that the address is the right one.")]
    Protocol {
        /// The place.
        origin: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The client could not be built from its settings.
    #[error("{what} cannot be used: {detail}")]
    Setup {
        /// The setting.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

/// The rule that forbids a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The address, or every address of the name, is in a range that may not be called.
    #[error(
        "its address is {0}. If this server shall reach it, the operator adds its network to GATEHOUSE_EGRESS_ALLOW."
    )]
    Address(&'static str),
    /// Not an absolute web address.
    #[error("it is not a web address. Write it like https://idp.example.com/path.")]
    NotAUrl,
    /// Neither http nor https.
    #[error("only http and https addresses are called.")]
    Scheme,
    /// User name or password inside the address.
    #[error("the address contains a user name or password. Take them out and give them in their own fields.")]
    UserInfo,
    /// A port at which something else than the web is spoken.
    #[error("port {0} belongs to another service than the web. Give the port of the web server.")]
    Port(u16),
    /// From https to http.
    #[error(
        "an https address redirects there, and that would give up encryption. Ask those who run it for an https address."
    )]
    Downgrade,
    /// To another host where that is not allowed.
    #[error(
        "it is reached by a redirect from another host, which is not followed here. The document must be served without a redirect to another host."
    )]
    OtherHost,
    /// A body would go to another origin.
    #[error(
        "a redirect there would hand it the content meant for another site. Give the final address instead."
    )]
    BodyElsewhere,
    /// The caller sets a header that belongs to the connection.
    #[error("the header {0} belongs to the connection and cannot be set.")]
    Header(String),
}

impl From<Forbidden> for Refusal {
    fn from(forbidden: Forbidden) -> Self {
        Self::Address(forbidden.range)
    }
}

impl Error {
    pub(super) fn refused(origin: impl Into<String>, reason: Refusal) -> Self {
        Self::Refused { origin: origin.into(), reason }
    }

    /// A short, stable name for decisions, logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Resolve { .. } => "dns_failure",
            Self::NoSuchHost { .. } => "no_such_host",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyRedirects { .. } => "too_many_redirects",
            Self::Tls { .. } => "tls",
            Self::Protocol { .. } => "protocol",
            Self::Setup { .. } => "setup",
        }
    }

    /// Whether the same call may well succeed later without anybody changing a setting.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Resolve { .. } | Self::Connect { .. } | Self::Timeout { .. })
    }

    /// The host's name leads nowhere.
    pub(super) fn unreachable(origin: String, why: Unreachable) -> Self {
        match why {
            Unreachable::Forbidden(range) => Self::refused(origin, range.into()),
            Unreachable::NoAddress => Self::NoSuchHost { origin },
            Unreachable::Dns(source) => Self::Resolve { origin, source },
        }
    }

    pub(super) fn from_reqwest(error: &reqwest::Error, request: &OutboundRequest) -> Self {
        let origin = guard::origin(&request.url);
        if let Some(unreachable) = find::<Unreachable>(error) {
            return Self::unreachable(origin, unreachable.clone());
        }
        let detail = innermost(error);
        if error.is_timeout() && error.is_connect() {
            Self::Connect { origin, detail: "nobody answered".to_owned() }
        } else if error.is_timeout() {
            Self::Timeout { origin, seconds: request.limits.timeout.as_secs_f32() }
        } else if is_tls(error) {
            Self::Tls { origin, detail }
        } else if error.is_connect() {
            Self::Connect { origin, detail }
        } else {
            Self::Protocol { origin, detail }
        }
    }
}

/// rustls speaks through I/O errors, wrapped once more by hyper: bad data while connecting, or the connection
/// closed during the handshake.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut causes =
        std::iter::successors(find::<io::Error>(error), |&io| io.get_ref()?.downcast_ref::<io::Error>());
    error.is_connect()
        && causes.any(|io| matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof))
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&e| e.source())
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|e| e.downcast_ref::<T>())
}

/// The words of the first cause; unlike the outer ones they contain no address.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
