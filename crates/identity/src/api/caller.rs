//! Who is calling: the extractors that handlers name in their signature.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, Error, Id, Origin, Result};
use gatehouse_web::{
    ApiError, CookieKind, HtmlError, LocalPath, RequestOrigin, SeeOther, Viewer, ViewerWorkspace, Web,
};

use crate::Identity;

/// What API keys begin with.
const KEY_PREFIX: &str = "gh_";
/// The longest credential header that is looked at, in bytes.
const MAX_CREDENTIAL: usize = 8192;

/// Somebody signed in, by bearer token or by the console's cookie. Everyone else gets 401.
#[derive(Clone, Debug)]
pub struct Caller(pub Actor);

/// Anybody: signed in or not.
#[derive(Clone, Debug)]
pub struct Anybody(pub Actor);

/// Somebody signed in with a browser; everyone else is sent to the sign-in page and comes back afterwards.
#[derive(Clone, Debug)]
pub struct Visitor(pub Actor);

/// How the credential came.
enum Credential<'a> {
    None,
    Bearer(&'a str),
    ApiKey(&'a str),
    Cookie(&'a str),
}

fn credential<'a>(headers: &'a HeaderMap, web: &Web) -> Credential<'a> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let text = value.to_str().ok().filter(|t| t.len() <= MAX_CREDENTIAL);
        let token =
            text.and_then(|t| t.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        // a header that is not a bearer token is a wrong credential, not none
        let token = token.map_or("", |(_, token)| token.trim());
        return if token.starts_with(KEY_PREFIX) {
            Credential::ApiKey(token)
        } else {
            Credential::Bearer(token)
        };
    }
    if let Some(value) = headers.get("x-api-key") {
        return Credential::ApiKey(
            value.to_str().ok().filter(|t| t.len() <= MAX_CREDENTIAL).unwrap_or_default(),
        );
    }
    web.cookies().get(headers, CookieKind::Session).map_or(Credential::None, Credential::Cookie)
}

/// What was found of a request's key or token before the handler's extractor came: it takes that instead of judging anew,
/// so that a use counts once.
#[derive(Clone)]
struct Judged(Arc<Mutex<Option<Result<Option<Actor>>>>>);

impl Judged {
    fn new(found: Result<Option<Actor>>) -> Self {
        Self(Arc::new(Mutex::new(Some(found))))
    }

