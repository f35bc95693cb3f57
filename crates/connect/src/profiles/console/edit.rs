//! A profile: new, or with what was granted for it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, AuthProfileId, Permission, Result};
use gatehouse_web::{
    Choice, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, Tone, VerifiedForm, View,
};

use super::form::{
    AdditionalRow, AuthorizationRow, ProfileForm, client_auths, errors_of, places, tenancies, types,
};
use super::grants::{GrantRow, rows_of};
use super::list::status_words;
use super::{PATH, below, path_of};
use crate::Connect;
use crate::profiles::service::test::Tested;

#[derive(askama::Template)]
#[template(path = "connect/edit.html")]
struct EditPage {
    page: Page,
    action: String,
    /// Where the form goes when another type is chosen.
    refresh: String,
    list: &'static str,
    is_new: bool,
    is_code: bool,
    form: ProfileForm,
    additional: Vec<AdditionalRow>,
    authorization: Vec<AuthorizationRow>,
    errors: FieldErrors,
    types: Vec<Choice>,
    tenancies: Vec<Choice>,
    client_auths: Vec<Choice>,
    places: Vec<Choice>,
    /// What a test found, with its request.
    tested: Option<Tested>,
    claims: String,
    /// Of a profile that is stored.
    status: &'static str,
    tone: Tone,
    trouble: String,
    path: String,
    grants: Vec<GrantRow>,
    /// What saving would end.
    ends: String,
    save_anyway: &'static str,
}

/// The button that saves what ends something.
const SAVE_ANYWAY: &str = "save-anyway";

/// What stands on the page beside the form.
#[derive(Default)]
struct Beside {
    errors: FieldErrors,
    tested: Option<Tested>,
    /// What saving would end, and was not said yet.
    ends: String,
}

async fn view(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    id: Option<&AuthProfileId>,
    form: ProfileForm,
    beside: Beside,
) -> Result<Response> {
    let seen = match id {
        Some(id) => Some(connect.profile(actor, id).await?),
        None => None,
    };
    let grants = match id {
        Some(id) => rows_of(connect, actor, id).await?,
        None => Vec::new(),
    };
    let path = id.map(path_of).unwrap_or_default();
    let title = seen.as_ref().map_or("New Authorization Mechanism", |s| s.profile.name.as_str());
    let (status, tone) = seen.as_ref().map_or(("", Tone::Neutral), status_words);
    let claims = beside.tested.as_ref().and_then(|t| t.claims.as_ref());
    let claims = claims.and_then(|c| serde_json::to_string_pretty(c).ok()).unwrap_or_default();
    let page = EditPage {
        page: below(context, title),
        action: if path.is_empty() { format!("{PATH}/new") } else { path.clone() },
        refresh: format!("{PATH}/new/fields"),
        list: PATH,
        is_new: id.is_none(),
        is_code: form.is_code(),
        additional: form.additional(),
        authorization: form.authorization(),
        errors: beside.errors,
        types: types(),
        tenancies: tenancies(),
        client_auths: client_auths(),
        places: places(),
        tested: beside.tested,
        claims,
        status,
        tone,
        trouble: seen.as_ref().and_then(crate::profiles::service::Seen::trouble).unwrap_or_default(),
        path,
        grants,
        ends: beside.ends,
        save_anyway: SAVE_ANYWAY,
        form,
    };
    Ok(View(page).into_response())
}

/// The form shown again with what is wrong, when the failure is about it.
async fn again(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    id: Option<&AuthProfileId>,
    (form, error): (ProfileForm, gatehouse_types::Error),
) -> HtmlResult<Response> {
    let Some(errors) = errors_of(&error) else { return Err(error.into()) };
    let page = view(connect, actor, context, id, form, Beside { errors, ..Beside::default() }).await?;
    Ok((StatusCode::BAD_REQUEST, page).into_response())
}

