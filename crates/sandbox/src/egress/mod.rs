//! The way out of a sandbox: a network of its own whose other end is here.
//!
//! The sandbox has a TUN device; its packets are answered by a TCP/IP stack in this process. A name is resolved to an
//! address that only this sandbox knows, so a connection always tells the name that was meant: it is judged by that, and
//! opened from outside by whoever implements [`Dial`]. Only then is the sandbox told that it is connected.

mod connection;
mod device;
mod dns;
mod gateway;
mod names;

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::spec::Egress;

pub(crate) use gateway::run;

/// The sandbox's own address.
pub(crate) const OWN: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 2);
/// The address of our end, and of the name server.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 19, 255, 1);
/// The largest packet between the sandbox and us, in bytes.
pub(crate) const PACKET_MAX: usize = 9000;

/// A connection, seen from here.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why no connection was opened, in words for the author of the script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// What [`Dial::dial`] comes to.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, Refusal>> + Send + 'a>>;

/// Opens connections for sandboxes. This crate opens none itself.
pub trait Dial: Send + Sync {
    /// Opens a connection to a name or an address written as text. Whoever implements this resolves the name once,
    /// refuses addresses that scripts must not reach (private ranges, loopback, metadata services), and connects to
    /// exactly what was judged.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialing<'a>;

    /// Whether there is such a name. Asked when a script looks it up, so that a wrong name is told as such.
    fn knows<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let _ = host;
        Box::pin(std::future::ready(true))
    }
}

/// What was decided about one attempt to get out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The name or address that was meant.
    pub host: String,
    /// The port; 0 when a name was looked up.
    pub port: u16,
    /// Why not; `None` when it was opened.
    pub refused: Option<String>,
}

impl std::fmt::Display for Decision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.refused, self.port) {
            (None, port) => write!(formatter, "egress: {}:{port} allowed", self.host),
            (Some(reason), 0) => write!(formatter, "egress: {} refused: {reason}", self.host),
            (Some(reason), port) => write!(formatter, "egress: {}:{port} refused: {reason}", self.host),
        }
    }
}

/// What one sandbox may reach, and by whom.
#[derive(Clone)]
pub(crate) struct Rules {
    pub egress: Egress,
    pub dial: Arc<dyn Dial>,
    pub decisions: mpsc::Sender<Decision>,
}

impl Rules {
    /// Why this host may not even be asked for.
    fn refusal(&self, host: &str) -> Option<String> {
        match &self.egress {
            Egress::Public => None,
            Egress::None => Some("this script has no network".to_owned()),
            Egress::AllowList(list) if list.iter().any(|entry| matches(entry, host)) => None,
            Egress::AllowList(_) => Some("it is not on the list of allowed hosts".to_owned()),
        }
    }

    /// Reports what was decided. A reader that does not keep up misses some; nothing waits for it.
    fn report(&self, host: &str, port: u16, refused: Option<String>) {
        let _ = self.decisions.try_send(Decision { host: host.to_owned(), port, refused });
    }
}

/// Whether a host is meant by an entry: the same name, or one below `*.`.
fn matches(entry: &str, host: &str) -> bool {
    let (entry, host) = (entry.trim_end_matches('.'), host.trim_end_matches('.'));
    match entry.strip_prefix("*.") {
        None => entry.eq_ignore_ascii_case(host),
        Some(domain) => {
            let (Some(at), true) = (host.len().checked_sub(domain.len() + 1), !domain.is_empty()) else {
                return false;
            };
            host.is_char_boundary(at + 1)
                && host.as_bytes()[at] == b'.'
                && at > 0
                && host[at + 1..].eq_ignore_ascii_case(domain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_mean_one_name_or_all_below_a_domain() {
        assert!(matches("api.example.com", "API.example.com."));
        assert!(!matches("example.com", "api.example.com"));
        assert!(matches("*.example.com", "a.b.example.com"));
        for host in ["example.com", "badexample.com", ".example.com", "example.com.evil", "", "x"] {
            assert!(!matches("*.example.com", host), "{host}");
        }
        assert!(!matches("*.", "a."));
        assert!(!matches("*", "a"));
        assert!(matches("192.0.2.1", "192.0.2.1"));
    }
}
