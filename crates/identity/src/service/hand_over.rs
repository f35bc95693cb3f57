//! What stays of a leaver goes to somebody else.

use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::principal_of;
use gatehouse_types::{Actor, Error, Id, Permission, Result, Role, UserId};
use serde_json::json;

use crate::Identity;
use crate::service::access::require;
use crate::service::leavers::{HandOver, Things};
use crate::service::receipt::counts;
use crate::store::{leavers, users, workspaces};

impl Identity {
    /// Makes somebody else answer for everything that is the company's and that a leaver answered for; `None`: nobody in
    /// particular, it is the company's alone. Answers what changed hands. Said again, that is nothing.
    ///
    /// # Errors
    /// `Validation` for a receiver who is no other member; `Authorization` without the right; `NotFound` when the person's
    /// access never ended here.
    pub async fn hand_over(&self, actor: &Actor, user: &UserId, to: Option<&UserId>) -> Result<Vec<Things>> {
        let object = Some(format!("user:{user}"));
        let workspace = require(&self.0.store, actor, Permission::ManageMembers, object).await?;
        let mut tx = self.0.store.begin(&actor.origin).await?;
        workspaces::lock(&mut tx, workspace).await?;
        let left = leavers::newest(&mut tx, workspace, user).await?;
        let left = left.ok_or_else(|| Error::not_found("Offboarding"))?;
        let receiver = match to {
            None => None,
            Some(to) if to == user => {
                return Err(Error::validation("to", "These things are to go to somebody else."));
            }
            Some(to) => {
                let found = users::member(&mut tx, workspace, to).await?;
                let (person, _): (_, Role) = found.ok_or_else(|| {
                    Error::validation("to", "Only a member of the workspace can take things over.")
                })?;
                Some(person)
            }
        };
        let parts = self.0.belongings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let (mut all, hand_over) = (Vec::new(), HandOver { actor, workspace, from: user, to });
        for part in parts {
            all.extend(part.hand_over(&mut tx, hand_over).await?);
        }
        if all.is_empty() {
            tx.rollback().await?;
            return Ok(all);
        }
        leavers::set_handed_over(&mut tx, &left.id, to, &principal_of(actor)).await?;
        let details = json!({
            "offboarding": left.id, "to": to, "email": receiver.map(|p| p.email), "things": counts(&all),
        });
        let event = Event::success("user.handed-over", ("user", user.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Ok(all)
    }

    /// As [`Identity::hand_over`], to the member with an address.
    ///
    /// # Errors
    /// As [`Identity::hand_over`].
    pub(crate) async fn hand_over_to_address(
        &self,
        actor: &Actor,
        user: &UserId,
        email: &str,
    ) -> Result<Vec<Things>> {
        let email = email.parse().map_err(|e: Error| e.on_field("to"))?;
        let found = users::find_by_email(&mut self.0.store.reader(), &email).await?;
        match found {
            Some(person) => self.hand_over(actor, user, Some(&person.id)).await,
            None => Err(Error::validation("to", "Only a member of the workspace can take things over.")),
        }
    }
}
