//! Several servers on one PostgreSQL: what is begun on one goes on at the other, what is ended on one is over on all.

use std::time::{Duration, Instant};

use gatehouse_testkit::{Database, Kind};
use serde_json::json;

use crate::support::{Client, Form, Program, Serving, TestApp};

const OWNER: &str = "owner@acme.test";
/// Within which a session that was ended on one server must be over on the other.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Two servers, started at the same moment.
async fn two(program: &Program) -> (Serving, Serving) {
    let (a, b) = (program.clone(), program.clone());
    let a = tokio::task::spawn_blocking(move || a.serve());
    let b = tokio::task::spawn_blocking(move || b.serve());
    (a.await.unwrap(), b.await.unwrap())
}

/// The same browser at another server: behind one proxy it would not notice.
fn carry(from: &Client, to: &Serving, cookies: &[&str]) -> Client {
    let there = to.client();
    for name in cookies {
        there.set_cookie(name, &from.cookie(name).unwrap_or_else(|| panic!("no cookie {name}")));
    }
    there
}

/// Signs out as the console's own pages do.
async fn sign_out(browser: &Client, public_url: &str) {
    let origin = public_url.trim_end_matches('/');
    browser.send(browser.request("POST", "/api/v1/auth/logout").header("origin", origin)).await.ok();
}

