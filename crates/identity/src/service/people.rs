use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{
    Actor, AuthMethod, Email, Error, Id, Principal, Result, Role, Secret, UserId, WorkspaceId,
};
use serde_json::json;

use crate::Identity;
use crate::model::{CreatedVia, EndReason, User, Workspace};
use crate::service::sessions::NewSession;
use crate::store::{leavers, members, passwords, users, workspaces};

/// The longest name of a workspace, in characters.
const MAX_WORKSPACE_NAME: usize = 128;
/// The longest shown name of a person, in characters; longer ones are cut.
const MAX_DISPLAY_NAME: usize = 200;
/// The longest lifetime of a token made at the machine's console, in seconds (a day).
pub const MAX_CONSOLE_TOKEN_SECONDS: i64 = 86_400;

/// An owner to be made at the machine's console.
#[derive(Clone, Debug)]
pub struct NewOwner {
    /// The workspace's name; made when it is new.
    pub workspace: String,
    /// The owner's address.
    pub email: Email,
    /// The owner's password; replaces one that exists.
    pub password: Secret,
    /// Whether the workspace is a lab, when it is new.
    pub is_lab: bool,
}

impl Identity {
    /// Makes a workspace with its owner, or adds an owner to one that exists.
    ///
    /// # Errors
    /// `Validation` for a bad name or password; `Authorization` for anyone but the machine.
    pub async fn create_owner(&self, actor: &Actor, new: NewOwner) -> Result<(WorkspaceId, UserId)> {
        only_the_machine(actor)?;
        let name = checked_name(&new.workspace)?;
        let hash = self.0.passwords.hash(new.password).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let workspace = match workspaces::find_by_name(&mut tx, name).await? {
            Some(workspace) => {
                not_a_strangers(&mut tx, &workspace.id, &new.email).await?;
                workspace
            }
            None => self.insert_workspace(&mut tx, actor, name, new.is_lab).await?,
        };
        let user = match users::find_by_email(&mut tx, &new.email).await? {
            Some(user) => {
                // who is helped at the machine may have lost the password to somebody who is signed in
                self.set_password(&mut tx, actor, &user, &hash, "set at the console of the machine", None)
                    .await?;
                user
            }
            None => {
                let user = self.insert_user(&mut tx, actor, &workspace.id, &new.email, None).await?;
                passwords::set(&mut tx, &user.id, &hash).await?;
                record_user(&mut tx, actor, &workspace.id, "user.password-set", &user).await?;
                user
            }
        };
        self.add_member(&mut tx, actor, &workspace.id, &user, Role::Owner, CreatedVia::Console).await?;
        tx.commit().await?;
        Ok((workspace.id, user.id))
    }

    /// Adds a member with a role at the machine's console. The password is for a person who is new; others keep theirs.
    ///
    /// # Errors
    /// As [`Identity::create_owner`]; `NotFound` for an unknown workspace; `Conflict` for an owner, who stays one.
    pub async fn create_member(
        &self,
        actor: &Actor,
        workspace: &WorkspaceId,
        email: &Email,
        password: Secret,
        role: Role,
    ) -> Result<UserId> {
        only_the_machine(actor)?;
        let hash = self.0.passwords.hash(password).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let workspace =
            workspaces::find(&mut tx, workspace).await?.ok_or_else(|| Error::not_found("Workspace"))?;
        not_a_strangers(&mut tx, &workspace.id, email).await?;
        let user = match users::find_by_email(&mut tx, email).await? {
            Some(user) => user,
            None => {
                let user = self.insert_user(&mut tx, actor, &workspace.id, email, None).await?;
                passwords::set(&mut tx, &user.id, &hash).await?;
                user
            }
        };
        if workspaces::role_of(&mut tx, &workspace.id, &user.id).await? == Some(Role::Owner)
            && role != Role::Owner
        {
            return Err(Error::conflict("This person is an owner of the workspace and stays one."));
        }
        self.not_of_a_group(&mut tx, &workspace.id, &user.id, role).await?;
        self.add_member(&mut tx, actor, &workspace.id, &user, role, CreatedVia::Console).await?;
        tx.commit().await?;
        Ok(user.id)
    }

