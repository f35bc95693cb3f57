use std::str::FromStr;

use url::Url;

use super::guard;

/// The address of a web proxy: http or https, a host, perhaps a port and credentials. It is shown without them.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

/// The text names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it like http://proxy.example.com:3128 or http://user:password@proxy.example.com:3128")]
pub struct NotAProxy;

impl ProxyUrl {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for ProxyUrl {
    type Err = NotAProxy;

    fn from_str(text: &str) -> Result<Self, NotAProxy> {
        let url = Url::parse(text.trim()).map_err(|_| NotAProxy)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let fits = bare && matches!(url.scheme(), "http" | "https") && url.has_host();
        if fits { Ok(Self(url)) } else { Err(NotAProxy) }
    }
}

impl std::fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&guard::origin(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_its_password_is_not_shown() {
        let proxy: ProxyUrl = " http://u:hunter2@proxy.example.com:3128 ".parse().unwrap();
        assert_eq!(format!("{proxy:?}"), "http://proxy.example.com:3128");
        assert_eq!(proxy.url().password(), Some("hunter2"));
        assert!("https://10.0.0.1".parse::<ProxyUrl>().is_ok());
        for text in
            ["", "proxy:3128", "socks5://proxy:1080", "http://proxy/path", "http://proxy/?q", "http:///"]
        {
            assert_eq!(text.parse::<ProxyUrl>(), Err(NotAProxy), "{text}");
        }
    }
}
