use gatehouse_types::{
    ApiAppId, ApiKeyId, Error, Id, OwnerKind, Permission, Result, Role, Timestamp, UserId, WorkspaceId,
};
use serde::Serialize;

use super::limits::Limits;

/// The longest life of a key, in days.
const MAX_DAYS: i64 = 3_650;
/// The longest time that a key goes on beside its successor, in hours.
pub(crate) const MAX_OVERLAP_HOURS: i64 = 720;

/// What a key is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ApiKeyStatus)]
pub(crate) enum KeyStatus {
    /// It opens what its app may.
    Active,
    /// It opens nothing until it is switched on again.
    Disabled,
    /// It is a person's own, whose role gives no keys any more.
    Suspended,
    /// Its time is over.
    Expired,
    /// It gave way to another one, and their time together is over.
    Replaced,
    /// It was deleted.
    Deleted,
}

/// A key of an app, without its value.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: ApiKeyId,
    pub(crate) app_id: ApiAppId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) masked: String,
    pub(crate) owner_kind: OwnerKind,
    /// The person it ends with, or who answers for it.
    pub(crate) owner_id: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) version: i64,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) replaced_by: Option<String>,
    pub(crate) created_by: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) last_ip: Option<String>,
    pub(crate) last_scope: Option<String>,
    /// Its person's role gives no keys. Known of keys that are shown, see `ApiKeys::with_standing`.
    pub(crate) is_suspended: bool,
}

impl Key {
    /// The person whose own it is.
    pub(crate) fn person(&self) -> Option<UserId> {
        let owner = self.owner_id.clone().filter(|_| self.owner_kind == OwnerKind::Person);
        owner.map(UserId::from_stored)
    }

    pub(crate) fn status(&self, now: Timestamp) -> KeyStatus {
        let is_over = self.expires_at.is_some_and(|end| end <= now);
        match () {
            () if self.deleted_at.is_some() => KeyStatus::Deleted,
            () if is_over && self.replaced_by.is_some() => KeyStatus::Replaced,
            () if is_over => KeyStatus::Expired,
            () if self.disabled_at.is_some() => KeyStatus::Disabled,
            () if self.is_suspended => KeyStatus::Suspended,
            () => KeyStatus::Active,
        }
    }
}

/// Whether a person of this role may have keys of their own: whoever could give a key its scopes. `None` is whoever is no
/// member. All scopes take the same role, so it is all of a key's or nothing.
pub(crate) fn gives_keys(role: Option<Role>) -> bool {
    role.is_some_and(|r| r.may(Permission::ManageApps))
}

/// When a key ends, of a moment or of days from now.
pub(crate) fn checked_end(
    at: Option<Timestamp>,
    days: Option<i64>,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    match (at, days) {
        (Some(_), Some(_)) => {
            Err(Error::validation("expiresAt", "Give expiresAt or expiresInDays, not both."))
        }
        (Some(at), None) if at <= now => {
            Err(Error::validation("expiresAt", "The end must be later than now."))
        }
        (Some(at), None) if at > now.plus_seconds(MAX_DAYS * 86_400) => {
            Err(Error::validation("expiresAt", "A key lives at most 3650 days."))
        }
        (at @ Some(_), None) => Ok(at),
        (None, Some(days)) if (1..=MAX_DAYS).contains(&days) => Ok(Some(now.plus_seconds(days * 86_400))),
        (None, Some(_)) => Err(Error::validation(
            "expiresInDays",
            "The days must be 1 to 3650; leave them out for a key without an end.",
        )),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::ControlScope;

    use super::*;

    /// A role that gives keys carries the right behind every scope that a key can have: no key opens more than the role
    /// of its person.
    #[test]
    fn a_role_that_gives_keys_carries_every_right_that_a_key_can_have() {
        for role in Role::ALL.into_iter().filter(|r| gives_keys(Some(*r))) {
            assert!(ControlScope::ALL.iter().all(|s| role.may(s.permission())), "{role}");
        }
        assert!(gives_keys(Some(Role::Admin)) && !gives_keys(Some(Role::Member)) && !gives_keys(None));
    }
}
