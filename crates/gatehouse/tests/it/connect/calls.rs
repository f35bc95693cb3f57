//! Requests through a profile, and the ledger of them.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{Provider, connected, credentials, echoed, made, oauth2, seen, with};
use crate::support::{TestApp, on_both};

async fn r136_r137_fields_reach_header_body_query_and_path(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let fields = json!([{"type": "header", "key": "X-Org", "value": "org-1"}, {"type": "payload", "key": "pin", "value": "2344567"},
        {"type": "query", "key": "api key", "value": "q&1"}, {"type": "path", "key": "account", "value": "a/b"}]);
    let profile = made(&owner, &with(credentials(&provider), &json!({"authorizationFields": fields}))).await;
    assert_eq!(owner.get(&profile).await.ok()["authorizationFields"].as_array().unwrap().len(), 4);
    let url = provider.at("/echo/accounts/{account}/orders?page=2");
    let send = async |method: &str, body: Value, headers: Value| {
        let request = json!({"method": method, "url": url, "body": body, "headers": headers});
        seen(&owner.post(&format!("{profile}/request"), request).await)
    };
    let echo = send("POST", json!({"order": 7}), json!({"X-Mine": "m"})).await;
    assert_eq!(echo["path"], "/echo/accounts/a%2Fb/orders");
    assert_eq!(echo["query"], json!({"page": "2", "api key": "q&1"}));
    assert_eq!((&echo["headers"]["x-org"], &echo["headers"]["x-mine"]), (&json!("org-1"), &json!("m")));
    let body: Value = serde_json::from_str(echo["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"order": 7, "pin": "2344567"}));
    assert_eq!(send("PUT", Value::Null, json!({})).await["body"], r#"{"pin":"2344567"}"#);
    let form = json!({"content-type": "application/x-www-form-urlencoded"});
    assert_eq!(send("POST", json!("a=1"), form).await["body"], "a=1&pin=2344567");
    // a GET carries no body, whatever is asked for
    assert_eq!(send("GET", json!({"order": 7}), json!({})).await["body"], "");
    assert_eq!(send("DELETE", Value::Null, json!({})).await["body"], "");
    for bad in [
        json!([{"type": "cookie", "key": "x"}]),
        json!([{"type": "header", "key": ""}]),
        json!([{"type": "path", "key": "a/b"}]),
    ] {
        owner.put(&profile, json!({"authorizationFields": bad})).await.refused(400, "validation_error");
    }
    owner.put(&profile, json!({"authorizationFields": [fields[0]]})).await.ok();
    assert_eq!(send("POST", json!({"order": 7}), json!({})).await["body"], r#"{"order":7}"#);
}

async fn r140_the_status_of_refusal_leads_to_one_new_token_and_one_more_try(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"authErrorStatusCode": 419}))).await;
    connected(&owner, &provider, &profile, json!({})).await;
    seen(&echoed(&owner, &provider, &profile).await);
    provider.asked();
    // 401 is an answer like any other here
    provider.forgets_access();
    let answer = echoed(&owner, &provider, &profile).await.ok();
    assert_eq!((&answer["status"], &answer["retried"]), (&json!(401), &json!(false)));
    assert!(provider.asked().is_empty());
    provider.refuses_with(419, "expired");
    let answer = echoed(&owner, &provider, &profile).await.ok();
    assert_eq!((&answer["status"], &answer["retried"]), (&json!(200), &json!(true)));
    assert_eq!(provider.asked().len(), 1);
    // 401 unless something else is said; and with a text only where it stands in the answer
    owner.put(&profile, json!({"authErrorStatusCode": 401, "authErrorBody": "token refused"})).await.ok();
    provider.forgets_access();
    provider.refuses_with(401, "you may not");
    assert_eq!(echoed(&owner, &provider, &profile).await.ok()["retried"], false);
    provider.refuses_with(401, "token refused");
    assert_eq!(echoed(&owner, &provider, &profile).await.ok()["retried"], true);
    assert_eq!(provider.asked().len(), 1);
    assert_eq!(made_default(&owner, &provider).await, 401);
}

