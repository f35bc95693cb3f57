//! What a leaver leaves: own connectors end, those of the company stay and somebody else answers for them.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, HandOver, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{ConnectorId, Id, Result, UserId};
use serde_json::json;

use crate::connectors::store::{connectors, links};

/// What they are called in receipts.
const KIND: &str = "connector";

/// Connectors of people and of the company. What was authorized through them is the broker's to end.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorBelongings;

fn named(found: &[(ConnectorId, String)]) -> Option<Things> {
    Things::of(KIND, found.iter().map(|(id, name)| Item::named(id, name)).collect())
}

impl Belongings for ConnectorBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let (own, answered) = connectors::of_person(tx, leaver.workspace, leaver.user).await?;
            for (id, _) in &own {
                connectors::delete(tx, id).await?;
            }
            links::revoke_by(tx, leaver.workspace, leaver.user).await?;
            Ok(Parted {
                ended: named(&own).into_iter().collect(),
                stays: named(&answered).into_iter().collect(),
                ..Parted::default()
            })
        })
    }

    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move { Ok(connectors::people_among(tx, crowd.workspace, crowd.people).await?) })
    }

    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        Box::pin(async move {
            let HandOver { actor, workspace, from, to } = hand_over;
            let (_, answered) = connectors::of_person(tx, workspace, from).await?;
            connectors::set_responsible(tx, workspace, from, to).await?;
            for (id, name) in &answered {
                let details = json!({"name": name, "from": from, "to": to});
                let event = Event::success("connector.handed-over", (KIND, id.as_str()), details);
                audit::record(tx, actor, event).await?;
            }
            Ok(named(&answered).into_iter().collect())
        })
    }
}
