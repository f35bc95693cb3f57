//! Groups of the directory give roles, and take the access of those who are in none any more.

use gatehouse_types::Role;
use serde_json::{Value, json};

use super::{ALL_SCOPES, GROUPS, USERS, at, id, patch, person, provider};
use crate::support::{Client, TestApp, on_both};

const MAPPINGS: &str = "/api/v1/scim/role-mappings";

/// The member or former member of an address.
async fn member(owner: &Client, email: &str) -> Value {
    for status in ["active", "suspended"] {
        let found = owner.get(&format!("/api/v1/users?email={email}&status={status}")).await.ok();
        if found["data"][0]["email"] == email {
            return found["data"][0].clone();
        }
    }
    Value::Null
}

/// Role, status, and whether a group gives the role.
async fn stands(owner: &Client, email: &str) -> (String, String, bool) {
    let m = member(owner, email).await;
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    (text(&m["role"]), text(&m["status"]), m["roleManagedBy"] == "directory")
}

fn as_is(role: &str, status: &str, managed: bool) -> (String, String, bool) {
    (role.to_owned(), status.to_owned(), managed)
}

async fn group(provider: &Client, name: &str, members: &[&Value]) -> Value {
    let members: Vec<_> = members.iter().map(|m| json!({"value": id(m)})).collect();
    provider.post(GROUPS, json!({"displayName": name, "members": members})).await.ok()
}

fn maps(all: &[(&Value, &str)]) -> Value {
    json!({"mappings": all.iter().map(|(g, role)| json!({"groupId": id(g), "role": role})).collect::<Vec<_>>()})
}

async fn join(provider: &Client, group: &Value, who: &Value) {
    let add = json!([{"op": "add", "path": "members", "value": [{"value": id(who)}]}]);
    assert_eq!(patch(provider, &at(GROUPS, group), add).await.status, 204);
}

async fn leave(provider: &Client, group: &Value, who: &Value) {
    let remove = json!([{"op": "Remove", "path": format!("members[value eq \"{}\"]", id(who))}]);
    assert_eq!(patch(provider, &at(GROUPS, group), remove).await.status, 204);
}

async fn events(owner: &Client, event: &str) -> Vec<Value> {
    owner.get(&format!("/api/v1/audit-events?event={event}")).await.ok()["data"].as_array().unwrap().clone()
}

async fn the_highest_role_of_the_groups_counts_at_once(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let (ada, bob) = (person(&provider, "ada@x.test").await, person(&provider, "bob@x.test").await);
    t.person("hand@main.test", Role::Member).await;
    let staff = group(&provider, "Staff", &[&ada, &bob]).await;
    let admins = group(&provider, "Admins", &[&ada]).await;
    assert_eq!(owner.get(MAPPINGS).await.ok(), json!({"mappings": [], "managedPeople": 0}));

    let list = maps(&[(&staff, "member"), (&admins, "admin")]);
    let trial = owner.put(&format!("{MAPPINGS}?dryRun=true"), list.clone()).await.ok();
    let changes = &trial["result"]["changes"];
    assert_eq!((&changes["roleChanged"], &changes["accessEnded"]), (&json!(2), &json!(0)), "{trial}");
    let ada_changes = json!({"userId": member(&owner, "ada@x.test").await["id"], "email": "ada@x.test",
        "from": "viewer", "to": "admin"});
    assert_eq!(changes["people"][0], ada_changes);
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("viewer", "active", false));
    assert_eq!(owner.get(MAPPINGS).await.ok()["mappings"], json!([]));

    let done = owner.put(MAPPINGS, list.clone()).await.ok();
    assert_eq!(done["changes"], *changes);
    assert_eq!(
        (&done["mappings"][0]["groupName"], &done["mappings"][0]["people"]),
        (&json!("Staff"), &json!(2))
    );
    assert_eq!(done["managedPeople"], 2);
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("admin", "active", true));
    assert_eq!(stands(&owner, "bob@x.test").await, as_is("member", "active", true));
    // who never was in a group keeps what an administrator gave
    assert_eq!(stands(&owner, "hand@main.test").await, as_is("member", "active", false));
    let told = events(&owner, "scim.role-mappings-changed").await;
    assert_eq!(told[0]["details"]["mappings"][1]["group"], "Admins");
    assert_eq!(told[0]["details"]["people"]["roleChanged"], 2);
    let set = events(&owner, "membership.set").await;
    let bobs = set.iter().find(|e| e["details"]["email"] == "bob@x.test").unwrap();
    let said = json!({"email": "bob@x.test", "role": "member", "before": "viewer", "via": "directory"});
    assert_eq!(bobs["details"], said);
    // the same again is nothing
    let again = owner.put(MAPPINGS, list).await.ok();
    assert_eq!(again["changes"]["roleChanged"], 0);
    assert_eq!(events(&owner, "scim.role-mappings-changed").await.len(), 1);

    // joining and leaving count at once
    join(&provider, &admins, &bob).await;
    assert_eq!(stands(&owner, "bob@x.test").await.0, "admin");
    leave(&provider, &admins, &bob).await;
    assert_eq!(stands(&owner, "bob@x.test").await.0, "member");
    let changed = events(&owner, "scim.group-changed").await;
    assert_eq!(changed[0]["details"]["people"]["roleChanged"], 1);
    // so does a replacement of the whole group
    let whole = json!({"displayName": "Admins", "members": [{"value": id(&bob)}]});
    provider.put(&at(GROUPS, &admins), whole).await.ok();
    assert_eq!(stands(&owner, "bob@x.test").await.0, "admin");
    assert_eq!(stands(&owner, "ada@x.test").await.0, "member");
}

