use std::fmt;
use std::str::FromStr;

use gatehouse_types::Error;
use url::Url;

/// The address under which the world reaches this server, without a trailing slash.
///
/// Every URL we write begins with it; the `Host` header is never asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    origin: String,
    https: bool,
}

impl PublicUrl {
    /// The address followed by `path`, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        debug_assert!(path.starts_with('/'), "a path begins with a slash");
        format!("{}{path}", self.text)
    }

    /// Scheme, host and port, as the `Origin` header writes them.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether browsers reach us encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The address itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PublicUrl {
    type Err = Error;

    /// Takes `http://` or `https://` with a host and nothing that does not belong: no user, query, fragment or path.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::validation("publicUrl", format!("The public URL {why}"));
        let url =
            Url::parse(text).map_err(|_| refuse("must be written like https://gatehouse.example.com."))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refuse("must begin with https:// or http:// and name a host."));
        }
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare || url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(refuse("must hold only scheme, host and port."));
        }
        let origin = url.origin().ascii_serialization();
        Ok(Self { text: origin.clone(), origin, https: url.scheme() == "https" })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_no_trailing_slash_and_no_default_port() {
        let url: PublicUrl = "https://Gate.Example.com:443/".parse().unwrap();
        assert_eq!(url.as_str(), "https://gate.example.com");
        assert_eq!(url.join("/saml/acs"), "https://gate.example.com/saml/acs");
        assert!(url.is_https());
        let local: PublicUrl = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!((local.origin(), local.is_https()), ("http://127.0.0.1:8080", false));
    }

    #[test]
    fn a_public_url_is_only_scheme_host_and_port() {
        for odd in [
            "",
            "gate.example.com",
            "ftp://a.b",
            "https://u@a.b",
            "https://a.b/x",
            "https://a.b?q",
            "https://a.b#f",
        ] {
            assert!(odd.parse::<PublicUrl>().is_err(), "{odd}");
        }
    }
}
