//! Several servers on one PostgreSQL.

use gatehouse_testkit::{Database, Kind};

use crate::support::Program;

const OWNER: &str = "owner@acme.test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_start_at_once_on_an_empty_database_and_share_sessions() {
    let database = Database::fresh(Kind::Postgres).await;
    // behind one proxy they go by one address, which their tokens name
    let program = Program::on(&database).set("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test");
    let (one, other) = {
        let (a, b) = (program.clone(), program.clone());
        let a = tokio::task::spawn_blocking(move || a.serve());
        let b = tokio::task::spawn_blocking(move || b.serve());
        (a.await.unwrap(), b.await.unwrap())
    };
    program.create_owner("Acme", OWNER);
    // begun on one, at home on the other
    let here = one.client();
    let login = serde_json::json!({"email": OWNER, "password": crate::support::PASSWORD});
    here.post("/api/v1/auth/login", login).await.ok();
    let there = other.client();
    let session = here.cookie("gatehouse_session").expect("a session cookie");
    there.set_cookie("gatehouse_session", &session);
    let me = there.get("/api/v1/me").await.ok();
    assert_eq!(me["user"]["email"], OWNER);
    // ended on one, refused by the other at once
    let token = one.sign_in(OWNER).await;
    let elsewhere = other.client().with_token(token.token.as_deref().unwrap());
    assert_ne!(one.base, other.base);
    elsewhere.get("/api/v1/me").await.ok();
    token.post_to("/api/v1/auth/logout").await;
    elsewhere.get("/api/v1/me").await.refused(401, "authentication_error");
}