async fn who_is_in_no_group_any_more_is_out_and_comes_back_with_one(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    t.person("ada@main.test", Role::Viewer).await;
    let program = t.sign_in("ada@main.test").await;
    let all = provider.get(&format!("{USERS}?filter=userName%20eq%20%22ada@main.test%22")).await.ok();
    let ada = all["Resources"][0].clone();
    let staff = group(&provider, "Staff", &[&ada]).await;
    let admins = group(&provider, "Admins", &[]).await;
    owner.put(MAPPINGS, maps(&[(&staff, "member"), (&admins, "admin")])).await.ok();
    join(&provider, &admins, &ada).await;
    // a session's rights follow at once
    program.get(MAPPINGS).await.ok();
    leave(&provider, &admins, &ada).await;
    program.get(MAPPINGS).await.refused(403, "authorization_error");
    program.get("/api/v1/me").await.ok();
    leave(&provider, &staff, &ada).await;
    program.get("/api/v1/me").await.refused(401, "authentication_error");
    assert_eq!(stands(&owner, "ada@main.test").await, as_is("member", "suspended", true));
    let user = member(&owner, "ada@main.test").await["id"].as_str().unwrap().to_owned();
    let receipt = owner.get(&format!("/api/v1/users/{user}/offboarding")).await.ok();
    assert_eq!((&receipt["cause"], &receipt["isKept"]), (&json!("no-group-left"), &json!(true)));
    assert!(receipt["by"].as_str().unwrap().starts_with("scim:"), "{receipt}");
    // the provider cannot give the access without a group
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    assert_eq!(patch(&provider, &at(USERS, &ada), on).await.ok()["active"], false);
    let whole = json!({"userName": "ada@main.test", "active": true});
    assert_eq!(provider.put(&at(USERS, &ada), whole).await.ok()["active"], false);
    assert_eq!(stands(&owner, "ada@main.test").await.1, "suspended");
    join(&provider, &admins, &ada).await;
    assert_eq!(stands(&owner, "ada@main.test").await, as_is("admin", "active", true));
    // what ended stays ended
    program.get("/api/v1/me").await.refused(401, "authentication_error");
    assert!(owner.get(&format!("/api/v1/users/{user}/offboarding")).await.ok()["reversedAt"].is_string());
    // an administrator gives access back by hand: it is the administrator's then
    leave(&provider, &admins, &ada).await;
    owner.post_to(&format!("/api/v1/users/{user}/reactivate")).await.ok();
    assert_eq!(stands(&owner, "ada@main.test").await, as_is("admin", "active", false));
    t.work().await;
    assert_eq!(stands(&owner, "ada@main.test").await, as_is("admin", "active", false));
}

async fn a_deleted_group_takes_its_role_along(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let (ada, bob) = (person(&provider, "ada@x.test").await, person(&provider, "bob@x.test").await);
    let staff = group(&provider, "Staff", &[&ada]).await;
    let admins = group(&provider, "Admins", &[&ada, &bob]).await;
    owner.put(MAPPINGS, maps(&[(&staff, "member"), (&admins, "admin")])).await.ok();
    assert_eq!(provider.delete(&at(GROUPS, &admins)).await.status, 204);
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("member", "active", true));
    assert_eq!(stands(&owner, "bob@x.test").await, as_is("admin", "suspended", true));
    let left = owner.get(MAPPINGS).await.ok();
    assert_eq!(
        (&left["mappings"][0]["groupId"], left["mappings"].as_array().unwrap().len()),
        (&staff["id"], 1)
    );
    let told = events(&owner, "scim.role-mappings-changed").await;
    assert_eq!((told.len(), &told[0]["actorKind"]), (2, &json!("scim")));
    assert_eq!(events(&owner, "scim.group-deleted").await[0]["details"]["people"]["accessEnded"], 1);
}

