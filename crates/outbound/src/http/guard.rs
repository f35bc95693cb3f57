//! What is checked before anything is sent.

use reqwest::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use url::{Host, Url};

use super::{Error, OutboundRequest, Refusal};
use crate::egress::Policy;

/// Headers that frame or route the message (RFC 9110 §7.6, §7.2); whoever sets them can reach another place.
const OF_THE_CONNECTION: [HeaderName; 8] =
    [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, TE, TRAILER, EXPECT];

/// Ports of services that obey lines of text from whoever connects, or trust a caller by its address, such as a mail
/// relay of the company. Whatever else listens, speaks HTTP or hangs up.
const OF_OTHER_PROTOCOLS: [u16; 14] = [21, 22, 23, 25, 110, 119, 143, 465, 514, 587, 993, 995, 6379, 11211];

/// Scheme, host and port of an address: all that may be told about it.
pub(super) fn origin(url: &Url) -> String {
    match url.origin() {
        tuple @ url::Origin::Tuple(..) => tuple.ascii_serialization(),
        url::Origin::Opaque(_) => "the given address".to_owned(),
    }
}

/// http or https, no user or password, no port of another protocol, and no forbidden address in place of the name.
/// The URL parser has already turned odd spellings (`127.1`, `0x7f000001`, `2130706433`, full-width digits) into the
/// address they mean.
pub(super) fn url(url: &Url, policy: &Policy) -> Result<(), Error> {
    let refuse = |reason| Err(Error::refused(origin(url), reason));
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(Refusal::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(Refusal::UserInfo);
    }
    if let Some(port) = url.port().filter(|port| OF_OTHER_PROTOCOLS.contains(port)) {
        return refuse(Refusal::Port(port));
    }
    let judged = match url.host() {
        None => return refuse(Refusal::NotAUrl),
        Some(Host::Ipv4(ip)) => policy.check(ip.into()),
        Some(Host::Ipv6(ip)) => policy.check(ip.into()),
        Some(Host::Domain(_)) => Ok(()),
    };
    judged.or_else(|forbidden| refuse(forbidden.into()))
}

/// No header of the connection among those of the caller.
pub(super) fn headers(request: &OutboundRequest) -> Result<(), Error> {
    let belongs =
        |name: &&HeaderName| OF_THE_CONNECTION.contains(name) || name.as_str().starts_with("proxy-");
    match request.headers.keys().find(belongs) {
        Some(name) => Err(Error::refused(origin(&request.url), Refusal::Header(name.to_string()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<Refusal> {
        match url(&Url::parse(text).unwrap(), &Policy::default()) {
            Ok(()) => None,
            Err(Error::Refused { reason, .. }) => Some(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_address_in_any_spelling_is_judged() {
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://017700000001/",
            "http://0/",
            "http://１２７.０.０.１/",
            "http://127.0.0.1./",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::127.0.0.1]/",
            "https://169.254.169.254/latest",
            "http://[64:ff9b::169.254.169.254]/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://10.0.0.1:8080/",
        ] {
            assert!(matches!(reason(text), Some(Refusal::Address(_))), "{text}: {:?}", reason(text));
        }
        assert_eq!(reason("https://1.1.1.1:8443/"), None);
    }

    #[test]
    fn only_plain_web_addresses_are_called() {
        for text in
            ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "data:,x", "unix:/run/x"]
        {
            assert_eq!(reason(text), Some(Refusal::Scheme), "{text}");
        }
        assert_eq!(reason("https://user@example.com/"), Some(Refusal::UserInfo));
        assert_eq!(reason("https://:pw@example.com/"), Some(Refusal::UserInfo));
        assert_eq!(reason("https://example.com:8443/a?b=c"), None);
        for port in OF_OTHER_PROTOCOLS {
            assert_eq!(reason(&format!("https://example.com:{port}/")), Some(Refusal::Port(port)));
        }
    }

    #[test]
    fn headers_of_the_connection_cannot_be_set() {
        for name in ["host", "content-length", "transfer-encoding", "connection", "proxy-authorization"] {
            let url = Url::parse("https://example.com/").unwrap();
            let mut request = OutboundRequest::get(url);
            request.headers.insert(HeaderName::from_static(name), "x".parse().unwrap());
            assert!(headers(&request).is_err(), "{name}");
        }
    }

    #[test]
    fn an_origin_tells_neither_path_nor_query() {
        let url = Url::parse("https://u:secret@idp.example.com:8443/p?token=secret#secret").unwrap();
        assert_eq!(origin(&url), "https://idp.example.com:8443");
        assert_eq!(origin(&Url::parse("data:,secret").unwrap()), "the given address");
    }
}
