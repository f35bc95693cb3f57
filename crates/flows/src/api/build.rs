use axum::extract::State;
use gatehouse_flow::{Problem, curl};
use gatehouse_identity::Caller;
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Flows;
use crate::model::flow::Missing;
use crate::model::secrets::{Advice, written};

/// A definition to judge.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlowValidationIn)]
pub(crate) struct ValidateIn {
    /// See `GET /api/v1/flows/schema`.
    definition: Value,
}

/// Something that is wrong with a definition.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FlowProblem)]
pub(crate) struct ProblemOut {
    /// Where: a JSON pointer (RFC 6901) into the definition; empty for the whole.
    path: String,
    /// Which rule: a stable word.
    code: &'static str,
    /// What was found, and what would be right.
    message: String,
}

impl From<Problem> for ProblemOut {
    fn from(p: Problem) -> Self {
        Self { path: p.path, code: p.code, message: p.message }
    }
}

/// What was found of a definition.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FlowValidation)]
pub(crate) struct ValidateOut {
    /// Whether it can be kept.
    valid: bool,
    /// Everything that is wrong with it.
    problems: Vec<ProblemOut>,
    /// What it needs and is not in this workspace: it cannot be deployed before.
    missing: Vec<Missing>,
    /// What works, and should be otherwise: secrets that are written in it.
    warnings: Vec<Advice>,
}

/// Judge a definition; nothing is kept.
#[utoipa::path(post, operation_id = "validateFlow", path = "/api/v1/flows/validate", tag = "Flows", request_body = ValidateIn, responses(
    (status = 200, body = ValidateOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn validate(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Json(input): Json<ValidateIn>,
) -> ApiResult<Json<ValidateOut>> {
    let judged = flows.judge(&actor, &input.definition).await?;
    let problems: Vec<ProblemOut> = judged.problems.into_iter().map(Into::into).collect();
    let valid = problems.is_empty();
    let warnings = if valid { written(&input.definition) } else { Vec::new() };
    Ok(Json(ValidateOut { valid, problems, missing: judged.missing, warnings }))
}

/// A pasted command.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PastedCommand)]
pub(crate) struct CurlIn {
    /// A command line of curl, as a browser or a documentation gives it.
    command: String,
}

/// The request of a pasted command.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PastedRequest)]
pub(crate) struct CurlOut {
    /// The `request` of an API node.
    #[schema(value_type = Object)]
    request: Value,
    /// What is different here from what curl would do.
    warnings: Vec<String>,
    /// The request as a command again.
    curl: String,
}

/// Make the request of an API node of a pasted command line of curl.
#[utoipa::path(post, operation_id = "pasteCurl", path = "/api/v1/flows/curl", tag = "Flows", request_body = CurlIn, responses(
    (status = 200, body = CurlOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn curl(
    State(flows): State<Flows>,
    Caller(actor): Caller,
    Json(input): Json<CurlIn>,
) -> ApiResult<Json<CurlOut>> {
    let command = flows.pasted(&actor, &input.command).await?;
    let out = CurlOut { request: command.request(), curl: curl::print(&command), warnings: command.warnings };
    Ok(Json(out))
}
