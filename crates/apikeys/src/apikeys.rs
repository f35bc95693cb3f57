use std::fmt;
use std::sync::Arc;

use gatehouse_identity::Identity;
use gatehouse_store::Store;
use gatehouse_types::DecisionId;
use gatehouse_web::{Limiter, PublicUrl};
use moka::sync::Cache;

use crate::gate::Gate;
use crate::service::feed::Feed;
use crate::service::verify::Decided;

/// Refusals that are recorded at once for one key, or of unknown keys for one network, and the seconds until one more.
const REFUSALS: (u32, u32) = (100, 5);
/// Leaked keys that one network may tell of at once, and the seconds until one more.
const LEAKS: (u32, u32) = (60, 10);
/// Recorded refusals that are remembered, so that the next one like it is not recorded again.
const DECIDED: u64 = 10_000;
/// How long one is remembered, in seconds.
const DECIDED_SECONDS: u64 = 600;

/// What programs may call: apps, scopes, keys, and the gate that asks for them.
#[derive(Clone)]
pub struct ApiKeys(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) public_url: PublicUrl,
    pub(crate) gate: Gate,
    pub(crate) feed: Feed,
    /// How many refusals are recorded, per key, and of unknown keys per network.
    pub(crate) refusals: Limiter,
    /// How many leaked keys are told of, per network.
    pub(crate) leaks: Limiter,
    /// The refusals of late that were recorded.
    pub(crate) decided: Cache<Decided, DecisionId>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("keys", &self.0.gate.read().len()).finish_non_exhaustive()
    }
}

impl ApiKeys {
    /// The service over identity's store. Keys are looked up in the database until [`ApiKeys::follow`] has read them all.
    pub fn new(identity: Identity, public_url: PublicUrl) -> Self {
        let store = identity.store().clone();
        let limiter = |(burst, seconds)| Limiter::new(Arc::clone(store.clock()), burst, seconds);
        let (refusals, leaks) = (limiter(REFUSALS), limiter(LEAKS));
        let decided = Cache::builder()
            .max_capacity(DECIDED)
            .time_to_live(std::time::Duration::from_secs(DECIDED_SECONDS))
            .build();
        let (gate, feed) = (Gate::default(), Feed::default());
        Self(Arc::new(Inner { store, identity, public_url, gate, feed, refusals, leaks, decided }))
    }
}
