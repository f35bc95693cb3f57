use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Permission, UserId};
use gatehouse_web::{ApiResult, ErrorBody, Json, NeverStored, Path};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::connector_id;
use crate::Connect;
use crate::bare::Bare;
use crate::call::handed::{handed_on, not_kept};
use crate::call::stream::Flowing;
use crate::connectors::model::claims::Check;
use crate::connectors::model::outline::Outline;
use crate::connectors::service::actions::{Done, Wish};
use crate::connectors::service::streams::Streaming;
use crate::connectors::service::test::Report;

/// How a test went.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorTest)]
pub(crate) struct TestOut {
    success: bool,
    /// In plain words; a setting of the product's that does not match is named.
    message: String,
    /// Who is connected, where the product tells.
    identity: Option<String>,
    /// What was sent, its secrets masked; `null`: nothing.
    request: Option<OutlineOut>,
    /// The status of the answer.
    status: Option<u16>,
    duration_ms: Option<i64>,
    /// What else was looked at, such as the claims of the token.
    checks: Vec<CheckOut>,
}

/// A request, its secrets masked.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorRequestOutline)]
pub(crate) struct OutlineOut {
    method: &'static str,
    url: String,
    headers: Vec<HeaderOut>,
    body: Option<String>,
}

/// A header.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorRequestHeader)]
pub(crate) struct HeaderOut {
    name: String,
    value: String,
}

/// Something that was looked at.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorCheck)]
pub(crate) struct CheckOut {
    check: String,
    /// The product's setting that says what it must be.
    setting: Option<String>,
    ok: bool,
    detail: String,
}

impl From<Outline> for OutlineOut {
    fn from(o: Outline) -> Self {
        let headers = o.headers.into_iter().map(|(name, value)| HeaderOut { name, value }).collect();
        Self { method: o.method, url: o.url, headers, body: o.body }
    }
}

impl From<Check> for CheckOut {
    fn from(c: Check) -> Self {
        Self { check: c.check, setting: c.setting, ok: c.ok, detail: c.detail }
    }
}

impl From<Report> for TestOut {
    fn from(r: Report) -> Self {
        Self {
            success: r.success,
            message: r.message,
            identity: r.identity,
            request: r.request.map(Into::into),
            status: r.status,
            duration_ms: r.took_ms,
            checks: r.checks.into_iter().map(Into::into).collect(),
        }
    }
}

/// Test a connector: its type's harmless call is made, and told in plain words. Takes no values.
#[utoipa::path(post, operation_id = "testConnector", path = "/api/v1/connectors/{id}/test", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = TestOut), (status = 400, description = "Values were sent", body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It is another person's own", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn test(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    _: Bare,
) -> ApiResult<Json<TestOut>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    Ok(Json(connect.test_connector(&actor, &connector_id(&id)?).await?.into()))
}

/// Where the browser goes to consent, and comes back.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AuthorizeIn {
    /// Where the browser goes afterwards: a path on this host; the connector's page when it is absent.
    pub(super) return_to: Option<String>,
}

/// Where the person's browser goes.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorAuthorization)]
pub(crate) struct AuthorizeOut {
    /// At the provider. It must be opened in the session that asked for it.
    pub(super) redirect_url: String,
}

/// Begin to authorize a connector for the workspace. The person who began must end it, in the same session.
#[utoipa::path(post, operation_id = "authorizeConnector", path = "/api/v1/connectors/{id}/authorize", tag = "Connectors", params(("id" = String, Path), AuthorizeIn), responses(
    (status = 200, body = AuthorizeOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "It needs nobody's consent, or is another person's own", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn authorize(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    gatehouse_web::Query(input): gatehouse_web::Query<AuthorizeIn>,
) -> ApiResult<(Extension<NeverStored>, Json<AuthorizeOut>)> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    let return_to = input.return_to.unwrap_or_default();
    let url = connect.authorize_connector(&actor, &connector_id(&id)?, return_to).await?;
    Ok((Extension(NeverStored), Json(AuthorizeOut { redirect_url: url.into() })))
}

