//! Where somebody authorizes a profile: what must be asked is asked here.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, AuthProfileId, Permission, Result};
use gatehouse_web::{
    FieldErrors, HtmlResult, LocalPath, Page, PageContext, Path, Query, RedirectAway, SeeOther, VerifiedForm,
    View,
};
use serde::Deserialize;

use super::form::errors_of;
use super::grants::{GrantRow, rows_of};
use super::{PATH, below, path_of};
use crate::Connect;
use crate::profiles::model::AuthorizationType;
use crate::profiles::service::{Authorize, Way};

/// For whom, and where to afterwards.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Whose {
    #[serde(rename = "for")]
    whom: String,
    return_to: String,
}

impl Whose {
    fn for_workspace(&self, actor: &Actor) -> bool {
        match self.whom.as_str() {
            "workspace" => true,
            "me" => false,
            _ => actor.may(Permission::ManageAuthProfiles),
        }
    }
}

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AuthorizeForm {
    #[serde(rename = "for")]
    whom: String,
    return_to: String,
    tenancy: Option<String>,
    key: Vec<String>,
    value: Vec<String>,
}

struct Ask {
    /// The input's id, by which an error links to it.
    id: String,
    key: String,
    error: String,
}

#[derive(askama::Template)]
#[template(path = "connect/authorize.html")]
struct AuthorizePage {
    page: Page,
    action: String,
    back: String,
    name: String,
    description: String,
    whom: &'static str,
    for_workspace: bool,
    return_to: String,
    can: bool,
    tenancy: bool,
    tenancy_value: String,
    asks: Vec<Ask>,
    errors: FieldErrors,
    grants: Vec<GrantRow>,
}

async fn view(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    (id, whose): (&AuthProfileId, &Whose),
    (tenancy_value, errors): (String, FieldErrors),
) -> Result<Response> {
    let seen = connect.profile(actor, id).await?;
    let for_workspace = whose.for_workspace(actor);
    let ask = |(n, key): (usize, &str)| Ask {
        id: format!("value-{n}"),
        error: errors.of(&format!("fields.{key}")).to_owned(),
        key: key.to_owned(),
    };
    let asks = seen.secrets.fields.asked().enumerate().map(ask).collect();
    let manages = actor.may(Permission::ManageAuthProfiles);
    let page = AuthorizePage {
        page: below(context, &format!("Authorize {}", seen.profile.name)),
        action: format!("{}/authorize", path_of(id)),
        back: if manages { path_of(id) } else { PATH.to_owned() },
        whom: if for_workspace { "workspace" } else { "me" },
        for_workspace,
        return_to: whose.return_to.clone(),
        can: seen.profile.kind == AuthorizationType::OAuth2,
        tenancy: seen.profile.tenancy_url,
        tenancy_value,
        asks,
        errors,
        grants: rows_of(connect, actor, id).await?,
        name: seen.profile.name,
        description: seen.profile.description,
    };
    Ok(View(page).into_response())
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    Query(whose): Query<Whose>,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(view(&connect, &actor, &context, (&id, &whose), (String::new(), FieldErrors::none())).await?)
}

/// On to the provider; a form leads to another host by a page of its own.
pub(super) async fn go(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<AuthorizeForm>,
) -> HtmlResult<Response> {
    let whose = Whose { whom: form.whom, return_to: form.return_to };
    let fields: BTreeMap<String, String> = form.key.into_iter().zip(form.value).collect();
    let return_to = match whose.return_to.as_str() {
        "" => String::new(),
        wanted => LocalPath::parse(wanted).as_str().to_owned(),
    };
    let input = Authorize {
        for_workspace: Some(whose.for_workspace(&actor)),
        tenancy: form.tenancy.clone(),
        fields,
        return_to,
    };
    match connect.authorize_profile(&actor, &id, input).await {
        Ok(Way::Provider(url)) => {
            let towards = url.host_str().unwrap_or("the provider").to_owned();
            Ok(RedirectAway { url: url.into(), towards }.into_response())
        }
        Ok(Way::Ask(_)) => {
            let query =
                gatehouse_identity::query(&[("for", whose.whom.as_str()), ("returnTo", &whose.return_to)]);
            Ok(SeeOther::to(format!("{}/authorize?{query}", path_of(&id))).into_response())
        }
        Err(e) => {
            let Some(mut errors) = errors_of(&e) else { return Err(e.into()) };
            if let Some(field) = e.field().filter(|f| f.starts_with("fields.")) {
                errors = FieldErrors::none();
                errors.add(field, e.message());
            }
            let page =
                view(&connect, &actor, &context, (&id, &whose), (form.tenancy.unwrap_or_default(), errors))
                    .await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
