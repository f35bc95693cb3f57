//! The lab's pages. Every one works as a plain form; programs drive them as a browser does.

pub(crate) mod home;
pub(crate) mod sign_on;
pub(crate) mod slo;
pub(crate) mod start;
pub(crate) mod wsfed;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use gatehouse_identity::model::Workspace;
use gatehouse_types::{Error, Result, WorkspaceId};
use gatehouse_web::HtmlError;

use crate::Lab;
use crate::people::Person;

/// The lab workspace that the path names; 404 for everything else.
pub(crate) struct Here(pub(crate) Workspace);

impl FromRequestParts<Lab> for Here {
    type Rejection = HtmlError;

    async fn from_request_parts(parts: &mut Parts, lab: &Lab) -> Result<Self, HtmlError> {
        let all = RawPathParams::from_request_parts(parts, lab).await.ok();
        let named = all.as_ref().and_then(|all| all.iter().find(|(name, _)| *name == "workspace"));
        let id = named.and_then(|(_, text)| text.parse::<WorkspaceId>().ok());
        Ok(Self(lab.workspace(&id.ok_or_else(|| Error::not_found("Workspace"))?).await?))
    }
}

/// The chosen person.
pub(crate) fn chosen(id: &str) -> Result<&'static Person> {
    Person::find(id).ok_or_else(|| Error::validation("person", "Nobody of that name is at the lab."))
}
