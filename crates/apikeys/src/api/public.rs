//! The public API of the platform, as far as nothing of it is here yet: each scope opens its own paths and nothing else;
//! what a path is about comes with later features. Workflows are those of the crate `flows`.

use gatehouse_types::{Error, Permission};
use gatehouse_web::{ApiError, ErrorBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::program::Program;
use crate::ApiKeys;

/// The answer while there is nothing of the kind.
type Nothing = std::result::Result<(), ApiError>;

async fn nothing(program: Program, scope: &'static str, what: &'static str) -> Nothing {
    program.allowed(&[scope], Permission::ManageApps).await?;
    Err(Error::not_found(what).into())
}

/// Put a model into service. Needs the scope `model:deploy`.
#[utoipa::path(post, operation_id = "deployModel", path = "/api/public/models/{id}/deploy", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn deploy_model(program: Program) -> Nothing {
    nothing(program, "model:deploy", "Model").await
}

/// Take a model out of service. Needs the scope `model:undeploy`.
#[utoipa::path(post, operation_id = "undeployModel", path = "/api/public/models/{id}/undeploy", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn undeploy_model(program: Program) -> Nothing {
    nothing(program, "model:undeploy", "Model").await
}

/// Take a copy of a trained model. Needs the scope `model:export`.
#[utoipa::path(post, operation_id = "exportModel", path = "/api/public/models/{id}/export", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn export_model(program: Program) -> Nothing {
    nothing(program, "model:export", "Model").await
}

/// Put a guardrail into service. Needs the scope `guardrail:deploy`.
#[utoipa::path(post, operation_id = "deployGuardrail", path = "/api/public/guardrails/{id}/deploy", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn deploy_guardrail(program: Program) -> Nothing {
    nothing(program, "guardrail:deploy", "Guardrail").await
}

/// Take a guardrail out of service. Needs the scope `guardrail:undeploy`.
#[utoipa::path(post, operation_id = "undeployGuardrail", path = "/api/public/guardrails/{id}/undeploy", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn undeploy_guardrail(program: Program) -> Nothing {
    nothing(program, "guardrail:undeploy", "Guardrail").await
}

/// Begin to bring a model in, in parts. Needs the scope `model:import`.
#[utoipa::path(post, operation_id = "startModelImport", path = "/api/public/files/session/start", tag = "Public API", responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn start_model_import(program: Program) -> Nothing {
    nothing(program, "model:import", "File").await
}

/// Bring one part of a model in. Needs the scope `model:import`.
#[utoipa::path(post, operation_id = "uploadModelPart", path = "/api/public/files/session/{id}", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn upload_model_part(program: Program) -> Nothing {
    nothing(program, "model:import", "Upload session").await
}

/// Finish bringing a model in. Needs the scope `model:import`.
#[utoipa::path(post, operation_id = "completeModelImport", path = "/api/public/files/session/{id}/complete", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn complete_model_import(program: Program) -> Nothing {
    nothing(program, "model:import", "Upload session").await
}

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiKeys> {
    OpenApiRouter::new()
        .routes(routes!(deploy_model))
        .routes(routes!(undeploy_model))
        .routes(routes!(export_model))
        .routes(routes!(deploy_guardrail))
        .routes(routes!(undeploy_guardrail))
        .routes(routes!(start_model_import))
        .routes(routes!(upload_model_part))
        .routes(routes!(complete_model_import))
}
