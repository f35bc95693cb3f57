//! What keys did: written in the background, and asked before something is taken away.

use std::collections::HashSet;

use gatehouse_identity::require;
use gatehouse_store::{Queries, Tx};
use gatehouse_types::{Actor, ApiAppId, ApiKeyId, Id, Permission, Result, Timestamp};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::ApiKeys;
use crate::gate::Used;
use crate::model::limits::day_of;
use crate::store::gate::id_text;
use crate::store::usage::{self, DayUse, Sum};

/// How many days of use are looked at.
pub(crate) const DAYS: i64 = 90;
/// Counts that are written at once.
const WRITTEN_AT_ONCE: usize = 20_000;
/// Keys that an impact names; it counts all.
const MAX_NAMED: i64 = 100;
/// A key that was not used for so many days has fallen silent.
pub(crate) const SILENT_DAYS: i64 = 30;

/// One key that used what is to be taken away.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiImpactKey)]
pub(crate) struct ImpactKey {
    pub(crate) key_id: String,
    pub(crate) name: Option<String>,
    /// Uses during the last 90 days.
    pub(crate) uses: i64,
    pub(crate) last_used_at: Timestamp,
}

/// Who used what is to be taken away, during the last 90 days.
#[derive(Clone, Debug, Default)]
pub(crate) struct Impact {
    keys: Vec<ImpactKey>,
}

impl Impact {
    fn add(&mut self, sums: Vec<Sum>) {
        for sum in sums.into_iter().filter(|s| s.allowed > 0) {
            match self.keys.iter_mut().find(|k| k.key_id == sum.of) {
                Some(known) => {
                    known.uses += sum.allowed;
                    known.last_used_at = known.last_used_at.max(sum.last_at);
                }
                None => self.keys.push(ImpactKey {
                    key_id: sum.of,
                    name: sum.name,
                    uses: sum.allowed,
                    last_used_at: sum.last_at,
                }),
            }
        }
    }

    /// Of scopes that an app loses.
    pub(crate) async fn of_scopes<Q: Queries>(
        db: &mut Q,
        app: &ApiAppId,
        scopes: &[&String],
        now: Timestamp,
    ) -> Result<Self> {
        let mut all = Self::default();
        for scope in scopes {
            all.add(usage::by_key(db, app, Some(scope), day_of(now) - DAYS, MAX_NAMED).await?);
        }
        Ok(all)
    }

    /// Of an app that goes.
    pub(crate) async fn of_app<Q: Queries>(db: &mut Q, app: &ApiAppId, now: Timestamp) -> Result<Self> {
        let mut all = Self::default();
        all.add(usage::by_key(db, app, None, day_of(now) - DAYS, MAX_NAMED).await?);
        Ok(all)
    }

    /// Of a key that goes.
    pub(crate) async fn of_key<Q: Queries>(db: &mut Q, key: &ApiKeyId, now: Timestamp) -> Result<Self> {
        let mut all = Self::default();
        all.add(usage::of_key(db, key.as_str(), day_of(now) - DAYS).await?);
        Ok(all)
    }

    /// As an audit entry, and a trial run, say it.
    pub(crate) fn told(&self) -> Json {
        let uses: i64 = self.keys.iter().map(|k| k.uses).sum();
        let last = self.keys.iter().map(|k| k.last_used_at).max();
        json!({"days": DAYS, "keys": self.keys, "uses": uses, "lastUsedAt": last})
    }
}

/// What an app's keys did with its scopes.
#[derive(Debug)]
pub(crate) struct AppUsage {
    pub(crate) by_scope: Vec<Sum>,
    pub(crate) by_key: Vec<Sum>,
    /// Scopes that no key used during [`DAYS`].
    pub(crate) unused: Vec<String>,
    /// Scopes that are watched: they can go when nobody used them since.
    pub(crate) watched: Vec<String>,
}

/// A key that fell silent.
#[derive(Debug)]
pub(crate) struct Silent {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) app: String,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl ApiKeys {
    /// Writes what was counted since the last time: one transaction. What somebody else is writing is written when this
    /// returns.
    pub(crate) async fn write_usage(&self) -> Result<()> {
        let _turn = self.0.gate.usage.writing.lock().await;
        let all = self.0.gate.usage.take(WRITTEN_AT_ONCE);
        if all.is_empty() {
            return Ok(());
        }
        let written = self.write(&all).await;
        if written.is_err() {
            self.0.gate.usage.put_back(all);
            return written;
        }
        self.hear_quotas(&all).await
    }

