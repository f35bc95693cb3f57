use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_apikeys::ApiKeys;
use gatehouse_connect::Connect;
use gatehouse_flow::Flow;
use gatehouse_identity::Identity;
use gatehouse_scripts::Scripts;
use gatehouse_store::Store;
use gatehouse_web::{Limiter, PublicUrl};
use tokio::sync::Notify;

use crate::drive::Lane;
use crate::service::room::Room;

/// Requests that one person tries out at once, and the seconds until one more.
const BY_HAND: (u32, u32) = (60, 1);
/// Calls of webhooks from one network at once, and the seconds until one more.
const HOOKS: (u32, u32) = (600, 1);
/// Definitions that are kept in memory, read and judged.
const KEPT: usize = 200;

/// Flows: what they are, and their executions.
#[derive(Clone, Debug)]
pub struct Flows(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) keys: ApiKeys,
    pub(crate) connect: Connect,
    pub(crate) scripts: Scripts,
    pub(crate) public_url: PublicUrl,
    /// Something is due: whoever drives executions looks.
    pub(crate) wake: Notify,
    /// Where an execution is driven on that began with its start.
    pub(crate) lane: Lane,
    /// Definitions by the id of their version; a version never changes.
    pub(crate) read: Read,
    /// Requests that are tried out, per person.
    pub(crate) by_hand: Limiter,
    /// Calls of webhooks, per network.
    pub(crate) hooks: Limiter,
    /// How many executions are open.
    pub(crate) room: Room,
}

impl Flows {
    /// The service over identity's store. Requests of steps leave through `connect`.
    pub fn new(
        identity: Identity,
        keys: ApiKeys,
        connect: Connect,
        scripts: Scripts,
        public_url: PublicUrl,
    ) -> Self {
        let store = identity.store().clone();
        let by_hand = Limiter::new(Arc::clone(store.clock()), BY_HAND.0, BY_HAND.1);
        let hooks = Limiter::new(Arc::clone(store.clock()), HOOKS.0, HOOKS.1);
        Self(Arc::new(Inner {
            store,
            identity,
            keys,
            connect,
            scripts,
            public_url,
            wake: Notify::new(),
            lane: Lane::default(),
            read: Read::default(),
            by_hand,
            hooks,
            room: Room::default(),
        }))
    }
}

/// Definitions in memory.
#[derive(Debug, Default)]
pub(crate) struct Read(Mutex<HashMap<String, Arc<Flow>>>);

impl Read {
    /// The definition of a version, if it is there.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Flow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Keeps one; when there are too many, all others are read anew.
    pub(crate) fn insert(&self, id: String, flow: Arc<Flow>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(id, flow);
    }
}
