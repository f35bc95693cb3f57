use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Error, Result, Role};
use gatehouse_web::{ApiResult, ErrorBody, Json, Query};
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::model::scope::MAX_SCOPES;
use crate::service::explain::{Able, Action, Assumed, Subject};

/// Who is asked about.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ExplainPrincipal)]
pub(crate) struct PrincipalIn {
    /// `user`, `api-app` or `api-key`.
    kind: String,
    id: String,
}

/// What is taken for granted instead of what is.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = ExplainAssumption)]
pub(crate) struct AssumedIn {
    /// Another role of the person.
    role: Option<String>,
    /// Further scopes of the app.
    #[serde(default)]
    scopes: Vec<String>,
}

/// A question.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = Explain)]
pub(crate) struct ExplainIn {
    principal: PrincipalIn,
    /// A right like `sso:manage`, or a scope like `workflow:deploy`.
    action: String,
    /// On what; it is repeated in the answer.
    object: Option<String>,
    assume: Option<AssumedIn>,
}

/// The answer, with the checks that led to it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Explained)]
pub(crate) struct ExplainOut {
    allowed: bool,
    action: String,
    object: Option<String>,
    reasons: Vec<Reason>,
}

fn subject(of: &PrincipalIn) -> Result<Subject> {
    let wrong = |_| Error::not_found("Principal");
    match of.kind.as_str() {
        "user" => of.id.parse().map(Subject::User).map_err(wrong),
        "api-app" => of.id.parse().map(Subject::App).map_err(wrong),
        "api-key" => of.id.parse().map(Subject::Key).map_err(wrong),
        _ => Err(Error::validation("principal.kind", "The kind must be user, api-app or api-key.")),
    }
}

/// Ask whether somebody may do something, and why: as it is, or with another role or further scopes taken for granted.
#[utoipa::path(post, operation_id = "explain", path = "/api/v1/explain", tag = "Decisions", request_body = ExplainIn, responses(
    (status = 200, body = ExplainOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn explain(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Json(input): Json<ExplainIn>,
) -> ApiResult<Json<ExplainOut>> {
    // who may not is told so before what is wrong with the values
    let permission = gatehouse_types::Permission::ExplainDecisions;
    gatehouse_identity::require(&keys.0.store, &actor, permission, None).await?;
    let (subject, action) = (subject(&input.principal)?, Action::parse(&input.action)?);
    let assume = input.assume.unwrap_or_default();
    if assume.scopes.len() > MAX_SCOPES {
        return Err(Error::validation("assume.scopes", "Assume at most 200 scopes.").into());
    }
    let role = assume.role.as_deref().map(str::parse::<Role>).transpose();
    let role = role.map_err(|e| e.on_field("assume.role"))?;
    let assumed = Assumed { role, scopes: assume.scopes };
    let found = keys.explain(&actor, &subject, &action, &assumed).await?;
    let (allowed, reasons) = (found.allowed, found.reasons);
    Ok(Json(ExplainOut { allowed, action: input.action, object: input.object, reasons }))
}

/// What somebody could do.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhoCanIn {
    /// A right like `sso:manage`, or a scope like `workflow:deploy`.
    #[param(required = true)]
    action: Option<String>,
    /// On what; it is repeated in the answer.
    object: Option<String>,
}

/// Somebody who may.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WhoCanPrincipal)]
pub(crate) struct AbleOut {
    /// `user` or `api-app`.
    kind: &'static str,
    id: String,
    name: String,
    /// The rule that lets them.
    rule: String,
}

impl From<Able> for AbleOut {
    fn from(a: Able) -> Self {
        Self { kind: a.kind, id: a.id, name: a.name, rule: a.rule }
    }
}

/// Who may do something.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WhoCan)]
pub(crate) struct WhoCanOut {
    action: String,
    object: Option<String>,
    /// How many there are.
    total_items: i64,
    /// The first hundred: people with the highest role first, then apps.
    principals: Vec<AbleOut>,
}

/// List who may do something, and by which rule.
#[utoipa::path(get, operation_id = "whoCan", path = "/api/v1/who-can", tag = "Decisions", params(WhoCanIn), responses(
    (status = 200, body = WhoCanOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn who_can(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Query(input): Query<WhoCanIn>,
) -> ApiResult<Json<WhoCanOut>> {
    let permission = gatehouse_types::Permission::ExplainDecisions;
    gatehouse_identity::require(&keys.0.store, &actor, permission, None).await?;
    let action = input.action.ok_or_else(|| Error::validation("action", "action is required."))?;
    let found = keys.who_can(&actor, &Action::parse(&action)?).await?;
    let principals = found.named.into_iter().map(Into::into).collect();
    Ok(Json(WhoCanOut { action, object: input.object, total_items: found.total, principals }))
}
