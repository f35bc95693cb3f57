//! One request through a profile: the token, the authorization fields and the tenant are put in, and it goes only where
//! the profile's tokens may go.

use std::time::Duration;

use gatehouse_identity::require;
use gatehouse_outbound::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use gatehouse_outbound::{Limits, Method, OutboundRequest, Response};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, AuthProfileId, Error, Permission, Result, WorkspaceId};
use serde_json::{Map, Value};
use url::Url;

use super::spec::spec_of;
use super::{not_found, object};
use crate::call::{CallError, Called, Run};
use crate::grants::store as grants;
use crate::oauth::ask::MASK;
use crate::profiles::model::{
    AuthorizationField, AuthorizationType, FieldPlace, Profile, Secrets, allows, has_tenancy, is_loopback,
    with_tenancy,
};
use crate::profiles::store;
use crate::{AccessToken, Asked, Connect, Holder, Owner};

/// The bounds of a request: it may take 20 seconds and bring 2 MiB, and never leaves its host.
const LIMITS: Limits = Limits {
    max_bytes: 2 * 1024 * 1024,
    timeout: Duration::from_secs(20),
    max_redirects: 3,
    same_host_only: true,
};
/// The longest address, in characters.
const MAX_URL: usize = 8_000;
/// Headers at most.
const MAX_HEADERS: usize = 100;
/// What stands for the token in an authorization field.
const TOKEN: &str = "{access_token}";

/// A request as somebody asks for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Text goes out as it is, everything else as JSON.
    pub(crate) body: Option<Value>,
    /// As the workspace (`true`) or as oneself; `None`: as the workspace for who may, where that is authorized.
    pub(crate) as_workspace: Option<bool>,
}

/// How a request looks with its secrets masked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

/// Where the tokens of a profile may go for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the hosts that the profile names alone.
    Listed,
    /// Where it names none, to any: for those who could name them.
    Any,
}

impl Connect {
    /// Sends one request through a profile, as the workspace or as the person who asks. In a trial run nothing is sent, and
    /// the outline is all.
    ///
    /// # Errors
    /// `Validation`; `NotFound`; `Authorization` without the right, and for a host where its tokens may not go; `Conflict`
    /// when it must be authorized first; `Unavailable` when the provider or the outside is not reached.
    pub(crate) async fn profile_request(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        wanted: &Wanted,
    ) -> Result<(Option<Called>, Outline)> {
        let db = &self.0.store;
        let workspace = require(db, actor, Permission::UseAuthProfiles, object(id)).await?;
        actor.user()?;
        let found = store::find(db, &mut db.reader(), workspace, id).await?;
        let (profile, secrets) = found.ok_or_else(not_found)?;
        let owner = self.as_whom(actor, &profile, wanted.as_workspace).await?;
        let reach = if actor.may(Permission::ManageAuthProfiles) { Reach::Any } else { Reach::Listed };
        let draft = Draft::of(wanted)?;
        let asked = self.asked_of(workspace, &profile, &owner).await?;
        self.may_go(actor, &profile, &draft.address(&asked)?, reach).await?;
        let outline = draft.outline(&secrets, &asked)?;
        if actor.origin.dry_run.is_some() {
            return Ok((None, outline));
        }
        let run = Run::by_hand(actor, Holder::Profile(id.clone()), profile.name.clone(), owner)?;
        let called = self.through(&run, &profile, &secrets, &draft, &asked).await?;
        Ok((Some(called), outline))
    }

