use std::sync::Arc;

use gatehouse_identity::Identity;
use gatehouse_store::Store;
use gatehouse_web::{Limiter, PublicUrl};

use crate::store::places::Places;

/// Refusals of unknown tokens that are recorded for one network at once, and the seconds until one more.
const REFUSALS: (u32, u32) = (100, 5);

/// Refused changes of one token that are kept at once, and the seconds until one more: nobody fills the disk with them.
const FAILURES: (u32, u32) = (1_000, 1);

/// Requests of one token in a minute, and all at once, unless the operator says otherwise; an operation of a bulk request is
/// one. Providers send 25 a second.
pub const REQUESTS_A_MINUTE: u32 = 60_000;
/// Fewer than this nobody may set: 25 a second.
pub const LEAST_REQUESTS_A_MINUTE: u32 = 1_500;

/// Directory provisioning: its tokens, and the protocol they open.
#[derive(Clone, Debug)]
pub struct Scim(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) public_url: PublicUrl,
    /// How many refusals of unknown tokens are recorded, per network.
    pub(crate) refusals: Limiter,
    /// How many refused changes are kept, per token.
    pub(crate) failures: Limiter,
    /// How many requests each token has.
    pub(crate) requests: Limiter,
    /// Where the entries of directories are.
    pub(crate) places: Places,
}

impl Scim {
    /// The service over identity's store; resources are named under the public URL, and each token has so many requests.
    pub fn new(identity: Identity, public_url: PublicUrl, requests_a_minute: u32) -> Self {
        let store = identity.store().clone();
        let limiter = |(burst, seconds)| Limiter::new(Arc::clone(store.clock()), burst, seconds);
        let (refusals, failures) = (limiter(REFUSALS), limiter(FAILURES));
        let requests = Limiter::per_minute(Arc::clone(store.clock()), requests_a_minute);
        Self(Arc::new(Inner {
            store,
            identity,
            public_url,
            refusals,
            failures,
            requests,
            places: Places::new(),
        }))
    }
}
