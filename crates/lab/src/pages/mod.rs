//! The lab's pages. Every one works as a plain form; programs drive them as a browser does.

pub(crate) mod home;
pub(crate) mod sign_on;
pub(crate) mod slo;
pub(crate) mod start;
pub(crate) mod wsfed;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gatehouse_identity::model::Workspace;
use gatehouse_types::{Error, Result, WorkspaceId};
use gatehouse_web::{HtmlError, Path};

use crate::Lab;
use crate::people::Person;

/// The lab workspace that the path names; 404 for everything else.
pub(crate) struct Here(pub(crate) Workspace);

impl FromRequestParts<Lab> for Here {
    type Rejection = HtmlError;

    async fn from_request_parts(parts: &mut Parts, lab: &Lab) -> Result<Self, HtmlError> {
        let Path(id) = Path::<WorkspaceId>::from_request_parts(parts, lab).await?;
        Ok(Self(lab.workspace(&id).await?))
    }
}

/// The chosen person.
pub(crate) fn chosen(id: &str) -> Result<&'static Person> {
    Person::find(id).ok_or_else(|| Error::validation("person", "Nobody of that name is at the lab."))
}
