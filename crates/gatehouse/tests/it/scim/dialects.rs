//! What Entra and Okta send in their own way, as their public documentation shows it.

use serde_json::json;

use super::{ALL_SCOPES, ENTERPRISE, GROUPS, USERS, at, found, id, patch, person, provider, query, refused};
use crate::support::{TestApp, on_both};

async fn a_provisioning_cycle_of_entra(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    // the test of the connection: somebody who is not there
    let probe = query(&[("filter", r#"userName eq "non-existent-user""#)]);
    assert_eq!(provider.get(&format!("{USERS}?{probe}")).await.ok()["totalResults"], 0);
    let boss = person(&provider, "boss@x.test").await;
    let made = provider
        .post(USERS, json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "externalId": "0a21f0f2", "userName": "ada@x.test", "active": true, "displayName": "Ada",
            "emails": [{"primary": true, "type": "work", "value": "ada@x.test"}], "meta": {"resourceType": "User"},
            "name": {"formatted": "Ada L", "familyName": "L", "givenName": "Ada"}, "roles": [],
        }))
        .await
        .ok();
    let path = at(USERS, &made);
    let after = patch(
        &provider,
        &path,
        json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ada.l@x.test"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+49 1"},
            {"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Ops"},
            {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": id(&boss)},
            {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "DE"},
            {"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "reader"},
            {"op": "Replace", "path": "name.familyName", "value": "Byron"},
        ]),
    )
    .await
    .ok();
    assert_eq!(after["emails"], json!([{"primary": true, "type": "work", "value": "ada.l@x.test"}]));
    assert_eq!(after["phoneNumbers"], json!([{"type": "mobile", "value": "+49 1"}]));
    assert_eq!(after["addresses"], json!([{"type": "work", "country": "DE"}]));
    assert_eq!(after["roles"], json!([{"primary": true, "value": "reader"}]));
    let place = t.app.public_url().join(&at(USERS, &boss));
    assert_eq!(
        after[ENTERPRISE],
        json!({"department": "Ops", "manager": {"value": id(&boss), "$ref": place}})
    );
    let found_by =
        query(&[("filter", r#"externalId eq "0a21f0f2""#), ("unknown", "1"), ("aadOptscim062020", "")]);
    assert_eq!(provider.get(&format!("{USERS}?{found_by}")).await.ok()["Resources"][0]["id"], made["id"]);
    // values without a path, under names that are paths
    let after = patch(&provider, &path, json!([{"op": "replace", "value": {
        "displayName": "A", "name.givenName": "Augusta", format!("{ENTERPRISE}:department"): "", "title": null,
        "emails[type eq \"home\"].value": "home@x.test", "active": "False"}}]))
    .await
    .ok();
    assert_eq!((&after["name"]["givenName"], &after["active"]), (&json!("Augusta"), &json!(false)));
    assert_eq!((after["emails"].as_array().unwrap().len(), after[ENTERPRISE].get("department")), (2, None));
    let after = patch(&provider, &path, json!([{"op": "Remove", "path": format!("{ENTERPRISE}:manager")}]))
        .await
        .ok();
    assert!(after.get(ENTERPRISE).is_none(), "{after}");
    // groups: found without their members, members one at a time
    let group = provider.post(GROUPS, json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0", "displayName": "Staff", "members": [], "meta": {"resourceType": "Group"}})).await.ok();
    let pairs = query(&[("excludedAttributes", "members"), ("filter", r#"displayName eq "Staff""#)]);
    assert_eq!(
        provider.get(&format!("{GROUPS}?{pairs}")).await.ok()["Resources"][0]["externalId"],
        "8aa1a0c0"
    );
    let group_path = at(GROUPS, &group);
    for (op, many) in [("Add", 1), ("Remove", 0)] {
        let operations =
            json!([{"op": op, "path": "members", "value": [{"$ref": null, "value": id(&boss)}]}]);
        assert_eq!(patch(&provider, &group_path, operations).await.status, 204);
        let filter = format!(r#"id eq "{}" and members eq "{}""#, id(&group), id(&boss));
        assert_eq!(found(&provider, GROUPS, &filter, "id").await.len(), many);
    }
    assert_eq!(provider.delete(&path).await.status, 204);
    assert_eq!(provider.delete(&group_path).await.status, 204);
}

async fn the_requests_of_okta(t: TestApp) {
    let provider = provider(&t, &ALL_SCOPES).await;
    let first = provider.get(&format!("{USERS}?count=1&startIndex=1")).await.ok();
    assert_eq!(
        (&first["schemas"][0], &first["startIndex"]),
        (&json!("urn:ietf:params:scim:api:messages:2.0:ListResponse"), &json!(1))
    );
    let first_path = at(USERS, &first["Resources"][0]);
    let one = provider.get(&first_path).await.ok();
    for named in ["id", "name", "userName", "active", "emails"] {
        assert!(named == "name" || !one[named].is_null(), "{named} in {one}");
    }
    let nobody =
        query(&[("filter", r#"userName eq "nobody@x.test""#), ("startIndex", "1"), ("count", "100")]);
    assert_eq!(provider.get(&format!("{USERS}?{nobody}")).await.ok()["Resources"], json!([]));
    refused(&provider.get(&format!("{USERS}/010101001010101011001010101011")).await, 404, None);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Runscope300@x.test", "active": true,
        "name": {"givenName": "Runscope", "familyName": "300"}, "displayName": "Runscope 300", "locale": "en-US",
        "emails": [{"primary": true, "value": "runscope300@x.test", "type": "work"}], "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [], "password": "1mz050nq",
    });
    let request =
        provider.request("POST", USERS).header("content-type", "application/scim+json; charset=utf-8");
    let answer = provider.send(request.body(body.to_string())).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    let path = at(USERS, &made);
    assert_eq!(provider.get(&path).await.ok()["name"]["familyName"], "300");
    refused(&provider.post(USERS, body.clone()).await, 409, Some("uniqueness"));
    let lower = query(&[("filter", r#"userName eq "RUNSCOPE300@x.test""#)]);
    assert_eq!(provider.get(&format!("{USERS}?{lower}")).await.ok()["totalResults"], 1);
    // updates and deactivation: a PUT of the whole, and a PATCH without a path
    let mut whole = provider.get(&path).await.ok();
    whole["name"]["givenName"] = json!("Changed");
    whole["active"] = json!(false);
    let after = provider.put(&path, whole).await.ok();
    assert_eq!((&after["name"]["givenName"], &after["active"]), (&json!("Changed"), &json!(false)));
    let on = patch(&provider, &path, json!([{"op": "replace", "value": {"active": true}}])).await.ok();
    assert_eq!(on["active"], true);
    assert_eq!(provider.get(GROUPS).await.ok()["totalResults"], 0);
    let group = provider.post(GROUPS, json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Push", "members": []})).await.ok();
    let group_path = at(GROUPS, &group);
    let push = json!([{"op": "replace", "value": {"id": id(&group), "displayName": "Pushed"}},
        {"op": "add", "path": "members", "value": [{"value": id(&made), "display": "Runscope300@x.test"}]}]);
    assert_eq!(patch(&provider, &group_path, push).await.status, 204);
    let group = provider.get(&group_path).await.ok();
    assert_eq!((&group["displayName"], &group["members"][0]["value"]), (&json!("Pushed"), &made["id"]));
    let off = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", id(&made))}]);
    assert_eq!(patch(&provider, &group_path, off).await.status, 204);
    assert!(provider.get(&group_path).await.ok().get("members").is_none());
    refused(&t.client().with_token("not_authorized").get(&format!("{USERS}?count=1")).await, 401, None);
}

on_both![a_provisioning_cycle_of_entra, the_requests_of_okta];