    /// As whom the outside sees the request. Client credentials are always the workspace's.
    async fn as_whom(&self, actor: &Actor, profile: &Profile, wanted: Option<bool>) -> Result<Owner> {
        let (db, user) = (&self.0.store, actor.user()?);
        let is_code = profile.kind == AuthorizationType::OAuth2;
        let as_workspace = match wanted {
            Some(said) => said,
            None if !is_code => true,
            None => {
                let (reader, holder) = (&mut db.reader(), Holder::Profile(profile.id.clone()));
                let own = Owner::Person(user.clone());
                actor.may(Permission::ManageAuthProfiles)
                    && (grants::look(reader, &profile.workspace, &holder, &Owner::Service).await?.is_some()
                        || grants::look(reader, &profile.workspace, &holder, &own).await?.is_none())
            }
        };
        if !as_workspace && !is_code {
            let message =
                "OAuth V2 Client Credentials acts for the workspace: there is nobody's own authorization.";
            return Err(Error::validation("as", message));
        }
        if as_workspace {
            require(db, actor, Permission::ManageAuthProfiles, object(&profile.id)).await?;
            return Ok(Owner::Service);
        }
        Ok(Owner::Person(user.clone()))
    }

    async fn asked_of(&self, workspace: &WorkspaceId, profile: &Profile, owner: &Owner) -> Result<Asked> {
        let (db, holder) = (&self.0.store, Holder::Profile(profile.id.clone()));
        let grant = grants::find(db, &mut db.reader(), workspace, &holder, owner).await?;
        match (grant, profile.kind) {
            (Some(grant), _) => Ok(grant.asked),
            (None, AuthorizationType::ClientCredentials) => Ok(Asked::default()),
            (None, AuthorizationType::OAuth2) => Err(crate::Unavailable::NotAuthorized.into()),
        }
    }

    /// Whether a profile's token may go to this address; a refusal leaves a decision.
    async fn may_go(&self, actor: &Actor, profile: &Profile, url: &Url, reach: Reach) -> Result<()> {
        let listed = &profile.allowed_hosts;
        if allows(listed, url) || listed.is_empty() && reach == Reach::Any {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let detail = match listed.is_empty() {
            true => format!(
                "The profile {} names no hosts where its tokens may go, so only owners and admins send requests with it.",
                profile.name
            ),
            false => {
                format!("{host} is none of the hosts where tokens of the profile {} may go.", profile.name)
            }
        };
        let reasons = vec![Reason::failed("allowed hosts", detail.clone())];
        let refusal = Refusal { action: "auth-profiles:use", object: object(&profile.id), reasons };
        let decision = refuse(&self.0.store, actor, Some(&profile.workspace), refusal).await?;
        let message = format!("{detail} An owner or admin adds hosts on the profile's page.");
        Err(Error::authorization(message).on_field("url").decided(decision))
    }

    async fn through(
        &self,
        run: &Run,
        profile: &Profile,
        secrets: &Secrets,
        draft: &Draft,
        asked: &Asked,
    ) -> Result<Called, CallError> {
        let spec = spec_of(&self.0.public_url, profile, secrets, asked)?;
        let put = |token: &AccessToken| draft.with(secrets, &token.asked, token.token.expose());
        self.call_with_grant(run, &spec, put, |answer| is_refused(profile, answer)).await
    }

    /// One request through a profile for another part of the product, such as a step of a flow. Who acts and as whom stands
    /// in `run`, whose holder is the profile.
    ///
    /// # Errors
    /// [`CallError`]; a profile that is gone says so.
    pub async fn send_through_profile(
        &self,
        run: &Run,
        request: (Method, &str, &[(String, String)], Option<Value>),
        reach: Reach,
    ) -> Result<Called, CallError> {
        let (db, (method, url, headers, body)) = (&self.0.store, request);
        let gone = || {
            Error::conflict("The authorization profile of this request has been deleted. Choose another one.")
        };
        let Holder::Profile(id) = &run.holder else { return Err(gone().into()) };
        let found = store::find(db, &mut db.reader(), &run.workspace, id).await.map_err(Error::from)?;
        let (profile, secrets) = found.ok_or_else(gone)?;
        let wanted = Wanted {
            method: method.to_string(),
            url: url.to_owned(),
            headers: headers.to_vec(),
            body,
            as_workspace: None,
        };
        let draft = Draft::of(&wanted)?;
        let asked = self.asked_of(&run.workspace, &profile, &run.owner).await?;
        let actor =
            Actor::system(gatehouse_types::Origin::machine(db.ids().make()), Some(run.workspace.clone()));
        self.may_go(&actor, &profile, &draft.address(&asked)?, reach).await?;
        self.through(run, &profile, &secrets, &draft, &asked).await
    }
}

/// Whether an answer means that the token is not taken.
fn is_refused(profile: &Profile, answer: &Response) -> bool {
    let mark = &profile.auth_error_text;
    answer.status.as_u16() == profile.auth_error_status
        && (mark.is_empty() || String::from_utf8_lossy(&answer.body).contains(mark.as_str()))
}

/// A request that was read, before anything is put in.
struct Draft {
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
        self.fields.iter().any(|f| f.value.as_deref().is_some_and(|v| v.contains(TOKEN)))
    }
}

