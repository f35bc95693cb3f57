use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, HandOver, Item, Leaver, NewRoles, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Id, OwnerKind, Result, UserId};
use serde_json::json;

use crate::ApiKeys;
use crate::store::keys::{self, OwnedKey};
use crate::store::{apps, changes};

/// A person's own keys end with them; apps and keys of the company stay, and the receipt names them.
#[derive(Clone, Debug)]
pub struct KeyBelongings(ApiKeys);

impl KeyBelongings {
    /// Over the service.
    pub fn new(keys: ApiKeys) -> Self {
        Self(keys)
    }
}

fn items(keys: &[OwnedKey]) -> Vec<Item> {
    keys.iter().map(|k| Item::named(&k.id, &k.name)).collect()
}

impl Belongings for KeyBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let (workspace, user) = (leaver.workspace, leaver.user);
            let own = keys::owned(tx, workspace, user, OwnerKind::Person).await?;
            for key in &own {
                keys::delete(tx, &key.id, "person-left").await?;
            }
            let ended: Vec<_> = own.iter().map(|k| changes::Change::Key(k.digest.clone())).collect();
            if !ended.is_empty() {
                self.0.changed(tx, &ended).await?;
            }
            let company = keys::owned(tx, workspace, user, OwnerKind::Service).await?;
            let apps = apps::answered_for(tx, workspace, user).await?;
            let apps: Vec<_> = apps.into_iter().map(|(id, name)| Item::named(id, name)).collect();
            Ok(Parted {
                ended: Things::of("api-key", items(&own)).into_iter().collect(),
                stays: [Things::of("api-app", apps), Things::of("api-key", items(&company))]
                    .into_iter()
                    .flatten()
                    .collect(),
                ..Parted::default()
            })
        })
    }

    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move { Ok(keys::owners_among(tx, crowd.workspace, crowd.people).await?) })
    }

    fn roles_changed<'a>(&'a self, tx: &'a mut Tx, changed: NewRoles<'a>) -> Boxed<'a, Result<()>> {
        Box::pin(async move {
            let own = keys::digests_of_people(tx, changed.workspace, changed.people).await?;
            let own: Vec<_> = own.into_iter().map(changes::Change::Key).collect();
            if own.is_empty() {
                return Ok(());
            }
            self.0.changed(tx, &own).await
        })
    }

    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        Box::pin(async move {
            let HandOver { actor, workspace, from, to } = hand_over;
            let apps = apps::answered_for(tx, workspace, from).await?;
            let keys = keys::owned(tx, workspace, from, OwnerKind::Service).await?;
            apps::hand_over(tx, workspace, from, to).await?;
            keys::hand_over(tx, workspace, from, to).await?;
            let details = json!({"from": from, "to": to});
            for (id, _) in &apps {
                let event = Event::success("api-app.handed-over", ("api-app", id.as_str()), details.clone());
                audit::record_in(tx, actor, Some(workspace), event).await?;
            }
            for key in &keys {
                let event =
                    Event::success("api-key.handed-over", ("api-key", key.id.as_str()), details.clone());
                audit::record_in(tx, actor, Some(workspace), event).await?;
            }
            let apps = apps.into_iter().map(|(id, name)| Item::named(id, name)).collect();
            Ok([Things::of("api-app", apps), Things::of("api-key", items(&keys))]
                .into_iter()
                .flatten()
                .collect())
        })
    }
}
