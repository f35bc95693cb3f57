#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::rr::{Name, RData, RecordType};
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as NetDnsError, NetError};
use hickory_resolver::{ResolverBuilder, TokioResolver};

/// The longest a look-up may take, with all its retries.
pub const DNS_TIMEOUT: Duration = Duration::from_secs(6);
/// How long one name server has for one answer.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
const DNS_PORT: u16 = 53;
const SETTING: &str = "GATEHOUSE_DNS_SERVER";

/// Looks names up, over UDP with TCP for answers that do not fit (RFC 7766). Nothing is cached: a record that
/// was just published must be seen by the very next look-up, and a missing one must not be remembered as missing.
#[derive(Clone, Debug)]
pub struct Dns {
    configured: Option<TokioResolver>,
    system: Option<TokioResolver>,
}

/// Why a look-up gave no answer. That a name or record does not exist is an answer, not an error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// The text cannot be a domain name.
    #[error("\"{0}\" is not a domain name.")]
    BadName(String),
    /// The setting is unusable.
    #[error("GATEHOUSE_DNS_SERVER: {0}")]
    Setting(String),
    /// Neither the setting nor the system names a server.
    #[error(
        "This server knows no DNS server. Set GATEHOUSE_DNS_SERVER to host:port, or fill /etc/resolv.conf."
    )]
    NoServer,
    /// No server answered in time.
    #[error(
        "No DNS server answered about {name} in time. Try again; if it lasts, check the DNS servers of this machine or set GATEHOUSE_DNS_SERVER."
    )]
    Timeout {
        /// The name asked for.
        name: String,
    },
    /// The servers answered with a failure, as they do for a zone that is broken or not theirs.
    #[error(
        "The DNS server could not answer about {name} ({detail}). Check that the domain's name servers work, then try again."
    )]
    Failure {
        /// The name asked for.
        name: String,
        /// The failure in a few words.
        detail: String,
    },
}

impl Dns {
    /// Asks the servers of this machine (`/etc/resolv.conf`). Where there are none, every look-up says so.
    pub fn system() -> Self {
        Self { configured: None, system: system() }
    }

    /// Asks the given server. Addresses that it does not know are asked from the system as well, because the
    /// setting is first of all about TXT records.
    pub fn server(address: SocketAddr) -> Self {
        let with_port = |mut connection: ConnectionConfig| {
            connection.port = address.port();
            connection
        };
        let connections = vec![with_port(ConnectionConfig::udp()), with_port(ConnectionConfig::tcp())];
        let server = NameServerConfig::new(address.ip(), true, connections);
        let config = ResolverConfig::from_name_servers(vec![server]);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Self { configured: finish(builder), system: system() }
    }

    /// The resolver of the setting `GATEHOUSE_DNS_SERVER` (`host:port`, port 53 when left out), or the system's.
    ///
    /// # Errors
    /// [`DnsError::Setting`] when the text names no server.
    #[expect(clippy::disallowed_methods, reason = "this is the one door")]
    pub async fn from_setting(text: Option<&str>) -> Result<Self, DnsError> {
        let Some(text) = text.map(str::trim).filter(|t| !t.is_empty()) else { return Ok(Self::system()) };
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self::server((ip, DNS_PORT).into()));
        }
        let with_port = if text.contains(':') { text.to_owned() } else { format!("{text}:{DNS_PORT}") };
        let found = tokio::net::lookup_host(&with_port).await.ok().and_then(|mut all| all.next());
        let wrong = || DnsError::Setting(format!("\"{text}\" names no server. Write it like 192.0.2.53:53."));
        found.map(Self::server).ok_or_else(wrong)
    }

    /// The TXT records at exactly this name, the character-strings of each one joined (RFC 7208 §3.3). Empty when
    /// the name or such a record does not exist.
    ///
    /// # Errors
    /// When no server gave a usable answer; the record may or may not exist.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let query = fully_qualified(name)?;
        let resolver = self.configured.as_ref().or(self.system.as_ref()).ok_or(DnsError::NoServer)?;
        let Some(lookup) = answer(name, resolver.lookup(query, RecordType::TXT)).await? else {
            return Ok(vec![]);
        };
        let text = |data: &RData| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(lookup.answers().iter().filter_map(|record| text(&record.data)).collect())
    }

    /// The addresses of a host, IPv4 first; the hosts file counts. Empty when it has none. Names with a dot are
    /// taken as they stand; only single labels follow the system's search list.
    ///
    /// # Errors
    /// When no server gave a usable answer.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let mut outcome = Err(DnsError::NoServer);
        for resolver in self.configured.iter().chain(&self.system) {
            let name = if host.contains('.') { fully_qualified(host)? } else { parsed(host)? };
            outcome = match answer(host, resolver.lookup_ip(name)).await {
                Ok(Some(found)) => return Ok(found.iter().collect()),
                Ok(None) => Ok(vec![]),
                // an earlier "there is none" is worth more than a later failure
                Err(error) => outcome.or(Err(error)),
            };
        }
        outcome
    }
}

fn system() -> Option<TokioResolver> {
    TokioResolver::builder_tokio()
        .inspect_err(|error| tracing::warn!(%error, "no system DNS configuration"))
        .ok()
        .and_then(finish)
}

fn finish(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Option<TokioResolver> {
    let ResolverOpts {
        timeout, attempts, cache_size, ip_strategy, positive_max_ttl, negative_max_ttl, ..
    } = builder.options_mut();
    (*timeout, *attempts) = (TRY_TIMEOUT, TRIES);
    *ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    *cache_size = 0;
    (*positive_max_ttl, *negative_max_ttl) = (Some(Duration::ZERO), Some(Duration::ZERO));
    builder.build().inspect_err(|error| tracing::warn!(%error, setting = SETTING, "no DNS resolver")).ok()
}

fn parsed(name: &str) -> Result<Name, DnsError> {
    Name::from_ascii(name).map_err(|_| DnsError::BadName(name.to_owned()))
}

fn fully_qualified(name: &str) -> Result<Name, DnsError> {
    let mut name = parsed(name)?;
    name.set_fqdn(true);
    Ok(name)
}

/// The answer within the time limit; `None` when what was asked for does not exist.
async fn answer<T>(
    name: &str,
    asked: impl Future<Output = Result<T, NetError>>,
) -> Result<Option<T>, DnsError> {
    let timeout = || DnsError::Timeout { name: name.to_owned() };
    let failure = |detail: String| DnsError::Failure { name: name.to_owned(), detail };
    match tokio::time::timeout(DNS_TIMEOUT, asked).await {
        Err(_) | Ok(Err(NetError::Timeout)) => Err(timeout()),
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(error)) if error.is_no_records_found() => Ok(None),
        Ok(Err(NetError::Dns(NetDnsError::ResponseCode(code)))) => Err(failure(code.to_str().to_owned())),
        Ok(Err(error)) => Err(failure(error.to_string())),
    }
}