    /// Learns what other servers let through of the quotas that were used here.
    async fn hear_quotas(&self, used: &[Used]) -> Result<()> {
        if self.0.store.kind() != "PostgreSQL" {
            return Ok(());
        }
        let (of_keys, of_apps) = {
            let table = self.0.gate.read();
            (table.quotas_of_keys(), table.quotas_of_apps())
        };
        let (mut db, day) = (self.0.store.reader(), day_of(self.0.store.now()));
        let ids: HashSet<[u8; 16]> = used.iter().map(|u| u.key).collect();
        for (id, bounds) in of_keys.into_iter().filter(|(id, _)| ids.contains(id)) {
            if let Some(quota) = bounds.quota() {
                let since = quota.period.first_day(day);
                bounds.heard(since, usage::allowed_of_key(&mut db, &id_text(id), since).await?);
            }
        }
        for (id, bounds) in of_apps {
            if let Some(quota) = bounds.quota() {
                let since = quota.period.first_day(day);
                bounds.heard(since, usage::allowed_of_app(&mut db, id.as_str(), since).await?);
            }
        }
        Ok(())
    }

    async fn write(&self, all: &[Used]) -> Result<()> {
        let mut all: Vec<DayUse> = {
            let table = self.0.gate.read();
            let of_day = |used: &Used| DayUse {
                key: id_text(used.key),
                workspace: used.count.app.workspace.clone(),
                app: used.count.app.id.clone(),
                scope: table.scope_of(used.scope).map(|s| s.to_string()).unwrap_or_default(),
                day: day_of(used.count.last_at),
                allowed: used.count.allowed,
                refused: used.count.refused,
                last_at: used.count.last_at,
                last_ip: used.count.last_ip.map(|ip| ip.to_string()),
            };
            all.iter().map(of_day).collect()
        };
        // servers that write the uses of the same keys take their rows in one order, and never wait for each other
        all.sort_unstable_by(|a, b| (&a.key, &a.scope, a.day).cmp(&(&b.key, &b.scope, b.day)));
        let mut tx = self.0.store.begin_always().await?;
        usage::add(&mut tx, &all).await?;
        Ok(tx.commit().await?)
    }

    /// What an app's keys did, and what it could do without.
    ///
    /// # Errors
    /// `NotFound`; `Authorization` without the right.
    pub(crate) async fn app_usage(&self, actor: &Actor, id: &ApiAppId) -> Result<AppUsage> {
        let app = self.app(actor, id).await?;
        self.write_usage().await?;
        let (mut db, since) = (self.0.store.reader(), day_of(self.0.store.now()) - DAYS);
        let by_scope = usage::by_scope(&mut db, id, since).await?;
        let by_key = usage::by_key(&mut db, id, None, since, MAX_NAMED).await?;
        let used = |scope: &String| by_scope.iter().any(|s| s.of == *scope && s.allowed > 0);
        let unused = app.scopes.iter().filter(|s| !used(s)).cloned().collect();
        Ok(AppUsage { by_scope, by_key, unused, watched: app.watched })
    }

    /// Keys of the workspace that were not used for [`SILENT_DAYS`], the oldest first.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn silent_keys(&self, actor: &Actor) -> Result<Vec<Silent>> {
        let workspace = require(&self.0.store, actor, Permission::ManageApps, None).await?;
        self.write_usage().await?;
        let before = self.0.store.now().plus_seconds(-SILENT_DAYS * 86_400);
        let found = usage::silent(&mut self.0.store.reader(), workspace, before, MAX_NAMED).await?;
        let silent = |(key, name, app, last_used_at)| Silent { key, name, app, last_used_at };
        Ok(found.into_iter().map(silent).collect())
    }
}

/// Forgets use that is too old to be looked at.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<u64> {
    let today = day_of(tx.store().now());
    Ok(usage::sweep(tx, today - DAYS - 1).await?)
}
