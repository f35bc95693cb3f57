//! "Manage Users": for whom single sign-on is optional.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Email, Error, Kind, Permission, Result};
use gatehouse_web::{Flash, HtmlResult, PageContext, SeeOther, VerifiedForm};
use serde::Deserialize;

use super::page::{Again, again};
use super::{PATH, form};
use crate::{SettingsView, Sso};

/// The section of the page.
pub(super) struct People {
    pub(super) owners: Vec<String>,
    pub(super) excluded: Vec<String>,
    /// What the fields hold; the excluded people unless a form is shown again.
    pub(super) typed: Vec<String>,
    /// Members to choose from.
    pub(super) members: Vec<String>,
    /// Whether this person may change them.
    pub(super) editable: bool,
}

/// The section as this person sees it.
pub(super) fn people(actor: &Actor, settings: &SettingsView, members: &[Email]) -> People {
    let texts = |emails: &[Email]| emails.iter().map(ToString::to_string).collect::<Vec<_>>();
    let owners = &settings.owners;
    let others: Vec<Email> =
        settings.settings.excluded.iter().filter(|e| !owners.contains(e)).cloned().collect();
    People {
        owners: texts(owners),
        excluded: texts(&others),
        typed: texts(&others),
        members: texts(members),
        editable: actor.may(Permission::ManageSsoExclusions),
    }
}

#[derive(Deserialize)]
pub(super) struct PeopleForm {
    #[serde(default)]
    emails: Vec<String>,
}

fn addresses(texts: &[String]) -> Result<Vec<Email>> {
    let given = texts.iter().map(|t| t.trim()).filter(|t| !t.is_empty());
    let read = |text: &str| {
        text.parse::<Email>()
            .map_err(|_| Error::validation("emails", format!("“{text}” is not an e-mail address.")))
    };
    given.map(read).collect()
}

/// Saves who is excluded; an owner's right.
pub(super) async fn save(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(typed): VerifiedForm<PeopleForm>,
) -> HtmlResult<Response> {
    let saved = match addresses(&typed.emails) {
        Ok(emails) => sso.update_settings(&actor, None, Some(emails)).await.map(drop),
        Err(e) => Err(e),
    };
    match saved {
        Ok(()) => Ok(SeeOther::to(PATH)
            .saying(Flash::success("SSO updated successfully. The excluded people were saved."))
            .into_response()),
        Err(e) if e.kind() == Kind::Validation => {
            let e = e.on_field("emails");
            let errors = form::errors_of(&e);
            again(
                &sso,
                &actor,
                &context,
                Again { errors, emails: Some(typed.emails), ..Again::default() },
                &e,
            )
            .await
        }
        Err(e) => Err(e.into()),
    }
}
