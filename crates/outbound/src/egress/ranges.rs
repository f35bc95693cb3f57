//! The special-purpose ranges (RFC 6890 and the IANA registries that follow it), and cloud metadata services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(groups: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = groups;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// The words for those services of a cloud that hand out credentials.
pub(super) const METADATA: &str = "a cloud metadata service";
const METADATA_AWS: Ipv4Net = v4(169, 254, 169, 254, 32);
const METADATA_AWS_TASK: Ipv4Net = v4(169, 254, 170, 2, 32);
const METADATA_ALIBABA: Ipv4Net = v4(100, 100, 100, 200, 32);
const METADATA_ORACLE: Ipv4Net = v4(192, 0, 0, 192, 32);
/// Azure's is a public address that only its virtual machines reach.
const METADATA_AZURE: Ipv4Net = v4(168, 63, 129, 16, 32);
const THIS_NETWORK: Ipv4Net = v4(0, 0, 0, 0, 8);
const PRIVATE_10: Ipv4Net = v4(10, 0, 0, 0, 8);
const PRIVATE_172: Ipv4Net = v4(172, 16, 0, 0, 12);
const PRIVATE_192: Ipv4Net = v4(192, 168, 0, 0, 16);
const CARRIER_NAT: Ipv4Net = v4(100, 64, 0, 0, 10);
const LOOPBACK_V4: Ipv4Net = v4(127, 0, 0, 0, 8);
const LINK_LOCAL_V4: Ipv4Net = v4(169, 254, 0, 0, 16);
const PROTOCOL_V4: Ipv4Net = v4(192, 0, 0, 0, 24);
const TEST_NET_1: Ipv4Net = v4(192, 0, 2, 0, 24);
const TEST_NET_2: Ipv4Net = v4(198, 51, 100, 0, 24);
const TEST_NET_3: Ipv4Net = v4(203, 0, 113, 0, 24);
const RELAY_6TO4: Ipv4Net = v4(192, 88, 99, 0, 24);
const BENCHMARK_V4: Ipv4Net = v4(198, 18, 0, 0, 15);
const MULTICAST_V4: Ipv4Net = v4(224, 0, 0, 0, 4);
const BROADCAST: Ipv4Net = v4(255, 255, 255, 255, 32);
const RESERVED: Ipv4Net = v4(240, 0, 0, 0, 4);

/// The first network that contains an address names it, so the narrow ones stand first.
const SPECIAL_V4: [(Ipv4Net, &str); 21] = [
    (METADATA_AWS, METADATA),
    (METADATA_AWS_TASK, METADATA),
    (METADATA_ALIBABA, METADATA),
    (METADATA_ORACLE, METADATA),
    (METADATA_AZURE, METADATA),
    (THIS_NETWORK, "unspecified (RFC 1122 §3.2.1.3)"),
    (PRIVATE_10, "a private network (RFC 1918)"),
    (PRIVATE_172, "a private network (RFC 1918)"),
    (PRIVATE_192, "a private network (RFC 1918)"),
    (CARRIER_NAT, "carrier-grade NAT (RFC 6598)"),
    (LOOPBACK_V4, "loopback (RFC 1122 §3.2.1.3)"),
    (LINK_LOCAL_V4, "link-local (RFC 3927)"),
    (PROTOCOL_V4, "reserved for protocols (RFC 6890)"),
    (TEST_NET_1, "documentation (RFC 5737)"),
    (TEST_NET_2, "documentation (RFC 5737)"),
    (TEST_NET_3, "documentation (RFC 5737)"),
    (RELAY_6TO4, "6to4 relay (RFC 7526)"),
    (BENCHMARK_V4, "benchmarking (RFC 2544)"),
    (MULTICAST_V4, "multicast (RFC 5771)"),
    (BROADCAST, "broadcast (RFC 919)"),
    (RESERVED, "reserved (RFC 1112 §4)"),
];

const METADATA_AWS_V6: Ipv6Net = v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254], 128);
const METADATA_GOOGLE_V6: Ipv6Net = v6([0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254], 128);
const UNSPECIFIED_V6: Ipv6Net = v6([0; 8], 128);
const LOOPBACK_V6: Ipv6Net = v6([0, 0, 0, 0, 0, 0, 0, 1], 128);
const MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const TRANSLATED: Ipv6Net = v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96);
const COMPATIBLE: Ipv6Net = v6([0; 8], 96);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
const DISCARD: Ipv6Net = v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64);
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
const BENCHMARK_V6: Ipv6Net = v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48);
const PROTOCOL_V6: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23);
const DOCUMENTATION_V6: Ipv6Net = v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32);
const DOCUMENTATION_V6_LARGE: Ipv6Net = v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
const UNIQUE_LOCAL: Ipv6Net = v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7);
const LINK_LOCAL_V6: Ipv6Net = v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10);
const SITE_LOCAL: Ipv6Net = v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10);
const MULTICAST_V6: Ipv6Net = v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8);
/// All that IANA hands out as public addresses; what lies outside is nobody's.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const UNASSIGNED: &str = "not assigned to the internet (RFC 4291 §2.4)";

