//! What a leaver had in single sign-on: links that were made for others, and sessions at providers.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_types::{Result, UserId};

use crate::store::{identities, setup_links, shares};

/// Ends the setup links and the links to traces that a leaver made, and names the providers where the person may still
/// be signed in.
#[derive(Clone, Copy, Debug)]
pub struct SsoBelongings;

impl Belongings for SsoBelongings {
    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move {
            let mut all = setup_links::makers_among(tx, crowd.workspace, crowd.people).await?;
            all.extend(shares::makers_among(tx, crowd.workspace, crowd.people).await?);
            if !crowd.cause.is_of_directory() {
                all.extend(identities::known_among(tx, crowd.workspace, crowd.people).await?);
            }
            Ok(all)
        })
    }

    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let links = setup_links::revoke_by(tx, leaver.workspace, leaver.user).await?;
            let traces = shares::revoke_by(tx, leaver.workspace, leaver.user).await?;
            let providers = match leaver.cause.is_of_directory() {
                true => Vec::new(),
                false => identities::providers_of(tx, leaver.workspace, leaver.user).await?,
            };
            let ended = [
                Things::of("setup-link", links.iter().map(Item::new).collect()),
                Things::of("trace-share", traces.iter().map(Item::new).collect()),
            ];
            let pending = providers.into_iter().map(|(id, name)| Item::named(id, name)).collect();
            Ok(Parted {
                ended: ended.into_iter().flatten().collect(),
                stays: Vec::new(),
                pending: Things::of("account-at-provider", pending).into_iter().collect(),
            })
        })
    }
}
