use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::egress::{Forbidden, Policy};
use crate::{Dns, DnsError};

/// Gives the client only addresses that the policy permits; it connects to exactly these.
pub(super) struct PolicyResolver {
    pub(super) dns: Dns,
    /// `None` for names the operator chose.
    pub(super) policy: Option<Policy>,
}

/// Why a name leads nowhere.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error(transparent)]
    Dns(DnsError),
    #[error("{0}")]
    Forbidden(Forbidden),
    #[error("no address")]
    NoAddress,
}

impl Resolve for PolicyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (dns, policy) = (self.dns.clone(), self.policy.clone());
        Box::pin(async move {
            let addresses = permitted(&dns, policy.as_ref(), name.as_str()).await?;
            // port 0 stands for the port of the URL
            let addresses: Addrs = Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

/// The addresses of a name that may be called. The others are left out; when none remains, the first one's range
/// is the reason.
pub(super) async fn permitted(
    dns: &Dns,
    policy: Option<&Policy>,
    name: &str,
) -> Result<Vec<IpAddr>, Unreachable> {
    let found = dns.addresses(name).await.map_err(Unreachable::Dns)?;
    let Some(policy) = policy else { return some(found) };
    match found.first().map(|first| policy.check(*first)) {
        Some(Err(range)) if !found.iter().any(|ip| policy.allows(*ip)) => Err(Unreachable::Forbidden(range)),
        _ => some(found.into_iter().filter(|ip| policy.allows(*ip)).collect()),
    }
}

/// Whether a proxy may be asked for this name. It looks the name up for itself and takes whichever address it likes, so
/// one forbidden address is enough to refuse. What we cannot look up is the proxy's to judge, if it is a name at all.
pub(super) async fn may_be_left_to_proxy(dns: &Dns, policy: &Policy, name: &str) -> Result<(), Unreachable> {
    match dns.addresses(name).await {
        Ok(found) => found.into_iter().try_for_each(|ip| policy.check(ip)).map_err(Unreachable::Forbidden),
        Err(error @ DnsError::BadName(_)) => Err(Unreachable::Dns(error)),
        Err(_) => Ok(()),
    }
}

fn some(addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Unreachable> {
    if addresses.is_empty() { Err(Unreachable::NoAddress) } else { Ok(addresses) }
}