/// What an action is given.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorActionIn)]
pub(crate) struct RunIn {
    /// Values by the keys of the action's parameters.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    parameters: Map<String, Value>,
    /// Pages to fetch, 1 (default) to 50, of an action whose answer comes in pages.
    max_pages: Option<u32>,
}

/// What came of an action.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorActionResult)]
pub(crate) struct RunOut {
    /// Whether the product did it.
    success: bool,
    /// The status of the product's last answer; `null`: nothing was sent.
    status: Option<u16>,
    /// Why not, in plain words.
    message: Option<String>,
    /// The useful part of the answer; of several pages, all elements. What is no JSON is an object with `contentType` and
    /// `text` or `base64`.
    output: Value,
    /// Pages that were fetched.
    pages: u32,
    /// Whether there are further pages.
    more: bool,
    /// As whom it was done: `connector`, or `user` for the caller's own authorization.
    effective_identity: &'static str,
    /// The person, if it was one.
    #[schema(value_type = Option<String>)]
    effective_user_id: Option<UserId>,
    warnings: Vec<String>,
}

impl From<Done> for RunOut {
    fn from(d: Done) -> Self {
        Self {
            success: d.success,
            status: d.status,
            message: d.message,
            output: d.output,
            pages: d.pages,
            more: d.more,
            effective_identity: identity(d.person.as_ref()),
            effective_user_id: d.person,
            warnings: d.warnings,
        }
    }
}

/// How the answer comes.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HowIn {
    /// `true`: the product's own answer as it is, piece by piece, up to 1 GiB in 10 minutes; else the result in JSON.
    #[serde(default)]
    stream: bool,
}

/// Carry out an action of a connector. On one with user authentications the caller's own authorization is used, else the
/// connector's. With `?stream=true` the product's own answer comes piece by piece, whole and not its useful part alone:
/// status and call are in the headers `Gatehouse-Status`, `Gatehouse-Call-Id`, `Gatehouse-Credential-Version`,
/// `Gatehouse-Retried` and `Gatehouse-Effective-Identity`, each warning in a `Gatehouse-Warning`. What the product refuses is
/// told in JSON as without it. An answer in pages cannot be streamed.
#[utoipa::path(post, operation_id = "runConnectorAction", path = "/api/v1/connectors/{id}/actions/{action}", tag = "Connectors", params(("id" = String, Path), ("action" = String, Path), HowIn), request_body = RunIn, responses(
    (status = 200, content((RunOut = "application/json"), (String = "*/*"))), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, description = "It is not connected, or is another person's own", body = ErrorBody),
    (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
))]
pub(crate) async fn run(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path((id, action)): Path<(String, String)>,
    gatehouse_web::Query(how): gatehouse_web::Query<HowIn>,
    headers: HeaderMap,
    Json(input): Json<RunIn>,
) -> ApiResult<Response> {
    require(&connect.0.store, &actor, Permission::UseConnectors, Some(format!("connector:{id}"))).await?;
    let (wish, id) = (Wish { parameters: input.parameters, pages: input.max_pages }, connector_id(&id)?);
    // a trial sends nothing, and so there is nothing to hand on
    let done = if how.stream && actor.origin.dry_run.is_none() {
        not_kept(&headers)?;
        match connect.stream_action(&actor, &id, &action, wish).await? {
            Streaming::Failed(done) => done,
            Streaming::Flowing { answer, person, warnings } => return Ok(flowing(answer, person, &warnings)),
        }
    } else {
        connect.run_action(&actor, &id, &action, wish).await?
    };
    Ok((Extension(NeverStored), Json(RunOut::from(done))).into_response())
}

fn flowing(answer: Flowing, person: Option<UserId>, warnings: &[String]) -> Response {
    let mut response = handed_on(answer);
    let identity = HeaderValue::from_static(identity(person.as_ref()));
    response.headers_mut().insert("gatehouse-effective-identity", identity);
    for warning in warnings.iter().filter_map(|text| HeaderValue::try_from(text.as_str()).ok()) {
        response.headers_mut().append("gatehouse-warning", warning);
    }
    response
}

/// As whom an action was done.
const fn identity(person: Option<&UserId>) -> &'static str {
    if person.is_some() { "user" } else { "connector" }
}
