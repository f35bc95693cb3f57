//! What a leaver leaves: executions in the person's name stand still, triggers are switched off and handed over.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, HandOver, Item, Leaver, Parted, Things};
use gatehouse_store::audit::{self, Event};
use gatehouse_store::{Condition, Tx};
use gatehouse_types::{Actor, Id, Origin, Result, UserId};
use serde_json::json;

use crate::model::execution::IDENTITY_ENDED;
use crate::model::trigger::{HANDED_OVER, IDENTITY_ENDED as TRIGGER_STOPPED, Trigger};
use crate::store::{executions, triggers, waits};

/// What triggers are called in receipts.
const KIND: &str = "flow-trigger";
/// What those of them are called that were switched off.
const STOPPED: &str = "stopped-flow-trigger";

fn named(found: &[Trigger]) -> Option<Things> {
    Things::of(KIND, found.iter().map(|t| Item::named(&t.id, &t.name)).collect())
}

/// Executions and triggers that run in somebody's name.
#[derive(Clone, Copy, Debug)]
pub struct FlowBelongings;

impl Belongings for FlowBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let stopped = executions::pause_of(tx, leaver.workspace, leaver.user, IDENTITY_ENDED).await?;
            waits::end_of(tx, leaver.workspace, leaver.user).await?;
            let items = stopped.iter().map(|(id, name)| Item::named(id, name)).collect();
            let found = triggers::of_person(tx, leaver.workspace, leaver.user).await?;
            let origin = Origin::machine(tx.store().ids().make());
            let actor = Actor::system(origin, Some(leaver.workspace.clone()));
            let mut switched_off = Vec::new();
            for trigger in found.iter().filter(|t| t.person.as_ref() == Some(leaver.user)) {
                let why = Some(TRIGGER_STOPPED.to_owned());
                let stopped = Trigger { enabled: false, stopped: why, ..trigger.clone() };
                triggers::update(tx, &stopped, None).await?;
                if trigger.enabled {
                    let details = json!({"name": trigger.name, "flowId": trigger.flow_id, "personId": leaver.user,
                        "cause": leaver.cause.as_str()});
                    let event = Event::success("flow-trigger.stopped", (KIND, trigger.id.as_str()), details);
                    audit::record_in(tx, &actor, Some(leaver.workspace), event).await?;
                    switched_off.push(Item::named(&trigger.id, &trigger.name));
                }
            }
            let ended = [Things::of("flow-execution", items), Things::of(STOPPED, switched_off)];
            Ok(Parted {
                ended: ended.into_iter().flatten().collect(),
                stays: named(&found).into_iter().collect(),
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
            let mut people: Vec<UserId> =
                rows.iter().map(|row| row.id("id")).collect::<gatehouse_store::Result<_>>()?;
            people.extend(triggers::people_among(tx, crowd.workspace, crowd.people).await?);
            people.sort_unstable();
            people.dedup();
            Ok(people)
        })
    }

    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        Box::pin(async move {
            let HandOver { actor, workspace, from, to } = hand_over;
            let found = triggers::of_person(tx, workspace, from).await?;
            for trigger in &found {
                let mut handed = trigger.clone();
                // it stays switched off until somebody looks at it in whose name it runs from now on
                if handed.person.as_ref() == Some(from) {
                    handed.person = to.cloned();
                    handed.stopped = handed.stopped.map(|_| HANDED_OVER.to_owned());
                }
                handed.responsible = to.filter(|_| handed.person.is_none()).cloned();
                triggers::update(tx, &handed, None).await?;
                let details = json!({"name": trigger.name, "from": from, "to": to});
                let event = Event::success("flow-trigger.handed-over", (KIND, trigger.id.as_str()), details);
                audit::record(tx, actor, event).await?;
            }
            Ok(named(&found).into_iter().collect())
        })
    }
}
