//! `gatehouse doctor` and `audit verify`: one line a thing, in words that say what to do.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::{Duration, SystemTime};

use gatehouse_testkit::{Database, Kind};

use super::on_both_databases;
use crate::support::{Program, SmtpSink};

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one line about a thing.
#[track_caller]
fn line<'a>(told: &'a str, what: &str) -> &'a str {
    let about = |l: &&str| l.get(5..).is_some_and(|l| l.starts_with(&format!("{what} ")));
    let lines: Vec<_> = told.lines().filter(about).collect();
    assert_eq!(lines.len(), 1, "{what}: {told}");
    lines[0]
}

async fn a_sound_machine_has_one_good_line_a_thing(database: Database) {
    let sink = SmtpSink::start().await;
    let program = Program::on(&database).set("GATEHOUSE_SMTP_URL", format!("smtp://{}", sink.address));
    program.create_owner("Acme", "owner@acme.test");
    let (output, on_postgres) = (program.run(&["doctor"]), database.url_text() != "sqlite:");
    let told = said(&output);
    for what in ["database", "master key", "secrets", "audit", "disk", "clock", "smtp"] {
        assert!(line(&told, what).starts_with("ok   "), "{what}: {told}");
    }
    assert!(line(&told, "disk").contains(" MiB free in "), "{told}");
    assert_eq!(told.lines().any(|l| l.contains("postgresql ")), on_postgres, "{told}");
    if on_postgres {
        assert!(line(&told, "postgresql").contains("version 1"), "{told}");
        assert!(line(&told, "clock").contains("database server"), "{told}");
    }
}

async fn a_key_that_others_can_read_is_bad(database: Database) {
    let program = Program::on(&database);
    program.create_owner("Acme", "owner@acme.test");
    let key = database.data_dir().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let output = program.run(&["doctor"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(line(&told, "master key").starts_with("BAD  ") && told.contains("chmod 600"), "{told}");
    // what needs the database is not told again and again
    assert!(!told.contains("secrets ") && !told.contains("audit "), "{told}");
}

on_both_databases!(a_sound_machine_has_one_good_line_a_thing, a_key_that_others_can_read_is_bad);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_from_the_future_tells_of_a_wrong_clock() {
    let database = Database::fresh(Kind::Sqlite).await;
    let program = Program::on(&database);
    program.create_owner("Acme", "owner@acme.test");
    let key = std::fs::File::options().append(true).open(database.data_dir().join("master.key")).unwrap();
    key.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(32_503_680_000)).unwrap();
    let told = said(&program.run(&["doctor"]));
    assert!(line(&told, "clock").starts_with("note ") && line(&told, "clock").contains("NTP"), "{told}");
}

#[test]
fn an_empty_audit_file_is_told_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("export");
    std::fs::write(&file, "").unwrap();
    let output = Program::with("sqlite:", dir.path()).run(&["audit", "verify", file.to_str().unwrap()]);
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(1), "NOT PROVED  the file is empty\n"));
}
