//! Requests as they are read and written: fields, token and tenant are put in, each in its place.

use gatehouse_outbound::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use gatehouse_outbound::{Limits, Method, OutboundRequest};
use gatehouse_types::{Error, Result};
use serde_json::Value;
use url::Url;

use super::body;
use super::request::Wanted;
use crate::Asked;
use crate::oauth::ask::MASK;
use crate::profiles::model::{AuthorizationField, FieldPlace, TOKEN, has_tenancy, is_loopback, with_tenancy};

/// The longest address, in characters.
const MAX_URL: usize = 8_000;
/// Headers at most.
const MAX_HEADERS: usize = 100;

/// How a request looks with its secrets masked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// A request that was read, before anything is put in.
pub(super) struct Draft {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Option<Value>,
}

/// What is put in, or stands for it.
struct Put<'a> {
    fields: &'a [AuthorizationField],
    asked: &'a Asked,
    token: &'a str,
    /// Instead of every value.
    masked: bool,
}

impl Put<'_> {
    fn of(&self, place: FieldPlace) -> impl Iterator<Item = (&str, String)> {
        let of_place = self.fields.iter().filter(move |f| f.place == place);
        of_place.map(|f| (f.key.as_str(), if self.masked { MASK.to_owned() } else { self.value(f) }))
    }

    fn value(&self, field: &AuthorizationField) -> String {
        match &field.value {
            Some(value) => value.replace(TOKEN, self.token),
            None => self.asked.fields.get(&field.key).cloned().unwrap_or_default(),
        }
    }

    /// Whether a field says where the token goes.
    fn places_token(&self) -> bool {
        self.fields.iter().any(AuthorizationField::places_token)
    }
}

impl Draft {
    pub(super) fn of(wanted: &Wanted) -> Result<Self> {
        let method = wanted.method.trim().to_ascii_uppercase();
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        let method = known.into_iter().find(|m| m.as_str() == method).ok_or_else(|| {
            Error::validation("method", "The method must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.")
        })?;
        if wanted.url.trim().is_empty() || wanted.url.chars().count() > MAX_URL {
            return Err(Error::validation(
                "url",
                "Enter the URL: a whole address of at most 8000 characters.",
            ));
        }
        if wanted.headers.len() > MAX_HEADERS {
            return Err(Error::validation("headers", "There can be at most 100 headers."));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &wanted.headers {
            let wrong = || Error::validation("headers", "A header's name or value cannot be sent.");
            let name = HeaderName::try_from(name.trim()).map_err(|_| wrong())?;
            headers.append(name, HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?);
        }
        // a GET carries no body, whatever is asked for
        let has_body = method != Method::GET && method != Method::HEAD;
        let body =
            wanted.body.clone().filter(|b| has_body && !b.is_null() && *b != Value::String(String::new()));
        Ok(Self { method, url: wanted.url.trim().to_owned(), headers, body })
    }

    /// The address with the tenant, before the path's values: what is judged, and what is sent, have the same host.
    pub(super) fn address(&self, asked: &Asked) -> Result<Url> {
        let wrong = |why: &'static str| Error::validation("url", why);
        let text = match (has_tenancy(&self.url), &asked.tenancy) {
            (true, Some(tenant)) => with_tenancy(&self.url, tenant),
            (true, None) => {
                return Err(wrong(
                    "The URL has a place for a tenancy, and none was given at the authorization.",
                ));
            }
            (false, _) => self.url.clone(),
        };
        let url = Url::parse(&text)
            .map_err(|_| wrong("The URL must be a whole address like https://api.example.com/x."))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(wrong("The URL must begin with https://: a token does not travel in the open."));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("The URL must hold no user name or password."));
        }
        Ok(url)
    }

    /// The request as it goes out.
    pub(super) fn with(
        &self,
        fields: &[AuthorizationField],
        asked: &Asked,
        token: &str,
        limits: Limits,
    ) -> Result<OutboundRequest> {
        let put = Put { fields, asked, token, masked: false };
        let (url, headers, body) = self.put(&put)?;
        let request = OutboundRequest { body, ..OutboundRequest::new(self.method.clone(), url) };
        Ok(request.with_headers(headers).with_limits(limits))
    }

    /// The request as it goes out, with its secrets masked.
    pub(super) fn outline(&self, fields: &[AuthorizationField], asked: &Asked) -> Result<Outline> {
        let put = Put { fields, asked, token: MASK, masked: true };
        let (url, headers, body) = self.put(&put)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Outline {
            method: self.method.to_string(),
            url: url.into(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into_owned()),
        })
    }

    fn put(&self, put: &Put<'_>) -> Result<(Url, HeaderMap, Vec<u8>)> {
        let mut url = self.address(put.asked)?;
        in_path(&mut url, put)?;
        for (key, value) in put.of(FieldPlace::Query) {
            url.query_pairs_mut().append_pair(key, &value);
        }
        let mut headers = self.headers.clone();
        let header = |value: &str| -> Result<HeaderValue> {
            let value = HeaderValue::from_bytes(value.as_bytes());
            let mut value =
                value.map_err(|_| Error::validation("headers", "A value cannot stand in a header."))?;
            value.set_sensitive(true);
            Ok(value)
        };
        if !put.places_token() {
            headers.insert(AUTHORIZATION, header(&format!("Bearer {}", put.token))?);
        }
        for (key, value) in put.of(FieldPlace::Header) {
            let name = HeaderName::try_from(key).map_err(Error::internal)?;
            headers.insert(name, header(&value)?);
        }
        let takes_fields = self.method == Method::POST || self.method == Method::PUT;
        let fields: Vec<_> = put.of(FieldPlace::Payload).filter(|_| takes_fields).collect();
        let body = body::write(self.body.as_ref(), &fields, &mut headers)?;
        Ok((url, headers, body))
    }
}

