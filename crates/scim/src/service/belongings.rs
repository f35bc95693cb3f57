//! Tokens of the directory are the company's: those that a leaver answers for stay, and somebody else takes them over.

use gatehouse_identity::rules::Boxed;
use gatehouse_identity::{Belongings, Crowd, HandOver, Item, Leaver, Parted, Things};
use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Id, Result, UserId};
use serde_json::json;

use crate::model::ScimToken;
use crate::store::tokens;

/// What they are called in receipts.
const KIND: &str = "scim-token";

/// The tokens of the directory.
#[derive(Clone, Copy, Debug)]
pub struct ScimBelongings;

fn named(found: &[ScimToken]) -> Option<Things> {
    Things::of(KIND, found.iter().map(|t| Item::named(&t.id, &t.name)).collect())
}

impl Belongings for ScimBelongings {
    fn part<'a>(&'a self, tx: &'a mut Tx, leaver: Leaver<'a>) -> Boxed<'a, Result<Parted>> {
        Box::pin(async move {
            let found = tokens::of_responsible(tx, leaver.workspace, leaver.user).await?;
            Ok(Parted { stays: named(&found).into_iter().collect(), ..Parted::default() })
        })
    }

    fn owners<'a>(&'a self, tx: &'a mut Tx, crowd: Crowd<'a>) -> Boxed<'a, Result<Vec<UserId>>> {
        Box::pin(async move { Ok(tokens::responsible_among(tx, crowd.workspace, crowd.people).await?) })
    }

    fn hand_over<'a>(&'a self, tx: &'a mut Tx, hand_over: HandOver<'a>) -> Boxed<'a, Result<Vec<Things>>> {
        Box::pin(async move {
            let HandOver { actor, workspace, from, to } = hand_over;
            let found = tokens::of_responsible(tx, workspace, from).await?;
            tokens::set_responsible(tx, workspace, from, to).await?;
            for token in &found {
                let details = json!({"name": token.name, "from": from, "to": to});
                let target = (KIND, token.id.as_str());
                audit::record(tx, actor, Event::success("scim.token-handed-over", target, details)).await?;
            }
            Ok(named(&found).into_iter().collect())
        })
    }
}
