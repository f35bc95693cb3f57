//! The people of a workspace: members, their roles, invitations.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{
    Actor, Email, Error, InvitationId, Kind, PageInfo, PageRequest, Permission, Role, UserId,
};
use gatehouse_web::{
    Choice, Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, SeeOther, VerifiedForm,
    View, When,
};
use serde::Deserialize;

use super::reset::status_again;
use crate::api::caller::Visitor;
use crate::model::InvitationStatus;
use crate::{Identity, Member, Things, WantedInvitations, WantedMembers};

/// The page.
pub(super) const PATH: &str = "/settings/people";
/// How many open invitations and suspended people the page shows; the API lists all.
const SHOWN: u32 = 100;

#[derive(askama::Template)]
#[template(path = "identity/people.html")]
pub(crate) struct PeoplePage {
    page: Page,
    members: Vec<MemberRow>,
    pagination: PageInfo,
    invitations: Vec<InvitationRow>,
    suspended: Vec<SuspendedRow>,
    roles: Vec<Choice>,
    email: String,
    role: String,
    errors: FieldErrors,
}

struct MemberRow {
    id: String,
    name: String,
    email: String,
    role: String,
    last: Option<When>,
    how: &'static str,
    /// Whether the viewer may change this member.
    editable: bool,
    is_me: bool,
    /// Whether a group of the directory gives the role.
    managed: bool,
}

struct SuspendedRow {
    id: String,
    name: String,
    email: String,
    role: String,
    since: Option<When>,
    editable: bool,
}

struct InvitationRow {
    id: String,
    email: String,
    role: String,
    expired: bool,
    until: When,
}

#[derive(askama::Template)]
#[template(path = "identity/people_role.html")]
struct RolePage {
    page: Page,
    member: String,
    email: String,
    role: String,
    roles: Vec<Choice>,
    errors: FieldErrors,
    /// Whether a group of the directory gives the role.
    managed: bool,
}

fn how(m: &Member) -> &'static str {
    match (m.has_password, m.uses_sso) {
        (true, true) => "Password, single sign-on",
        (true, false) => "Password",
        (false, true) => "Single sign-on",
        (false, false) => "Not yet",
    }
}

/// The roles that the actor may give, lowest first.
fn roles(actor: &Actor) -> Vec<Choice> {
    let highest = actor.role().unwrap_or(Role::Viewer);
    let words = |r: Role| match r {
        Role::Viewer => "Viewer: looks, changes nothing",
        Role::Member => "Member: uses the product, administers nothing",
        Role::Admin => "Admin: administers the workspace",
        Role::Owner => "Owner: answers for the workspace",
    };
    Role::ALL.into_iter().filter(|r| *r <= highest).map(|r| Choice::new(r.as_str(), words(r))).collect()
}

async fn view(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    page: PageRequest,
    typed: (String, String),
    errors: FieldErrors,
) -> HtmlResult<PeoplePage> {
    let found = identity.members(actor, WantedMembers::default(), page).await?;
    let (me, highest) = (actor.user()?, actor.role().unwrap_or(Role::Viewer));
    let members = found.data.into_iter().map(|m| MemberRow {
        how: how(&m),
        editable: m.role <= highest,
        is_me: m.user.id == *me,
        managed: m.role_managed,
        id: m.user.id.to_string(),
        name: m.user.display_name,
        email: m.user.email.to_string(),
        role: m.role.to_string(),
        last: m.last_sign_in.map(When::from),
    });
    let wanted = WantedMembers { suspended: true, ..WantedMembers::default() };
    let suspended = identity.members(actor, wanted, PageRequest::new(1, SHOWN)?).await?;
    let suspended = suspended.data.into_iter().map(|m| SuspendedRow {
        editable: m.role <= highest,
        id: m.user.id.to_string(),
        name: m.user.display_name,
        email: m.user.email.to_string(),
        role: m.role.to_string(),
        since: m.suspended_at.map(When::from),
    });
    let now = identity.store().now();
    let mut open = Vec::new();
    for status in [InvitationStatus::Pending, InvitationStatus::Expired] {
        let wanted = WantedInvitations { status: Some(status), email: None };
        open.extend(identity.invitations(actor, wanted, PageRequest::new(1, SHOWN)?).await?.data);
    }
    let invitations = open.into_iter().map(|i| InvitationRow {
        expired: i.status(now) == InvitationStatus::Expired,
        id: i.id.to_string(),
        email: i.email.to_string(),
        role: i.role.to_string(),
        until: When::from(i.expires_at),
    });
    Ok(PeoplePage {
        page: context.page("People", "people"),
        members: members.collect(),
        pagination: found.pagination,
        invitations: invitations.collect(),
        suspended: suspended.collect(),
        roles: roles(actor),
        email: typed.0,
        role: typed.1,
        errors,
    })
}

/// Who is here, and who is invited.
pub(crate) async fn show(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<50>,
) -> HtmlResult<View<PeoplePage>> {
    let typed = (String::new(), Role::Member.to_string());
    Ok(View(view(&identity, &actor, &context, page, typed, FieldErrors::none()).await?))
}

