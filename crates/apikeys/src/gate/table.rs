use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use gatehouse_types::{ApiAppId, Id, Timestamp};
use hashbrown::HashTable;

use super::app::{GateApp, Given};
use super::bounds::Bounds;
use super::slots::{KeyState, Owner, Slot, Slots};
use super::{Asked, Known, Why};
use crate::model::KeyDigest;

/// A key to be put into the table.
#[derive(Debug)]
pub(crate) struct KeyEntry {
    pub(crate) digest: KeyDigest,
    pub(crate) id: [u8; 16],
    pub(crate) app: ApiAppId,
    pub(crate) owner: Owner,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) state: KeyState,
    pub(crate) bounds: Option<Arc<Bounds>>,
}

/// All keys and apps.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Slots,
    by_digest: HashTable<u32>,
    apps: Vec<Arc<GateApp>>,
    by_app: HashMap<String, u32>,
    owners: Vec<Arc<str>>,
    by_owner: HashMap<Arc<str>, u32>,
    /// Limits of keys that have some, by place.
    bounds: HashMap<u32, Arc<Bounds>>,
    scopes: Vec<Arc<str>>,
    by_scope: HashMap<Arc<str>, u32>,
}

/// A digest is as random as it gets: its beginning is its hash.
fn hash(digest: &KeyDigest) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

/// A key in the table.
#[derive(Debug)]
pub(super) struct Found<'a> {
    slot: &'a Slot,
    pub(super) app: &'a Arc<GateApp>,
    bounds: Option<&'a Bounds>,
    owners: &'a [Arc<str>],
}

impl Found<'_> {
    /// Whether the key opens what is asked; `scope` is the asked one if the app has it.
    pub(super) fn judge(&self, asked: Asked<'_>, scope: Option<&Given>) -> Result<(), Why> {
        let Self { slot, app, bounds, .. } = self;
        match slot.state {
            KeyState::Deleted => return Err(Why::Deleted),
            KeyState::Disabled => return Err(Why::Disabled),
            KeyState::Live | KeyState::Yielding | KeyState::Demoted => {}
        }
        if slot.expires != 0 && i64::from(slot.expires) <= asked.now.seconds() {
            return Err(if slot.state == KeyState::Yielding { Why::Replaced } else { Why::Expired });
        }
        if !app.is_active {
            return Err(Why::AppDisabled);
        }
        if slot.state == KeyState::Demoted {
            return Err(Why::Demoted);
        }
        let both = [*bounds, app.bounds.as_deref()];
        if both.iter().flatten().any(|b| !b.admits(asked.ip)) {
            return Err(Why::Network);
        }
        if asked.scope.is_some() && scope.is_none() {
            return Err(Why::Scope);
        }
        both.into_iter().flatten().try_for_each(|b| b.take(asked.now))
    }

    pub(super) fn known(&self) -> Known {
        let owner = self.slot.owner.checked_sub(1).and_then(|n| self.owners.get(n as usize));
        Known {
            app: Arc::clone(self.app),
            key: self.slot.id,
            owner: owner.map_or(Owner::Service, |o| Owner::Person(Arc::clone(o))),
            expires_at: (self.slot.expires != 0).then(|| Timestamp::from_seconds(self.slot.expires.into())),
        }
    }
}

impl Table {
    fn place(&self, digest: &KeyDigest) -> Option<u32> {
        let same = |place: &u32| {
            self.slots.get(*place).is_some_and(|s| verify_slices_are_equal(&s.digest, digest).is_ok())
        };
        self.by_digest.find(hash(digest), same).copied()
    }