    /// A bearer token for a member, made at the machine's console; its session is listed and ended like any other.
    ///
    /// # Errors
    /// `NotFound` for a workspace or member that does not exist; `Validation` for a lifetime out of bounds.
    pub async fn console_token(
        &self,
        actor: &Actor,
        workspace: &str,
        email: &Email,
        seconds: i64,
    ) -> Result<Secret> {
        only_the_machine(actor)?;
        if !(1..=MAX_CONSOLE_TOKEN_SECONDS).contains(&seconds) {
            return Err(Error::validation("ttl", "The lifetime must be between 1 and 86400 seconds."));
        }
        let mut tx = self.0.store.begin(&actor.origin).await?;
        let workspace = workspaces::find_by_name(&mut tx, workspace).await?;
        let workspace = workspace.ok_or_else(|| Error::not_found("Workspace"))?;
        let user = users::find_by_email(&mut tx, email).await?.ok_or_else(|| Error::not_found("Member"))?;
        let role = workspaces::role_of(&mut tx, &workspace.id, &user.id).await?;
        let role = role.ok_or_else(|| Error::not_found("Member"))?;
        let usual = NewSession::usual(&user.id, &workspace.id, role, AuthMethod::Console);
        let new = NewSession { seconds, token_seconds: Some(seconds), ..usual };
        let signed = self.start_session(&mut tx, actor, new).await?;
        tx.commit().await?;
        let bearer = signed.bearer.ok_or_else(|| Error::internal("a session without its token"))?;
        Ok(bearer.access_token)
    }

    /// A person with this address, made in the caller's transaction if new; the shown name only counts then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_user(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        email: &Email,
        display_name: Option<&str>,
    ) -> Result<User> {
        let user = self.new_user(email, display_name);
        users::insert(tx, &user)
            .await
            .map_err(|e| e.or_conflict("A person with this e-mail address exists."))?;
        record_user(tx, actor, workspace, "user.created", &user).await?;
        Ok(user)
    }

    fn new_user(&self, email: &Email, display_name: Option<&str>) -> User {
        let name =
            display_name.map(str::trim).filter(|n| !n.is_empty()).unwrap_or_else(|| email.local_part());
        User {
            id: self.0.store.ids().make(),
            email: email.clone(),
            display_name: name.chars().filter(|c| !c.is_control()).take(MAX_DISPLAY_NAME).collect(),
            created_at: self.0.store.now(),
        }
    }

    /// A new person unless somebody has the address; `None` then.
    pub(crate) async fn insert_user_if_new(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        email: &Email,
        display_name: &str,
    ) -> Result<Option<User>> {
        let user = self.new_user(email, Some(display_name));
        if !users::insert_if_new(tx, &user).await? {
            return Ok(None);
        }
        record_user(tx, actor, workspace, "user.created", &user).await?;
        Ok(Some(user))
    }

    /// Makes the person a member in the caller's transaction, or changes the role; answers the role, which is that of the
    /// person's groups where the directory gives one.
    ///
    /// # Errors
    /// `Conflict` when access is suspended: only the machine's console overrules that; when the database fails.
    pub async fn add_member(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        workspace: &WorkspaceId,
        user: &User,
        role: Role,
        via: CreatedVia,
    ) -> Result<Role> {
        if leavers::kept(tx, workspace, &user.id).await?.is_some() {
            if via != CreatedVia::Console {
                return Err(Error::conflict(
                    "This person's access to the workspace is suspended. An administrator can reactivate it.",
                ));
            }
            self.bring_in(tx, actor, workspace, &user.id).await?;
            members::set_role_managed(tx, workspace, &user.id, false).await?;
        }
        let given = match role {
            Role::Owner => None,
            _ => self.given_role(tx, workspace, &user.id).await?,
        };
        let (role, is_managed) = given.map_or((role, false), |g| (g.role, true));
        let before = workspaces::role_of(tx, workspace, &user.id).await?;
        if before.is_none() {
            // a session that began while the person was removed does not come to life now
            self.end_sessions(tx, actor, &user.id, Some(workspace), None, EndReason::MemberRemoved).await?;
        }
        if workspaces::set_member(tx, workspace, &user.id, (role, is_managed), via).await? {
            if before.is_some() {
                self.roles_changed(tx, workspace, std::slice::from_ref(&user.id)).await?;
            }
            record_member(tx, actor, workspace, user, (role, via)).await?;
        }
        Ok(role)
    }

    pub(crate) async fn insert_workspace(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        name: &str,
        is_lab: bool,
    ) -> Result<Workspace> {
        let (id, created_at) = (self.0.store.ids().make(), self.0.store.now());
        let workspace = Workspace { id, name: name.to_owned(), is_lab, created_at };
        workspaces::insert(tx, &workspace)
            .await
            .map_err(|e| e.or_conflict("A workspace with this name exists."))?;
        let details = json!({"name": name, "lab": is_lab});
        let event = Event::success("workspace.created", ("workspace", workspace.id.as_str()), details);
        audit::record_in(tx, actor, Some(&workspace.id), event).await?;
        Ok(workspace)
    }

    /// A workspace by its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspace<Q: Queries>(&self, db: &mut Q, id: &WorkspaceId) -> Result<Option<Workspace>> {
        Ok(workspaces::find(db, id).await?)
    }

    /// A workspace by its name, without regard to case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspace_by_name(&self, name: &str) -> Result<Option<Workspace>> {
        Ok(workspaces::find_by_name(&mut self.0.store.reader(), name).await?)
    }

    /// A person by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user<Q: Queries>(&self, db: &mut Q, id: &UserId) -> Result<Option<User>> {
        Ok(users::find(db, id).await?)
    }

    /// A member of a workspace with the role there, in one trip; `None` for nobody and for whoever is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_with_role<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        id: &UserId,
    ) -> Result<Option<(User, Role)>> {
        Ok(users::member(db, workspace, id).await?)
    }

    /// Changes the acting person's shown name.
    ///
    /// # Errors
    /// `Validation` for an empty name or one that is too long.
    pub async fn rename(&self, actor: &Actor, name: &str) -> Result<User> {
        let name = checked_display_name(name)?;
        let user = self.me(actor).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        users::rename(&mut tx, &user.id, &name).await?;
        let details = json!({"from": user.display_name, "to": name});
        audit::record(&mut tx, actor, Event::success("user.renamed", ("user", user.id.as_str()), details))
            .await?;
        tx.commit().await?;
        Ok(User { display_name: name, ..user })
    }

    /// A person by address.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_by_email<Q: Queries>(&self, db: &mut Q, email: &Email) -> Result<Option<User>> {
        Ok(users::find_by_email(db, email).await?)
    }

    /// The addresses of a workspace's members, the first so many by the alphabet; for a choice, not for a check.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn member_emails<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
        most: i64,
    ) -> Result<Vec<Email>> {
        Ok(workspaces::emails(db, workspace, most).await?)
    }

    /// The addresses of a workspace's owners.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owners<Q: Queries>(&self, db: &mut Q, workspace: &WorkspaceId) -> Result<Vec<Email>> {
        Ok(workspaces::emails_of_role(db, workspace, Role::Owner).await?)
    }

    /// The addresses of a workspace's owners and admins, for mails about what they administer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn administrators<Q: Queries>(
        &self,
        db: &mut Q,
        workspace: &WorkspaceId,
    ) -> Result<Vec<Email>> {
        let mut all = workspaces::emails_of_role(db, workspace, Role::Owner).await?;
        all.extend(workspaces::emails_of_role(db, workspace, Role::Admin).await?);
        Ok(all)
    }
}

