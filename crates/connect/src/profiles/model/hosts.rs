//! Against which hosts a profile may be used: a token goes nowhere else.

use gatehouse_types::{Error, Result};
use url::Url;

/// Hosts that a profile names, at most.
const MAX: usize = 50;
/// The longest, in characters.
const MAX_HOST: usize = 255;

/// One host, with all below it (`*.`), and a port where that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    text: String,
}

impl AllowedHost {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The hosts as a person names them; addresses count as their host.
    ///
    /// # Errors
    /// `Validation`.
    pub(crate) fn checked(texts: &[String]) -> Result<Vec<Self>> {
        let wrong = |text: &str| {
            let shown: String = text.chars().take(60).collect();
            let message =
                format!("{shown:?} is no host like api.example.com, *.example.com or api.example.com:8443.");
            Error::validation("allowedHosts", message)
        };
        if texts.len() > MAX {
            return Err(Error::validation("allowedHosts", "Name at most 50 hosts."));
        }
        let mut all = Vec::new();
        for text in texts {
            let text = text.trim().to_ascii_lowercase();
            if text.chars().count() > MAX_HOST {
                return Err(wrong(&text));
            }
            let (wildcard, rest) = text.strip_prefix("*.").map_or(("", text.as_str()), |rest| ("*.", rest));
            let url = Url::parse(&format!("https://{rest}/")).map_err(|_| wrong(&text))?;
            let is_bare = url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
                && !rest.contains('/');
            let host = url
                .host_str()
                .filter(|h| is_bare && !h.is_empty() && !h.contains('*'))
                .ok_or_else(|| wrong(&text))?;
            // *.com is nobody's
            if !wildcard.is_empty() && (!host.contains('.') || url.domain().is_none()) {
                return Err(wrong(&text));
            }
            let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
            let one = Self { text: format!("{wildcard}{host}{port}") };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        Ok(all)
    }

    /// From what was stored, which was checked.
    pub(crate) fn stored(text: &str) -> Vec<Self> {
        text.split(' ').filter(|t| !t.is_empty()).map(|t| Self { text: t.to_owned() }).collect()
    }

    /// Whether an address is at this host. Without a port it is the usual one of the scheme; on this machine any.
    fn holds(&self, url: &Url) -> bool {
        let (name, port) =
            match self.text.rsplit_once(':').filter(|(_, p)| p.bytes().all(|b| b.is_ascii_digit())) {
                Some((name, port)) => (name, Some(port)),
                None => (self.text.as_str(), None),
            };
        let Some(host) = url.host_str() else { return false };
        let is_host = match name.strip_prefix("*.") {
            Some(domain) => {
                host.strip_suffix(domain).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
            }
            None => host == name,
        };
        let found = url.port().map(|p| p.to_string());
        is_host && (found.as_deref() == port || port.is_none() && is_loopback(url))
    }
}

/// Whether an address is at one of the hosts.
pub(crate) fn allows(hosts: &[AllowedHost], url: &Url) -> bool {
    hosts.iter().any(|host| host.holds(url))
}

/// Whether an address is of this machine, which needs no encryption.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> Vec<AllowedHost> {
        AllowedHost::checked(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_host_holds_itself_and_a_wildcard_what_is_below() {
        let listed = hosts(&["API.example.com", "*.corp.example", "odd.example:8443", "127.0.0.1"]);
        for good in [
            "https://api.example.com/x",
            "https://a.b.corp.example/",
            "https://odd.example:8443/",
            "http://127.0.0.1:9999/",
        ] {
            assert!(allows(&listed, &good.parse().unwrap()), "{good}");
        }
        for bad in [
            "https://example.com/",
            "https://api.example.com.evil.test/",
            "https://corp.example/",
            "https://evilcorp.example/",
            "https://api.example.com:8443/",
            "https://odd.example/",
            "https://api.example.com@evil.test/",
        ] {
            assert!(!allows(&listed, &bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["", "a/b", "https://a.test", "*.com", "*", "a b", "*.10.0.0.1", "u@a.test"] {
            assert!(AllowedHost::checked(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
