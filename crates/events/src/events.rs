use std::sync::Arc;

use gatehouse_identity::Identity;
use gatehouse_outbound::Http;
use gatehouse_store::Store;
use gatehouse_web::Limiter;

use crate::under_way::UnderWay;

/// Tests and redeliveries of one workspace at once, and the seconds until one more.
const BY_HAND: (u32, u32) = (30, 10);

/// Events for the company's own programs.
#[derive(Clone, Debug)]
pub struct Events(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) http: Http,
    /// Tests and redeliveries, per workspace.
    pub(crate) by_hand: Limiter,
    pub(crate) under_way: Arc<UnderWay>,
}

impl Events {
    /// The service over identity's store; deliveries leave through `http`.
    pub fn new(identity: Identity, http: Http) -> Self {
        let store = identity.store().clone();
        let by_hand = Limiter::new(Arc::clone(store.clock()), BY_HAND.0, BY_HAND.1);
        Self(Arc::new(Inner { store, identity, http, by_hand, under_way: Arc::default() }))
    }
}