fn only_the_machine(actor: &Actor) -> Result<()> {
    match actor.principal {
        Principal::System => Ok(()),
        _ => Err(Error::authorization("This is done at the console of the machine.")),
    }
}

/// A name that a person gives.
pub(crate) fn checked_display_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_DISPLAY_NAME || name.chars().any(char::is_control) {
        return Err(Error::validation("name", "The name must have 1 to 200 characters."));
    }
    Ok(name.to_owned())
}

/// Anybody may have made a workspace of this name by signing up: nobody is put into it unseen.
async fn not_a_strangers(tx: &mut Tx, workspace: &WorkspaceId, email: &Email) -> Result<()> {
    if !workspaces::was_signed_up(tx, workspace).await? {
        return Ok(());
    }
    if let Some(user) = users::find_by_email(tx, email).await?
        && workspaces::role_of(tx, workspace, &user.id).await?.is_some()
    {
        return Ok(());
    }
    Err(Error::conflict(
        "Somebody made the workspace of this name by signing up. Its owners invite people; a workspace of yours needs \
         another name.",
    ))
}

/// Characters that are not seen, or turn the direction of others (Unicode's category Cf, in short).
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

pub(crate) fn checked_name(name: &str) -> Result<&str> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_WORKSPACE_NAME || name.chars().any(char::is_control) {
        return Err(Error::validation("workspace", "The workspace's name must have 1 to 128 characters."));
    }
    if name.chars().any(is_unseen) {
        return Err(Error::validation("workspace", "The workspace's name has characters that nobody sees."));
    }
    Ok(name)
}

async fn record_user(
    tx: &mut Tx,
    actor: &Actor,
    workspace: &WorkspaceId,
    event: &'static str,
    user: &User,
) -> Result<()> {
    let event = Event::success(event, ("user", user.id.as_str()), json!({"email": user.email}));
    Ok(audit::record_in(tx, actor, Some(workspace), event).await?)
}

pub(crate) async fn record_member(
    tx: &mut Tx,
    actor: &Actor,
    workspace: &WorkspaceId,
    user: &User,
    (role, via): (Role, CreatedVia),
) -> Result<()> {
    let details = json!({"email": user.email, "role": role, "via": via.as_str()});
    let event = Event::success("membership.set", ("user", user.id.as_str()), details);
    Ok(audit::record_in(tx, actor, Some(workspace), event).await?)
}
