use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gatehouse_identity::Identity;
use gatehouse_outbound::Http;
use gatehouse_store::Store;
use gatehouse_types::{Actor, Id, Result};
use gatehouse_web::{Limiter, PublicUrl};

use crate::Broker;
use crate::call::rows::Rows;
use crate::call::running::Running;
use crate::call::slots::{Most, Slots};
use crate::connectors::{Sessions, Types};
use crate::grants::offered::Offered;
use crate::memory::Memory;
use crate::uses::Uses;

/// Tests and authorizations of one person at once, and the seconds until one more.
const BY_HAND: (u32, u32) = (60, 1);

/// Requests through profiles of one person in a minute, of each server, when the operator says nothing else.
pub const REQUESTS_A_MINUTE: u32 = 6_000;
/// The fewest that an operator may give.
pub const LEAST_REQUESTS_A_MINUTE: u32 = 60;
/// Calls of one workspace that are out at once, and of each of its people: more than the 50 executions of flows that are
/// driven in a workspace, which may all run in one name.
const CALLS_AT_ONCE: Most = Most { workspace: 64, person: 56 };
/// Answers of one workspace that are handed on piece by piece at once, and of each of its people: each may take minutes.
const STREAMS_AT_ONCE: Most = Most { workspace: 16, person: 4 };
/// How long a call waits until another one of its workspace is done.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// What requests through profiles take.
    pub(crate) memory: Memory,
    /// Tests and authorizations, per person.
    pub(crate) by_hand: Limiter,
    /// Requests through profiles, per person.
    pub(crate) requests: Limiter,
    /// Calls that are out, per workspace and person.
    pub(crate) calls: Slots,
    /// Answers that are handed on piece by piece, per workspace and person.
    pub(crate) streams: Slots,
    /// Rows of the ledger on their way to the disk.
    pub(crate) rows: Rows,
    /// Calls that are under way.
    pub(crate) running: Arc<Running>,
    /// Tokens of connectors that sign in by a call.
    pub(crate) sessions: Sessions,
    /// Types that workspaces made, as they were read.
    pub(crate) types: Types,
    /// Who knows what uses profiles and connectors.
    pub(crate) uses: OnceLock<Arc<dyn Uses>>,
    /// Callbacks that forms propose.
    pub(crate) offered: Offered,
}

impl Connect {
    /// The service over identity's store; calls leave through `http`. A person has so many requests through profiles in a
    /// minute.
    pub fn new(identity: Identity, http: Http, public_url: PublicUrl, requests_a_minute: u32) -> Self {
        let store = identity.store().clone();
        let by_hand = Limiter::new(Arc::clone(store.clock()), BY_HAND.0, BY_HAND.1);
        let requests = Limiter::per_minute(Arc::clone(store.clock()), requests_a_minute);
        let memory = Memory::new(store.clone());
        let broker = Broker::new(identity.clone(), http.clone(), public_url.clone(), memory.clone());
        Self(Arc::new(Inner {
            rows: Rows::new(store.clone()),
            running: Arc::default(),
            store,
            identity,
            http,
            public_url,
            broker,
            memory,
            by_hand,
            requests,
            calls: Slots::new(CALLS_AT_ONCE, PATIENCE),
            streams: Slots::new(STREAMS_AT_ONCE, PATIENCE),
            sessions: Sessions::default(),
            types: Types::default(),
            uses: OnceLock::new(),
            offered: Offered::default(),
        }))
    }

    /// Hears what other servers over the same database change, until the service is gone.
    pub fn follow(&self) {
        self.0.memory.follow();
    }

    /// Counts what somebody does by hand (tests, authorizations, their ends): it is bounded, per person.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) fn by_hand(&self, actor: &Actor) -> Result<()> {
        self.0.by_hand.require(&who(actor))
    }

    /// Counts a request through a profile: they are bounded, per person.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) fn paced(&self, actor: &Actor) -> Result<()> {
        self.0.requests.require(&who(actor))
    }
}

/// By what somebody is counted: the person, else where a program calls from.
fn who(actor: &Actor) -> String {
    actor.user().map(|user| user.as_str().to_owned()).unwrap_or_else(|_| actor.origin.network())
}
