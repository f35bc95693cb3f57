//! From an entry of the directory to an account and its access, and back.

use gatehouse_identity::model::User;
use gatehouse_identity::{DirectoryAccount, LeaveCause, LetIn, Receipt};
use gatehouse_store::Tx;
use gatehouse_types::{Actor, Error, Role, UserId};
use serde_json::{Value, json};

use crate::Scim;
use crate::model::UserEntry;
use crate::protocol::{ScimError, ScimType};
use crate::refused::ScimResult;
use crate::store::{roles, users};

/// What an entry gives access with, for the record.
pub(crate) type Access = Option<Value>;

/// The account of an entry, as far as it may have one.
pub(crate) enum Account {
    /// One that was made now.
    New(User),
    /// This one.
    Own(UserId),
    /// One that an entry has which no provider wrote to yet.
    Adopted(UserId, Box<UserEntry>),
    /// None: no address, or somebody of another workspace at a domain that is not proved.
    None,
}

impl Scim {
    /// The account that an entry is linked to, or may be.
    pub(crate) async fn account(&self, tx: &mut Tx, actor: &Actor, entry: &UserEntry) -> ScimResult<Account> {
        if let Some(user) = &entry.user_id {
            return Ok(Account::Own(user.clone()));
        }
        let Some(email) = entry.account_email() else { return Ok(Account::None) };
        let workspace = &entry.workspace_id;
        let found = self.0.identity.account_for(tx, actor, workspace, &email, &entry.display()).await?;
        let user = match found {
            None => return Ok(Account::None),
            Some(DirectoryAccount::New(user)) => return Ok(Account::New(user)),
            Some(DirectoryAccount::Known(user)) => user,
        };
        match users::of_account(tx, workspace, &user.id).await? {
            Some(other) if other.id == entry.id => Ok(Account::Own(user.id)),
            Some(other) if other.is_adopted => Ok(Account::Adopted(user.id, Box::new(other))),
            Some(_) => Err(taken_account(email.as_str()).into()),
            None => Ok(Account::Own(user.id)),
        }
    }

    /// Gives the access that an entry stands for now, or takes it away. Rows of people are locked here, before the entry's.
    pub(crate) async fn settle_access(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        before: &UserEntry,
        after: &mut UserEntry,
        cause: LeaveCause,
    ) -> ScimResult<Access> {
        if after.active {
            if before.active && before.has_access {
                return Ok(None);
            }
            return match self.account(tx, actor, after).await? {
                Account::New(user) => self.admit_new(tx, actor, after, user).await.map(Some),
                Account::Own(user) => self.admit(tx, actor, after, user).await.map(Some),
                Account::Adopted(_, other) => Err(taken_account(other.user_name()).into()),
                Account::None => Ok(None),
            };
        }
        let Some(user) = after.user_id.clone().filter(|_| before.has_access) else { return Ok(None) };
        // the last owner has access whatever the directory says: that was told once
        if !before.active && self.is_last_owner(tx, after, &user).await? {
            return Ok(None);
        }
        let ended = self.0.identity.take_out(tx, actor, &after.workspace_id, &user, cause).await?;
        after.has_access = ended.as_ref().is_some_and(|r| !r.is_kept);
        Ok(ended.map(|r| told(&r)))
    }

    async fn is_last_owner(&self, tx: &mut Tx, entry: &UserEntry, user: &UserId) -> ScimResult<bool> {
        let (identity, workspace) = (&self.0.identity, &entry.workspace_id);
        let role = identity.role_in(tx, workspace, user).await?;
        Ok(role == Some(Role::Owner) && identity.owners(tx, workspace).await?.len() < 2)
    }

    /// Lets an account in with the role of its groups, else the one that it had before, or the least.
    pub(crate) async fn admit(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        entry: &mut UserEntry,
        user: UserId,
    ) -> ScimResult<Value> {
        let workspace = &entry.workspace_id;
        let given = self.given(tx, entry).await?;
        let admitted = self.0.identity.let_in(tx, actor, workspace, &user, given).await?;
        Ok(admitted_as(entry, user, admitted))
    }

    /// The role that the groups of an entry give, where groups give roles.
    async fn given(&self, tx: &mut Tx, entry: &UserEntry) -> ScimResult<Option<Role>> {
        Ok(match self.hold_roles(tx, &entry.workspace_id).await? {
            true => roles::of_entry(tx, &entry.id).await?.map(|(role, _)| role),
            false => None,
        })
    }

    /// Lets an account in that was made in this transaction.
    pub(crate) async fn admit_new(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        entry: &mut UserEntry,
        user: User,
    ) -> ScimResult<Value> {
        // an entry that was there before may be in groups already
        if self.given(tx, entry).await?.is_some() {
            return self.admit(tx, actor, entry, user.id).await;
        }
        let admitted = self.0.identity.let_in_new(tx, actor, &entry.workspace_id, &user).await?;
        Ok(admitted_as(entry, user.id, admitted))
    }
}

fn admitted_as(entry: &mut UserEntry, user: UserId, admitted: LetIn) -> Value {
    entry.user_id = Some(user);
    entry.has_access = matches!(admitted, LetIn::With(_));
    match admitted {
        LetIn::With(role) => json!({"given": true, "role": role}),
        LetIn::Suspended => json!({"given": false, "why": "an administrator suspended this person"}),
        LetIn::NoGroupLeft => {
            json!({"given": false, "why": "this person is in no group that gives a role"})
        }
    }
}

/// The end of somebody's access, for the record.
pub(crate) fn told(receipt: &Receipt) -> Value {
    json!({"ended": receipt.is_kept, "role": receipt.role, "offboarding": receipt.id, "pending": receipt.pending})
}

fn taken_account(name: &str) -> ScimError {
    let detail = format!("The account of {name} belongs to another entry of this directory.");
    ScimError { status: 409, scim_type: Some(ScimType::Uniqueness), detail: detail.into() }
}

/// The refusal of a name that another entry has.
pub(crate) fn taken(name: &'static str) -> impl FnOnce(gatehouse_store::Error) -> crate::refused::Refused {
    move |e| {
        if !e.is_unique() {
            return Error::from(e).into();
        }
        is_taken(name).into()
    }
}

pub(crate) fn is_taken(name: &'static str) -> ScimError {
    let detail = format!("Another entry of this directory has this {name}.");
    ScimError { status: 409, scim_type: Some(ScimType::Uniqueness), detail: detail.into() }
}
