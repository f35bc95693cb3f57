//! The way of a person to the consent page.

use std::collections::BTreeMap;

use gatehouse_identity::require;
use gatehouse_types::{Actor, AuthProfileId, Error, Permission, Result};
use url::Url;

use super::spec::spec_of;
use super::{PAGES, not_found, object};
use crate::profiles::model::{AuthorizationType, Fields, Profile, checked_value, label};
use crate::profiles::store;
use crate::{Asked, Connect, Holder, Owner};

/// How somebody authorizes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorize {
    /// For the workspace (`true`) or for oneself; `None`: what the role suggests.
    pub(crate) for_workspace: Option<bool>,
    /// The tenancy, where the profile has one.
    pub(crate) tenancy: Option<String>,
    /// What the profile asks each person for, by key.
    pub(crate) fields: BTreeMap<String, String>,
    /// Where the browser goes afterwards.
    pub(crate) return_to: String,
}

/// Where the browser goes next.
#[derive(Debug)]
pub(crate) enum Way {
    /// To the provider.
    Provider(Url),
    /// To the page of ours that asks for what is missing.
    Ask(String),
}

impl Connect {
    /// Begins an authorization of a profile.
    ///
    /// # Errors
    /// `Validation`; `NotFound`; `Authorization` without the right; `RateLimited`.
    pub(crate) async fn authorize_profile(
        &self,
        actor: &Actor,
        id: &AuthProfileId,
        input: Authorize,
    ) -> Result<Way> {
        let db = &self.0.store;
        let for_workspace = input.for_workspace.unwrap_or_else(|| actor.may(Permission::ManageAuthProfiles));
        let right = if for_workspace { Permission::ManageAuthProfiles } else { Permission::UseAuthProfiles };
        let workspace = require(db, actor, right, object(id)).await?;
        let user = actor.user()?.clone();
        self.by_hand(actor)?;
        let found = store::find(db, &mut db.reader(), workspace, id).await?;
        let (profile, secrets) = found.ok_or_else(not_found)?;
        if profile.kind != AuthorizationType::OAuth2 {
            let message = "OAuth V2 Client Credentials needs nobody's consent: test it instead.";
            return Err(Error::validation("authorizationType", message));
        }
        let (holder, owner) =
            (Holder::Profile(id.clone()), if for_workspace { Owner::Service } else { Owner::Person(user) });
        if is_incomplete(&profile, &secrets.fields, &input) {
            let whose = if for_workspace { "workspace" } else { "me" };
            let page = self.0.public_url.join(&format!("{PAGES}/{id}/authorize?for={whose}"));
            return Ok(Way::Ask(page));
        }
        let asked = asked(&profile, &secrets.fields, input)?;
        let spec = spec_of(&self.0.public_url, &profile, &secrets, &asked)?;
        Ok(Way::Provider(self.0.broker.begin(actor, (holder, owner), right, &spec, asked).await?))
    }
}

/// Whether the person must be asked for something first.
fn is_incomplete(profile: &Profile, fields: &Fields, input: &Authorize) -> bool {
    profile.tenancy_url && input.tenancy.is_none()
        || fields.asked().any(|key| !input.fields.contains_key(key))
}

/// What the person was asked for, checked.
fn asked(profile: &Profile, fields: &Fields, input: Authorize) -> Result<Asked> {
    let tenancy = match (profile.tenancy_url, input.tenancy) {
        (true, Some(text)) => Some(label(&text)?),
        (false, Some(_)) => return Err(Error::validation("tenancy", "This profile has no tenancy.")),
        (_, None) => None,
    };
    let known: Vec<&str> = fields.asked().collect();
    let mut kept = BTreeMap::new();
    for (key, value) in input.fields {
        let at = format!("fields.{key}");
        if !known.contains(&key.as_str()) {
            return Err(Error::validation(at, "This profile does not ask for such a value."));
        }
        if value.trim().is_empty() {
            return Err(Error::validation(at, format!("Enter {key}.")));
        }
        let value = checked_value(&at, value)?;
        kept.insert(key, value);
    }
    Ok(Asked { tenancy, fields: kept, return_to: input.return_to, link: None })
}