async fn people_who_come_and_go_have_the_role_of_their_groups(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let (ada, bob) = (person(&provider, "ada@x.test").await, person(&provider, "bob@x.test").await);
    let staff = group(&provider, "Staff", &[&ada, &bob]).await;
    owner.put(MAPPINGS, maps(&[(&staff, "member")])).await.ok();
    // deactivated, changed meanwhile, and active again
    let say = |active: bool| json!([{"op": "replace", "path": "active", "value": active}]);
    patch(&provider, &at(USERS, &ada), say(false)).await.ok();
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("member", "suspended", true));
    owner.put(MAPPINGS, maps(&[(&staff, "admin")])).await.ok();
    assert_eq!(stands(&owner, "ada@x.test").await.1, "suspended");
    assert_eq!(patch(&provider, &at(USERS, &ada), say(true)).await.ok()["active"], true);
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("admin", "active", true));
    // deleted, made anew: in no group yet
    assert_eq!(provider.delete(&at(USERS, &bob)).await.status, 204);
    let bob = person(&provider, "bob@x.test").await;
    assert_eq!(bob["active"], false);
    join(&provider, &staff, &bob).await;
    assert_eq!(stands(&owner, "bob@x.test").await, as_is("admin", "active", true));
    // suspended by hand: no group leads around it
    let user = member(&owner, "bob@x.test").await["id"].as_str().unwrap().to_owned();
    owner.post(&format!("/api/v1/users/{user}/suspend"), json!({})).await.ok();
    leave(&provider, &staff, &bob).await;
    join(&provider, &staff, &bob).await;
    assert_eq!(stands(&owner, "bob@x.test").await.1, "suspended");
    owner.put(MAPPINGS, maps(&[(&staff, "viewer")])).await.ok();
    owner.post_to(&format!("/api/v1/users/{user}/reactivate")).await.ok();
    assert_eq!(stands(&owner, "bob@x.test").await, as_is("viewer", "active", true));
    // who was removed comes back by another way, with the group's role
    owner.delete(&format!("/api/v1/users/{user}")).await.ok();
    join(&provider, &staff, &ada).await;
    assert_eq!(stands(&owner, "bob@x.test").await.0, "");
    t.person("bob@x.test", Role::Viewer).await;
    assert_eq!(stands(&owner, "bob@x.test").await, as_is("viewer", "active", true));
}

async fn the_role_of_a_group_is_not_changed_by_hand(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let ada = person(&provider, "ada@x.test").await;
    let staff = group(&provider, "Staff", &[&ada]).await;
    owner.put(MAPPINGS, maps(&[(&staff, "member")])).await.ok();
    let path = format!("/api/v1/users/{}", member(&owner, "ada@x.test").await["id"].as_str().unwrap());
    let refused = owner.put(&path, json!({"role": "admin"})).await.refused(409, "conflict");
    assert!(refused["message"].as_str().unwrap().contains("\"Staff\""), "{refused}");
    assert_eq!(refused["field"], "role");
    owner.put(&path, json!({"role": "member"})).await.ok();
    // owners make owners, and no group unmakes them
    owner.put(&path, json!({"role": "owner"})).await.ok();
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("owner", "active", false));
    leave(&provider, &staff, &ada).await;
    join(&provider, &staff, &ada).await;
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("owner", "active", false));
    owner.put(&path, json!({"role": "admin"})).await.refused(409, "conflict");
    owner.put(&path, json!({"role": "member"})).await.ok();
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("member", "active", true));
    // an empty list gives everything back into the administrators' hands
    let done = owner.put(MAPPINGS, json!({"mappings": []})).await.ok();
    assert_eq!((&done["managedPeople"], &done["changes"]["accessEnded"]), (&json!(0), &json!(0)));
    assert_eq!(stands(&owner, "ada@x.test").await, as_is("member", "active", false));
    owner.put(&path, json!({"role": "admin"})).await.ok();
}

async fn owners_are_in_no_groups_hands(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let all = provider.get(USERS).await.ok();
    let own = all["Resources"][0].clone();
    let staff = group(&provider, "Staff", &[&own]).await;
    let done = owner.put(MAPPINGS, maps(&[(&staff, "viewer")])).await.ok();
    assert_eq!((&done["changes"]["roleChanged"], &done["managedPeople"]), (&json!(0), &json!(0)));
    assert_eq!(provider.delete(&at(GROUPS, &staff)).await.status, 204);
    assert_eq!(stands(&owner, "owner@main.test").await, as_is("owner", "active", false));
    owner.get("/api/v1/me").await.ok();
}

