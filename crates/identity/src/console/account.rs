//! One's own account. Each section of the page is a template of its own in `templates/identity/account`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, AuthMethod, Error, Id, Kind, PageRequest, Secret, SessionId};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View, When,
};
use serde::Deserialize;

use crate::api::caller::Visitor;
use crate::{Identity, ListedSession, OwnProvider, PasswordUse};

/// How many sessions and how many identities the page shows; the API lists all.
const SHOWN: u32 = 50;

#[derive(askama::Template)]
#[template(path = "identity/account.html")]
pub(crate) struct AccountPage {
    page: Page,
    errors: FieldErrors,
    display_name: String,
    email: String,
    password_use: PasswordUse,
    sessions: Vec<SessionRow>,
    more: i64,
    workspaces: Vec<WorkspaceRow>,
    identities: Vec<IdentityRow>,
    providers: Vec<ProviderRow>,
}

/// A provider of accounts for everybody, linked or offered.
struct ProviderRow {
    code: &'static str,
    name: &'static str,
    account: String,
    since: Option<When>,
    used: Option<When>,
}

impl ProviderRow {
    fn of(own: OwnProvider) -> Option<Self> {
        if !own.is_offered && own.linked.is_none() {
            return None;
        }
        Some(Self {
            code: own.provider.as_str(),
            name: own.provider.name(),
            since: own.linked.as_ref().map(|l| When::from(l.created_at)),
            used: own.linked.as_ref().and_then(|l| l.last_used_at).map(When::from),
            account: own.linked.and_then(|l| l.email).unwrap_or_default(),
        })
    }
}

/// How a provider knows the person.
struct IdentityRow {
    connection: String,
    workspace: String,
    format: String,
    since: When,
    used: When,
}

/// The last word of a format's URI says what kind of name it is (SAML 2.0 core §8.3).
fn spoken(format: Option<&str>) -> String {
    format.and_then(|f| f.rsplit(':').next()).unwrap_or("not known").to_owned()
}

/// A session, as rows show it.
pub(crate) struct SessionRow {
    pub(crate) id: String,
    pub(crate) current: bool,
    pub(crate) device: String,
    pub(crate) from: String,
    pub(crate) how: &'static str,
    pub(crate) workspace: String,
    pub(crate) began: When,
    pub(crate) used: When,
}

struct WorkspaceRow {
    id: String,
    name: String,
    role: String,
    current: bool,
    sso_required: bool,
}

fn how(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Password => "Password",
        AuthMethod::Saml => "Single sign-on (SAML)",
        AuthMethod::Wsfed => "Single sign-on (WS-Federation)",
        AuthMethod::Oidc => "Single sign-on (OpenID Connect)",
        AuthMethod::Console => "Command line",
        AuthMethod::Switch => "Switched workspace",
        AuthMethod::Google => "Google",
        AuthMethod::Microsoft => "Microsoft",
    }
}

impl SessionRow {
    pub(crate) fn new(listed: ListedSession, current: &SessionId) -> Self {
        let ListedSession { session, workspace } = listed;
        Self {
            current: session.id == *current,
            id: session.id.to_string(),
            device: crate::device::spoken(session.user_agent.as_deref()),
            from: session.ip.unwrap_or_else(|| "this machine".to_owned()),
            how: how(session.method),
            workspace,
            began: When::from(session.created_at),
            used: When::from(session.last_used_at),
        }
    }
}

async fn view(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    errors: FieldErrors,
) -> HtmlResult<AccountPage> {
    let user = identity.me(actor).await?;
    let (current, here) = (actor.session()?, actor.workspace()?);
    let listed = identity.my_sessions(actor, PageRequest::new(1, SHOWN)?).await?;
    let total = i64::try_from(listed.pagination.total_items).unwrap_or(i64::MAX);
    let sessions: Vec<_> = listed.data.into_iter().map(|s| SessionRow::new(s, current)).collect();
    let own = identity.own_workspaces(&user).await?.into_iter().map(|w| WorkspaceRow {
        current: w.membership.workspace.id == *here,
        id: w.membership.workspace.id.to_string(),
        name: w.membership.workspace.name,
        role: w.membership.role.to_string(),
        sso_required: w.sso_required,
    });
    let workspaces: Vec<WorkspaceRow> = own.collect();
    let linked = identity.rules().linked(&user.id, SHOWN).await?;
    let identities = linked.into_iter().map(|i| IdentityRow {
        workspace: workspaces
            .iter()
            .find(|w| w.id == i.workspace.as_str())
            .map_or("", |w| &w.name)
            .to_owned(),
        connection: i.connection,
        format: spoken(i.name_id_format.as_deref()),
        since: When::from(i.since),
        used: When::from(i.last_used),
    });
    Ok(AccountPage {
        identities: identities.collect(),
        providers: identity.own_providers(actor).await?.into_iter().filter_map(ProviderRow::of).collect(),
        page: context.page("Your account", "account"),
        errors,
        password_use: identity.password_use(&user).await?,
        display_name: user.display_name,
        email: user.email.to_string(),
        more: total - i64::try_from(sessions.len()).unwrap_or(0),
        sessions,
        workspaces,
    })
}

/// One's own account: who one is, how one signs in, and where one is signed in.
pub(crate) async fn show(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<View<AccountPage>> {
    Ok(View(view(&identity, &actor, &context, FieldErrors::none()).await?))
}

/// The page again with what is wrong beside its field; or the message above it when it belongs to none.
async fn again(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    why: Error,
) -> HtmlResult<Response> {
    let status = match why.kind() {
        Kind::Validation => StatusCode::BAD_REQUEST,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => return Err(why.into()),
    };
    let mut page = view(identity, actor, context, FieldErrors::from(&why)).await?;
    if why.field().is_none() {
        page.page = page.page.saying(Flash::failure(why.message()));
    }
    Ok((status, View(page)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct NameForm {
    name: String,
}

/// Changes the shown name.
pub(crate) async fn rename(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<NameForm>,
) -> HtmlResult<Response> {
    match identity.rename(&actor, &form.name).await {
        Ok(_) => Ok(SeeOther::to("/account").saying(Flash::success("Your name was saved.")).into_response()),
        Err(e) => again(&identity, &actor, &context, e).await,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordForm {
    current_password: Secret,
    new_password: Secret,
}

/// Changes the password.
pub(crate) async fn change_password(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<PasswordForm>,
) -> HtmlResult<Response> {
    match identity.change_password(&actor, form.current_password, form.new_password).await {
        Ok(()) => {
            let flash = Flash::success("Your password was changed. All your other sessions have ended.");
            Ok(SeeOther::to("/account").saying(flash).into_response())
        }
        Err(e) => again(&identity, &actor, &context, e).await,
    }
}

/// Ends one session.
pub(crate) async fn end_session(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<SessionId>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<SeeOther> {
    identity.end_my_session(&actor, &id).await?;
    Ok(SeeOther::to("/account").saying(Flash::success("The session has ended.")))
}

/// Ends all sessions but this one.
pub(crate) async fn end_others(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<SeeOther> {
    identity.end_my_other_sessions(&actor).await?;
    Ok(SeeOther::to("/account").saying(Flash::success("All your other sessions have ended.")))
}
