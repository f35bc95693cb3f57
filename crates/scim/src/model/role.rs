use gatehouse_types::{Error, Result, Role, ScimGroupId, UserId};
use serde::{Deserialize, Serialize};

/// Groups of a workspace at most that give a role.
pub(crate) const MAX_MAPPINGS: usize = 100;
/// How many people the answer to a change names; it counts all.
const MAX_NAMED: usize = 100;

/// A group that gives a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) group: ScimGroupId,
    /// The group's name.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// How many people are in the group.
    pub(crate) people: i64,
}

/// Members of this group have this role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimRoleMappingIn)]
pub(crate) struct NewMapping {
    /// The id of a group of the directory.
    pub(crate) group_id: String,
    /// `admin`, `member` or `viewer`; owners are made by owners alone.
    pub(crate) role: String,
}

/// How high a role is; the highest of several counts.
pub(crate) const fn rank(role: Role) -> i64 {
    match role {
        Role::Viewer => 1,
        Role::Member => 2,
        Role::Admin => 3,
        Role::Owner => 4,
    }
}

/// The role of a stored rank.
pub(crate) fn of_rank(stored: i64) -> Option<Role> {
    Role::ALL.into_iter().find(|r| rank(*r) == stored)
}

/// Checks a whole list.
///
/// # Errors
/// `Validation`, naming the entry.
pub(crate) fn checked(wanted: &[NewMapping]) -> Result<Vec<(ScimGroupId, Role)>> {
    if wanted.len() > MAX_MAPPINGS {
        return Err(Error::validation("mappings", "At most 100 groups give a role."));
    }
    let mut all: Vec<(ScimGroupId, Role)> = Vec::new();
    for (at, mapping) in wanted.iter().enumerate() {
        let field = |name: &str| format!("mappings[{at}].{name}");
        let group: ScimGroupId = mapping
            .group_id
            .parse()
            .map_err(|_| Error::validation(field("groupId"), "There is no such group in the directory."))?;
        let role = match mapping.role.parse::<Role>() {
            Ok(Role::Owner) => {
                let message = "No group makes owners: the role must be admin, member or viewer.";
                return Err(Error::validation(field("role"), message));
            }
            Ok(role) => role,
            Err(_) => {
                let message = "The role must be one of admin, member, viewer.";
                return Err(Error::validation(field("role"), message));
            }
        };
        if all.iter().any(|(g, _)| *g == group) {
            return Err(Error::validation(field("groupId"), "This group is in the list twice."));
        }
        all.push((group, role));
    }
    Ok(all)
}

/// What a change of groups or of what they give means for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimRoleChange)]
pub(crate) struct PersonChange {
    #[schema(value_type = String)]
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    /// The role so far; `null`: without access, which comes back.
    pub(crate) from: Option<Role>,
    /// The role from now on; `null`: the access ends.
    pub(crate) to: Option<Role>,
}

/// What a change means for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimRoleChanges)]
pub(crate) struct Changes {
    /// How many people get another role.
    pub(crate) role_changed: usize,
    /// How many people lose their access.
    pub(crate) access_ended: usize,
    /// How many people get their access back.
    pub(crate) access_given: usize,
    /// How many people keep their role, which is a group's from now on.
    pub(crate) newly_managed: usize,
    /// The first hundred of those who lose their access, get another role or get access back, in this order.
    pub(crate) people: Vec<PersonChange>,
}

impl Changes {
    /// Counts the changes; `newly_managed` people change nothing but who decides.
    pub(crate) fn of(mut people: Vec<PersonChange>, newly_managed: usize) -> Self {
        let count = |passes: fn(&PersonChange) -> bool| people.iter().filter(|p| passes(p)).count();
        let access_ended = count(|p| p.to.is_none());
        let access_given = count(|p| p.from.is_none());
        let role_changed = people.len() - access_ended - access_given;
        people.sort_by_key(|p| (p.to.is_some(), p.from.is_none()));
        people.truncate(MAX_NAMED);
        Self { role_changed, access_ended, access_given, newly_managed, people }
    }

    /// Whether nobody is touched.
    pub(crate) const fn is_empty(&self) -> bool {
        self.role_changed + self.access_ended + self.access_given + self.newly_managed == 0
    }

    /// The numbers, for the record.
    pub(crate) fn counts(&self) -> serde_json::Value {
        serde_json::json!({
            "roleChanged": self.role_changed, "accessEnded": self.access_ended,
            "accessGiven": self.access_given, "newlyManaged": self.newly_managed,
        })
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_types::Id;

    use super::*;

    fn mapping(group: &str, role: &str) -> NewMapping {
        NewMapping { group_id: group.to_owned(), role: role.to_owned() }
    }

    const A: &str = "scg_0123456789abcdefghijklmn";

    #[test]
    fn the_ranks_of_roles_are_their_order() {
        for pair in Role::ALL.windows(2) {
            assert!(rank(pair[0]) < rank(pair[1]));
        }
        assert!(Role::ALL.into_iter().all(|r| of_rank(rank(r)) == Some(r)));
        assert_eq!(of_rank(0), None);
    }

    #[test]
    fn a_bad_list_is_refused_and_the_entry_named() {
        for (list, field) in [
            (vec![mapping("none", "admin")], "mappings[0].groupId"),
            (vec![mapping(A, "owner")], "mappings[0].role"),
            (vec![mapping(A, "king")], "mappings[0].role"),
            (vec![mapping(A, "admin"), mapping(A, "viewer")], "mappings[1].groupId"),
            (vec![mapping(A, "admin"); 101], "mappings"),
        ] {
            assert_eq!(checked(&list).unwrap_err().field(), Some(field), "{list:?}");
        }
        assert_eq!(checked(&[]).unwrap(), []);
    }

    #[test]
    fn who_loses_access_is_named_first() {
        let person = |email: &str, from, to| PersonChange {
            user_id: UserId::from_stored("usr_1".to_owned()),
            email: email.to_owned(),
            from,
            to,
        };
        let changes = Changes::of(
            vec![
                person("back", None, Some(Role::Member)),
                person("up", Some(Role::Viewer), Some(Role::Admin)),
                person("gone", Some(Role::Member), None),
            ],
            2,
        );
        let named: Vec<_> = changes.people.iter().map(|p| p.email.as_str()).collect();
        assert_eq!(named, ["gone", "up", "back"]);
        assert_eq!((changes.role_changed, changes.access_ended, changes.access_given), (1, 1, 1));
        assert!(!changes.is_empty() && Changes::default().is_empty());
    }
}
