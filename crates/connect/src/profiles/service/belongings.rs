//! What happens to profiles, connectors and grants when people leave.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, HandOver, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Id, Origin, Result, UserId};
use serde_json::json;

use crate::grants::{requests, store as grants};
use crate::profiles::store;
use crate::{Connect, Owner};
use crate::{connectors, holders};

/// What they are called in receipts.
const GRANT: &str = "outbound-grant";
const REVOCATION: &str = "provider-revocation";
const PROFILE: &str = "auth-profile";
const COMPANYS: &str = "company-authorization";

/// A person's own grants end with them, here at once and at the provider as soon as it answers, then the person's own
/// connectors; profiles and other connectors are the company's and stay.
#[derive(Clone, Debug)]
pub struct ConnectBelongings(Connect);

impl ConnectBelongings {
    /// Over the service.
    pub fn new(connect: Connect) -> Self {
        Self(connect)
    }

    /// Ends everything that was granted to a person; names it, and what is still to be revoked outside.
    async fn end_own(&self, tx: &mut Tx, leaver: Leaver<'_>) -> Result<(Vec<Item>, Vec<Item>)> {
        let inner = &self.0.0;
        let (workspace, owner) = (leaver.workspace, Owner::Person(leaver.user.clone()));
        let actor = Actor::system(Origin::machine(inner.store.ids().make()), Some(workspace.clone()));
        let (mut ended, mut pending) = (Vec::new(), Vec::new());
        for listed in grants::of_person(tx, workspace, leaver.user).await? {
            let Some(grant) = grants::find(&inner.store, tx, workspace, &listed.holder, &owner).await? else {
                continue;
            };
            let about = holders::about(tx, workspace, &listed.holder).await?;
            let name = about.map(|a| a.name).unwrap_or_default();
            let place = (workspace, &listed.holder);
            // of a holder that lost its addresses only what is here can be ended
            let spec =
                holders::spec(&inner.store, tx, &inner.public_url, place, &grant.asked).await.ok().flatten();
            let whose = (&listed.holder, &owner);
            let done =
                inner.broker.end(tx, &actor, workspace, whose, spec.as_ref(), "the person left").await?;
            if let Some((id, revokes)) = done {
                if revokes {
                    pending.push(Item::named(&id, &name));
                }
                ended.push(Item::named(&id, &name));
            }
        }
        requests::forget_of(tx, workspace, leaver.user).await?;
        Ok((ended, pending))
    }
}

/// What the company uses with the account that the leaver has outside: it works only as long as that account does.
async fn of_account(tx: &mut Tx, leaver: Leaver<'_>) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for grant in grants::authorized_by(tx, leaver.workspace, leaver.user).await? {
        let about = holders::about(tx, leaver.workspace, &grant.holder).await?;
        let name = about.map(|a| a.name).unwrap_or_default();
        items.push(Item::named(
            &grant.id,
            format!("{name} (authorized with this person's account: somebody must authorize it again)"),
        ));
    }
    Ok(items)
}

impl Belongings for ConnectBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            connectors::belongings::hold(tx, leaver).await?;
            let (ended, pending) = self.end_own(tx, leaver).await?;
            let profiles = store::of_responsible(tx, leaver.workspace, leaver.user).await?;
            let profiles = profiles.into_iter().map(|(id, name)| Item::named(id, name)).collect();
            let authorized = of_account(tx, leaver).await?;
            // after the grants: how they are revoked is known as long as their connector is there
            let Parted { ended: connectors, stays, .. } = connectors::belongings::part(tx, leaver).await?;
            Ok(Parted {
                ended: Things::of(GRANT, ended).into_iter().chain(connectors).collect(),
                stays: [Things::of(PROFILE, profiles), Things::of(COMPANYS, authorized)]
                    .into_iter()
                    .flatten()
                    .chain(stays)
                    .collect(),
                pending: Things::of(REVOCATION, pending).into_iter().collect(),
            })
        })
    }

    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move {
            let mut found = store::owners_among(tx, crowd.workspace, crowd.people).await?;
            for user in connectors::belongings::people_among(tx, crowd.workspace, crowd.people).await? {
                if !found.contains(&user) {
                    found.push(user);
                }
            }
            Ok(found)
        })
    }

    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        Box::pin(async move {
            let HandOver { actor, workspace, from, to } = hand_over;
            let profiles = store::of_responsible(tx, workspace, from).await?;
            store::set_responsible(tx, workspace, from, to).await?;
            for (id, _) in &profiles {
                let details = json!({"from": from, "to": to});
                let event = Event::success("auth-profile.handed-over", (PROFILE, id.as_str()), details);
                audit::record_in(tx, actor, Some(workspace), event).await?;
            }
            let items = profiles.into_iter().map(|(id, name)| Item::named(id, name)).collect();
            let connectors = connectors::belongings::hand_over(tx, hand_over).await?;
            Ok(Things::of(PROFILE, items).into_iter().chain(connectors).collect())
        })
    }
}