/// Asks until the session is refused; how long that took.
async fn over_after(who: &Client) -> Duration {
    let began = Instant::now();
    while who.get("/api/v1/me").await.status != 401 {
        assert!(began.elapsed() < Duration::from_secs(20), "the session goes on");
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_start_at_once_on_an_empty_database_and_share_sessions() {
    let database = Database::fresh(Kind::Postgres).await;
    // behind one proxy they go by one address, which their tokens name
    let program = Program::on(&database).set("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test");
    let (one, other) = two(&program).await;
    program.create_owner("Acme", OWNER);
    // both sign with the one key there is
    for server in [&one, &other] {
        let keys = server.client().get("/.well-known/jwks.json").await.ok();
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
    }
    // begun on one, at home on the other
    let here = one.client();
    let login = json!({"email": OWNER, "password": crate::support::PASSWORD});
    here.post("/api/v1/auth/login", login).await.ok();
    let there = carry(&here, &other, &["gatehouse_session"]);
    let me = there.get("/api/v1/me").await.ok();
    assert_eq!(me["user"]["email"], OWNER);
    // ended on one, refused by the other at once: a program's token as well as a browser's cookie
    let token = one.sign_in(OWNER).await;
    let elsewhere = other.client().with_token(token.token.as_deref().unwrap());
    assert_ne!(one.base, other.base);
    elsewhere.get("/api/v1/me").await.ok();
    token.post_to("/api/v1/auth/logout").await;
    assert!(over_after(&elsewhere).await < AT_ONCE);
    sign_out(&there, "http://gatehouse.test").await;
    assert!(over_after(&here).await < AT_ONCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saml_sign_in_begun_on_one_server_ends_on_the_other() {
    // a third server is the lab's provider, and keeps the address that all of them go by
    let t = TestApp::start(Kind::Postgres).await;
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    let program = Program::on(&t.database).set("GATEHOUSE_PUBLIC_URL", t.app.public_url().as_str());
    let (one, other) = two(&program).await;

    let here = one.client();
    let started = here.get(&format!("/sso/{}/start?returnTo=/account", lab.id)).await;
    let to_provider = started.location().unwrap_or_else(|| panic!("no way: {}", started.body)).to_owned();
    assert!(to_provider.contains("SAMLRequest="), "{to_provider}");
    let at_the_lab = t.client();
    let mut choice = Form::read(&at_the_lab.get(&to_provider).await.body).expect("the choice of a person");
    choice.fields.extend([("person", "ada"), ("fault", "none")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    let answer = choice.send(&at_the_lab).await;
    let answer = Form::read(&answer.body).unwrap_or_else(|| panic!("no answer: {}", answer.body));
    let acs = answer.action.strip_prefix(t.app.public_url().as_str().trim_end_matches('/')).unwrap();

    // without the cookie of the browser that began it counts nowhere
    let thief = other.client();
    assert_eq!(thief.form(acs, &answer.fields).await.status, 401);
    let there = carry(&here, &other, &["gatehouse_attempt"]);
    let back = there.form(acs, &answer.fields).await;
    assert_eq!((back.status, back.location()), (303, Some("/account")), "{}", back.body);
    // used on one, used on all
    assert_eq!(carry(&here, &one, &["gatehouse_attempt"]).form(acs, &answer.fields).await.status, 401);

    let session = there.cookie("gatehouse_session").expect("a session");
    here.set_cookie("gatehouse_session", &session);
    for browser in [&here, &there] {
        assert_eq!(browser.get("/api/v1/me").await.ok()["user"]["email"], "ada@lab.test");
    }
    sign_out(&here, t.app.public_url().as_str()).await;
    assert!(over_after(&there).await < AT_ONCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_sign_on_that_is_disabled_on_one_server_is_off_on_the_other_at_once() {
    let t = TestApp::start(Kind::Postgres).await;
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.person("bruno@lab.test", gatehouse_types::Role::Member).await;
    owner.put("/api/v1/sso/settings", json!({"connectionId": lab.id})).await.ok();
    let program = Program::on(&t.database).set("GATEHOUSE_PUBLIC_URL", t.app.public_url().as_str());
    let (one, other) = two(&program).await;
    let login = json!({"email": "bruno@lab.test", "password": crate::support::PASSWORD});
    let at_one = one.client();
    at_one.post("/api/v1/auth/login", login.clone()).await.ok();
    owner.post_to("/api/v1/sso/settings/enable").await.ok();
    for server in [&one, &other] {
        server.client().post("/api/v1/auth/login", login.clone()).await.refused(401, "authentication_error");
        assert!(server.client().get(&format!("/sso/{}/start", lab.id)).await.location().is_some());
    }
    owner.post_to("/api/v1/sso/settings/disable").await.ok();
    for server in [&other, &one] {
        assert_eq!(server.client().get(&format!("/sso/{}/start", lab.id)).await.status, 403);
        server.client().post("/api/v1/auth/login", login.clone()).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_directory_deactivates_at_one_server_is_out_at_the_other_within_a_second() {
    let database = Database::fresh(Kind::Postgres).await;
    let program = Program::on(&database).set("GATEHOUSE_PUBLIC_URL", "http://gatehouse.test");
    let (one, other) = two(&program).await;
    program.create_owner("Acme", OWNER);
    let owner = one.sign_in(OWNER).await;
    let scopes = ["users:read", "users:write"];
    let token = json!({"name": "Entra", "scopes": scopes});
    let token = owner.post("/api/v1/scim/tokens", token).await.ok();
    let provider = one.client().with_token(token["plainValue"].as_str().unwrap());
    let leaver = "leaver@acme.test";
    program.add_member("Acme", leaver);
    let find = format!("/scim/v2/Users?filter=userName%20eq%20%22{leaver}%22");
    let entry = provider.get(&find).await.ok()["Resources"][0].clone();
    assert_eq!(entry["active"], true);

    // a browser at each server, and a program's token, which both take
    let (here, there) = (one.client(), other.client());
    let login = json!({"email": leaver, "password": crate::support::PASSWORD});
    for browser in [&here, &there] {
        browser.post("/api/v1/auth/login", login.clone()).await.ok();
    }
    let program = one.sign_in(leaver).await;
    let elsewhere = other.client().with_token(program.token.as_deref().unwrap());
    let everywhere = [here, there.clone(), carry(&there, &one, &["gatehouse_session"]), program, elsewhere];
    for who in &everywhere {
        assert_eq!(who.get("/api/v1/me").await.ok()["user"]["email"], leaver);
    }

    // as Entra ID says it
    let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    let path = format!("/scim/v2/Users/{}", entry["id"].as_str().unwrap());
    assert_eq!(provider.call("PATCH", &path, Some(off)).await.ok()["active"], false);
    let began = Instant::now();
    for who in &everywhere {
        over_after(who).await;
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    other.client().post("/api/v1/auth/login", login).await.refused(401, "authentication_error");

    // the receipt at the other server lists them
    let at_other = other.client().with_token(owner.token.as_deref().unwrap());
    let ended = at_other.get("/api/v1/audit-events?event=user.offboarded").await.ok()["data"][0].clone();
    let user = ended["targetId"].as_str().unwrap();
    let receipt = at_other.get(&format!("/api/v1/users/{user}/offboarding")).await.ok();
    assert_eq!(receipt["cause"], "scim-inactive", "{receipt}");
    let ended = receipt["ended"].as_array().unwrap();
    assert_eq!(
        (ended.len(), &ended[0]["kind"], &ended[0]["count"]),
        (1, &json!("session"), &json!(3)),
        "{receipt}"
    );
    assert_eq!(ended[0]["items"].as_array().map(Vec::len), Some(3), "{receipt}");
}
