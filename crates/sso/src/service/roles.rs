//! A provider's groups become a role at each sign-in.

use gatehouse_store::Tx;
use gatehouse_store::decisions::Reason;
use gatehouse_types::{Actor, Result, Role};

use super::person::{Claims, Found};
use crate::Sso;
use crate::model::{Connection, Mapped};

/// The name of the check that tells of groups and roles.
const CHECK: &str = "role mapping";

/// What the groups of these claims do to a role.
pub(crate) fn mapped(connection: &Connection, claims: &Claims, current: Role) -> Option<Mapped> {
    let mapping = connection.role_mapping.as_ref()?;
    let groups = claims.attributes.get(&mapping.attribute).map(Vec::as_slice);
    Some(mapping.role_of(groups, current, connection.default_role))
}

impl Sso {
    /// Gives somebody who comes in the role of the provider's groups, in the caller's transaction.
    pub(crate) async fn give_mapped_role(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        connection: &Connection,
        claims: &Claims,
        found: Found,
        checks: &mut Vec<Reason>,
    ) -> Result<Found> {
        if connection.role_mapping.is_some()
            && self.0.identity.is_role_managed(tx, &connection.workspace_id, &found.user.id).await?
        {
            let detail = format!(
                "A group of the directory (SCIM) gives the role {}; the groups of the sign-in do not count beside it.",
                found.role
            );
            checks.push(Reason::passed(CHECK, detail));
            return Ok(found);
        }
        let Some(outcome) = mapped(connection, claims, found.role) else { return Ok(found) };
        let detail = match outcome {
            Mapped::NotTold => {
                let attribute = connection.role_mapping.as_ref().map_or("", |m| m.attribute.as_str());
                format!(
                    "Warning: the provider sent no {attribute}, so the role {} stays. Release it there, or end the mapping.",
                    found.role
                )
            }
            Mapped::NotManaged => {
                format!("The role {} was given by hand and is mapped by nobody; it stays.", found.role)
            }
            Mapped::Role(role) if role == found.role => {
                format!("The groups give the role {role}, which the person has.")
            }
            Mapped::Role(role) => {
                let (workspace, user) = (&connection.workspace_id, &found.user);
                self.0.identity.set_role_in(tx, actor, workspace, user, found.role, role).await?;
                checks.push(Reason::passed(
                    CHECK,
                    format!("The groups give the role {role}; it was {}.", found.role),
                ));
                return Ok(Found { role, ..found });
            }
        };
        checks.push(Reason::passed(CHECK, detail));
        Ok(found)
    }
}
