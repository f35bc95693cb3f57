//! The public API of the platform: what keys open. Each scope opens its own paths and nothing else; what a path is about
//! comes with later features, so that nothing is found there yet.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use gatehouse_identity::{Caller, Identity};
use gatehouse_types::{Actor, Error, Origin, Permission, Principal, Result};
use gatehouse_web::{ApiError, ErrorBody};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiKeys;

/// Somebody who calls the public API, by key or by token. What they may is asked with [`Program::may`].
pub(crate) struct Program {
    keys: ApiKeys,
    by: By,
    origin: Origin,
}

enum By {
    Key(String),
    Token(Actor),
}

impl<S> FromRequestParts<S> for Program
where
    S: Send + Sync,
    ApiKeys: FromRef<S>,
    Identity: FromRef<S>,
{
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, ApiError> {
        let keys = ApiKeys::from_ref(state);
        let origin = parts.extensions.get::<Origin>().cloned();
        let origin = origin.ok_or_else(|| Error::internal("the edge was not passed"))?;
        let key = parts.headers.get("x-api-key").map(|v| v.to_str().unwrap_or_default().to_owned());
        let by = match key {
            Some(key) => By::Key(key),
            None => By::Token(Caller::from_request_parts(parts, state).await?.0),
        };
        Ok(Self { keys, by, origin })
    }
}

impl Program {
    /// Whether the caller has the scope.
    async fn may(self, scope: &'static str) -> Result<()> {
        let verdict = match &self.by {
            By::Key(value) => self.keys.check(value, Some(scope), &self.origin).await?,
            By::Token(actor) => match &actor.principal {
                Principal::ApiKey { key_id, .. } => {
                    self.keys.check_id(key_id, Some(scope), &self.origin).await?
                }
                // a person has the scopes that they could give a key
                _ => {
                    let object = Some(format!("api-scope:{scope}"));
                    let store = &self.keys.0.store;
                    return gatehouse_identity::require(store, actor, Permission::ManageApps, object)
                        .await
                        .map(drop);
                }
            },
        };
        match verdict {
            Ok(_) => Ok(()),
            Err(refused) => Err(self.keys.refused(self.origin, refused, Some(scope)).await),
        }
    }
}

impl Program {
    /// Whether the key is good at all; a person is, who came this far.
    async fn must_be_good(self) -> Result<()> {
        let By::Key(value) = &self.by else { return Ok(()) };
        match self.keys.check(value, None, &self.origin).await? {
            Ok(_) => Ok(()),
            Err(refused) => Err(self.keys.refused(self.origin, refused, None).await),
        }
    }
}

/// The answer while there is nothing of the kind.
type Nothing = std::result::Result<(), ApiError>;

async fn nothing(program: Program, scope: &'static str, what: &'static str) -> Nothing {
    program.may(scope).await?;
    Err(Error::not_found(what).into())
}

/// Put a workflow into service. Needs the scope `workflow:deploy`.
#[utoipa::path(post, operation_id = "deployWorkflow", path = "/api/public/workflows/{id}/deploy", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn deploy_workflow(program: Program) -> Nothing {
    nothing(program, "workflow:deploy", "Workflow").await
}

/// Take a workflow out of service. Needs the scope `workflow:undeploy`.
#[utoipa::path(post, operation_id = "undeployWorkflow", path = "/api/public/workflows/{id}/undeploy", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn undeploy_workflow(program: Program) -> Nothing {
    nothing(program, "workflow:undeploy", "Workflow").await
}

/// Take a copy of a workflow with its data. Needs the scope `workflow:export`.
#[utoipa::path(post, operation_id = "exportWorkflow", path = "/api/public/workflows/{id}/export", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn export_workflow(program: Program) -> Nothing {
    nothing(program, "workflow:export", "Workflow").await
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

/// Make a workflow of an exported one. Needs the scope `workflow:import`.
#[utoipa::path(post, operation_id = "importWorkflow", path = "/api/public/workflows/import", tag = "Public API", responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn import_workflow(program: Program) -> Nothing {
    nothing(program, "workflow:import", "File").await
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

/// Bring a small file in, for an import. Needs the scope `workflow:import`.
#[utoipa::path(post, operation_id = "uploadPublicFile", path = "/api/public/files", tag = "Public API", responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn upload_file(program: Program) -> Nothing {
    nothing(program, "workflow:import", "File store").await
}

/// See how a job goes that a call began. Needs a good key: whoever began it may ask.
#[utoipa::path(get, operation_id = "getDockStatus", path = "/api/public/dock-status/{id}", tag = "Public API", params(("id" = String, Path)), responses(
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn dock_status(program: Program) -> Nothing {
    program.must_be_good().await?;
    Err(Error::not_found("Job").into())
}

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiKeys> {
    OpenApiRouter::new()
        .routes(routes!(deploy_workflow))
        .routes(routes!(undeploy_workflow))
        .routes(routes!(export_workflow))
        .routes(routes!(deploy_model))
        .routes(routes!(undeploy_model))
        .routes(routes!(export_model))
        .routes(routes!(deploy_guardrail))
        .routes(routes!(undeploy_guardrail))
        .routes(routes!(import_workflow))
        .routes(routes!(start_model_import))
        .routes(routes!(upload_model_part))
        .routes(routes!(complete_model_import))
        .routes(routes!(upload_file))
        .routes(routes!(dock_status))
}