/// Puts values in place of `{key}` in the path, each as one segment or part of one: none opens another folder, and one
/// that would be a way up (dots alone, however written) is refused.
fn in_path(url: &mut Url, put: &Put<'_>) -> Result<()> {
    let Some(segments) = url.path_segments() else { return Ok(()) };
    // the parser writes braces in percent form
    let mut segments: Vec<String> = segments.map(|s| s.replace("%7B", "{").replace("%7D", "}")).collect();
    let values = put.of(FieldPlace::Path).map(|(key, value)| (format!("{{{key}}}"), encoded(&value)));
    let values: Vec<(String, String)> = values.collect();
    if !segments.iter().any(|s| values.iter().any(|(mark, _)| s.contains(mark.as_str()))) {
        return Ok(());
    }
    for segment in &mut segments {
        for (mark, value) in &values {
            *segment = segment.replace(mark.as_str(), value);
        }
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        if plain == "." || plain == ".." {
            return Err(Error::validation(
                "url",
                "A value of the path leads out of its folder: it is dots alone.",
            ));
        }
    }
    let path = format!("/{}", segments.join("/"));
    url.set_path(&path);
    Ok(())
}

/// A value as part of a path's segment.
fn encoded(value: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    value.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(place: FieldPlace, key: &str, value: &str) -> AuthorizationField {
        AuthorizationField { place, key: key.to_owned(), value: Some(value.to_owned()) }
    }

    fn sent(
        method: &str,
        url: &str,
        body: Option<Value>,
        kind: Option<&str>,
        fields: &[AuthorizationField],
    ) -> (Url, HeaderMap, String) {
        let headers = kind.map(|k| ("content-type".to_owned(), k.to_owned())).into_iter().collect();
        let wanted =
            Wanted { method: method.to_owned(), url: url.to_owned(), headers, body, as_workspace: None };
        let put = Put { fields, asked: &Asked::default(), token: "tok", masked: false };
        let (url, headers, body) = Draft::of(&wanted).unwrap().put(&put).unwrap();
        (url, headers, String::from_utf8(body).unwrap())
    }

    #[test]
    fn each_field_goes_to_its_place() {
        let fields = [
            field(FieldPlace::Header, "X-Org", "o1"),
            field(FieldPlace::Query, "key", "a b&c"),
            field(FieldPlace::Path, "account", "7/../8"),
            field(FieldPlace::Payload, "pin", "1"),
        ];
        let (url, headers, body) = sent(
            "post",
            "https://a.test/v1/{account}/x?y=1",
            Some(serde_json::json!({"z": 2})),
            None,
            &fields,
        );
        assert_eq!(url.as_str(), "https://a.test/v1/7%2F..%2F8/x?y=1&key=a+b%26c");
        assert_eq!(
            (&headers["x-org"], &headers[AUTHORIZATION]),
            (&HeaderValue::from_static("o1"), &HeaderValue::from_static("Bearer tok"))
        );
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), serde_json::json!({"z": 2, "pin": "1"}));
        let (_, _, body) = sent(
            "PUT",
            "https://a.test/",
            Some(Value::String("a=1".to_owned())),
            Some("application/x-www-form-urlencoded"),
            &fields,
        );
        assert_eq!(body, "a=1&pin=1");
    }

    #[test]
    fn a_get_carries_no_body_and_other_methods_no_payload_fields() {
        let fields = [field(FieldPlace::Payload, "pin", "1")];
        let body = Some(serde_json::json!({"z": 2}));
        assert_eq!(sent("GET", "https://a.test/", body.clone(), None, &fields).2, "");
        assert_eq!(sent("DELETE", "https://a.test/", None, None, &fields).2, "");
        assert_eq!(sent("POST", "https://a.test/", None, None, &fields).2, r#"{"pin":"1"}"#);
    }

    #[test]
    fn a_field_can_say_where_the_token_goes() {
        let fields = [field(FieldPlace::Header, "X-Token", "v1 {access_token}")];
        let (_, headers, _) = sent("GET", "https://a.test/", None, None, &fields);
        assert_eq!(headers["x-token"], "v1 tok");
        assert!(!headers.contains_key(AUTHORIZATION));
    }

    #[test]
    fn a_value_never_climbs_in_the_path() {
        let put = |url: &str, value: &str| {
            let fields = [field(FieldPlace::Path, "id", value)];
            let wanted = Wanted { method: "GET".to_owned(), url: url.to_owned(), ..Wanted::default() };
            let put = Put { fields: &fields, asked: &Asked::default(), token: "tok", masked: false };
            Draft::of(&wanted).unwrap().put(&put).map(|(url, ..)| url.path().to_owned())
        };
        for (url, value) in [
            ("https://a.test/a/{id}/b", ".."),
            ("https://a.test/a/{id}/b", "."),
            ("https://a.test/a/.{id}/b", "."),
            ("https://a.test/a/%2E{id}/b", "."),
        ] {
            assert!(put(url, value).is_err(), "{url} {value}");
        }
        assert_eq!(put("https://a.test/a/{id}/b", "../c").unwrap(), "/a/..%2Fc/b");
        assert_eq!(put("https://a.test/a/v{id}/b", "1..2").unwrap(), "/a/v1..2/b");
    }
}
