use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};

use super::public_url::PublicUrl;

/// The cookies we set; each has one purpose and one rule of when browsers send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieKind {
    /// Carries the session: `SameSite=Lax`, so it comes along when a link or a 303 from elsewhere leads here.
    Session,
    /// Binds a browser to its sign-in attempt. An identity provider's POST is cross-site, and Lax cookies stay at home
    /// on it, so this one is `SameSite=None; Secure` on https.
    ///
    /// On http there is no `None` without `Secure`, and clients do not agree on `Secure` over http loopback. There it
    /// carries no `SameSite` at all: Chromium then sends it on a cross-site top-level POST for two minutes after it
    /// was set ("Lax+POST") and on every same-site one (ports do not make a site), Firefox sends it always.
    CrossSitePost,
    /// The random half of the CSRF proof.
    Csrf,
    /// A message for the next page, signed.
    Flash,
    /// Binds a browser to the question for a second step.
    SecondStep,
    /// Tells a browser that signed in before; it lets nobody in.
    Device,
}

impl CookieKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "gatehouse_session",
            Self::CrossSitePost => "gatehouse_attempt",
            Self::Csrf => "gatehouse_csrf",
            Self::Flash => "gatehouse_flash",
            Self::SecondStep => "gatehouse_second_step",
            Self::Device => "gatehouse_device",
        }
    }

    const fn same_site(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::CrossSitePost, true) => "; SameSite=None",
            (Self::CrossSitePost, false) => "",
            _ => "; SameSite=Lax",
        }
    }
}

/// Says that a value cannot stand in a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCookieText;

impl fmt::Display for NoCookieText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a cookie value")
    }
}

impl std::error::Error for NoCookieText {}

/// Writes and reads our cookies: `HttpOnly; Path=/`, and on https `Secure` with the `__Host-` prefix (RFC 6265bis).
#[derive(Clone, Debug)]
pub struct Cookies {
    https: bool,
}

impl Cookies {
    /// For the server at this address.
    pub fn new(public_url: &PublicUrl) -> Self {
        Self { https: public_url.is_https() }
    }

    /// The cookie's full name here.
    pub fn name(&self, kind: CookieKind) -> String {
        format!("{}{}", if self.https { "__Host-" } else { "" }, kind.name())
    }

    /// A `Set-Cookie` value. Without `max_age` (seconds) the cookie ends with the browser's session.
    ///
    /// # Errors
    /// When the value holds anything but visible ASCII without quotes, comma, semicolon and backslash.
    pub fn set(
        &self,
        kind: CookieKind,
        value: &str,
        max_age: Option<u32>,
    ) -> Result<HeaderValue, NoCookieText> {
        if !value.bytes().all(is_cookie_octet) {
            return Err(NoCookieText);
        }
        let age = max_age.map(|s| format!("; Max-Age={s}")).unwrap_or_default();
        let secure = if self.https { "; Secure" } else { "" };
        let same_site = kind.same_site(self.https);
        let text = format!("{}={value}; Path=/; HttpOnly{secure}{same_site}{age}", self.name(kind));
        HeaderValue::from_str(&text).map_err(|_| NoCookieText)
    }

    /// A `Set-Cookie` value that takes the cookie away.
    pub fn clear(&self, kind: CookieKind) -> HeaderValue {
        self.set(kind, "", Some(0)).unwrap_or_else(|NoCookieText| HeaderValue::from_static(""))
    }

    /// The value the browser sent. A name that comes more than once is somebody else's doing: then there is none.
    pub fn get<'h>(&self, headers: &'h HeaderMap, kind: CookieKind) -> Option<&'h str> {
        let name = self.name(kind);
        let mut found = pairs(headers).filter(|(n, _)| *n == name).map(|(_, v)| v);
        let value = found.next()?;
        let usable = found.next().is_none() && !value.is_empty() && value.bytes().all(is_cookie_octet);
        usable.then_some(value)
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
}

/// cookie-octet of RFC 6265 §4.1.1.
fn is_cookie_octet(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(url: &str) -> Cookies {
        Cookies::new(&url.parse().unwrap())
    }

    fn sent(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn on_https_cookies_are_bound_to_the_host_and_secure() {
        let https = cookies("https://gate.test");
        assert_eq!(
            https.set(CookieKind::Session, "abc", Some(60)).unwrap(),
            "__Host-gatehouse_session=abc; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            https.set(CookieKind::CrossSitePost, "abc", None).unwrap(),
            "__Host-gatehouse_attempt=abc; Path=/; HttpOnly; Secure; SameSite=None"
        );
    }

    #[test]
    fn on_http_the_attempt_cookie_leaves_same_site_to_the_browser() {
        let http = cookies("http://127.0.0.1:8080");
        assert_eq!(
            http.set(CookieKind::CrossSitePost, "abc", Some(600)).unwrap(),
            "gatehouse_attempt=abc; Path=/; HttpOnly; Max-Age=600"
        );
        assert_eq!(
            http.clear(CookieKind::Csrf),
            "gatehouse_csrf=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }

    #[test]
    fn a_value_that_would_break_the_header_is_refused() {
        for odd in ["a;b", "a b", "a\r\nb", "ä", "a,b", "\"a\""] {
            assert_eq!(cookies("http://a.b").set(CookieKind::Session, odd, None), Err(NoCookieText), "{odd}");
        }
    }

    #[test]
    fn a_cookie_sent_twice_is_no_cookie() {
        let c = cookies("https://gate.test");
        let read = |lines: &[&str]| c.get(&sent(lines), CookieKind::Session).map(str::to_owned);
        assert_eq!(read(&["a=b; __Host-gatehouse_session=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "__Host-gatehouse_session=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["__Host-gatehouse_session=x; __Host-gatehouse_session=y"]), None);
        assert_eq!(read(&["__Host-gatehouse_session=x", "__Host-gatehouse_session=x"]), None);
        assert_eq!(read(&["gatehouse_session=x"]), None, "without the prefix a neighbour could have set it");
        assert_eq!(read(&["__Host-gatehouse_session="]), None);
    }
}
