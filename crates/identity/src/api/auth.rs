use axum::Extension;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Email, Error, Role, Secret, UserId, WorkspaceId};
use gatehouse_web::{ApiResult, CookieKind, ErrorBody, Json, NeverStored, Web};
use serde::{Deserialize, Serialize};

use crate::api::caller::{Anybody, Caller};
use crate::api::second_step;
use crate::{Credentials, Device, Identity, Leaving, OwnWorkspace, SESSION_SECONDS, SignIn, Signed};

/// E-mail and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginIn {
    #[schema(value_type = String)]
    email: Email,
    password: Secret,
    /// The workspace to begin in; without it the oldest one that allows a password.
    #[schema(value_type = Option<String>)]
    workspace_id: Option<WorkspaceId>,
}

/// A finished sign-in.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoginOut {
    /// A JWT (RFC 7519), for `Authorization: Bearer`. It dies with its session.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the token expires.
    expires_in: i64,
    #[schema(value_type = String)]
    user_id: UserId,
    /// The workspace the session is in.
    #[schema(value_type = String)]
    workspace_id: WorkspaceId,
    workspaces: Vec<WorkspaceOut>,
    /// The codes on paper, shown this once: when a second step was set up on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
}

/// A workspace of the person.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkspaceOut {
    #[schema(value_type = String)]
    id: WorkspaceId,
    name: String,
    role: Role,
    /// Whether single sign-on must be used there.
    sso_required: bool,
}

impl From<OwnWorkspace> for WorkspaceOut {
    fn from(w: OwnWorkspace) -> Self {
        let workspace = w.membership.workspace;
        Self { id: workspace.id, name: workspace.name, role: w.membership.role, sso_required: w.sso_required }
    }
}

/// The answer that begins a session: cookie and token. It is never kept for a repeated request.
pub(crate) fn signed_in(
    web: &Web,
    signed: Signed,
    workspaces: Vec<OwnWorkspace>,
    recovery_codes: &[Secret],
) -> ApiResult<Response> {
    let cookie = session_cookie(web, signed.cookie.expose(), Some(SESSION_SECONDS))?;
    let bearer = signed.bearer.ok_or_else(|| Error::internal("a session without its token"))?;
    let out = LoginOut {
        access_token: bearer.access_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: bearer.expires_in,
        user_id: signed.session.user_id,
        workspace_id: signed.session.workspace_id,
        workspaces: workspaces.into_iter().map(Into::into).collect(),
        recovery_codes: recovery_codes.iter().map(|c| c.expose().to_owned()).collect(),
    };
    let mut response = (StatusCode::OK, Extension(NeverStored), Json(out)).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

pub(crate) fn session_cookie(
    web: &Web,
    value: &str,
    seconds: Option<i64>,
) -> Result<axum::http::HeaderValue, Error> {
    let seconds = seconds.and_then(|s| u64::try_from(s).ok()).and_then(|s| s.try_into().ok());
    web.cookies()
        .set(CookieKind::Session, value, seconds)
        .map_err(|_| Error::internal("a cookie has odd text"))
}

/// Sign in with e-mail and password.
///
/// Unknown people, wrong passwords and people who must use single sign-on get the same answer in the same time.
/// After the right password of a person with a second step the answer is 401 too, with `error.challenge` and
/// `error.factors`: go on at `POST /api/v1/auth/second-step`.
#[utoipa::path(post, operation_id = "login", path = "/api/v1/auth/login", tag = "Sign-in", security(()), request_body = LoginIn, responses(
    (status = 200, description = "Signed in; the session cookie is set too", body = LoginOut),
    (status = 400, body = ErrorBody), (status = 401, body = second_step::LoginRefused),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn login(
    State(identity): State<Identity>,
    web: Web,
    Anybody(actor): Anybody,
    Json(input): Json<LoginIn>,
) -> ApiResult<Response> {
    let with = Credentials {
        email: input.email,
        password: input.password,
        workspace: input.workspace_id,
        replaces: None,
        device: Device::Program,
    };
    match identity.login(&actor, with).await? {
        SignIn::Done(done) => signed_in(&web, done.signed, done.workspaces, &[]),
        SignIn::SecondStep(pending) => second_step::asked(&web, &pending),
    }
}

/// An e-mail address.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct DiscoverIn {
    #[schema(value_type = String)]
    email: Email,
}