async fn made_default(owner: &crate::support::Client, provider: &Provider) -> i64 {
    let profile = made(owner, &credentials(provider)).await;
    owner.get(&profile).await.ok()["authErrorStatusCode"].as_i64().unwrap()
}

async fn a_service_that_refuses_every_token_is_tried_twice_and_no_more(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    provider.adds(json!({"access_token": "never-good"}));
    let answer = echoed(&owner, &provider, &profile).await.ok();
    assert_eq!(
        (&answer["status"], &answer["retried"], &answer["body"]),
        (&json!(401), &json!(true), &json!("token refused"))
    );
    assert_eq!(provider.asked().len(), 2);
}

async fn a_token_goes_to_no_host_that_is_not_listed(t: TestApp) {
    let (owner, provider, elsewhere) = (t.owner().await, Provider::start().await, Provider::start().await);
    let profile = made(&owner, &oauth2(&provider)).await;
    let member = t.member_of(Role::Member).await;
    connected(&member, &provider, &profile, json!({})).await;
    // none is listed: only those who could list one choose
    let error = echoed(&member, &provider, &profile).await.refused(403, "authorization_error");
    assert!(error["decision"].is_string() && error["field"] == "url", "{error}");
    owner.put(&profile, json!({"allowedHosts": [provider.host()]})).await.ok();
    seen(&echoed(&member, &provider, &profile).await);
    connected(&owner, &provider, &profile, json!({})).await;
    // listed hosts bind everybody, each with its port
    for caller in [&member, &owner] {
        let request = json!({"method": "GET", "url": elsewhere.at("/echo/x")});
        let error =
            caller.post(&format!("{profile}/request"), request).await.refused(403, "authorization_error");
        assert!(error["decision"].is_string(), "{error}");
    }
    // nor in the open, nor with a name before it, nor anywhere else that is no web address
    owner.put(&profile, json!({"allowedHosts": ["api.example.com", "127.0.0.1"]})).await.ok();
    for bad in
        ["http://api.example.com/", "https://user:pass@api.example.com/", "ftp://api.example.com/", "x", ""]
    {
        let request = json!({"method": "GET", "url": bad});
        let error = owner.post(&format!("{profile}/request"), request).await.refused(400, "validation_error");
        assert_eq!(error["field"], "url", "{bad}");
    }
    for bad in ["*.com", "https://api.example.com/x", "a b"] {
        owner.put(&profile, json!({"allowedHosts": [bad]})).await.refused(400, "validation_error");
    }
}

