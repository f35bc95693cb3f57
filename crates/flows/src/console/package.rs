//! Flows in and out as files.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Error, Permission, Result};
use gatehouse_web::{FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use super::parts::errors_of;
use super::{Nothing, PATH, below, id_of, path_of};
use crate::Flows;
use crate::model::package::Package;

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ImportForm {
    package: String,
    name: String,
}

#[derive(askama::Template)]
#[template(path = "flows/import.html")]
struct ImportPage {
    page: Page,
    path: &'static str,
    form: ImportForm,
    errors: FieldErrors,
}

fn view(context: &PageContext, form: ImportForm, errors: FieldErrors) -> Response {
    View(ImportPage { page: below(context, "Import a flow"), path: PATH, form, errors }).into_response()
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    require(&flows.0.store, &actor, Permission::EditFlows, None).await?;
    Ok(view(&context, ImportForm::default(), FieldErrors::none()))
}

fn read(form: &ImportForm) -> Result<Package> {
    let mut package: Package = serde_json::from_str(&form.package).map_err(|e| {
        let text = format!("This is no exported flow ({e}). Export one, and bring in that file.");
        Error::validation("package", text)
    })?;
    if !form.name.trim().is_empty() {
        package.name = Some(form.name.clone());
    }
    Ok(package)
}

/// Makes a flow of the file.
pub(super) async fn import(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ImportForm>,
) -> HtmlResult<Response> {
    require(&flows.0.store, &actor, Permission::EditFlows, None).await?;
    let made = async { flows.import(&actor, read(&form)?).await };
    match made.await {
        Ok(made) => {
            let words = match made.missing.len() {
                0 => format!("{} was imported.", made.flow.name),
                _ => format!(
                    "{} was imported. It cannot be deployed yet: see what is missing.",
                    made.flow.name
                ),
            };
            Ok(SeeOther::to(path_of(&made.flow.id)).saying(Flash::success(words)).into_response())
        }
        Err(e) => {
            let Some(mut errors) = errors_of(&e) else { return Err(e.into()) };
            if errors.of("name").is_empty() && errors.of("package").is_empty() {
                errors = FieldErrors::none();
                errors.add("package", e.message());
            }
            Ok((StatusCode::BAD_REQUEST, view(&context, form, errors)).into_response())
        }
    }
}

/// The flow as a file, without its secrets.
pub(super) async fn export(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let package = flows.export(&actor, &id_of(&id)?).await?;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = package.flow.name.chars().map(plain).collect();
    let disposition = format!("attachment; filename=\"{}.flow.json\"", name.trim_matches('-'));
    let text = serde_json::to_string_pretty(&package).map_err(Error::internal)?;
    let disposition = HeaderValue::from_str(&disposition).map_err(Error::internal)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, text).into_response())
}
