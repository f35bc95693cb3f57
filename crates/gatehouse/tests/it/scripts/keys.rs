use serde_json::json;

use super::{PYTHON, call, deployed, imported, key_of, plain};
use crate::support::{TestApp, on_both};

async fn r233_a_key_works_once_the_script_is_deployed(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Keyed", "python")).await;
    let key = key_of(&owner, &id).await;
    let error = call(&owner, &id, &key, "greet", json!({})).await.refused(409, "conflict");
    assert!(error["message"].as_str().unwrap().contains("Endpoint not activated"), "{error}");
    deployed(&owner, &id).await;
    call(&owner, &id, &key, "greet", json!({})).await.ok();
    // a key opens its own script alone
    let other = imported(&owner, PYTHON, plain("Other", "python")).await;
    let error = call(&owner, &other, &key, "greet", json!({})).await.refused(403, "authorization_error");
    assert!(error["decision"].is_string());
    for wrong in ["", "gh_nothing", &key[..key.len() - 1]] {
        call(&owner, &id, wrong, "greet", json!({})).await.refused(401, "authentication_error");
    }
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    call(&owner, &id, &key, "greet", json!({})).await.refused(409, "conflict");
}

async fn r234_a_key_has_a_name_of_its_own_and_is_shown_once(t: TestApp) {
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Keyed", "python")).await;
    let path = format!("/api/v1/scripts/{id}/keys");
    let made = owner.post(&path, json!({})).await.ok();
    assert_eq!(made["name"], "Secret Key");
    let value = made["value"].as_str().unwrap();
    owner.post(&path, json!({"name": "secret key"})).await.refused(409, "conflict");
    owner.post(&path, json!({"name": " "})).await.refused(400, "validation_error");
    let listed = owner.get(&path).await;
    assert!(!listed.body.contains(value), "{}", listed.body);
    assert_eq!(listed.ok()["data"][0]["ownerKind"], "service");
    // and nowhere else
    let audit = owner.get("/api/v1/audit-events?pageSize=100").await.body;
    assert!(audit.contains("script.key-created") && !audit.contains(value), "{audit}");
}

async fn r235_a_deleted_key_opens_nothing_from_then_on(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Keyed", "python")).await;
    deployed(&owner, &id).await;
    let path = format!("/api/v1/scripts/{id}/keys");
    let made = owner.post(&path, json!({"name": "Short"})).await.ok();
    let (key, value) = (made["id"].as_str().unwrap(), made["value"].as_str().unwrap());
    call(&owner, &id, value, "greet", json!({})).await.ok();
    owner.delete(&format!("{path}/{key}")).await.ok();
    call(&owner, &id, value, "greet", json!({})).await.refused(401, "authentication_error");
    owner.delete(&format!("{path}/{key}")).await.refused(404, "not_found");
}

async fn r236_keys_are_found_by_a_part_of_their_name(t: TestApp) {
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Keyed", "python")).await;
    let path = format!("/api/v1/scripts/{id}/keys");
    for name in ["Billing", "Reports", "Night reports"] {
        owner.post(&path, json!({"name": name})).await.ok();
    }
    let found = owner.get(&format!("{path}?search=REPORT")).await.ok();
    let names: Vec<_> =
        found["data"].as_array().unwrap().iter().map(|k| k["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["Night reports", "Reports"]);
    assert_eq!(owner.get(&format!("{path}?search=%25")).await.ok()["pagination"]["totalItems"], 0);
}

on_both!(
    r233_a_key_works_once_the_script_is_deployed,
    r234_a_key_has_a_name_of_its_own_and_is_shown_once,
    r235_a_deleted_key_opens_nothing_from_then_on,
    r236_keys_are_found_by_a_part_of_their_name,
);