async fn r147_one_profile_serves_many_uses_and_every_call_is_in_the_ledger(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &with(oauth2(&provider), &json!({"allowedHosts": ["127.0.0.1"]}))).await;
    let member = t.member_of(Role::Member).await;
    connected(&owner, &provider, &profile, json!({})).await;
    let url = super::begun(&member, &profile, json!({})).await;
    assert_eq!(member.get(&provider.consent_as(&url, "mo")).await.status, 303);
    let first = echoed(&owner, &provider, &profile).await;
    assert_eq!(seen(&first)["account"], "ada");
    assert_eq!(seen(&echoed(&member, &provider, &profile).await)["account"], "mo");
    provider.forgets_access();
    seen(&echoed(&member, &provider, &profile).await);
    let calls = owner.get("/api/v1/outbound-calls").await;
    for secret in ["access-", "refresh-", "/echo/x", "s3cret"] {
        assert!(!calls.body.contains(secret), "{secret}: {}", calls.body);
    }
    let calls = calls.ok();
    let rows = calls["data"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let me = |of: &Value| of["user"]["id"].clone();
    let (ada, mo) = (me(&owner.get("/api/v1/me").await.ok()), me(&member.get("/api/v1/me").await.ok()));
    let oldest = &rows[3];
    assert_eq!(oldest["id"], first.json()["callId"]);
    assert_eq!((&oldest["actingUserId"], &oldest["effectiveIdentity"]), (&ada, &json!("service")));
    assert_eq!(
        (&oldest["host"], &oldest["status"], &oldest["cause"]),
        (&json!(provider.host()), &json!(200), &json!("request"))
    );
    assert_eq!((&oldest["holderName"], &oldest["method"]), (&json!("Outside"), &json!("GET")));
    assert!(oldest["bytes"].as_i64().unwrap() > 0);
    // the newest: the same person as themselves, with a second token
    assert_eq!((&rows[0]["effectiveIdentity"], &rows[0]["effectiveUserId"]), (&json!("person"), &mo));
    assert_eq!(
        (&rows[1]["status"], &rows[0]["status"], &rows[0]["retried"]),
        (&json!(401), &json!(200), &json!(true))
    );
    assert_eq!(
        rows[0]["credentialVersion"].as_i64().unwrap(),
        rows[1]["credentialVersion"].as_i64().unwrap() + 1
    );
    // others see their own, whatever they ask for
    let own = member.get("/api/v1/outbound-calls").await.ok();
    assert_eq!(own["pagination"]["totalItems"], 3);
    let of_ada = format!("/api/v1/outbound-calls?actingUserId={}", ada.as_str().unwrap());
    assert_eq!(member.get(&of_ada).await.ok()["pagination"]["totalItems"], 0);
    assert_eq!(owner.get(&of_ada).await.ok()["pagination"]["totalItems"], 1);
    owner.get("/api/v1/outbound-calls?startDate=yesterday").await.refused(400, "validation_error");
    // kept for 90 days
    t.clock.advance(91 * 86_400);
    t.work().await;
    assert_eq!(t.owner().await.get("/api/v1/outbound-calls").await.ok()["pagination"]["totalItems"], 0);
}

