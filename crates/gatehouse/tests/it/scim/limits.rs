//! How much a token may ask for: what providers send is never refused, and beyond there is a bound that is told.

use std::time::{Duration, Instant};

use gatehouse_store::sql;
use gatehouse_types::ScimUserId;
use gatehouse_web::edge;
use serde_json::{Value, json};

use super::{ALL_SCOPES, GROUPS, USERS, at, id, patch, person, provider, query, refused};
use crate::support::{Answer, Client, TestApp, on_both};

/// Requests a second that a tenant may count on.
const SUSTAINED: u32 = 25;
/// Seconds of the load.
const SECONDS: u32 = 4;

/// What providers do all day: look for somebody, make, change, look again.
async fn traffic(provider: Client, n: u32) -> Answer {
    let name = format!("p{}@x.test", n / 4);
    match n % 4 {
        0 => {
            let emails = json!([{"value": name, "type": "work", "primary": true}]);
            provider.post(USERS, json!({"userName": name, "emails": emails})).await
        }
        1 | 3 => {
            let filter = format!("userName eq \"{name}\"");
            provider.get(&format!("{USERS}?{}", query(&[("filter", &filter)]))).await
        }
        _ => provider.get(&format!("{GROUPS}?excludedAttributes=members")).await,
    }
}

async fn r099_twenty_five_requests_a_second_are_never_refused(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let (began, mut running) = (Instant::now(), Vec::new());
    for n in 0..SUSTAINED * SECONDS {
        let due = began + Duration::from_secs(1) * n / SUSTAINED;
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
        running.push(tokio::spawn(traffic(provider.clone(), n)));
    }
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for request in running {
        *statuses.entry(request.await.unwrap().status).or_default() += 1;
    }
    assert!(statuses.keys().all(|s| matches!(s, 200 | 201)), "{statuses:?}");
    assert_eq!(statuses.values().sum::<u32>(), SUSTAINED * SECONDS);
}

fn numbers(answer: &Answer) -> [Option<u32>; 4] {
    ["limit", "remaining", "reset", "retry-after-seconds"]
        .map(|name| answer.header(&format!("x-rate-limit-{name}")).map(|v| v.parse().unwrap()))
}

async fn what_is_left_is_told_and_the_bound_holds(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let first = provider.get(USERS).await;
    assert_eq!(numbers(&first), [Some(1_500), Some(1_499), Some(1), None]);
    // refusals count, and tell it too
    let nobody = provider.get(&format!("{USERS}/nobody")).await;
    refused(&nobody, 404, None);
    assert_eq!(numbers(&nobody)[1], Some(1_498));
    // so does each operation of a bulk request
    let operations: Vec<_> =
        (0..1_000).map(|_| json!({"method": "DELETE", "path": "/Groups/none"})).collect();
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 1,
        "Operations": operations});
    let done = provider.post("/scim/v2/Bulk", bulk.clone()).await;
    assert_eq!((done.status, numbers(&done)), (200, [Some(1_500), Some(498), Some(41), None]));
    let too_many = provider.post("/scim/v2/Bulk", bulk).await;
    refused(&too_many, 429, None);
    // that there was a request counts, what it would have done does not
    assert_eq!(numbers(&too_many), [Some(1_500), Some(497), Some(41), Some(21)]);
    assert_eq!(too_many.header("retry-after"), Some("21"));
    assert_eq!(too_many.header("content-type"), Some("application/scim+json"));
    for _ in 0..497 {
        assert_eq!(provider.get("/scim/v2/ServiceProviderConfig").await.status, 200);
    }
    let over = provider.get(USERS).await;
    refused(&over, 429, None);
    assert_eq!(numbers(&over), [Some(1_500), Some(0), Some(60), Some(1)]);
    // another token has its own, and time gives it back
    let other = super::provider(&t, &ALL_SCOPES).await;
    assert_eq!(numbers(&other.get(USERS).await)[1], Some(1_499));
    t.clock.advance(1);
    assert_eq!(numbers(&provider.get(USERS).await)[1], Some(24));
    // who is nobody is told nothing
    let nobody = t.client().with_token("scim_nothing").get(USERS).await;
    refused(&nobody, 401, None);
    assert_eq!(numbers(&nobody), [None; 4]);
}

/// Members of a large group.
const MEMBERS: usize = 5_000;