#[derive(Deserialize)]
pub(crate) struct InviteForm {
    email: String,
    role: String,
}

/// Invites somebody.
pub(crate) async fn invite(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<InviteForm>,
) -> HtmlResult<Response> {
    let invited = match (form.email.parse::<Email>(), form.role.parse::<Role>()) {
        (Ok(email), Ok(role)) => identity.invite(&actor, email, role).await,
        (Err(e), _) | (_, Err(e)) => Err(e),
    };
    match invited {
        Ok(i) => {
            let flash = Flash::success(format!("{} is invited as {}.", i.email, i.role));
            Ok(SeeOther::to(PATH).saying(flash).into_response())
        }
        Err(e) => {
            let Some(status) = status_again(&e).filter(|s| *s != StatusCode::FORBIDDEN) else {
                return Err(e.into());
            };
            let e = if e.field().is_none() { e.on_field("email") } else { e };
            let (typed, errors) = ((form.email, form.role), FieldErrors::from(&e));
            let page = view(&identity, &actor, &context, PageRequest::new(1, 50)?, typed, errors).await?;
            Ok((status, View(page)).into_response())
        }
    }
}

/// Sends an invitation again.
pub(crate) async fn resend(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<InvitationId>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<SeeOther> {
    let i = identity.resend_invitation(&actor, &id).await?;
    let flash = Flash::success(format!("The invitation of {} was sent again.", i.email));
    Ok(SeeOther::to(PATH).saying(flash))
}

pub(super) fn question(
    context: &PageContext,
    title: &str,
    text: String,
    action: String,
    confirm: &str,
) -> Confirm {
    Confirm {
        page: context.page(title, "people").under("People", PATH),
        text,
        action,
        fields: Vec::new(),
        confirm: confirm.to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    }
}

/// Asks before an invitation is revoked.
pub(crate) async fn ask_revoke(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<InvitationId>,
) -> HtmlResult<Confirm> {
    crate::require(identity.store(), &actor, Permission::ManageMembers, None).await?;
    let text = "The mailed link counts no more. You can invite the address again later.".to_owned();
    let action = format!("{PATH}/invitations/{id}/revoke");
    Ok(question(&context, "Revoke this invitation?", text, action, "Revoke"))
}

/// Revokes an invitation.
pub(crate) async fn revoke(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<InvitationId>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<SeeOther> {
    identity.revoke_invitation(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The invitation was revoked.")))
}

/// Asks before a member is removed.
pub(crate) async fn ask_remove(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<UserId>,
) -> HtmlResult<Confirm> {
    let member = identity.member(&actor, &id).await?;
    let ends = match identity.suspension_preview(&actor, &id).await {
        Ok(preview) => preview.ended.iter().map(Things::told).collect::<Vec<_>>().join("; "),
        Err(e) if e.kind() == Kind::Conflict => String::new(),
        Err(e) => return Err(e.into()),
    };
    let ends = if ends.is_empty() { String::new() } else { format!(" That is: {ends}.") };
    let text = format!(
        "{} leaves this workspace: what the person has of their own here ends at once.{ends} What is the company's stays, \
         and so does the account itself.",
        member.user.email
    );
    Ok(question(&context, "Remove this member?", text, format!("{PATH}/{id}/remove"), "Remove"))
}

/// What cannot be done is said on the page of the people.
pub(super) fn refused(e: Error) -> HtmlResult<SeeOther> {
    if status_again(&e).is_some() {
        return Ok(SeeOther::to(PATH).saying(Flash::failure(e.message())));
    }
    Err(e.into())
}

/// Removes a member.
pub(crate) async fn remove(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<UserId>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<SeeOther> {
    match identity.remove_member(&actor, &id).await {
        Ok(()) => Ok(SeeOther::to(PATH).saying(Flash::success("The member was removed."))),
        Err(e) => refused(e),
    }
}

/// Asks which role a member shall have.
pub(crate) async fn ask_role(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<UserId>,
) -> HtmlResult<Response> {
    let member = identity.member(&actor, &id).await?;
    let page = RolePage {
        page: context.page("Change a role", "people").under("People", PATH),
        member: id.to_string(),
        email: member.user.email.to_string(),
        role: member.role.to_string(),
        roles: roles(&actor),
        errors: FieldErrors::none(),
        managed: member.role_managed,
    };
    Ok(View(page).into_response())
}

#[derive(Deserialize)]
pub(crate) struct RoleForm {
    role: String,
}

/// Changes a role.
pub(crate) async fn change_role(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<UserId>,
    VerifiedForm(form): VerifiedForm<RoleForm>,
) -> HtmlResult<SeeOther> {
    let changed = match form.role.parse::<Role>() {
        Ok(role) => identity.set_role(&actor, &id, role).await,
        Err(e) => Err(e),
    };
    match changed {
        Ok(m) => {
            let flash = Flash::success(format!("{} is {} now.", m.user.email, m.role));
            Ok(SeeOther::to(PATH).saying(flash))
        }
        Err(e) => refused(e),
    }
}
