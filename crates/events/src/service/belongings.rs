use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_types::Result;
use url::Url;

use crate::store::webhooks;

/// Webhooks are the company's: those that a leaver made stay, and the receipt names them.
#[derive(Clone, Copy, Debug)]
pub struct EventsBelongings;

impl Belongings for EventsBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let made = webhooks::made_by(tx, leaver.workspace, leaver.user).await?;
            // of the address only the host: the rest may hold a secret
            let host = |url: &str| Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned));
            let items = made.into_iter().map(|(id, url)| Item::named(id, host(&url).unwrap_or_default()));
            Ok(Parted {
                stays: Things::of("webhook", items.collect()).into_iter().collect(),
                ..Parted::default()
            })
        })
    }
}
