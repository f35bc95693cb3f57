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

async fn what_a_killed_server_left_of_an_installation_goes_at_the_next_start(t: TestApp, index: Index) {
    index.offer_wheel("parcel", "1.0.0", "x = 1\n");
    let installing = t.database.data_dir().join("scripts/installing");
    std::fs::create_dir_all(&installing).unwrap();
    let begin = |name: &str| {
        std::fs::create_dir_all(installing.join(name).join("target/parcel")).unwrap();
        std::fs::File::create(installing.join(format!("{name}.lock"))).unwrap()
    };
    drop(begin("left"));
    std::fs::create_dir_all(installing.join("without-a-lock/target")).unwrap();
    let held = begin("held-by-another-server");
    held.lock().unwrap();
    // another server of the installation starts
    t.keep_scripts();
    let names = || {
        let paths = folders(&t, "installing");
        let mut names: Vec<_> =
            paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    for _ in 0..200 {
        if names().len() <= 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(names(), ["held-by-another-server", "held-by-another-server.lock"]);
    let owner = t.owner().await;
    let project =
        [("main.py", "import parcel\ndef f():\n    return parcel.x\n"), ("requirements.txt", "parcel\n")];
    let id = imported(&owner, &project, plain("Parcels", "python")).await;
    super::deployed(&owner, &id).await;
}

mod left_behind {
    use super::what_a_killed_server_left_of_an_installation_goes_at_the_next_start;
    super::with_index_on_both!(what_a_killed_server_left_of_an_installation_goes_at_the_next_start,);
}
