//! Suspending a member, giving access back, and the receipt of what ended.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, Kind, Permission, UserId};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View, When,
};
use serde::Deserialize;

use super::people::{PATH, refused};
use super::reset::status_again;
use crate::api::caller::Visitor;
use crate::{Identity, SignedReceipt, Things};

#[derive(askama::Template)]
#[template(path = "identity/suspend.html")]
struct SuspendPage {
    page: Page,
    member: String,
    email: String,
    /// What ends, by kind.
    ended: Vec<Things>,
    /// What is the company's and stays.
    stays: Vec<Things>,
    /// What is still to be done outside then.
    pending: Vec<Things>,
    /// Why it cannot be done now.
    impossible: Option<String>,
    reason: String,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/offboarding.html")]
pub(crate) struct ReceiptPage {
    page: Page,
    receipt: SignedReceipt,
    when: String,
    reversed: Option<When>,
    person: String,
    /// To whom went what stays, and when.
    handed_over: Option<(String, When)>,
    to: String,
    errors: FieldErrors,
}

/// Things that a line names; it counts all.
const MAX_SHOWN: usize = 20;

impl Things {
    /// How many there are, of what kind, and what they are called: one line of a page.
    pub(super) fn told(&self) -> String {
        let (one, many) = match self.kind.as_str() {
            "session" => ("session with its tokens", "sessions with their tokens"),
            "invitation" => ("invitation that the person sent", "invitations that the person sent"),
            "reset-link" => ("link to set a password", "links to set a password"),
            "setup-link" => ("setup link", "setup links"),
            "trace-share" => ("link to a sign-in attempt", "links to sign-in attempts"),
            "account-at-provider" => ("account at an identity provider", "accounts at identity providers"),
            "sign-in-provider" => {
                ("account that signs in at a provider", "accounts that sign in at providers")
            }
            "webhook" => ("webhook", "webhooks"),
            "scim-token" => ("token of the directory (SCIM)", "tokens of the directory (SCIM)"),
            "api-key" => ("API key", "API keys"),
            "api-app" => ("API app", "API apps"),
            "user-authentication-exemption" => {
                ("exemption from user authentications", "exemptions from user authentications")
            }
            "outbound-grant" => ("authorization at an outside service", "authorizations at outside services"),
            "provider-revocation" => (
                "authorization to be revoked at its provider",
                "authorizations to be revoked at their providers",
            ),
            "auth-profile" => ("authorization profile", "authorization profiles"),
            "company-authorization" => (
                "connection of the company with the person's account at a provider",
                "connections of the company with the person's accounts at providers",
            ),
            "connector" => ("connector", "connectors"),
            "flow-execution" => {
                ("execution in the person's name, paused", "executions in the person's name, paused")
            }
            "stopped-flow-trigger" => {
                ("trigger in the person's name, switched off", "triggers in the person's name, switched off")
            }
            "flow-trigger" => ("trigger of a flow", "triggers of flows"),
            "last-owner" => ("membership of the last owner", "memberships of last owners"),
            other => (other, other),
        };
        let mut line = format!("{} {}", self.count, if self.count == 1 { one } else { many });
        let names: Vec<_> =
            self.items.iter().filter_map(|i| i.name.as_deref()).filter(|n| !n.is_empty()).collect();
        if !names.is_empty() {
            line += ": ";
            line += &names[..names.len().min(MAX_SHOWN)].join(", ");
            if names.len() > MAX_SHOWN {
                line += ", …";
            }
        }
        line
    }
}

async fn suspend_page(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    id: &UserId,
    (reason, errors): (String, FieldErrors),
) -> HtmlResult<SuspendPage> {
    let object = Some(format!("user:{id}"));
    crate::require(identity.store(), actor, Permission::ManageMembers, object).await?;
    let member = identity.member(actor, id).await?;
    let (preview, impossible) = match identity.suspension_preview(actor, id).await {
        Ok(preview) => (Some(preview), None),
        Err(e) if e.kind() == Kind::Conflict => (None, Some(e.message().to_owned())),
        Err(e) => return Err(e.into()),
    };
    let (ended, stays, pending) = preview.map(|p| (p.ended, p.stays, p.pending)).unwrap_or_default();
    Ok(SuspendPage {
        page: context.page("Suspend access", "people").under("People", PATH),
        member: id.to_string(),
        email: member.user.email.to_string(),
        ended,
        stays,
        pending,
        impossible,
        reason,
        errors,
    })
}

/// Asks before access is suspended, and tells what ends.
pub(crate) async fn ask_suspend(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<UserId>,
) -> HtmlResult<impl IntoResponse> {
    let empty = (String::new(), FieldErrors::none());
    Ok(View(suspend_page(&identity, &actor, &context, &id, empty).await?))
}

#[derive(Deserialize)]
pub(crate) struct SuspendForm {
    #[serde(default)]
    reason: String,
}

/// Suspends a member, and shows the receipt.
pub(crate) async fn suspend(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<UserId>,
    VerifiedForm(form): VerifiedForm<SuspendForm>,
) -> HtmlResult<Response> {
    match identity.suspend_member(&actor, &id, Some(&form.reason)).await {
        Ok(receipt) => {
            let flash = Flash::success(format!("The access of {} is suspended.", receipt.receipt.email));
            Ok(SeeOther::to(format!("{PATH}/{id}/offboarding")).saying(flash).into_response())
        }
        Err(e) if e.field().is_some() => {
            let Some(status) = status_again(&e) else { return Err(e.into()) };
            let typed = (form.reason, FieldErrors::from(&e));
            let page = suspend_page(&identity, &actor, &context, &id, typed).await?;
            Ok((status, View(page)).into_response())
        }
        Err(e) => Ok(refused(e)?.into_response()),
    }
}

/// Gives access back.
pub(crate) async fn reactivate(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(id): Path<UserId>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<SeeOther> {
    match identity.reactivate_member(&actor, &id).await {
        Ok(member) => {
            let flash = Flash::success(format!("{} is {} again.", member.user.email, member.role));
            Ok(SeeOther::to(PATH).saying(flash))
        }
        Err(e) => refused(e),
    }
}

async fn receipt_page(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    id: &UserId,
    (to, errors): (String, FieldErrors),
) -> HtmlResult<ReceiptPage> {
    let receipt = identity.offboarding(actor, id).await?;
    let mut handed_over = None;
    if let Some(over) = &receipt.handed_over {
        let name = match &over.to {
            None => "the company".to_owned(),
            Some(to) => match identity.user(&mut identity.store().reader(), to).await? {
                Some(person) => person.email.to_string(),
                None => to.to_string(),
            },
        };
        handed_over = Some((name, When::from(over.at)));
    }
    Ok(ReceiptPage {
        page: context.page("Offboarding receipt", "people").under("People", PATH),
        when: receipt.receipt.at.clone(),
        reversed: receipt.reversed_at.map(When::from),
        receipt,
        person: id.to_string(),
        handed_over,
        to,
        errors,
    })
}

/// The receipt of the last time that a person's access ended.
pub(crate) async fn receipt(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<UserId>,
) -> HtmlResult<View<ReceiptPage>> {
    let blank = (String::new(), FieldErrors::none());
    Ok(View(receipt_page(&identity, &actor, &context, &id, blank).await?))
}

#[derive(Deserialize)]
pub(crate) struct HandOverForm {
    /// Whether the company alone answers for the things from now on.
    #[serde(default)]
    company: String,
    /// A member's address.
    #[serde(default)]
    to: String,
}

/// Hands over what stays of somebody.
pub(crate) async fn hand_over(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<UserId>,
    VerifiedForm(form): VerifiedForm<HandOverForm>,
) -> HtmlResult<Response> {
    let is_company = form.company == "true";
    let done = match is_company {
        true => identity.hand_over(&actor, &id, None).await,
        false => {
            crate::require(identity.store(), &actor, Permission::ManageMembers, Some(format!("user:{id}")))
                .await?;
            identity.hand_over_to_address(&actor, &id, form.to.trim()).await
        }
    };
    match done {
        Ok(things) => {
            let count: usize = things.iter().map(|t| t.count).sum();
            let receiver = if is_company { "the company" } else { form.to.trim() };
            let flash = match count {
                0 => Flash::success("There was nothing left to hand over."),
                1 => Flash::success(format!("One thing belongs to {receiver} now.")),
                n => Flash::success(format!("{n} things belong to {receiver} now.")),
            };
            Ok(SeeOther::to(format!("{PATH}/{id}/offboarding")).saying(flash).into_response())
        }
        Err(e) if e.field().is_some() => {
            let Some(status) = status_again(&e) else { return Err(e.into()) };
            let typed = (form.to, FieldErrors::from(&e));
            let page = receipt_page(&identity, &actor, &context, &id, typed).await?;
            Ok((status, View(page)).into_response())
        }
        Err(e) => Err(e.into()),
    }
}
