//! Whether a key opens something, answered from memory: the hottest path of the product. Nothing here knows a database.

mod app;
mod bounds;
mod slots;
mod table;
#[cfg(test)]
mod tests;
mod usage;

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use gatehouse_types::Timestamp;

pub(crate) use app::{GateApp, header};
pub(crate) use bounds::Bounds;
pub(crate) use slots::{KeyState, Owner};
pub(crate) use table::{KeyEntry, Table};
pub(crate) use usage::{Usage, Used};

#[cfg(test)]
use crate::model::KeyText;

/// What is asked of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The scope that is needed; `None`: that the key is good is enough.
    pub(crate) scope: Option<&'a str>,
    /// Where the call comes from.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) now: Timestamp,
}

/// A key that was found.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) app: Arc<GateApp>,
    pub(crate) key: [u8; 16],
    pub(crate) owner: Owner,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Why a key opens nothing, or not this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// It has not the shape of a key, or its checksum is wrong.
    Malformed,
    /// No such key.
    Unknown,
    Deleted,
    Disabled,
    Expired,
    /// It gave way to another one.
    Replaced,
    AppDisabled,
    /// It is a person's own, whose role gives no keys any more.
    Demoted,
    /// The call comes from a network that is not allowed.
    Network,
    /// Its app was not given the scope.
    Scope,
    /// Too many at once; the whole seconds to wait.
    Rate(u32),
    /// Too many in the period; the whole seconds until the next.
    Quota(u32),
}

/// A refusal; `known` when the key exists or existed.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) why: Why,
    pub(crate) known: Option<Known>,
}

impl Refused {
    pub(crate) const fn nobody(why: Why) -> Self {
        Self { why, known: None }
    }
}

/// All keys, and what was counted of their use.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    table: RwLock<Table>,
    pub(crate) usage: Usage,
}

impl Gate {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Gate::check_digest`] of a text.
    #[cfg(test)]
    pub(crate) fn check(&self, text: &str, asked: Asked<'_>) -> Result<Known, Refused> {
        let Some(key) = KeyText::parse(text) else { return Err(Refused::nobody(Why::Malformed)) };
        self.check_digest(&key.digest(), asked)
    }

    /// Whether the key of this digest opens what is asked; the use is counted.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check_digest(
        &self,
        digest: &crate::model::KeyDigest,
        asked: Asked<'_>,
    ) -> Result<Known, Refused> {
        let (known, scope, verdict) = {
            let table = self.read();
            let Some(found) = table.find(digest) else { return Err(Refused::nobody(Why::Unknown)) };
            let scope = asked.scope.and_then(|s| found.app.scope(s));
            let verdict = found.judge(asked, scope);
            (found.known(), scope.map_or(0, |s| s.number), verdict)
        };
        self.usage.note(&known, scope, verdict.is_ok(), asked);
        match verdict {
            Ok(()) => Ok(known),
            Err(why) => Err(Refused { why, known: Some(known) }),
        }
    }
}
