//! Background work of several servers on one PostgreSQL: each job runs once, and no server takes one with it.

use std::time::{Duration, Instant};

use gatehouse_testkit::{Database, Kind};
use gatehouse_types::Role;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::saml_depth::provider::{DAY, Served, document, key};
use crate::support::{Program, Serving, SmtpSink, TestApp};

const OWNER: &str = "owner@acme.test";
/// Longer than an idle worker's pause between two looks (2 seconds).
const LOOKS: Duration = Duration::from_secs(5);
/// Far less than a lease (60 seconds): within it, a job that was handed back must run elsewhere.
const SOON: Duration = Duration::from_secs(15);

fn program(database: &Database, sink: &SmtpSink) -> Program {
    Program::on(database)
        .set("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test")
        .set("GATEHOUSE_SMTP_URL", format!("smtp://{}", sink.address))
}

async fn ask_for_a_link(serving: &Serving, email: &str) {
    serving.client().post("/api/v1/auth/password-reset", json!({"email": email})).await.ok();
}

/// The leases that are held now.
async fn leases(database: &mut PgConnection) -> i64 {
    let held = "SELECT COUNT(*) FROM jobs WHERE kind = 'mail.send' AND lease_until IS NOT NULL AND lease_owner IS NOT NULL";
    sqlx::query_scalar(held).fetch_one(database).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_send_each_mail_once_and_fetch_metadata_once() {
    let t = TestApp::start(Kind::Postgres).await;
    // made two days ago, so the daily fetch of its metadata is due now
    t.clock.advance(-2 * DAY);
    let served = Served::start(&document(&[&key(&t, -30, 300)])).await;
    let config = json!({"name": "Corp", "protocol": "saml", "samlConfig": {"metadataUrl": served.url}});
    t.owner().await.post("/api/v1/sso/connections", config).await.ok();
    t.clock.advance(2 * DAY);
    let people: Vec<_> = (0..12).map(|n| format!("p{n}@main.test")).collect();
    for email in &people {
        t.person(email, Role::Member).await;
    }
    let before = served.asked();

    let sink = SmtpSink::start().await;
    let program = program(&t.database, &sink)
        .set("GATEHOUSE_PUBLIC_URL", t.app.public_url().as_str())
        .set("GATEHOUSE_EGRESS_ALLOW", "127.0.0.1/32");
    let servers = {
        let (a, b) = (program.clone(), program.clone());
        let a = tokio::task::spawn_blocking(move || a.serve());
        let b = tokio::task::spawn_blocking(move || b.serve());
        [a.await.unwrap(), b.await.unwrap()]
    };
    for (n, email) in people.iter().enumerate() {
        ask_for_a_link(&servers[n % 2], email).await;
    }
    sink.until("every mail is taken", |s| people.iter().all(|p| s.taken().contains(p))).await;
    sink.until("the metadata is fetched", |_| served.asked() > before).await;
    tokio::time::sleep(LOOKS).await;
    let mut taken: Vec<_> = sink.taken().into_iter().filter(|to| people.contains(to)).collect();
    taken.sort();
    let mut once = people.clone();
    once.sort();
    assert_eq!(taken, once, "each mail once");
    assert_eq!(served.asked(), before + 1, "fetched once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_of_a_server_that_was_killed_is_done_by_another_when_its_lease_ends() {
    let database = Database::fresh(Kind::Postgres).await;
    let sink = SmtpSink::start().await;
    let program = program(&database, &sink);
    let one = program.serve();
    program.create_owner("Acme", OWNER);
    sink.hold(true);
    ask_for_a_link(&one, OWNER).await;
    sink.until("one server is sending", |s| s.begun() == [OWNER]).await;
    sink.hold(false);
    let other = program.serve();
    one.kill();
    let mut connection = PgConnection::connect(&database.url_text()).await.unwrap();
    // the lease protects what a slow server may still be doing
    tokio::time::sleep(LOOKS).await;
    assert_eq!((leases(&mut connection).await, sink.begun().len()), (1, 1), "{}", other.log());
    // a minute later, which the test does not wait for
    let later = "UPDATE jobs SET lease_until = lease_until - 60000000 WHERE kind = 'mail.send'";
    sqlx::query(later).execute(&mut connection).await.unwrap();
    sink.until("the other server sends it", |s| s.taken() == [OWNER]).await;
    let left = "SELECT COUNT(*) FROM jobs WHERE kind = 'mail.send'";
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut connection).await.unwrap() != 0 {
        assert!(began.elapsed() < SOON, "the job is still there: {}", other.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sink.begun().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_hands_its_unfinished_work_to_another_at_once() {
    let database = Database::fresh(Kind::Postgres).await;
    let sink = SmtpSink::start().await;
    let program = program(&database, &sink);
    let mut one = program.serve();
    program.create_owner("Acme", OWNER);
    sink.hold(true);
    ask_for_a_link(&one, OWNER).await;
    sink.until("one server is sending", |s| s.begun() == [OWNER]).await;
    sink.hold(false);
    let other = program.serve();
    one.signal("-TERM");
    // what runs has its grace time; then it is given back
    assert_eq!(one.ended(Duration::from_secs(40)).code(), Some(0), "{}", one.log());
    assert!(one.log().contains("given back"), "{}", one.log());
    let began = Instant::now();
    sink.until("the other server sends it", |s| s.taken() == [OWNER]).await;
    assert!(began.elapsed() < SOON, "it waited for the end of the lease: {}", other.log());
}