const SPECIAL_V6: [(Ipv6Net, &str); 20] = [
    (METADATA_AWS_V6, METADATA),
    (METADATA_GOOGLE_V6, METADATA),
    (UNSPECIFIED_V6, "unspecified (RFC 4291 §2.5.2)"),
    (LOOPBACK_V6, "loopback (RFC 4291 §2.5.3)"),
    (MAPPED, "an IPv4-mapped address (RFC 4291 §2.5.5.2)"),
    (TRANSLATED, "an IPv4-translated address (RFC 2765)"),
    (COMPATIBLE, "an IPv4-compatible address (RFC 4291 §2.5.5.1)"),
    (NAT64, "NAT64 (RFC 6052)"),
    (NAT64_LOCAL, "NAT64 (RFC 8215)"),
    (DISCARD, "discard-only (RFC 6666)"),
    (TEREDO, "Teredo (RFC 4380)"),
    (BENCHMARK_V6, "benchmarking (RFC 5180)"),
    (PROTOCOL_V6, "reserved for protocols (RFC 2928)"),
    (DOCUMENTATION_V6, "documentation (RFC 3849)"),
    (DOCUMENTATION_V6_LARGE, "documentation (RFC 9637)"),
    (SIX_TO_FOUR, "6to4 (RFC 3056)"),
    (UNIQUE_LOCAL, "a unique local address (RFC 4193)"),
    (LINK_LOCAL_V6, "link-local (RFC 4291 §2.5.6)"),
    (SITE_LOCAL, "site-local (RFC 3879)"),
    (MULTICAST_V6, "multicast (RFC 4291 §2.7)"),
];

/// The words for the special-purpose range an address is in; `None` for the public internet.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(a) => SPECIAL_V4.iter().find(|(n, _)| n.contains(&a)).map(|(_, words)| *words),
        IpAddr::V6(a) => {
            let range = SPECIAL_V6.iter().find(|(n, _)| n.contains(&a)).map(|(_, words)| *words);
            let unassigned = || (!GLOBAL_UNICAST.contains(&a)).then_some(UNASSIGNED);
            range.or_else(unassigned).or_else(|| is_isatap(a).then_some("ISATAP (RFC 5214)"))
        }
    }
}

/// Under any prefix: the last 64 bits say that an IPv4 address follows, to which an ISATAP router delivers (§6.1).
fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., marker, kind, _, _] = address.segments();
    matches!(marker, 0 | 0x0200) && kind == 0x5efe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_every_special_range_are_named() {
        for (net, _) in SPECIAL_V4 {
            assert!(special(net.network().into()).is_some(), "{net}");
            assert!(special(net.broadcast().into()).is_some(), "{net}");
        }
        for (net, _) in SPECIAL_V6 {
            assert!(special(net.network().into()).is_some(), "{net}");
            assert!(special(net.broadcast().into()).is_some(), "{net}");
        }
    }

    #[test]
    fn each_range_carries_its_own_name() {
        for (address, words) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.255.255.255", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.100.100.200", "metadata"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("169.254.0.1", "link-local"),
            ("169.254.169.254", "metadata"),
            ("169.254.170.2", "metadata"),
            ("168.63.129.16", "metadata"),
            ("192.0.0.192", "metadata"),
            ("192.0.0.8", "protocols"),
            ("192.0.2.1", "documentation"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("192.88.99.1", "6to4"),
            ("198.18.0.1", "benchmarking"),
            ("198.19.255.255", "benchmarking"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:8.8.8.8", "mapped"),
            ("::ffff:127.0.0.1", "mapped"),
            ("::ffff:0:7f00:1", "translated"),
            ("::7f00:1", "compatible"),
            ("::8.8.8.8", "compatible"),
            ("64:ff9b::7f00:1", "NAT64"),
            ("64:ff9b:1::7f00:1", "NAT64"),
            ("64:ff9b:2::1", "not assigned"),
            ("100::1", "discard"),
            ("2001::1", "Teredo"),
            ("2001:2::1", "benchmarking"),
            ("2001:1ff::1", "protocols"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("2002:7f00:1::", "6to4"),
            ("fc00::1", "unique local"),
            ("fdff::1", "unique local"),
            ("fd00:ec2::254", "metadata"),
            ("fd20:ce::254", "metadata"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("2606:4700::5efe:10.0.0.1", "ISATAP"),
            ("2606:4700::200:5efe:7f00:1", "ISATAP"),
            ("::5efe:127.0.0.1", "not assigned"),
            ("5f00::1", "not assigned"),
            ("4000::1", "not assigned"),
        ] {
            let found = special(address.parse().unwrap());
            assert!(found.is_some_and(|f| f.contains(words)), "{address}: {found:?}, wanted {words}");
        }
    }
}
