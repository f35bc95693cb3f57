use std::sync::Arc;

use gatehouse_types::{ApiAppId, Id, OsRandom, Timestamp, WorkspaceId};

use super::*;
use crate::model::limits::Limits;
use crate::model::limits::Period;
use crate::model::secret::{FreshKey, fresh};
use crate::model::{Quota, Rate};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn app_id() -> ApiAppId {
    ApiAppId::from_stored("app_1".into())
}

fn asked(scope: Option<&str>) -> Asked<'_> {
    Asked { scope, ip: Some([192, 0, 2, 7].into()), now: NOW }
}

fn put_app(gate: &Gate, scopes: &[&str], is_active: bool, limits: Limits) {
    let mut table = gate.write();
    let scopes = scopes.iter().map(|s| table.scope(s)).collect();
    let bounds = (!limits.is_none()).then(|| Arc::new(Bounds::new(limits, 0, 0)));
    let workspace = WorkspaceId::from_stored("ws_1".into());
    table.put_app(GateApp::new(app_id(), workspace, scopes, is_active, bounds));
}

fn entry(key: &FreshKey, n: u8) -> KeyEntry {
    KeyEntry {
        digest: key.digest,
        id: [n; 16],
        app: app_id(),
        owner: Owner::Service,
        expires_at: None,
        state: KeyState::Live,
        bounds: None,
    }
}

fn why(gate: &Gate, key: &FreshKey, asked: Asked<'_>) -> Option<Why> {
    gate.check(key.text.expose(), asked).err().map(|r| r.why)
}

#[test]
fn a_key_opens_the_scopes_of_its_app_and_nothing_else() {
    let (gate, key) = (Gate::default(), fresh(&OsRandom));
    assert_eq!(why(&gate, &key, asked(None)), Some(Why::Unknown));
    assert!(!gate.write().put_key(entry(&key, 1)), "its app is not known");
    put_app(&gate, &["workflow:deploy", "orders:read"], true, Limits::default());
    assert!(gate.write().put_key(entry(&key, 1)));
    assert_eq!(why(&gate, &key, asked(None)), None);
    assert_eq!(why(&gate, &key, asked(Some("orders:read"))), None);
    assert_eq!(why(&gate, &key, asked(Some("workflow:undeploy"))), Some(Why::Scope));
    put_app(&gate, &["orders:read"], true, Limits::default());
    assert_eq!(why(&gate, &key, asked(Some("workflow:deploy"))), Some(Why::Scope));
    put_app(&gate, &["orders:read"], false, Limits::default());
    assert_eq!(why(&gate, &key, asked(Some("orders:read"))), Some(Why::AppDisabled));
}

#[test]
fn each_end_of_a_key_has_its_reason() {
    let (gate, key) = (Gate::default(), fresh(&OsRandom));
    put_app(&gate, &[], true, Limits::default());
    let put = |state, expires_at| gate.write().put_key(KeyEntry { state, expires_at, ..entry(&key, 1) });
    for (state, ends, expected) in [
        (KeyState::Live, Some(NOW.plus_seconds(1)), None),
        (KeyState::Live, Some(NOW), Some(Why::Expired)),
        (KeyState::Yielding, Some(NOW.plus_seconds(1)), None),
        (KeyState::Yielding, Some(NOW), Some(Why::Replaced)),
        (KeyState::Disabled, None, Some(Why::Disabled)),
        (KeyState::Demoted, Some(NOW.plus_seconds(1)), Some(Why::Demoted)),
        (KeyState::Demoted, Some(NOW), Some(Why::Expired)),
        (KeyState::Deleted, None, Some(Why::Deleted)),
    ] {
        put(state, ends);
        assert_eq!(why(&gate, &key, asked(None)), expected, "{state:?} {ends:?}");
    }
    gate.write().remove_key(&key.digest);
    assert_eq!(why(&gate, &key, asked(None)), Some(Why::Unknown));
    assert_eq!(gate.read().len(), 0);
}

#[test]
fn networks_rates_and_quotas_bound_a_key() {
    let (gate, key) = (Gate::default(), fresh(&OsRandom));
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    put_app(&gate, &[], true, Limits { networks, ..Limits::default() });
    let limits = Limits {
        rate: Some(Rate { requests: 2, seconds: 10 }),
        quota: Some(Quota { requests: 3, period: Period::Day }),
        ..Limits::default()
    };
    let bounds = Some(Arc::new(Bounds::new(limits, 0, 0)));
    gate.write().put_key(KeyEntry { bounds, ..entry(&key, 1) });
    let elsewhere = Asked { ip: Some([198, 51, 100, 1].into()), ..asked(None) };
    assert_eq!(why(&gate, &key, elsewhere), Some(Why::Network));
    assert_eq!(why(&gate, &key, Asked { ip: None, ..asked(None) }), Some(Why::Network));
    let later = |seconds| Asked { now: NOW.plus_seconds(seconds), ..asked(None) };
    assert_eq!(why(&gate, &key, later(0)), None);
    assert_eq!(why(&gate, &key, later(0)), None);
    assert_eq!(why(&gate, &key, later(0)), Some(Why::Rate(5)));
    // what the rate refused was not used of the quota
    assert_eq!(why(&gate, &key, later(5)), None);
    assert!(matches!(why(&gate, &key, later(20)), Some(Why::Quota(_))));
    assert_eq!(why(&gate, &key, later(86_400)), None);
}

#[test]
fn uses_are_counted_by_key_and_scope() {
    let (gate, key) = (Gate::default(), fresh(&OsRandom));
    put_app(&gate, &["a:b"], true, Limits::default());
    gate.write().put_key(entry(&key, 9));
    for scope in [Some("a:b"), Some("a:b"), Some("a:c"), None] {
        let _ = gate.check(key.text.expose(), asked(scope));
    }
    let mut used = gate.usage.take(100);
    used.sort_by_key(|u| u.scope);
    let counts: Vec<_> = used.iter().map(|u| (u.scope, u.count.allowed, u.count.refused)).collect();
    assert_eq!(counts, [(0, 1, 1), (1, 2, 0)]);
    assert!(gate.usage.take(100).is_empty());
    gate.usage.put_back(used);
    assert_eq!(gate.usage.take(1).len(), 1, "no more than asked for");
}

#[test]
fn ten_thousand_keys_come_and_go_and_each_is_itself() {
    let gate = Gate::default();
    put_app(&gate, &[], true, Limits::default());
    let keys: Vec<FreshKey> = (0..10_000).map(|_| fresh(&OsRandom)).collect();
    for key in &keys {
        gate.write().put_key(entry(key, key.digest[0]));
    }
    for key in keys.iter().step_by(2) {
        gate.write().remove_key(&key.digest);
    }
    for (n, key) in keys.iter().enumerate() {
        let found = gate.check(key.text.expose(), asked(None)).ok().map(|k| k.key);
        assert_eq!(found, (n % 2 == 1).then_some([key.digest[0]; 16]));
    }
}
