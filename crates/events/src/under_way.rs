//! Deliveries that are under way in this process, so that programs which do not answer keep no others waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gatehouse_types::{Id, WebhookId};
use tokio::sync::Notify;

/// Deliveries under way at once, of all programs that answered the last time.
const ANSWERING: usize = 48;
/// The same of those that failed the last time: they take no places from the others.
const FAILING: usize = 16;

/// How many are under way, by webhook.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    places: Mutex<BTreeMap<WebhookId, Count>>,
    ended: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    answering: usize,
    failing: usize,
}

impl Count {
    fn of(&mut self, failing: bool) -> &mut usize {
        if failing { &mut self.failing } else { &mut self.answering }
    }
}

/// The place of one delivery; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Arc<UnderWay>,
    webhook: WebhookId,
    failing: bool,
}

impl UnderWay {
    fn places(&self) -> MutexGuard<'_, BTreeMap<WebhookId, Count>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The webhooks that have any under way, in one text, and how many places are free.
    pub(crate) fn look(&self, failing: bool) -> (String, usize) {
        let mut places = self.places();
        let busy: Vec<_> = places.keys().map(|id| id.as_str().to_owned()).collect();
        let taken: usize = places.values_mut().map(|count| *count.of(failing)).sum();
        let most = if failing { FAILING } else { ANSWERING };
        (busy.join(" "), most.saturating_sub(taken))
    }

    /// Takes a place.
    pub(crate) fn begin(self: &Arc<Self>, webhook: &WebhookId, failing: bool) -> Place {
        *self.places().entry(webhook.clone()).or_default().of(failing) += 1;
        Place { of: Arc::clone(self), webhook: webhook.clone(), failing }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places().is_empty()
    }

    /// Done when one has ended since the last time.
    pub(crate) async fn one_ended(&self) {
        self.ended.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.of.places();
        if let Some(count) = places.get_mut(&self.webhook) {
            let of = count.of(self.failing);
            *of = of.saturating_sub(1);
            if count.answering + count.failing == 0 {
                places.remove(&self.webhook);
            }
        }
        drop(places);
        self.of.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_fail_take_no_places_from_those_that_answer() {
        let under_way = Arc::new(UnderWay::default());
        let id = |n: usize| WebhookId::from_stored(format!("whk_{n}"));
        let held: Vec<_> = (0..FAILING).map(|n| under_way.begin(&id(n), true)).collect();
        assert_eq!((under_way.look(true).1, under_way.look(false).1), (0, ANSWERING));
        assert!(under_way.look(false).0.split(' ').any(|busy| busy == "whk_3"));
        drop(held);
        assert!(under_way.is_empty());
        assert_eq!(under_way.look(true), (String::new(), FAILING));
    }
}
