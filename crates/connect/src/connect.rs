use std::sync::Arc;

use gatehouse_identity::Identity;
use gatehouse_outbound::Http;
use gatehouse_store::Store;
use gatehouse_web::{Limiter, PublicUrl};

use crate::Broker;
use crate::connectors::Sessions;

/// Tests and authorizations of one person at once, and the seconds until one more.
const BY_HAND: (u32, u32) = (60, 1);

/// Connections to the outside.
#[derive(Clone, Debug)]
pub struct Connect(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) http: Http,
    pub(crate) public_url: PublicUrl,
    pub(crate) broker: Broker,
    /// Tests and authorizations, per person.
    pub(crate) by_hand: Limiter,
    /// Tokens of connectors that sign in by a call.
    pub(crate) sessions: Sessions,
}

impl Connect {
    /// The service over identity's store; calls leave through `http`.
    pub fn new(identity: Identity, http: Http, public_url: PublicUrl) -> Self {
        let store = identity.store().clone();
        let by_hand = Limiter::new(Arc::clone(store.clock()), BY_HAND.0, BY_HAND.1);
        let broker = Broker::new(identity.clone(), http.clone(), public_url.clone());
        Self(Arc::new(Inner {
            store,
            identity,
            http,
            public_url,
            broker,
            by_hand,
            sessions: Sessions::default(),
        }))
    }

    /// Where tokens come from.
    pub fn broker(&self) -> &Broker {
        &self.0.broker
    }
}
