//! The credential of a connector, put into a request: placements of the type's file, RFC 7617, AWS Signature Version 4,
//! OAuth 1.0a, signed tokens. Pure: values, time and randomness come in.

mod aws;
mod body;
mod jwt;
mod oauth1;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_catalogue::request::Request;
use gatehouse_catalogue::{AuthKind, AuthType, Basic, Place, Placement, Template};
use gatehouse_types::{Error, Result, Secret, Timestamp};

pub(crate) use jwt::assertion;

/// The longest header that is sent, in bytes.
const MAX_HEADER: usize = 16 * 1024;

/// What signing needs beside the values.
pub(crate) struct Moment {
    /// Now.
    pub(crate) now: Timestamp,
    /// Something nobody has used before.
    pub(crate) nonce: String,
}

/// A text that cannot be made of the connector's values.
pub(crate) fn unfilled(what: &str) -> Error {
    Error::conflict(format!("The connector has no value for {what}. Fill in its fields, or connect it anew."))
}

/// A template filled; what is missing is told by name.
pub(crate) fn filled(template: &Template, value: impl Fn(&str) -> Option<String>) -> Result<String> {
    template.fill(value).map_err(|e| match e {
        gatehouse_catalogue::TemplateError::Missing(name) => unfilled(&name),
        other => Error::internal(other),
    })
}

/// Puts the credential in; answers what of it must never be shown.
///
/// # Errors
/// `Conflict` when a value is missing or cannot be sent.
pub(crate) fn put_in(
    request: &mut Request,
    auth: &AuthType,
    moment: &Moment,
    value: impl Fn(&str) -> Option<String> + Copy,
) -> Result<Vec<Secret>> {
    let placements = auth.placements();
    let mut hidden = Vec::new();
    for placement in &placements {
        hidden.push(place(request, placement, value)?);
    }
    match auth.kind {
        AuthKind::Basic => {
            let header = basic(auth.basic.as_ref(), value)?;
            hidden.push(header.clone());
            set_header(request, "Authorization", header.expose())?;
        }
        AuthKind::AwsSigv4 => aws::sign(request, auth, moment, value)?,
        AuthKind::Oauth1 => oauth1::sign(request, auth, moment, value)?,
        _ => {}
    }
    Ok(hidden)
}

/// The value of `Authorization` for a user name and a password (RFC 7617 §2); a name holds no colon.
pub(crate) fn basic(of: Option<&Basic>, value: impl Fn(&str) -> Option<String> + Copy) -> Result<Secret> {
    let (name, password) = match of {
        Some(basic) => (filled(&basic.username, value)?, filled(&basic.password, value)?),
        None => {
            let name = value("username").ok_or_else(|| unfilled("username"))?;
            (name, value("password").ok_or_else(|| unfilled("password"))?)
        }
    };
    if name.contains(':') {
        return Err(Error::conflict("A user name that is sent with its password holds no colon (RFC 7617)."));
    }
    Ok(Secret::new(format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))))
}

fn place(
    request: &mut Request,
    placement: &Placement,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Secret> {
    let text = filled(&placement.value, value)?;
    match placement.place {
        Place::Header => set_header(request, &placement.name, &text)?,
        Place::Query => {
            request.url.query_pairs_mut().append_pair(&placement.name, &text);
        }
        Place::Body => body::add(request, &placement.name, &text)?,
    }
    Ok(Secret::new(text))
}

/// Sets a header in the place of one of the same name.
pub(crate) fn set_header(request: &mut Request, name: &str, text: &str) -> Result<()> {
    let fits = text.len() <= MAX_HEADER && text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b));
    if !fits {
        return Err(Error::conflict(format!(
            "The header {name} would hold characters that no header carries. Look at the connector's fields."
        )));
    }
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), text.to_owned()));
    Ok(())
}

/// The encoding of RFC 3986 §2.3, which AWS and OAuth 1.0a sign with.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The pairs of the query, decoded.
fn pairs(request: &Request) -> Vec<(String, String)> {
    request.url.query_pairs().into_owned().collect()
}

/// Writes the query anew, so that what is sent is what is signed.
fn set_query(request: &mut Request, pairs: &[(String, String)]) {
    let text: Vec<_> = pairs.iter().map(|(n, v)| format!("{}={}", percent(n), percent(v))).collect();
    request.url.set_query(if text.is_empty() { None } else { Some(text.join("&")) }.as_deref());
}

#[cfg(test)]
mod tests {
    use gatehouse_catalogue::Method;
    use gatehouse_catalogue::request::Content;

    use super::*;

    fn request(url: &str) -> Request {
        let url: url::Url = url.parse().unwrap();
        Request { method: Method::Get, base: url.clone(), url, headers: Vec::new(), body: None }
    }

    fn auth(toml: &str) -> AuthType {
        toml::from_str(&format!("id = \"x\"\nlabel = \"X\"\n{toml}")).unwrap()
    }

    fn moment() -> Moment {
        Moment { now: Timestamp::parse("2026-11-30T12:00:00Z").unwrap(), nonce: "n".into() }
    }

    #[test]
    fn a_key_goes_where_the_file_says() {
        let value = |name: &str| (name == "api_key").then(|| "k 1".to_owned());
        let mut r = request("https://a.example/x?y=1");
        let of = auth(
            "kind = \"api_key\"\napply = [{ place = \"header\", name = \"ICMAuthToken\", value = \"{api_key}\" }]",
        );
        let hidden = put_in(&mut r, &of, &moment(), value).unwrap();
        assert_eq!(r.headers, [("ICMAuthToken".to_owned(), "k 1".to_owned())]);
        assert_eq!(hidden[0].expose(), "k 1");
        let of = auth(
            "kind = \"api_key\"\napply = [{ place = \"query\", name = \"key\", value = \"{api_key}\" }]",
        );
        put_in(&mut r, &of, &moment(), value).unwrap();
        assert_eq!(r.url.as_str(), "https://a.example/x?y=1&key=k+1");
        let of =
            auth("kind = \"api_key\"\napply = [{ place = \"body\", name = \"key\", value = \"{api_key}\" }]");
        r.body = Some(Content { media_type: "application/json".into(), bytes: b"{\"a\":1}".to_vec() });
        put_in(&mut r, &of, &moment(), value).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&r.body.unwrap().bytes).unwrap();
        assert_eq!(body, serde_json::json!({"a": 1, "key": "k 1"}));
    }

    #[test]
    fn a_user_name_and_a_password_are_sent_as_rfc_7617_has_it() {
        let value = |name: &str| match name {
            "username" => Some("Aladdin".to_owned()),
            "password" => Some("open sesame".to_owned()),
            _ => None,
        };
        let mut r = request("https://a.example/");
        put_in(&mut r, &auth("kind = \"basic\""), &moment(), value).unwrap();
        assert_eq!(r.headers[0].1, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let odd = |name: &str| Some(if name == "username" { "a:b" } else { "c" }.to_owned());
        assert!(put_in(&mut r, &auth("kind = \"basic\""), &moment(), odd).is_err());
    }

    #[test]
    fn what_is_missing_or_cannot_be_sent_is_told_and_never_repeated() {
        let mut r = request("https://a.example/");
        let of = auth("kind = \"bearer\"");
        let told = put_in(&mut r, &of, &moment(), |_| None).unwrap_err();
        assert!(told.message().contains("token"), "{told}");
        let told = put_in(&mut r, &of, &moment(), |_| Some("hush\nhush".into())).unwrap_err();
        assert!(!told.message().contains("hush"), "{told}");
        assert!(r.headers.is_empty());
    }
}
