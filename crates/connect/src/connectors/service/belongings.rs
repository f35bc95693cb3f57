//! What a leaver leaves: own connectors end, those of the company stay and somebody else answers for them.

use gatehouse_identity::{HandOver, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{ConnectorId, Id, Result, UserId, WorkspaceId};
use serde_json::json;

use crate::connectors::store::{connectors, exemptions, links};

/// What they are called in receipts.
const KIND: &str = "connector";
/// What exemptions from user authentications are called there.
const EXEMPTION: &str = "user-authentication-exemption";

fn named(found: &[(ConnectorId, String)]) -> Option<Things> {
    Things::of(KIND, found.iter().map(|(id, name)| Item::named(id, name)).collect())
}

/// Holds a person's own connectors against other writers. Whoever changes a connector locks it before its grants, and so
/// does who ends both.
pub(crate) async fn hold(tx: &mut Tx, leaver: Leaver<'_>) -> Result<()> {
    let (own, _) = connectors::of_person(tx, leaver.workspace, leaver.user).await?;
    for (id, _) in &own {
        connectors::lock(tx, leaver.workspace, id).await?;
    }
    Ok(())
}

/// A person's own connectors end. What was authorized through them has ended before: its revocation needs to know where.
pub(crate) async fn part(tx: &mut Tx, leaver: Leaver<'_>) -> Result<Parted> {
    let (own, answered) = connectors::of_person(tx, leaver.workspace, leaver.user).await?;
    for (id, _) in &own {
        connectors::delete(tx, id).await?;
    }
    links::revoke_by(tx, leaver.workspace, leaver.user).await?;
    let exempt = exemptions::end(tx, leaver.workspace, leaver.user).await?;
    let exempt = exempt.then(|| Item::named(leaver.user, "")).into_iter().collect();
    Ok(Parted {
        ended: named(&own).into_iter().chain(Things::of(EXEMPTION, exempt)).collect(),
        stays: named(&answered).into_iter().collect(),
        ..Parted::default()
    })
}

/// Who of these people owns a connector or answers for one.
pub(crate) async fn people_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    let mut found = connectors::people_among(tx, workspace, people).await?;
    found.extend(exemptions::people_among(tx, workspace, people).await?);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Somebody else answers for the company's.
pub(crate) async fn hand_over(tx: &mut Tx, hand_over: HandOver<'_>) -> Result<Option<Things>> {
    let HandOver { actor, workspace, from, to } = hand_over;
    let (_, answered) = connectors::of_person(tx, workspace, from).await?;
    connectors::set_responsible(tx, workspace, from, to).await?;
    for (id, name) in &answered {
        let details = json!({"name": name, "from": from, "to": to});
        let event = Event::success("connector.handed-over", (KIND, id.as_str()), details);
        audit::record(tx, actor, event).await?;
    }
    Ok(named(&answered))
}
