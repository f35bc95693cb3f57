//! Plain connections, for programs of strangers that speak protocols we do not.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::egress::{Forbidden, Policy};
use crate::{Dns, DnsError};

/// How long one address has to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Opens connections to hosts that others name. A name is looked up once, each address is judged, and exactly what was
/// judged is connected to: so a name cannot change its mind in between (DNS rebinding).
#[derive(Clone, Debug)]
pub struct Tcp {
    policy: Policy,
    resolver: Dns,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TcpError {
    /// The name could not be looked up.
    #[error(transparent)]
    Dns(#[from] DnsError),
    /// There is no such name, or it has no address.
    #[error("the name has no address")]
    NoAddress,
    /// The address may not be called.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// Nothing answers there.
    #[error("{0}")]
    Unreachable(std::io::Error),
}

impl Tcp {
    /// Connects to what `policy` permits, by names of `resolver`.
    pub fn new(policy: Policy, resolver: Dns) -> Self {
        Self { policy, resolver }
    }

    /// Whether a name has an address at all, permitted or not.
    pub async fn knows(&self, host: &str) -> bool {
        self.addresses(host).await.is_ok_and(|found| !found.is_empty())
    }

    /// Opens a connection to a name or an address written as text.
    ///
    /// # Errors
    /// When the name leads nowhere, every address of it is forbidden, or none answers.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, TcpError> {
        let mut reason = TcpError::NoAddress;
        for address in self.addresses(host).await?.into_iter().take(ADDRESSES_MAX) {
            match self.policy.check(address) {
                Ok(()) => match open(SocketAddr::new(address, port)).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => reason = TcpError::Unreachable(error),
                },
                Err(forbidden) if matches!(reason, TcpError::NoAddress) => {
                    reason = TcpError::Forbidden(forbidden)
                }
                Err(_) => {}
            }
        }
        Err(reason)
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => self.resolver.addresses(host).await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
async fn open(to: SocketAddr) -> std::io::Result<TcpStream> {
    let opened = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(to)).await;
    let stream = opened.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab_dns::DnsStub;

    #[expect(clippy::disallowed_methods, reason = "the test is the outside")]
    async fn service() -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        port
    }

    #[tokio::test]
    async fn a_name_is_connected_to_only_where_its_address_is_permitted() {
        let (stub, port) = (DnsStub::start().await.unwrap(), service().await);
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        stub.set_addresses("service.example.com", [loopback]);
        stub.set_addresses("both.example.com", ["10.0.0.1".parse().unwrap(), loopback]);
        let resolver = Dns::server(stub.address());

        let open = Tcp::new(Policy::from_setting("127.0.0.1").unwrap(), resolver.clone());
        assert!(open.connect("service.example.com", port).await.is_ok());
        assert!(open.connect("127.0.0.1", port).await.is_ok());
        assert!(open.connect("both.example.com", port).await.is_ok(), "the permitted one of two");
        assert!(matches!(open.connect("10.0.0.1", port).await, Err(TcpError::Forbidden(_))));
        assert!(matches!(open.connect("nowhere.example.com", port).await, Err(TcpError::NoAddress)));
        assert!(matches!(open.connect("127.0.0.1", 1).await, Err(TcpError::Unreachable(_))));

        let closed = Tcp::new(Policy::default(), resolver);
        for host in
            ["service.example.com", "both.example.com", "127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"]
        {
            assert!(matches!(closed.connect(host, port).await, Err(TcpError::Forbidden(_))), "{host}");
        }
        assert!(closed.knows("service.example.com").await);
        assert!(!closed.knows("nowhere.example.com").await);
    }
}