async fn a_bad_list_is_refused_as_a_whole(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    let staff = group(&provider, "Staff", &[]).await;
    for (list, field) in [
        (json!([{"groupId": id(&staff), "role": "owner"}]), "mappings[0].role"),
        (json!([{"groupId": id(&staff), "role": "king"}]), "mappings[0].role"),
        (
            json!([{"groupId": id(&staff), "role": "admin"}, {"groupId": "scg_none", "role": "admin"}]),
            "mappings[1].groupId",
        ),
        (
            json!([{"groupId": id(&staff), "role": "admin"}, {"groupId": id(&staff), "role": "admin"}]),
            "mappings[1].groupId",
        ),
    ] {
        let refused = owner.put(MAPPINGS, json!({"mappings": list})).await.refused(400, "validation_error");
        assert_eq!(refused["field"], field, "{refused}");
    }
    assert_eq!(owner.get(MAPPINGS).await.ok()["mappings"], json!([]));
    // a group of another workspace is none
    let stranger = t.stranger().await;
    stranger.put(MAPPINGS, maps(&[(&staff, "admin")])).await.refused(400, "validation_error");
}

/// 5 000 people: each statement is one for hundreds of them, and nobody is asked about who is not in question.
async fn a_group_of_five_thousand_is_settled_in_bounded_time(t: TestApp) {
    let (provider, owner) = (provider(&t, &ALL_SCOPES).await, t.owner().await);
    fill(&t, 5_000).await;
    let all = provider.get(&format!("{GROUPS}?excludedAttributes=members")).await.ok();
    let crowd = all["Resources"][0].clone();
    let began = std::time::Instant::now();
    let done = owner.put(MAPPINGS, maps(&[(&crowd, "member")])).await.ok();
    let mapped = began.elapsed();
    assert_eq!((&done["changes"]["roleChanged"], &done["managedPeople"]), (&json!(5_000), &json!(5_000)));
    assert_eq!(done["changes"]["people"].as_array().unwrap().len(), 100);
    let one = person(&provider, "one@x.test").await;
    let began = std::time::Instant::now();
    join(&provider, &crowd, &one).await;
    let joined = began.elapsed();
    assert_eq!(stands(&owner, "one@x.test").await.0, "member");
    let began = std::time::Instant::now();
    assert_eq!(provider.delete(&at(GROUPS, &crowd)).await.status, 204);
    let deleted = began.elapsed();
    assert_eq!(stands(&owner, "one@x.test").await.1, "suspended");
    let left = owner.get("/api/v1/users?status=suspended").await.ok();
    assert_eq!(left["pagination"]["totalItems"], 5_001);
    eprintln!("5 000 people mapped in {mapped:?}, one joined in {joined:?}, all left in {deleted:?}");
    assert!(
        mapped.as_secs() < 10 && joined.as_secs() < 1 && deleted.as_secs() < 30,
        "{mapped:?} {joined:?} {deleted:?}"
    );
}

/// People with entries and one group of all of them, written at once.
async fn fill(t: &TestApp, people: i64) {
    use gatehouse_store::sql;
    let mut tx = t.app.store().begin_always().await.unwrap();
    let statements: [&'static str; 5] = [
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO users \
         (id, email, display_name, created_at, updated_at) SELECT 'usr_' || i, 'p' || i || '@x.test', 'P', 0, 0 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO memberships \
         (workspace_id, user_id, role, created_via, created_at) SELECT $2, 'usr_' || i, 'viewer', 'scim', 0 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO scim_users \
         (id, workspace_id, user_id, user_name, user_name_key, display, display_key, active, is_adopted, attributes, search, \
         version, created_at, updated_at) SELECT 'scu_' || i, $2, 'usr_' || i, 'p' || i || '@x.test', 'p' || i || '@x.test', \
         'P', 'p', TRUE, FALSE, '{\"userName\":\"p\"}', '{}', 1, 0, 0 FROM n",
        "INSERT INTO scim_groups (id, workspace_id, display, display_key, attributes, search, version, created_at, updated_at) \
         SELECT 'scg_crowd', $2, 'Crowd', 'crowd', '{\"displayName\":\"Crowd\"}', '{}', 1, 0, 0 WHERE $1 > 0",
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO scim_members \
         (group_id, member_id, kind, added_at) SELECT 'scg_crowd', 'scu_' || i, 'User', 0 FROM n WHERE $2 <> ''",
    ];
    for statement in statements {
        let mut query = sql(statement).bind(people);
        if statement.contains("$2") {
            query = query.bind(&t.workspace);
        }
        tx.execute(query).await.unwrap();
    }
    tx.commit().await.unwrap();
}

on_both![
    the_highest_role_of_the_groups_counts_at_once,
    who_is_in_no_group_any_more_is_out_and_comes_back_with_one,
    a_deleted_group_takes_its_role_along,
    people_who_come_and_go_have_the_role_of_their_groups,
    the_role_of_a_group_is_not_changed_by_hand,
    owners_are_in_no_groups_hands,
    a_bad_list_is_refused_as_a_whole,
    a_group_of_five_thousand_is_settled_in_bounded_time,
];
