//! OAuth 1.0a with a lasting token (RFC 5849), in the `Authorization` header.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_catalogue::request::Request;
use gatehouse_catalogue::{AuthType, OAuth1Signature};
use gatehouse_types::{Error, Result};
use url::form_urlencoded;

use super::{Moment, filled, pairs, percent, set_header, set_query, unfilled};

/// Signs a request with the fields `consumer_key`, `consumer_secret`, `token` and `token_secret`.
pub(super) fn sign(
    request: &mut Request,
    auth: &AuthType,
    moment: &Moment,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<()> {
    let of = auth.oauth1.as_ref().ok_or_else(|| Error::internal("no oauth1 in the type"))?;
    let need = |name: &str| value(name).ok_or_else(|| unfilled(name));
    let (algorithm, method) = match of.signature {
        OAuth1Signature::HmacSha1 => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, "HMAC-SHA1"),
        OAuth1Signature::HmacSha256 => (hmac::HMAC_SHA256, "HMAC-SHA256"),
    };
    let mut own = vec![
        ("oauth_consumer_key".to_owned(), need("consumer_key")?),
        ("oauth_nonce".to_owned(), moment.nonce.clone()),
        ("oauth_signature_method".to_owned(), method.to_owned()),
        ("oauth_timestamp".to_owned(), moment.now.seconds().to_string()),
        ("oauth_token".to_owned(), need("token")?),
        ("oauth_version".to_owned(), "1.0".to_owned()),
    ];
    let query = pairs(request);
    set_query(request, &query);
    let base = base_string(request, &own, &query);
    let key = format!("{}&{}", percent(&need("consumer_secret")?), percent(&need("token_secret")?));
    let tag = hmac::sign(&hmac::Key::new(algorithm, key.as_bytes()), base.as_bytes());
    own.push(("oauth_signature".to_owned(), STANDARD.encode(tag.as_ref())));
    // the realm is in the header and not in what is signed (RFC 5849 §3.4.1.3.1)
    if let Some(realm) = &of.realm {
        own.insert(0, ("realm".to_owned(), filled(realm, value)?));
    }
    let parts: Vec<_> = own.iter().map(|(n, v)| format!("{n}=\"{}\"", percent(v))).collect();
    set_header(request, "Authorization", &format!("OAuth {}", parts.join(", ")))
}

/// The signature base string (RFC 5849 §3.4.1).
fn base_string(request: &Request, own: &[(String, String)], query: &[(String, String)]) -> String {
    let mut all: Vec<(String, String)> =
        own.iter().chain(query).map(|(n, v)| (percent(n), percent(v))).collect();
    if let Some(body) = &request.body
        && body.media_type.starts_with("application/x-www-form-urlencoded")
    {
        all.extend(form_urlencoded::parse(&body.bytes).map(|(n, v)| (percent(&n), percent(&v))));
    }
    all.sort();
    let parameters: Vec<_> = all.iter().map(|(n, v)| format!("{n}={v}")).collect();
    let mut address = request.url.clone();
    address.set_query(None);
    address.set_fragment(None);
    let method = super::super::wire::method(request.method);
    format!("{method}&{}&{}", percent(address.as_str()), percent(&parameters.join("&")))
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Method;
    use gatehouse_catalogue::request::Content;

    use super::*;

    /// The example of RFC 5849 §3.4.1.1 and the request of §1.2 for a photo.
    #[test]
    fn the_examples_of_rfc_5849_are_met() {
        let url: url::Url =
            "http://photos.example.net/photos?file=vacation.jpg&size=original".parse().unwrap();
        let mut request =
            Request { method: Method::Get, base: url.clone(), url, headers: Vec::new(), body: None };
        let own = [
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let query = pairs(&request);
        let base = base_string(&request, &own, &query);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"kd94hf93k423kf44&pfkkdhi9sl3r4s00");
        let tag = STANDARD.encode(hmac::sign(&key, base.as_bytes()).as_ref());
        assert_eq!(tag, "MdpQcU8iPSUjWoN/UDMsK2sui9I=");

        request.method = Method::Post;
        request.url = "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b".parse().unwrap();
        request.body = Some(Content {
            media_type: "application/x-www-form-urlencoded".into(),
            bytes: b"c2&a3=2+q".to_vec(),
        });
        let own = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(
            base_string(&request, &own, &pairs(&request)),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D\
             %26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1\
             %26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }
}
