//! Packages of projects: installed by the real installers in the real sandbox, from an index of this machine.

mod index;
mod npm;
mod python;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{imported, plain, settled};
use crate::support::{Client, TestApp};
use index::{ELSEWHERE, Index};

/// An application whose packages come from an index of this machine.
async fn with_index(kind: crate::support::Kind) -> (TestApp, Index) {
    let index = Index::start().await;
    let t = TestApp::start_with_packages(kind, &index.python(), &index.npm()).await;
    for host in [index::INDEX, ELSEWHERE] {
        t.dns.set_addresses(host, ["127.0.0.1".parse().unwrap()]);
    }
    t.keep_scripts();
    (t, index)
}

/// A deployment that does not come into service: its script, and why.
async fn fails(owner: &Client, files: &[(&str, &str)], language: &str) -> (String, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let name = format!("Failing {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let id = imported(owner, files, plain(&name, language)).await;
    owner.post(&format!("/api/v1/scripts/{id}/deploy"), json!({"acceptTerms": true})).await.ok();
    let script: Value = settled(owner, &id).await;
    assert_eq!(script["status"], "Deployment Failed", "{script}");
    let why = script["reason"].as_str().unwrap().to_owned();
    (id, why)
}

/// The folders below the directory of scripts.
fn folders(t: &TestApp, of: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(t.database.data_dir().join("scripts").join(of)) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}

/// Runs each named test, an `async fn(TestApp, Index)`, once on SQLite and once on PostgreSQL.
macro_rules! with_index_on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            use crate::support::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let (t, index) = super::super::with_index(Kind::Sqlite).await;
                super::$name(t, index).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                let (t, index) = super::super::with_index(Kind::Postgres).await;
                super::$name(t, index).await;
            }
        }
    )* };
}
use with_index_on_both;
