//! Refresh tokens that end by their provider's word: whoever answers for the grant is told ahead, once seven days and once
//! one day, so that nothing fails first.

use gatehouse_store::Tx;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, Id, Origin, Result, Timestamp};
use serde_json::json;

use super::broker::Broker;
use super::{end, notices, store};

/// So many days ahead is told; the nearest first.
const DAYS: [i64; 2] = [1, 7];
/// A day, in seconds.
const DAY: i64 = 86_400;
/// An end further away than so many days is a new one, of which is told again.
const FAR_DAYS: i64 = 14;

/// Of what need not be told any more: a token that lives for hours needs nobody a day ahead.
pub(super) fn told_at_first(end: Timestamp, now: Timestamp) -> Option<i64> {
    let life = end.seconds() - now.seconds();
    DAYS.into_iter().find(|days| life <= days * DAY)
}

/// The same for an end that came with a refresh, without a person: `former` is what was told, and of which end.
pub(super) fn told_after(
    former: (Option<i64>, Option<Timestamp>),
    end: Timestamp,
    now: Timestamp,
) -> Option<i64> {
    let (before, former) = former;
    // counted down by its provider, it is the end that it was
    if former.is_some_and(|former| end.seconds() <= former.seconds() + DAY) {
        return before;
    }
    let is_far = end.seconds() - now.seconds() > FAR_DAYS * DAY;
    if is_far { None } else { before.or_else(|| told_at_first(end, now)) }
}

/// Tells of the ends that are near.
pub(crate) async fn tell(broker: &Broker, tx: &mut Tx) -> Result<()> {
    for days in DAYS {
        let until = tx.store().now().plus_seconds(days * DAY);
        for grant in store::end_soon(tx, days, until).await? {
            let Some(end) = grant.facts.refresh_expires_at else { continue };
            if !store::tell_of_end(tx, &grant.id, days).await? {
                continue;
            }
            notices::ends_soon(&broker.0, tx, &grant, end).await?;
            let mut details = end::details(&grant);
            details["refreshExpiresAt"] = json!(end);
            details["daysAhead"] = json!(days);
            let actor =
                Actor::system(Origin::machine(tx.store().ids().make()), Some(grant.workspace.clone()));
            let event = Event::success("grant.ends-soon", ("grant", grant.id.as_str()), details);
            audit::record_in(tx, &actor, Some(&grant.workspace), event).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_short_life_is_not_told_and_of_a_far_end_is_told_again() {
        let now = Timestamp::from_seconds(1_000);
        let at = |days: i64| now.plus_seconds(days * DAY);
        assert_eq!([1, 7, 8].map(|days| told_at_first(at(days), now)), [Some(1), Some(7), None]);
        // an end that moves on with each use
        assert_eq!(told_after((Some(7), Some(at(2))), at(8), now), Some(7));
        assert_eq!(told_after((None, None), at(8), now), None);
        assert_eq!(told_after((Some(1), Some(at(0))), at(90), now), None);
        // one that is counted down is still to be told of
        assert_eq!(told_after((None, Some(at(7))), at(7), now), None);
        assert_eq!(told_after((Some(7), Some(at(3))), at(3), now), Some(7));
    }
}
