//! Invitations: made, listed, sent again, taken back, and accepted through the mailed link.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{
    Actor, Email, Error, Id, InvitationId, Page, PageRequest, Permission, Result, Role, Secret, WorkspaceId,
    digest, random_token,
};
use serde_json::json;

use crate::model::{CreatedVia, Invitation, InvitationStatus, User};
use crate::rules::Discovery;
use crate::service::access::require;
use crate::service::letters;
use crate::service::own_password::{card, no_trial};
use crate::service::people::checked_display_name;
use crate::service::sessions::is_cookie_shaped;
use crate::store::{invitations, leavers, passwords, users, workspaces};
use crate::{Identity, SendMail};

/// How long an invitation counts, in seconds (7 days).
const INVITATION_SECONDS: i64 = 7 * 86_400;
/// How many invitations of a workspace may be open at once.
const MAX_PENDING: i64 = 500;

/// Which invitations are wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedInvitations {
    /// That stand like this.
    pub status: Option<InvitationStatus>,
    /// Whose address contains this.
    pub email: Option<String>,
}

/// What the mailed link leads to.
#[derive(Clone, Debug)]
pub struct OpenInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The workspace's name.
    pub workspace: String,
    /// Whether the address has an account.
    pub is_known: bool,
    /// Where the provider that binds the address's domain starts.
    pub provider: Option<String>,
}

impl Identity {
    /// Invites an address into the actor's workspace, by mail.
    ///
    /// # Errors
    /// `Authorization` without the right, and when an admin would make an owner; `Conflict` for a member, for
    /// somebody suspended, and for an address that has an open invitation.
    pub async fn invite(&self, actor: &Actor, email: Email, role: Role) -> Result<Invitation> {
        let workspace = self.may_invite(actor, role).await?;
        let store = &self.0.store;
        self.0.mail_limits.take_invitation(&workspace, actor.user()?, &email)?;
        let mut tx = store.begin(&actor.origin).await?;
        workspaces::lock(&mut tx, &workspace).await?;
        if let Some(user) = users::find_by_email(&mut tx, &email).await? {
            if workspaces::role_of(&mut tx, &workspace, &user.id).await?.is_some() {
                return Err(Error::conflict("This person is a member already.").on_field("email"));
            }
            if leavers::kept(&mut tx, &workspace, &user.id).await?.is_some() {
                let message = "This person's access is suspended. Reactivate it instead.";
                return Err(Error::conflict(message).on_field("email"));
            }
        }
        let now = store.now();
        let open = WantedInvitations { status: Some(InvitationStatus::Pending), email: None };
        let (_, pending) =
            invitations::page(&mut tx, &workspace, &open, now, PageRequest::new(1, 1)?).await?;
        if pending >= MAX_PENDING {
            return Err(Error::conflict("500 invitations are open. Revoke some first."));
        }
        if !invitations::open_to(&mut tx, &workspace, &email).await?.is_empty() {
            return Err(Error::conflict("This address has an open invitation. Send it again, or revoke it.")
                .on_field("email"));
        }
        let token = random_token(&**store.random());
        let invitation = Invitation {
            id: store.ids().make(),
            workspace_id: workspace.clone(),
            email,
            role,
            invited_by: actor.user().ok().cloned(),
            created_at: now,
            sent_at: now,
            expires_at: now.plus_seconds(INVITATION_SECONDS),
            accepted_at: None,
            revoked_at: None,
        };
        invitations::insert(&mut tx, &invitation, &digest(token.expose())).await?;
        note(&mut tx, actor, &invitation, "invitation.created").await?;
        self.mail_invitation(&mut tx, actor, &invitation, &token).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    async fn may_invite(&self, actor: &Actor, role: Role) -> Result<WorkspaceId> {
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, None).await?;
        if invites_too_high(actor, role) {
            return Err(self.owners_invite_owners(actor, workspace).await?);
        }
        Ok(workspace.clone())
    }

    async fn owners_invite_owners(&self, actor: &Actor, workspace: &WorkspaceId) -> Result<Error> {
        let refusal = Refusal {
            action: Permission::ManageMembers.as_str(),
            object: None,
            reasons: vec![Reason::failed("role", "Only owners invite owners; ask an owner.")],
        };
        let decision = refuse(&self.0.store, actor, Some(workspace), refusal).await?;
        Ok(Error::authorization("Only an owner can invite an owner.").decided(decision))
    }

