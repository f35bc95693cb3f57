//! The queue of people: who must authenticate where, since when, and what an administrator may decide instead.

use std::collections::BTreeMap;

use gatehouse_connect::{OWN_CONNECTIONS, UserAuthenticated, checked_reason};
use gatehouse_identity::{SendMail, require};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::mails::NewMail;
use gatehouse_types::{Actor, Error, Permission, Result, Secret, Timestamp, UserId, WorkspaceId};
use serde_json::json;

use super::by;
use super::names::FORMER;
use crate::Flows;
use crate::model::execution::{Execution, Fallback};
use crate::store::waits::Queue;
use crate::store::{executions, waits};

/// Lines of the queue that are told at most.
const LINES: i64 = 500;
/// Executions that one decision lets go on at most.
const DECIDED: i64 = 1_000;
/// Executions that are woken in one transaction.
const WOKEN: i64 = 1_000;

/// One line of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The person; `None`: the flow runs for nobody, so that an administrator must decide.
    pub(crate) person: Option<(UserId, String)>,
    pub(crate) connector_id: String,
    pub(crate) connector_name: String,
    pub(crate) executions: i64,
    pub(crate) since: Timestamp,
}

impl Flows {
    /// Keeps whom an execution waits for; somebody of whom nothing waited so far is told by one mail.
    pub(crate) async fn wait_for_people(
        &self,
        tx: &mut Tx,
        execution: &Execution,
        steps: &[(String, String)],
    ) -> Result<()> {
        let is_new = waits::set(tx, execution, steps).await?;
        let Some(person) = &execution.person else { return Ok(()) };
        if !is_new {
            return Ok(waits::forget_told(tx, &execution.workspace_id, person).await?);
        }
        // who sits there and runs it sees it
        if execution.interactive || !waits::tell(tx, &execution.workspace_id, person).await? {
            return Ok(());
        }
        let Some(user) = self.0.identity.user(tx, person).await? else { return Ok(()) };
        let place = self.0.public_url.join(OWN_CONNECTIONS);
        let body = format!(
            "A flow that runs for you waits until you authenticate at an outside service: {}.\n\nEverything that waits for \
             you, and where you authenticate, is here: {place}\n\nAuthenticate once, and everything that waits for it goes \
             on by itself. You get no further mail before nothing waits for you any more.\n",
            execution.flow_name
        );
        let mail = NewMail {
            to: user.email,
            subject: "A flow waits for you to authenticate".to_owned(),
            body: Secret::new(body),
        };
        SendMail::enqueue(tx, Some(&execution.workspace_id), &mail).await?;
        Ok(())
    }

    /// Wakes everything that waits for a person at a connector, or wherever.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn authenticated(&self, told: &UserAuthenticated) -> Result<()> {
        let mut after = String::new();
        loop {
            // some at a time: nobody waits for long because very much goes on at once
            let mut tx = self.0.store.begin_always().await?;
            let some = waits::poke_some(&mut tx, told, &after, WOKEN).await?;
            self.wake(&mut tx);
            tx.commit().await?;
            match some {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// Everything that waits in the workspace, the longest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn queue(&self, actor: &Actor) -> Result<Vec<Line>> {
        let workspace = require(&self.0.store, actor, Permission::ManageFlows, None).await?;
        let found = waits::queues(&mut self.0.store.reader(), workspace, None, LINES).await?;
        self.lines(workspace, found).await
    }

    /// What waits for the person who asks.
    ///
    /// # Errors
    /// `Authentication` for who is no person.
    pub(crate) async fn own_queue(&self, actor: &Actor) -> Result<Vec<Line>> {
        let workspace = require(&self.0.store, actor, Permission::ReadWorkspace, None).await?;
        let user = actor.user()?.clone();
        let found = waits::queues(&mut self.0.store.reader(), workspace, Some(&user), LINES).await?;
        self.lines(workspace, found).await
    }

    async fn lines(&self, workspace: &WorkspaceId, found: Vec<Queue>) -> Result<Vec<Line>> {
        let people = found.iter().filter_map(|queue| queue.person.clone()).collect();
        let names = self.0.identity.names_among(&mut self.0.store.reader(), workspace, &people).await?;
        let mut connectors = BTreeMap::new();
        let mut lines = Vec::with_capacity(found.len());
        for queue in found {
            if !connectors.contains_key(&queue.connector) {
                let named = self.0.connect.connector_named(workspace, &queue.connector).await?;
                let name = named.map_or_else(|| queue.connector.clone(), |c| c.name);
                connectors.insert(queue.connector.clone(), name);
            }
            let named = |id: UserId| {
                let name = names.get(&id).cloned().unwrap_or_else(|| FORMER.to_owned());
                (id, name)
            };
            lines.push(Line {
                person: queue.person.map(named),
                connector_name: connectors.get(&queue.connector).cloned().unwrap_or_default(),
                connector_id: queue.connector,
                executions: queue.executions,
                since: queue.since,
            });
        }
        Ok(lines)
    }

    /// Lets executions that wait for a person at a connector go on as the connector's user; how many.
    ///
    /// # Errors
    /// `Validation` without a reason; `Authorization` without the right; `NotFound` when nothing waits.
    pub(crate) async fn let_go_on(
        &self,
        actor: &Actor,
        person: Option<&UserId>,
        connector: &str,
        reason: &str,
    ) -> Result<usize> {
        let store = &self.0.store;
        let workspace =
            require(store, actor, Permission::ManageFlows, Some(format!("connector:{connector}"))).await?;
        let reason = checked_reason(reason)?;
        let mut tx = store.begin(&actor.origin).await?;
        let ids = waits::behind(&mut tx, workspace, person, connector, DECIDED).await?;
        if ids.is_empty() {
            return Err(Error::not_found("Waiting execution"));
        }
        for id in &ids {
            let Some(mut execution) = executions::lock(&mut tx, workspace, id).await? else { continue };
            execution.fallback.push(Fallback {
                connector_id: connector.to_owned(),
                by: by(actor),
                reason: reason.to_owned(),
            });
            executions::set_fallback(&mut tx, &execution).await?;
            // whoever looks before it goes on does not find it waiting
            waits::end_at(&mut tx, id, connector).await?;
            execution.no_longer_at(connector);
            executions::set_waiting(&mut tx, &execution).await?;
        }
        if let Some(person) = person {
            waits::forget_told(&mut tx, workspace, person).await?;
        }
        let details = json!({"personId": person, "reason": reason, "executions": ids.len()});
        let event = Event::success("flow-execution.fallback-decided", ("connector", connector), details);
        audit::record(&mut tx, actor, event).await?;
        self.wake(&mut tx);
        tx.commit().await?;
        Ok(ids.len())
    }
}
