use std::fmt;
use std::str::FromStr;

use crate::{Error, Permission};

/// What an API key reaches of this product itself, beside the scopes of what the product guards: one right each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlScope {
    /// Ask whether other keys open something.
    VerifyKeys,
    /// Read the audit log.
    ReadAudit,
    /// Ask why something was refused, and who may do what.
    ExplainDecisions,
    /// See the members.
    ReadMembers,
    /// Run flows that are deployed, and see what came of it.
    UseFlows,
    /// Run them on behalf of a person.
    RunFlowsForOthers,
}

impl ControlScope {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::VerifyKeys,
        Self::ReadAudit,
        Self::ExplainDecisions,
        Self::ReadMembers,
        Self::UseFlows,
        Self::RunFlowsForOthers,
    ];

    /// The right it stands for.
    pub const fn permission(self) -> Permission {
        match self {
            Self::VerifyKeys => Permission::VerifyKeys,
            Self::ReadAudit => Permission::ReadAudit,
            Self::ExplainDecisions => Permission::ExplainDecisions,
            Self::ReadMembers => Permission::ReadMembers,
            Self::UseFlows => Permission::UseFlows,
            Self::RunFlowsForOthers => Permission::RunFlowsForOthers,
        }
    }

    /// The name, as stored and shown: that of the right.
    pub const fn as_str(self) -> &'static str {
        self.permission().as_str()
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::VerifyKeys => "Verify keys",
            Self::ReadAudit => "Read the audit log",
            Self::ExplainDecisions => "Explain decisions",
            Self::ReadMembers => "See members",
            Self::UseFlows => "Run flows",
            Self::RunFlowsForOthers => "Run flows for others",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for ControlScope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|s| s.as_str() == text);
        found.ok_or_else(|| Error::validation("scopes", "There is no such scope."))
    }
}

/// A set of control scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ControlScopes(u8);

impl ControlScopes {
    /// The set of these.
    pub fn of(scopes: impl IntoIterator<Item = ControlScope>) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }

    /// Whether the scope is in the set.
    pub const fn has(self, scope: ControlScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether one of them stands for the right. Every key sees which workspace it is of.
    pub fn may(self, permission: Permission) -> bool {
        permission == Permission::ReadWorkspace
            || ControlScope::ALL.into_iter().any(|s| self.has(s) && s.permission() == permission)
    }
}

impl fmt::Debug for ControlScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(ControlScope::ALL.into_iter().filter(|s| self.has(*s))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_rights_of_its_scopes_and_no_other() {
        let set = ControlScopes::of([ControlScope::VerifyKeys]);
        assert!(set.may(Permission::VerifyKeys) && set.may(Permission::ReadWorkspace));
        assert!(!set.may(Permission::ReadAudit) && !set.may(Permission::ManageApps));
        assert!(ControlScope::ALL.iter().all(|s| s.as_str().parse::<ControlScope>().unwrap() == *s));
        assert!("sso:manage".parse::<ControlScope>().is_err());
    }
}
