//! What a leaver leaves: executions in the person's name stand still.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, Item, Leaver, Parted, Things};
use gatehouse_store::{Condition, Tx};
use gatehouse_types::{Result, UserId};

use crate::model::execution::IDENTITY_ENDED;
use crate::store::{executions, waits};

/// Executions that run in somebody's name.
#[derive(Clone, Copy, Debug)]
pub struct FlowBelongings;

impl Belongings for FlowBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let stopped = executions::pause_of(tx, leaver.workspace, leaver.user, IDENTITY_ENDED).await?;
            waits::end_of(tx, leaver.workspace, leaver.user).await?;
            let items = stopped.iter().map(|(id, name)| Item::named(id, name)).collect();
            Ok(Parted {
                ended: Things::of("flow-execution", items).into_iter().collect(),
                ..Parted::default()
            })
        })
    }

    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move {
            const HEAD: &str = "SELECT DISTINCT person_id AS id FROM executions";
            let store = tx.store().clone();
            let of =
                Condition::fixed("ended_at IS NULL AND workspace_id = ").bind(crowd.workspace).sql(" AND ");
            let of = of.then(Condition::one_of("person_id", crowd.people.iter().map(ToString::to_string)));
            let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
            Ok(rows.iter().map(|row| row.id("id")).collect::<gatehouse_store::Result<_>>()?)
        })
    }
}