/// People as if they had been made long ago: one by one, the making would take longer than all that is tested.
async fn seeded(t: &TestApp) -> Vec<String> {
    let (store, mut ids) = (t.app.store(), Vec::new());
    let mut tx = store.begin_always().await.unwrap();
    for n in 0..MEMBERS {
        let (id, name): (ScimUserId, _) = (store.ids().make(), format!("m{n}"));
        let attributes = json!({"userName": name}).to_string();
        let insert = sql(
            "INSERT INTO scim_users (id, workspace_id, user_name, user_name_key, display, display_key, active, \
             is_adopted, attributes, search, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $3, $3, $3, $4, $4, $5, $5, 1, $6, $6)",
        );
        let insert = insert.bind(&id).bind(&t.workspace).bind(name).bind(false).bind(attributes);
        tx.later(insert.bind(store.now()));
        let came =
            sql("INSERT INTO scim_moves (workspace_id, kind, entry_id, change) VALUES ($1, 'user', $2, 1)");
        tx.later(came.bind(&t.workspace).bind(&id));
        ids.push(id.to_string());
    }
    tx.commit().await.unwrap();
    ids
}

async fn r093_a_group_of_five_thousand_is_made_changed_and_paged(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let people = seeded(&t).await;
    let members = |ids: &[String]| json!(ids.iter().map(|id| json!({"value": id})).collect::<Vec<_>>());
    let began = Instant::now();
    let body = json!({"displayName": "Everybody", "members": members(&people)});
    let made = provider.post(GROUPS, body).await.ok();
    assert_eq!(made["members"].as_array().unwrap().len(), MEMBERS);
    let path = at(GROUPS, &made);
    let one_more = id(&person(&provider, "late@x.test").await);
    let add = json!([{"op": "Add", "path": "members", "value": [{"value": one_more}]}]);
    assert_eq!(patch(&provider, &path, add).await.status, 204);
    let gone = format!("members[value eq \"{}\"]", people[17]);
    assert_eq!(patch(&provider, &path, json!([{"op": "Remove", "path": gone}])).await.status, 204);
    let shown = provider.get(&path).await.ok();
    let shown: std::collections::BTreeSet<_> = shown["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["value"].as_str().unwrap().to_owned())
        .collect();
    assert!(shown.len() == MEMBERS && shown.contains(&one_more) && !shown.contains(&people[17]));
    // lists of groups come without their members where nobody wants them
    let listed = provider.get(&format!("{GROUPS}?excludedAttributes=members")).await;
    assert!(listed.body.len() < 2_000, "{}", listed.body);
    // and the people are paged through, each once
    let mut seen = std::collections::BTreeSet::new();
    for start in (1..=MEMBERS + 2).step_by(700) {
        let page = format!("{USERS}?startIndex={start}&count=700&attributes=id");
        let page = provider.get(&page).await.ok();
        assert_eq!(page["totalResults"], MEMBERS + 2);
        seen.extend(page["Resources"].as_array().unwrap().iter().map(id));
    }
    assert_eq!(seen.len(), MEMBERS + 2);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

async fn what_takes_too_long_is_given_up_in_scims_own_form(t: TestApp) {
    let mut config = t.app.edge_config();
    config.request_timeout = Duration::from_millis(20);
    let slow = axum::routing::any(async || tokio::time::sleep(Duration::from_secs(60)).await);
    let router = axum::Router::new().route("/scim/v2/{*path}", slow.clone()).route("/api/v1/slow", slow);
    let server = gatehouse::Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let base = format!("http://{}", server.address());
    tokio::spawn(gatehouse::serve(server, edge(router, config), std::future::pending()));
    let client = Client::new(&base);
    let answer = client.get(USERS).await;
    refused(&answer, 504, None);
    assert_eq!(answer.header("content-type"), Some("application/scim+json"));
    client.get("/api/v1/slow").await.refused(504, "timeout_error");
}

async fn schemas_that_nobody_knows_are_passed_over(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let unknown = "urn:example:params:scim:schemas:extension:badge:2.0:User";
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", unknown],
        "userName": "a@x.test", unknown: {"number": "7"},
    });
    let made = provider.post(USERS, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let kept = |resource: &Value| (resource["schemas"].clone(), resource.get(unknown).is_some());
    let core = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
    assert_eq!(kept(&made.json()), (core.clone(), false));
    let path = at(USERS, &made.json());
    assert_eq!(kept(&provider.put(&path, body).await.ok()), (core, false));
}

on_both![
    r099_twenty_five_requests_a_second_are_never_refused,
    r093_a_group_of_five_thousand_is_made_changed_and_paged,
    what_takes_too_long_is_given_up_in_scims_own_form,
    schemas_that_nobody_knows_are_passed_over,
];
on_both![start_with_few_scim_requests: what_is_left_is_told_and_the_bound_holds];
