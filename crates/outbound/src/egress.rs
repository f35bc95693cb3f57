//! Which addresses the product may call: the public internet, and what the operator allows besides.
//!
//! Whoever sets up a connection names hosts that this server then calls. Without a rule that is a way into the
//! server's own network (server-side request forgery), so addresses are judged after resolution, never names.

mod ranges;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// Judges addresses. Refuses every special-purpose range unless the operator's allow list contains the address.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allow: Arc<[IpNet]>,
}

/// The address is in a range that may not be called; `range` says which one, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{range}")]
pub struct Forbidden {
    /// The range in words, with the document that reserves it.
    pub range: &'static str,
}

/// A word of the allow list is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "GATEHOUSE_EGRESS_ALLOW: \"{word}\" is not a network. Write networks like 10.0.0.0/8 or fd00::/8, separated by commas."
)]
pub struct NotANetwork {
    /// The word as written.
    pub word: String,
}

impl Policy {
    /// The public internet and the networks in `allow`. An address written as IPv6 (mapped, NAT64, 6to4) is
    /// allowed only by an IPv6 network: allowing 10.0.0.0/8 does not open `::ffff:10.0.0.1`.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow: allow.into() }
    }

    /// The policy of the setting `GATEHOUSE_EGRESS_ALLOW`: networks or single addresses separated by commas or
    /// spaces; nothing written allows nothing.
    ///
    /// # Errors
    /// Names the word that is no network.
    pub fn from_setting(text: &str) -> Result<Self, NotANetwork> {
        let network = |word: &str| {
            let single = word.parse::<IpAddr>().map(IpNet::from);
            word.parse::<IpNet>().or(single).map_err(|_| NotANetwork { word: word.to_owned() })
        };
        text.split([',', ' ', '\n', '\t'])
            .filter(|w| !w.is_empty())
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self::new)
    }

    /// Whether this address may be called. A metadata service hands out the machine's own credentials, so a network
    /// around it does not open it: its single address must be on the list.
    ///
    /// # Errors
    /// [`Forbidden`] with the range the address is in.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let Some(range) = ranges::special(address) else { return Ok(()) };
        let names_it = |net: &IpNet| range != ranges::METADATA || net.prefix_len() == net.max_prefix_len();
        let opens = |net: &IpNet| net.contains(&address) && names_it(net);
        if self.allow.iter().any(opens) { Ok(()) } else { Err(Forbidden { range }) }
    }

    /// The same as a plain yes or no.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.check(address).is_ok()
    }

    /// The networks the operator allows.
    pub fn allow_list(&self) -> &[IpNet] {
        &self.allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_public_internet_may_be_called() {
        let policy = Policy::default();
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "169.253.255.255",
            "223.255.255.255",
            "192.167.0.1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
            "2400::1",
            "2003::1",
        ] {
            assert_eq!(policy.check(ip(address)), Ok(()), "{address}");
        }
    }

    #[test]
    fn an_allowed_network_opens_its_own_addresses_and_no_others() {
        let policy = Policy::from_setting("10.1.0.0/16, 127.0.0.1 fd00:1::/32").unwrap();
        assert_eq!(policy.allow_list().len(), 3);
        for address in ["10.1.2.3", "127.0.0.1", "fd00:1::9"] {
            assert!(policy.allows(ip(address)), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2", "fd00:2::9", "::1", "::ffff:10.1.2.3", "64:ff9b::a01:203"] {
            assert!(!policy.allows(ip(address)), "{address}");
        }
    }

    #[test]
    fn a_metadata_service_is_opened_by_its_own_address_alone() {
        let around = Policy::from_setting("0.0.0.0/0 ::/0 169.254.0.0/16 fd00::/8").unwrap();
        let itself = Policy::from_setting("169.254.169.254, 100.100.100.200/32 fd00:ec2::254").unwrap();
        for address in ["169.254.169.254", "100.100.100.200", "fd00:ec2::254"] {
            assert!(!around.allows(ip(address)) && itself.allows(ip(address)), "{address}");
        }
        assert!(around.allows(ip("169.254.1.1")) && around.allows(ip("fd00:ec2::1")));
    }

    #[test]
    fn an_empty_setting_allows_nothing_and_a_wrong_one_is_named() {
        assert!(!Policy::from_setting("  ").unwrap().allows(ip("10.0.0.1")));
        let error = Policy::from_setting("10.0.0.0/8,internal").unwrap_err();
        assert_eq!(error.word, "internal");
        assert!(error.to_string().starts_with("GATEHOUSE_EGRESS_ALLOW"));
        assert!(Policy::from_setting("10.0.0.0/33").is_err());
    }
}