    pub(super) fn find(&self, digest: &KeyDigest) -> Option<Found<'_>> {
        let place = self.place(digest)?;
        let slot = self.slots.get(place)?;
        let app = self.apps.get(slot.app as usize)?;
        let bounds = slot.is_bounded.then(|| self.bounds.get(&place)).flatten().map(|b| &**b);
        Some(Found { slot, app, bounds, owners: &self.owners })
    }

    /// The quotas of keys, by the keys' ids.
    pub(crate) fn quotas_of_keys(&self) -> Vec<([u8; 16], Arc<Bounds>)> {
        let of =
            |(place, bounds): (&u32, &Arc<Bounds>)| Some((self.slots.get(*place)?.id, Arc::clone(bounds)));
        self.bounds.iter().filter(|(_, b)| b.quota().is_some()).filter_map(of).collect()
    }

    /// The quotas of apps, by the apps' ids.
    pub(crate) fn quotas_of_apps(&self) -> Vec<(ApiAppId, Arc<Bounds>)> {
        let with = |app: &Arc<GateApp>| {
            let bounds = app.bounds.clone().filter(|b| b.quota().is_some())?;
            Some((app.id.clone(), bounds))
        };
        self.apps.iter().filter_map(with).collect()
    }

    /// Whether the key is known.
    pub(crate) fn holds(&self, digest: &KeyDigest) -> bool {
        self.place(digest).is_some()
    }

    /// The workspace of a key that is known.
    pub(crate) fn workspace_of(&self, digest: &KeyDigest) -> Option<&gatehouse_types::WorkspaceId> {
        self.find(digest).map(|f| &f.app.workspace)
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.by_digest.len()
    }

    /// The app, if it is known.
    pub(crate) fn app(&self, id: &ApiAppId) -> Option<&Arc<GateApp>> {
        self.apps.get(*self.by_app.get(id.as_str())? as usize)
    }

    /// The limits of a key that has some.
    pub(crate) fn bounds_of(&self, digest: &KeyDigest) -> Option<&Arc<Bounds>> {
        self.bounds.get(&self.place(digest)?)
    }

    /// The scope of this id with its number; numbers are given once and stay.
    pub(crate) fn scope(&mut self, id: &str) -> Given {
        if let Some((id, number)) = self.by_scope.get_key_value(id) {
            return Given { id: Arc::clone(id), number: *number };
        }
        let id: Arc<str> = id.into();
        self.scopes.push(Arc::clone(&id));
        // 0 stands for no scope
        let number = u32::try_from(self.scopes.len()).unwrap_or(u32::MAX);
        self.by_scope.insert(Arc::clone(&id), number);
        Given { id, number }
    }

    /// The scope of a number; `None` for 0.
    pub(crate) fn scope_of(&self, number: u32) -> Option<&Arc<str>> {
        self.scopes.get(number.checked_sub(1)? as usize)
    }

    /// Puts an app in, or in the place of what was known of it.
    pub(crate) fn put_app(&mut self, app: GateApp) {
        match self.by_app.get(app.id.as_str()) {
            Some(place) => {
                if let Some(known) = self.apps.get_mut(*place as usize) {
                    *known = Arc::new(app);
                }
            }
            None => {
                let place = u32::try_from(self.apps.len()).unwrap_or(u32::MAX);
                self.by_app.insert(app.id.to_string(), place);
                self.apps.push(Arc::new(app));
            }
        }
    }

    fn owner(&mut self, owner: Owner) -> u32 {
        let Owner::Person(id) = owner else { return 0 };
        if let Some(number) = self.by_owner.get(&id) {
            return *number;
        }
        self.owners.push(Arc::clone(&id));
        let number = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        self.by_owner.insert(id, number);
        number
    }

    /// Puts a key in, or in the place of what was known of it. Says whether its app is known; it is left out else.
    pub(crate) fn put_key(&mut self, key: KeyEntry) -> bool {
        let Some(app) = self.by_app.get(key.app.as_str()).copied() else { return false };
        let slot = Slot {
            digest: key.digest,
            id: key.id,
            app,
            expires: key.expires_at.map_or(0, |t| u32::try_from(t.seconds().max(1)).unwrap_or(u32::MAX)),
            owner: self.owner(key.owner),
            state: key.state,
            is_bounded: key.bounds.is_some(),
        };
        let place = match self.place(&key.digest) {
            Some(place) => {
                if let Some(known) = self.slots.get_mut(place) {
                    *known = slot;
                }
                place
            }
            None => {
                let place = self.slots.add(slot);
                let slots = &self.slots;
                let again = |p: &u32| slots.get(*p).map_or(0, |s| hash(&s.digest));
                self.by_digest.insert_unique(hash(&key.digest), place, again);
                place
            }
        };
        match key.bounds {
            Some(bounds) => self.bounds.insert(place, bounds),
            None => self.bounds.remove(&place),
        };
        true
    }

    /// Forgets a key.
    pub(crate) fn remove_key(&mut self, digest: &KeyDigest) {
        let Some(place) = self.place(digest) else { return };
        if let Ok(entry) = self.by_digest.find_entry(hash(digest), |p| *p == place) {
            entry.remove();
            self.bounds.remove(&place);
            self.slots.free(place);
        }
    }
}