    /// What was found; once.
    fn take(parts: &Parts) -> Option<Result<Option<Actor>>> {
        let judged = parts.extensions.get::<Self>()?;
        judged.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Identity {
    /// Whether a request's credential is good at this moment. What was found of a key or a token is left for the handler's
    /// extractor, which tells a refusal.
    pub async fn knows(&self, request: &mut Parts) -> bool {
        let (Ok(web), Some(origin)) = (Web::of(&request.extensions), request.extensions.get::<Origin>())
        else {
            return false;
        };
        let found = match credential(&request.headers, web) {
            Credential::Bearer(token) => self.by_bearer(origin.clone(), token).await,
            Credential::ApiKey(value) => match self.0.program_keys.get() {
                Some(keys) => keys.by_value(origin.clone(), value).await.map(Some),
                None => return false,
            },
            // the extractor asks more of a cookie than that it is good
            Credential::Cookie(value) => {
                return self.by_cookie(origin.clone(), value).await.is_ok_and(|actor| actor.is_some());
            }
            Credential::None => return false,
        };
        let is_known = matches!(found, Ok(Some(_)));
        request.extensions.insert(Judged::new(found));
        is_known
    }
}

async fn authenticate(identity: &Identity, parts: &Parts) -> Result<Actor> {
    let web = Web::of(&parts.extensions)?;
    let origin = parts.extensions.get::<Origin>().cloned();
    let origin = origin.ok_or_else(|| Error::internal("the edge was not passed"))?;
    let (found, reason) = match credential(&parts.headers, web) {
        Credential::None => (None, None),
        Credential::Bearer(token) => {
            let why = "The bearer token is not ours, has expired, or its session has ended. Sign in again.";
            let found = match Judged::take(parts) {
                Some(found) => found?,
                None => identity.by_bearer(origin.clone(), token).await?,
            };
            (found, Some(("bearer token", why)))
        }
        Credential::ApiKey(value) => match identity.0.program_keys.get() {
            Some(keys) => match Judged::take(parts) {
                Some(found) => (found?, None),
                None => (Some(keys.by_value(origin.clone(), value).await?), None),
            },
            None => (None, Some(("API key", "No API key with this value exists."))),
        },
        Credential::Cookie(value) => {
            if !is_safe(&parts.method) && !web.cookie_call_is_ours(&parts.headers) {
                let why = "A call with the console's cookie must come from the console: send X-CSRF-Token or use a token.";
                (None, Some(("same origin", why)))
            } else {
                let why = "The session has ended or expired. Sign in again.";
                (identity.by_cookie(origin.clone(), value).await?, Some(("session cookie", why)))
            }
        }
    };
    match found {
        Some(actor) => {
            trace(&actor);
            Ok(actor)
        }
        None => Err(refused(identity, origin, reason).await),
    }
}

/// The span of the request names the workspace, when there is a span.
fn trace(actor: &Actor) {
    if let Some(workspace) = &actor.workspace_id {
        tracing::Span::current().record("gatehouse.workspace_id", workspace.as_str());
    }
}

/// The refusal of a caller nobody believes, with its recorded reason while the network behaves.
async fn refused(identity: &Identity, origin: Origin, reason: Option<(&'static str, &'static str)>) -> Error {
    let (check, detail) = reason.unwrap_or(("credential", "Sign in first, or send a bearer token."));
    let error = Error::authentication(detail);
    if identity.0.refusals.check(&origin.network()).is_err() {
        return error;
    }
    let refusal = Refusal {
        action: "request:authenticate",
        object: None,
        reasons: vec![Reason::failed(check, detail)],
    };
    match refuse(identity.store(), &Actor::anonymous(origin), None, refusal).await {
        Ok(decision) => error.decided(decision),
        Err(e) => e.into(),
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Identity: FromRef<S>,
{
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(authenticate(&Identity::from_ref(state), parts).await?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Anybody {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let RequestOrigin(origin) = RequestOrigin::from_request_parts(parts, state).await?;
        Ok(Self(Actor::anonymous(origin)))
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    Identity: FromRef<S>,
{
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let identity = Identity::from_ref(state);
        let failed = |e: Error| HtmlError(e).into_response();
        let origin = parts.extensions.get::<Origin>().cloned();
        let origin = origin.ok_or_else(|| failed(Error::internal("the edge was not passed")))?;
        let web = Web::of(&parts.extensions).map_err(failed)?.clone();
        let cookie = web.cookies().get(&parts.headers, CookieKind::Session);
        let actor = match cookie {
            Some(value) => identity.by_cookie(origin, value).await.map_err(failed)?,
            None => None,
        };
        let Some(actor) = actor else { return Err(to_sign_in(parts)) };
        trace(&actor);
        let viewer = viewer(&identity, &actor).await.map_err(failed)?;
        parts.extensions.insert(viewer);
        Ok(Self(actor))
    }
}

/// To the sign-in page, and back to the page asked for when it can be asked for again.
fn to_sign_in(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let back = if is_safe(&parts.method) { LocalPath::parse(wanted) } else { LocalPath::parse("/") };
    if back.as_str() == "/" {
        return SeeOther::to("/login").into_response();
    }
    let query = crate::console::query(&[("returnTo", back.as_str())]);
    SeeOther::to(format!("/login?{query}")).into_response()
}

async fn viewer(identity: &Identity, actor: &Actor) -> Result<Viewer> {
    let user = identity.me(actor).await?;
    let here = actor.workspace()?;
    let own = identity.own_workspaces(&user).await?;
    let name_of_here = own.iter().find(|w| w.membership.workspace.id == *here);
    Ok(Viewer {
        name: user.display_name.clone(),
        email: user.email.to_string(),
        workspace: name_of_here.map(|w| w.membership.workspace.name.clone()).unwrap_or_default(),
        role: actor.role().unwrap_or(gatehouse_types::Role::Viewer),
        others: own
            .iter()
            .filter(|w| w.membership.workspace.id != *here)
            .map(|w| ViewerWorkspace {
                id: w.membership.workspace.id.as_str().to_owned(),
                name: w.membership.workspace.name.clone(),
            })
            .collect(),
    })
}
