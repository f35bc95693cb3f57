use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, HandOver, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Id, Result, UserId, WebhookId};
use serde_json::json;
use url::Url;

use crate::store::webhooks;

/// What they are called in receipts.
const KIND: &str = "webhook";

/// Webhooks are the company's: those that a leaver answers for stay, and somebody else takes them over.
#[derive(Clone, Copy, Debug)]
pub struct EventsBelongings;

/// Of the address only the host: the rest may hold a secret.
fn host(url: &str) -> String {
    Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default()
}

fn named(found: &[(WebhookId, String)]) -> Option<Things> {
    Things::of(KIND, found.iter().map(|(id, url)| Item::named(id, host(url))).collect())
}

impl Belongings for EventsBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let found = webhooks::of_responsible(tx, leaver.workspace, leaver.user).await?;
            Ok(Parted { stays: named(&found).into_iter().collect(), ..Parted::default() })
        })
    }

    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move { Ok(webhooks::responsible_among(tx, crowd.workspace, crowd.people).await?) })
    }

    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        Box::pin(async move {
            let HandOver { actor, workspace, from, to } = hand_over;
            let found = webhooks::of_responsible(tx, workspace, from).await?;
            webhooks::set_responsible(tx, workspace, from, to).await?;
            for (id, url) in &found {
                let details = json!({"host": host(url), "from": from, "to": to});
                let event = Event::success("webhook.handed-over", (KIND, id.as_str()), details);
                audit::record(tx, actor, event).await?;
            }
            Ok(named(&found).into_iter().collect())
        })
    }
}