    async fn mail_invitation(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        invitation: &Invitation,
        token: &Secret,
    ) -> Result<()> {
        let workspace = workspaces::find(tx, &invitation.workspace_id).await?;
        let workspace = workspace.ok_or_else(|| Error::not_found("Workspace"))?;
        let by = match actor.user() {
            Ok(id) => users::find(tx, id).await?.map(|u| u.email.to_string()),
            Err(_) => None,
        };
        let link = self.address(&format!("/invitation/{}", token.expose()));
        let mail =
            letters::invitation(&invitation.email, &workspace.name, by.as_deref(), invitation.role, &link);
        SendMail::enqueue_personal(tx, Some(&workspace.id), &mail).await?;
        Ok(())
    }

    /// The invitations of the actor's workspace, newest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub async fn invitations(
        &self,
        actor: &Actor,
        wanted: WantedInvitations,
        page: PageRequest,
    ) -> Result<Page<Invitation>> {
        let workspace = require(&self.0.store, actor, Permission::ReadMembers, None).await?;
        let (db, now) = (&mut self.0.store.reader(), self.0.store.now());
        let (rows, total) = invitations::page(db, workspace, &wanted, now, page).await?;
        Ok(Page::new(rows, page, total))
    }

    /// Sends an open or expired invitation again, with a new link and seven new days. The older link counts no more.
    ///
    /// # Errors
    /// `Authorization`, `NotFound`; `Conflict` for one that was accepted or revoked.
    pub async fn resend_invitation(&self, actor: &Actor, id: &InvitationId) -> Result<Invitation> {
        let store = &self.0.store;
        let (mut tx, mut invitation) = self.changeable(actor, id).await?;
        self.0.mail_limits.take_invitation(&invitation.workspace_id, actor.user()?, &invitation.email)?;
        let token = random_token(&**store.random());
        invitation.sent_at = store.now();
        invitation.expires_at = store.now().plus_seconds(INVITATION_SECONDS);
        invitations::renew(&mut tx, &invitation, &digest(token.expose())).await?;
        note(&mut tx, actor, &invitation, "invitation.resent").await?;
        self.mail_invitation(&mut tx, actor, &invitation, &token).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// Takes an invitation back: its link counts no more.
    ///
    /// # Errors
    /// As [`Identity::resend_invitation`].
    pub async fn revoke_invitation(&self, actor: &Actor, id: &InvitationId) -> Result<()> {
        let (mut tx, invitation) = self.changeable(actor, id).await?;
        invitations::revoke(&mut tx, &invitation.id).await?;
        note(&mut tx, actor, &invitation, "invitation.revoked").await?;
        Ok(tx.commit().await?)
    }

    /// Revokes what is open for an address: a link that was mailed earlier gives back nothing that was taken since.
    pub(crate) async fn revoke_open_invitations(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        email: &Email,
    ) -> Result<()> {
        for invitation in invitations::open_to(tx, workspace, email).await? {
            invitations::revoke(tx, &invitation.id).await?;
            note(tx, actor, &invitation, "invitation.revoked").await?;
        }
        Ok(())
    }

    async fn changeable(&self, actor: &Actor, id: &InvitationId) -> Result<(Tx, Invitation)> {
        let object = Some(format!("invitation:{id}"));
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, object).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let found = invitations::lock(&mut tx, workspace, id).await?;
        let invitation = found.ok_or_else(|| Error::not_found("Invitation"))?;
        match invitation.status(self.0.store.now()) {
            InvitationStatus::Accepted => Err(Error::conflict("This invitation was accepted.")),
            InvitationStatus::Revoked => Err(Error::conflict("This invitation was revoked. Make a new one.")),
            InvitationStatus::Pending | InvitationStatus::Expired => {
                if invites_too_high(actor, invitation.role) {
                    // the refusal is written by a transaction of its own, which would wait for this one
                    tx.rollback().await?;
                    return Err(self.owners_invite_owners(actor, workspace).await?);
                }
                Ok((tx, invitation))
            }
        }
    }

    /// What a mailed link leads to, while it counts.
    ///
    /// # Errors
    /// `Validation` on `token` for one that is used, revoked or expired.
    pub async fn open_invitation(&self, token: &str) -> Result<OpenInvitation> {
        let db = &mut self.0.store.reader();
        let found =
            if is_cookie_shaped(token) { invitations::by_token(db, &digest(token)).await? } else { None };
        let now = self.0.store.now();
        let invitation = found.filter(|i| i.status(now) == InvitationStatus::Pending).ok_or_else(over)?;
        let workspace = workspaces::find(db, &invitation.workspace_id).await?.ok_or_else(over)?.name;
        let is_known = users::find_by_email(db, &invitation.email).await?.is_some();
        let Discovery { sso_required, start_path, .. } = self.0.rules.discover(&invitation.email).await?;
        Ok(OpenInvitation { invitation, workspace, is_known, provider: start_path.filter(|_| sso_required) })
    }

    /// Accepts as somebody new: the link proves the address. Without a password where the domain's provider signs in.
    /// It is no sign-in: that follows.
    ///
    /// # Errors
    /// As [`Identity::open_invitation`]; `Validation` for name or password; `Conflict` when there is an account by now.
    pub async fn accept_as_new(
        &self,
        actor: &Actor,
        token: &str,
        name: &str,
        password: Option<Secret>,
    ) -> Result<OpenInvitation> {
        no_trial(actor)?;
        let open = self.open_invitation(token).await?;
        let invitation = &open.invitation;
        if open.is_known {
            return Err(Error::conflict("This address has an account. Sign in with it, then accept."));
        }
        let name = checked_display_name(name)?;
        let hash = match (password, &open.provider) {
            (_, Some(_)) => None,
            (Some(password), None) => {
                Some(self.0.passwords.hash_chosen(password, card(&invitation.email, &name)).await?)
            }
            (None, None) => return Err(Error::validation("password", "Choose a password.")),
        };
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let workspace = &invitation.workspace_id;
        let user = self.insert_user(&mut tx, actor, workspace, &invitation.email, Some(&name)).await?;
        if let Some(hash) = hash {
            passwords::set(&mut tx, &user.id, &hash).await?;
        }
        self.enter_workspace(&mut tx, actor, invitation, &user).await?;
        tx.commit().await?;
        Ok(open)
    }

    /// Accepts as the person who is signed in; the address must be the invited one.
    ///
    /// # Errors
    /// As [`Identity::open_invitation`]; `Authorization` with a recorded decision for somebody else.
    pub async fn accept_invitation(&self, actor: &Actor, token: &str) -> Result<OpenInvitation> {
        let open = self.open_invitation(token).await?;
        let user = self.me(actor).await?;
        let invitation = &open.invitation;
        if user.email != invitation.email {
            let refusal = Refusal {
                action: "invitation:accept",
                object: Some(format!("invitation:{}", invitation.id)),
                reasons: vec![Reason::failed(
                    "address",
                    "Somebody whose account has another address than the invited one tried to accept.",
                )],
            };
            let decision = refuse(&self.0.store, actor, Some(&invitation.workspace_id), refusal).await?;
            let message = "This invitation is for another address than the one you are signed in with. Sign out, and \
                 open the link again.";
            return Err(Error::authorization(message).decided(decision));
        }
        let mut tx = self.0.store.begin(&actor.origin).await?;
        self.enter_workspace(&mut tx, actor, invitation, &user).await?;
        tx.commit().await?;
        Ok(open)
    }

    async fn enter_workspace(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        invitation: &Invitation,
        user: &User,
    ) -> Result<()> {
        if !invitations::accept(tx, &invitation.id, &user.id).await? {
            return Err(over());
        }
        let workspace = &invitation.workspace_id;
        let now = workspaces::role_of(tx, workspace, &user.id).await?;
        let role = now.map_or(invitation.role, |r| r.max(invitation.role));
        self.add_member(tx, actor, workspace, user, role, CreatedVia::Invitation).await?;
        note(tx, actor, invitation, "invitation.accepted").await
    }
}

fn invites_too_high(actor: &Actor, role: Role) -> bool {
    role == Role::Owner && actor.role().is_some_and(|r| r < Role::Owner)
}

fn over() -> Error {
    let message =
        "This invitation was accepted, revoked, or has expired. Ask whoever invited you for a new one.";
    Error::validation("token", message)
}

pub(crate) async fn note(
    tx: &mut Tx,
    actor: &Actor,
    invitation: &Invitation,
    event: &'static str,
) -> Result<()> {
    let details = json!({"email": invitation.email, "role": invitation.role});
    let event = Event::success(event, ("invitation", invitation.id.as_str()), details);
    Ok(audit::record_in(tx, actor, Some(&invitation.workspace_id), event).await?)
}