/// The form of a new profile.
pub(super) async fn begin(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageAuthProfiles, None).await?;
    let form = ProfileForm::blank(&connect, &actor);
    Ok(view(&connect, &actor, &context, None, form, Beside::default()).await?)
}

/// The same form for the type that was chosen.
pub(super) async fn fields(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ProfileForm>,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageAuthProfiles, None).await?;
    Ok(view(&connect, &actor, &context, None, form, Beside::default()).await?)
}

/// Makes a profile of what was filled in, or tests it.
pub(super) async fn make(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ProfileForm>,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageAuthProfiles, None).await?;
    let change = match form.change(true) {
        Ok(change) => change,
        Err(e) => return again(&connect, &actor, &context, None, (form, e)).await,
    };
    if form.what == "test" {
        return match connect.try_profile(&actor, change).await {
            Ok(tested) => {
                let beside = Beside { tested: Some(tested), ..Beside::default() };
                Ok(view(&connect, &actor, &context, None, form, beside).await?)
            }
            Err(e) => again(&connect, &actor, &context, None, (form, e)).await,
        };
    }
    match connect.create_profile(&actor, change).await {
        Ok(seen) => {
            let words = format!("{} was saved.", seen.profile.name);
            Ok(SeeOther::to(PATH).saying(Flash::success(words)).into_response())
        }
        Err(e) => again(&connect, &actor, &context, None, (form, e)).await,
    }
}

/// A profile's page; for who does not manage it, the page where one authorizes.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    context: PageContext,
) -> HtmlResult<Response> {
    let seen = connect.profile(&actor, &id).await?;
    if !actor.may(Permission::ManageAuthProfiles) {
        return Ok(SeeOther::to(format!("{}/authorize?for=me", path_of(&id))).into_response());
    }
    let form = ProfileForm::of(&connect, &seen);
    Ok(view(&connect, &actor, &context, Some(&id), form, Beside::default()).await?)
}

/// Stores what was changed, or tests it.
pub(super) async fn save(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    context: PageContext,
    VerifiedForm(mut form): VerifiedForm<ProfileForm>,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageAuthProfiles, Some(format!("auth-profile:{id}")))
        .await?;
    let seen = connect.profile(&actor, &id).await?;
    // both are locked inputs, which browsers do not send
    seen.profile.kind.as_str().clone_into(&mut form.authorization_type);
    seen.profile.name.clone_into(&mut form.identity_provider_name);
    let change = match form.change(false) {
        Ok(change) => change,
        Err(e) => return again(&connect, &actor, &context, Some(&id), (form, e)).await,
    };
    if form.what == "test" {
        return match connect.try_change(&actor, &id, change).await {
            Ok(tested) => {
                let beside = Beside { tested: Some(tested), ..Beside::default() };
                Ok(view(&connect, &actor, &context, Some(&id), form, beside).await?)
            }
            Err(e) => again(&connect, &actor, &context, Some(&id), (form, e)).await,
        };
    }
    let ends = match connect.change_ends(&actor, &id, change.clone()).await {
        Ok(ends) => ends,
        Err(e) => return again(&connect, &actor, &context, Some(&id), (form, e)).await,
    };
    if let Some(ends) = ends.clone().filter(|_| form.what != SAVE_ANYWAY) {
        let page = view(&connect, &actor, &context, Some(&id), form, Beside { ends, ..Beside::default() });
        return Ok((StatusCode::CONFLICT, page.await?).into_response());
    }
    match connect.update_profile(&actor, &id, change).await {
        Ok(_) => {
            let flash = match ends {
                None => Flash::success("The changes were saved."),
                Some(_) => Flash::notice(
                    "The changes were saved. What was authorized before was ended by them: authorize it again.",
                ),
            };
            Ok(SeeOther::to(path_of(&id)).saying(flash).into_response())
        }
        Err(e) => again(&connect, &actor, &context, Some(&id), (form, e)).await,
    }
}
