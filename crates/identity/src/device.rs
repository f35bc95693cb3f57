//! What a client is, in plain words, from its `User-Agent`. Clients say what they like: it names, it never decides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use gatehouse_types::Origin;

const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "a Mac"),
    ("Macintosh", "a Mac"),
    ("Linux", "Linux"),
];
/// How much of an unusual client's name is shown, in characters.
const MAX_NAME: usize = 40;

fn first(agent: &str, of: &[(&str, &'static str)]) -> Option<&'static str> {
    of.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
}

/// "Firefox on Linux"; for a program its name.
pub(crate) fn spoken(agent: Option<&str>) -> String {
    let Some(agent) = agent.filter(|a| !a.trim().is_empty()) else { return "an unnamed program".to_owned() };
    match (first(agent, &BROWSERS), first(agent, &SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ => agent.split(['/', ' ', '(']).next().unwrap_or_default().chars().take(MAX_NAME).collect(),
    }
}

/// Of an IPv4 address, the bits that name its network.
const V4_BITS: u32 = 24;
/// Of an IPv6 address, the bits that name its network.
const V6_BITS: u32 = 48;

/// The network around an address: people get new addresses in it all the time.
fn network(ip: Option<IpAddr>) -> String {
    match ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => {
            let network = Ipv4Addr::from(u32::from(ip) & (u32::MAX << (32 - V4_BITS)));
            format!("{network}/{V4_BITS}")
        }
        Some(IpAddr::V6(ip)) => {
            let network = Ipv6Addr::from(u128::from(ip) & (u128::MAX << (128 - V6_BITS)));
            format!("{network}/{V6_BITS}")
        }
        None => "here".to_owned(),
    }
}

/// Network and kind of browser together: what is unusual is that both are.
pub(crate) fn place(from: &Origin) -> String {
    format!("{} {}", network(from.ip), spoken(from.user_agent.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network_and_strangers_do_not() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("192.0.2.7"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.200"), of("192.0.2.7"));
        assert_ne!(of("192.0.3.7"), of("192.0.2.7"));
        assert_eq!(of("2001:db8:1:2::7"), "2001:db8:1::/48");
        assert_ne!(of("2001:db8:2::7"), of("2001:db8:1::7"));
    }

    #[test]
    fn browsers_and_programs_are_named_plainly() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile/15E Safari/604.1";
        assert_eq!(spoken(Some(chrome)), "Chrome on Linux");
        assert_eq!(spoken(Some(edge)), "Edge on Windows");
        assert_eq!(spoken(Some(phone)), "Safari on an iPhone");
        assert_eq!(spoken(Some("curl/8.9.1")), "curl");
        assert_eq!(spoken(Some(" ")), "an unnamed program");
    }
}
