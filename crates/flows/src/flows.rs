use std::sync::Arc;

use gatehouse_apikeys::ApiKeys;
use gatehouse_connect::Connect;
use gatehouse_identity::Identity;
use gatehouse_store::Store;

/// Flows: what they are, and their executions.
#[derive(Clone, Debug)]
pub struct Flows(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) keys: ApiKeys,
    pub(crate) connect: Connect,
}

impl Flows {
    /// The service over identity's store.
    pub fn new(identity: Identity, keys: ApiKeys, connect: Connect) -> Self {
        let store = identity.store().clone();
        Self(Arc::new(Inner { store, identity, keys, connect }))
    }
}
