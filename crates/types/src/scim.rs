use std::fmt;
use std::str::FromStr;

use crate::Error;

/// What a SCIM token reaches: one kind of resource, to read or to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScimScope {
    /// Read users.
    UsersRead,
    /// Make, change and delete users.
    UsersWrite,
    /// Read groups.
    GroupsRead,
    /// Make, change and delete groups.
    GroupsWrite,
}

impl ScimScope {
    /// All scopes, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::UsersRead, Self::UsersWrite, Self::GroupsRead, Self::GroupsWrite];

    /// The name, as stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::GroupsRead => "groups:read",
            Self::GroupsWrite => "groups:write",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for ScimScope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let message = "Each scope must be one of users:read, users:write, groups:read, groups:write.";
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| Error::validation("scopes", message))
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScimScopes(u8);

impl ScimScopes {
    /// The set of these scopes.
    pub fn of(scopes: impl IntoIterator<Item = ScimScope>) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }

    /// Whether the scope is in the set.
    pub const fn has(self, scope: ScimScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = ScimScope> {
        ScimScope::ALL.into_iter().filter(move |s| self.has(*s))
    }
}

/// The names, joined by spaces: as stored, and as OAuth writes scopes (RFC 6749 §3.3).
impl fmt::Display for ScimScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(ScimScope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

impl FromStr for ScimScopes {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        text.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_scopes_reads_what_it_writes() {
        let set: ScimScopes = "groups:write users:read".parse().unwrap();
        assert_eq!(set.to_string(), "users:read groups:write");
        assert!(set.has(ScimScope::GroupsWrite) && !set.has(ScimScope::UsersWrite));
        assert!("users:delete".parse::<ScimScopes>().is_err());
        assert!("".parse::<ScimScopes>().unwrap().is_empty());
    }
}
