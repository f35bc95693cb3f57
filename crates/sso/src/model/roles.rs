//! Which groups of the provider give which role; pure.

use gatehouse_types::{Error, Result, Role};
use serde::{Deserialize, Serialize};

/// Rules of one connection at most.
const MAX_RULES: usize = 50;
/// The longest name of a group, in bytes.
const MAX_VALUE: usize = 512;
/// The longest name of the attribute or claim, in bytes.
const MAX_ATTRIBUTE: usize = 512;

/// Members of this group have this role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoRoleRule)]
pub struct RoleRule {
    /// The value of the attribute or claim, exactly.
    pub value: String,
    /// `viewer`, `member` or `admin`.
    pub role: Role,
}

/// What a provider's groups mean here. Only the roles that are named are managed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleMapping {
    /// The attribute (SAML, WS-Federation) or claim (OpenID Connect) that lists the groups.
    pub attribute: String,
    /// The rules.
    pub rules: Vec<RoleRule>,
}

/// What a sign-in does to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// The provider did not say; the role stays.
    NotTold,
    /// The role stays: it is an owner's, or one that nobody maps.
    NotManaged,
    /// This is the role of the groups; it may be the one that is.
    Role(Role),
}

impl RoleMapping {
    /// Checks every value.
    ///
    /// # Errors
    /// `Validation`, naming the field.
    pub(crate) fn check(&self) -> Result<()> {
        if self.attribute.trim().is_empty() || self.attribute.len() > MAX_ATTRIBUTE {
            let message =
                "roleMapping.attribute names the attribute that lists the groups, in at most 512 bytes.";
            return Err(Error::validation("roleMapping.attribute", message));
        }
        if self.rules.is_empty() || self.rules.len() > MAX_RULES {
            return Err(Error::validation("roleMapping.rules", "roleMapping has 1 to 50 rules."));
        }
        for (at, rule) in self.rules.iter().enumerate() {
            if rule.value.trim().is_empty() || rule.value.len() > MAX_VALUE {
                let message = "Each rule names a group, in at most 512 bytes.";
                return Err(Error::validation("roleMapping.rules", message));
            }
            if rule.role == Role::Owner {
                let message = "A provider's group makes nobody an owner: viewer, member or admin.";
                return Err(Error::validation("roleMapping.rules", message));
            }
            if self.rules[..at].iter().any(|r| r.value == rule.value) {
                let message = format!("The group {} has two rules.", rule.value);
                return Err(Error::validation("roleMapping.rules", message));
            }
        }
        Ok(())
    }

    /// What these groups do to a role. Of several that fit the highest counts; who is in none of them any more falls back
    /// to the connection's default role. A role that somebody gave by hand and that is neither mapped nor the default
    /// stays, an owner's always.
    pub(crate) fn role_of(&self, groups: Option<&[String]>, current: Role, default: Role) -> Mapped {
        let Some(groups) = groups else { return Mapped::NotTold };
        let managed = current == default || self.rules.iter().any(|r| r.role == current);
        if current == Role::Owner || !managed {
            return Mapped::NotManaged;
        }
        let fitting = self.rules.iter().filter(|r| groups.contains(&r.value)).map(|r| r.role);
        Mapped::Role(fitting.max().unwrap_or(default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(rules: &[(&str, Role)]) -> RoleMapping {
        let rule = |(value, role): &(&str, Role)| RoleRule { value: (*value).to_owned(), role: *role };
        RoleMapping { attribute: "groups".into(), rules: rules.iter().map(rule).collect() }
    }

    #[test]
    fn only_mapped_roles_are_managed() {
        use Role::{Admin, Member, Owner, Viewer};
        let m = mapping(&[("admins", Admin), ("staff", Viewer)]);
        let groups = |g: &[&str]| g.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        for (is, has, then) in [
            (&["admins"][..], Viewer, Mapped::Role(Admin)),
            (&["staff", "admins"], Viewer, Mapped::Role(Admin)),
            (&["staff"], Admin, Mapped::Role(Viewer)),
            // in none of them any more: the default role
            (&["others"], Admin, Mapped::Role(Viewer)),
            (&[], Admin, Mapped::Role(Viewer)),
            // given by hand, mapped by nobody
            (&["admins"], Member, Mapped::NotManaged),
            (&["staff"], Owner, Mapped::NotManaged),
            // names are exact
            (&["Admins", "admins "], Viewer, Mapped::Role(Viewer)),
        ] {
            assert_eq!(m.role_of(Some(&groups(is)), has, Viewer), then, "{is:?} {has}");
        }
        assert_eq!(m.role_of(None, Admin, Viewer), Mapped::NotTold);
    }

    #[test]
    fn bad_mappings_are_refused() {
        mapping(&[("a", Role::Admin)]).check().unwrap();
        for bad in
            [&[][..], &[("", Role::Admin)], &[("a", Role::Owner)], &[("a", Role::Admin), ("a", Role::Viewer)]]
        {
            assert!(mapping(bad).check().is_err(), "{bad:?}");
        }
    }
}