impl Draft {
    fn of(wanted: &Wanted) -> Result<Self> {
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
    fn address(&self, asked: &Asked) -> Result<Url> {
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

    fn with(&self, secrets: &Secrets, asked: &Asked, token: &str) -> Result<OutboundRequest> {
        let put = Put { fields: &secrets.fields.authorization, asked, token, masked: false };
        let (url, headers, body) = self.put(&put)?;
        let request = OutboundRequest { body, ..OutboundRequest::new(self.method.clone(), url) };
        Ok(request.with_headers(headers).with_limits(LIMITS))
    }

    /// The request as it goes out, with its secrets masked.
    fn outline(&self, secrets: &Secrets, asked: &Asked) -> Result<Outline> {
        let put = Put { fields: &secrets.fields.authorization, asked, token: MASK, masked: true };
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
        let body = self.body_with(put, &mut headers)?;
        Ok((url, headers, body))
    }

    /// The body; members are put into what is JSON or a form, with POST and PUT.
    fn body_with(&self, put: &Put<'_>, headers: &mut HeaderMap) -> Result<Vec<u8>> {
        let takes_fields = self.method == Method::POST || self.method == Method::PUT;
        let fields: Vec<_> = put.of(FieldPlace::Payload).filter(|_| takes_fields).collect();
        let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_form = kind == "application/x-www-form-urlencoded";
        let is_json = kind == "application/json" || kind.ends_with("+json");
        let mut default_kind = |kind: &'static str| {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        };
        match &self.body {
            None if fields.is_empty() => Ok(Vec::new()),
            Some(Value::Object(object)) if is_form => Ok(form(object, &fields).into_bytes()),
            None if is_form => Ok(form(&Map::new(), &fields).into_bytes()),
            Some(Value::String(text)) if is_form => {
                let more = form(&Map::new(), &fields);
                let join = if text.is_empty() || more.is_empty() { "" } else { "&" };
                Ok(format!("{text}{join}{more}").into_bytes())
            }
            Some(Value::String(text)) if fields.is_empty() => {
                default_kind("text/plain; charset=utf-8");
                Ok(text.clone().into_bytes())
            }
            Some(Value::String(text)) if is_json => {
                let object = serde_json::from_str::<Map<String, Value>>(text).map_err(|_| no_place())?;
                Ok(json(object, &fields))
            }
            None | Some(Value::Object(_)) => {
                default_kind("application/json");
                let object = self.body.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
                Ok(json(object, &fields))
            }
            Some(other) if fields.is_empty() => {
                default_kind("application/json");
                Ok(other.to_string().into_bytes())
            }
            Some(_) => Err(no_place()),
        }
    }
}

fn no_place() -> Error {
    Error::validation(
        "body",
        "The profile puts fields into the body, which must be a JSON object or a form for that.",
    )
}

fn json(mut object: Map<String, Value>, fields: &[(&str, String)]) -> Vec<u8> {
    object.extend(fields.iter().map(|(key, value)| ((*key).to_owned(), Value::String(value.clone()))));
    Value::Object(object).to_string().into_bytes()
}

fn form(object: &Map<String, Value>, fields: &[(&str, String)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in object {
        match value {
            Value::String(text) => form.append_pair(key, text),
            other => form.append_pair(key, &other.to_string()),
        };
    }
    form.extend_pairs(fields).finish()
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