/// Where the address signs in.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiscoverOut {
    /// Single sign-on is mandatory for the address's domain.
    sso_required: bool,
    /// Single sign-on is possible.
    sso_optional: bool,
    /// Where it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
}

/// Find out where an e-mail address signs in.
///
/// The answer depends on the domain alone: it is the same for people we know and people we do not.
#[utoipa::path(post, operation_id = "discover", path = "/api/v1/auth/discover", tag = "Sign-in", security(()), request_body = DiscoverIn, responses(
    (status = 200, body = DiscoverOut), (status = 400, body = ErrorBody),
))]
pub(crate) async fn discover(
    State(identity): State<Identity>,
    web: Web,
    Json(input): Json<DiscoverIn>,
) -> ApiResult<Json<DiscoverOut>> {
    let found = identity.rules().discover(&input.email).await?;
    Ok(Json(DiscoverOut {
        sso_required: found.sso_required,
        sso_optional: found.sso_optional,
        redirect_url: found.start_path.map(|p| web.public_url().join(&p)),
    }))
}

/// A finished sign-out.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogoutOut {
    /// Always true: the session has ended.
    signed_out: bool,
    /// Where a browser signs out at the identity provider too, within 15 minutes; only if the session began at one
    /// with single logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    logout_url: Option<String>,
}

/// Sign out: the session ends, and its cookie and tokens with it.
#[utoipa::path(post, operation_id = "logout", path = "/api/v1/auth/logout", tag = "Sign-in", responses(
    (status = 200, description = "Signed out", body = LogoutOut), (status = 401, body = ErrorBody),
))]
pub(crate) async fn logout(
    State(identity): State<Identity>,
    web: Web,
    Caller(actor): Caller,
) -> ApiResult<Response> {
    let onwards = identity.sign_out(&actor).await?;
    let out = LogoutOut { signed_out: true, logout_url: onwards.map(|path| web.public_url().join(&path)) };
    let mut response = (Extension(NeverStored), Json(out)).into_response();
    response.headers_mut().append(SET_COOKIE, web.cookies().clear(CookieKind::Session));
    Ok(response)
}

/// The workspace to go on in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SwitchIn {
    #[schema(value_type = String)]
    workspace_id: String,
}

/// Go on in another workspace.
#[utoipa::path(post, operation_id = "switchWorkspace", path = "/api/v1/auth/switch-workspace", tag = "Sign-in", request_body = SwitchIn, responses(
    (status = 200, body = LoginOut), (status = 401, body = ErrorBody),
    (status = 403, description = "`sso_required`: sign in at `redirectUrl` first", body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn switch_workspace(
    State(identity): State<Identity>,
    web: Web,
    Caller(actor): Caller,
    headers: HeaderMap,
    Json(input): Json<SwitchIn>,
) -> ApiResult<Response> {
    let to: WorkspaceId = input.workspace_id.parse().map_err(|_| Error::not_found("Workspace"))?;
    let signed =
        identity.switch_workspace(&actor, &to, leaving(&headers)).await.map_err(|e| absolute(&web, e))?;
    let user = identity.me(&actor).await?;
    let own = identity.own_workspaces(&user).await?;
    signed_in(&web, signed, own, &[])
}

/// A browser's session ends when it switches; a program may hold tokens for several workspaces.
fn leaving(headers: &HeaderMap) -> Leaving {
    if headers.contains_key(axum::http::header::AUTHORIZATION) { Leaving::Keep } else { Leaving::End }
}

fn absolute(web: &Web, error: Error) -> Error {
    match error.redirect_url().map(|path| web.public_url().join(path)) {
        Some(url) => error.with_redirect(url),
        None => error,
    }
}
