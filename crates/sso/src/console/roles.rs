//! Which of the provider's groups give which role, one rule a line.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Error, Kind, Result, Role};
use gatehouse_web::{FieldErrors, Flash, HtmlResult, PageContext, SeeOther, VerifiedForm};
use serde::Deserialize;

use super::PATH;
use super::page::{Again, again};
use crate::model::{Connection, RoleMapping, RoleRule};
use crate::{ConnectionPatch, Sso};

/// What the form holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RolesForm {
    pub(super) group_attribute: String,
    pub(super) group_roles: String,
}

impl RolesForm {
    /// The values of a connection; the usual attribute while nothing is mapped.
    pub(super) fn of(connection: Option<&Connection>) -> Self {
        let mapping = connection.and_then(|c| c.role_mapping.as_ref());
        let line = |r: &RoleRule| format!("{} = {}\n", r.value, r.role);
        Self {
            group_attribute: mapping.map_or_else(|| "groups".to_owned(), |m| m.attribute.clone()),
            group_roles: mapping.map(|m| m.rules.iter().map(line).collect()).unwrap_or_default(),
        }
    }

    fn mapping(&self) -> Result<RoleMapping> {
        let lines = self.group_roles.lines().map(str::trim).filter(|l| !l.is_empty());
        let rule = |line: &str| {
            let parts = line.rsplit_once('=').map(|(value, role)| (value.trim(), role.trim().to_lowercase()));
            let (value, role) = parts.ok_or_else(|| {
                let message = format!("“{line}” is not of the form: group = role.");
                Error::validation("roleMapping.rules", message)
            })?;
            let role: Role = role.parse().map_err(|_| {
                let message = format!("“{line}” names no role: viewer, member or admin.");
                Error::validation("roleMapping.rules", message)
            })?;
            Ok(RoleRule { value: value.to_owned(), role })
        };
        let rules = lines.map(rule).collect::<Result<_>>()?;
        Ok(RoleMapping { attribute: self.group_attribute.trim().to_owned(), rules })
    }
}

/// Saves the mapping; an empty one ends it.
pub(super) async fn save(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<RolesForm>,
) -> HtmlResult<Response> {
    let id =
        sso.settings(&actor).await?.settings.connection_id.ok_or_else(|| Error::not_found("Connection"))?;
    let saved = match form.mapping() {
        Ok(mapping) => {
            let patch = ConnectionPatch { role_mapping: Some(mapping), ..ConnectionPatch::default() };
            sso.update_connection(&actor, &id, patch).await.map(drop)
        }
        Err(e) => Err(e),
    };
    match saved {
        Ok(()) => {
            let text = "The roles were saved. They count from each person's next sign-in on.";
            Ok(SeeOther::to(format!("{PATH}#roles")).saying(Flash::success(text)).into_response())
        }
        Err(e) if e.kind() == Kind::Validation => {
            let field = match e.field() {
                Some("roleMapping.attribute") => "groupAttribute",
                _ => "groupRoles",
            };
            let mut errors = FieldErrors::none();
            errors.add(field, e.message().to_owned());
            again(&sso, &actor, &context, Again { errors, roles: Some(form), ..Again::default() }, &e).await
        }
        Err(e) => Err(e.into()),
    }
}