async fn a_trial_sends_nothing_and_shows_what_would_go_out(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let fields = json!([{"type": "header", "key": "X-Org", "value": "a-secret-value"}]);
    let profile = made(&owner, &with(credentials(&provider), &json!({"authorizationFields": fields}))).await;
    let request = json!({"method": "GET", "url": provider.at("/echo/x")});
    let tried = owner.post(&format!("{profile}/request?dryRun=true"), request).await;
    assert!(!tried.body.contains("a-secret-value"), "{}", tried.body);
    let tried = tried.ok();
    assert_eq!(tried["result"]["status"], Value::Null);
    assert_eq!(tried["result"]["request"]["headers"]["authorization"], "Bearer ••••••••");
    assert!(provider.asked().is_empty());
    assert_eq!(owner.get("/api/v1/outbound-calls").await.ok()["pagination"]["totalItems"], 0);
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn what_is_not_reached_is_said_and_in_the_ledger(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let request = json!({"method": "GET", "url": format!("http://{closed}/secret-path")});
    let error = owner.post(&format!("{profile}/request"), request).await.refused(503, "service_unavailable");
    assert!(!error["message"].as_str().unwrap().contains("secret-path"), "{error}");
    let row = owner.get("/api/v1/outbound-calls").await.ok()["data"][0].clone();
    assert_eq!((&row["status"], &row["error"]), (&Value::Null, &json!("connect")));
    // an address of the server's own network is nobody's to call
    let inside = json!({"method": "GET", "url": "https://10.0.0.1/"});
    owner.post(&format!("{profile}/request"), inside).await.refused(400, "validation_error");
}

/// The entry of a call, as soon as it is there.
async fn entry(owner: &crate::support::Client, id: &str) -> Value {
    for _ in 0..100 {
        let rows = owner.get("/api/v1/outbound-calls").await.ok();
        let found = rows["data"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
        if let Some(found) = found {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{id} is not in the ledger");
}

async fn an_answer_is_handed_on_piece_by_piece_whatever_its_size(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    let get = |megabytes: usize| json!({"method": "GET", "url": provider.at(&format!("/file/{megabytes}"))});
    // in JSON it is too much
    owner.post(&format!("{profile}/request"), get(5)).await.refused(503, "service_unavailable");
    let stream = format!("{profile}/request?stream=true");
    let answer = owner.post(&stream, get(5)).await;
    assert_eq!((answer.status, answer.body.len()), (200, 5 * 1024 * 1024));
    assert_eq!(
        (answer.header("gatehouse-status"), answer.header("gatehouse-retried")),
        (Some("206"), Some("false"))
    );
    // no cookie of another's host, and nothing that a browser would run
    assert_eq!((answer.header("set-cookie"), answer.header("x-mine")), (None, Some("m")));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-security-policy").unwrap().contains("sandbox"), "{:?}", answer.headers);
    let row = entry(&owner, answer.header("gatehouse-call-id").unwrap()).await;
    assert_eq!(
        (&row["bytes"], &row["status"], &row["error"]),
        (&json!(5 * 1024 * 1024), &json!(206), &Value::Null)
    );
    // a token that is refused is replaced once
    provider.forgets_access();
    let again = owner.post(&stream, get(1)).await;
    assert_eq!(
        (again.status, again.body.len(), again.header("gatehouse-retried")),
        (200, 1024 * 1024, Some("true"))
    );
    let rows = owner.get("/api/v1/outbound-calls").await.ok();
    assert_eq!((&rows["data"][1]["status"], &rows["data"][1]["bytes"]), (&json!(401), &json!(13)), "{rows}");
    // what goes wrong before the answer is said as ever
    let closed = json!({"method": "GET", "url": "http://127.0.0.1:9/"});
    owner.post(&stream, closed).await.refused(503, "service_unavailable");
    let tried = owner.post(&format!("{stream}&dryRun=true"), get(1)).await.ok();
    assert_eq!(tried["result"]["status"], Value::Null);
    // what is not kept cannot be given again
    let keyed = owner.request("POST", &stream).header("idempotency-key", "one").json(&get(1));
    let refused = owner.send(keyed).await;
    assert_eq!(refused.refused(400, "validation_error")["field"], "stream");
}

/// Whoever asked goes away in the middle: the ledger tells how much was handed on.
async fn a_reader_who_goes_away_is_in_the_ledger(t: TestApp) {
    let (owner, provider) = (t.owner().await, Provider::start().await);
    let profile = made(&owner, &credentials(&provider)).await;
    let stream = format!("{profile}/request?stream=true");
    let request = json!({"method": "GET", "url": provider.at("/file/900")});
    let mut answer = owner.request("POST", &stream).json(&request).send().await.unwrap();
    let id = answer.headers()["gatehouse-call-id"].to_str().unwrap().to_owned();
    let some = answer.chunk().await.unwrap().unwrap();
    assert!(!some.is_empty());
    drop(answer);
    let row = entry(&owner, &id).await;
    assert_eq!(row["error"], "not_read", "{row}");
    assert!((1..900 * 1024 * 1024).contains(&row["bytes"].as_i64().unwrap()), "{row}");
}

on_both![
    an_answer_is_handed_on_piece_by_piece_whatever_its_size,
    a_reader_who_goes_away_is_in_the_ledger,
    r136_r137_fields_reach_header_body_query_and_path,
    r140_the_status_of_refusal_leads_to_one_new_token_and_one_more_try,
    a_service_that_refuses_every_token_is_tried_twice_and_no_more,
    a_token_goes_to_no_host_that_is_not_listed,
    r147_one_profile_serves_many_uses_and_every_call_is_in_the_ledger,
    a_trial_sends_nothing_and_shows_what_would_go_out,
    what_is_not_reached_is_said_and_in_the_ledger,
];
