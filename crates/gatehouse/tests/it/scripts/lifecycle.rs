use serde_json::{Value, json};

use super::{
    JAVASCRIPT, PYTHON, call, deployed, import, imported, key_of, plain, send, settled, workers, zip_of,
};
use crate::support::{TestApp, on_both};

/// A project whose main file cannot be loaded.
const BROKEN: &[(&str, &str)] = &[("main.py", "import nothing_of_this_name\ndef f():\n    return 1\n")];

async fn r209_r210_a_draft_is_deployed_when_the_terms_are_accepted(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let made = import(&owner, PYTHON, plain("First", "python")).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!(
        (&made["status"], &made["actions"]),
        (&json!("Draft"), &json!(["export", "delete", "deploy"]))
    );
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/v1/scripts/{id}");
    for body in [json!({}), json!({"acceptTerms": false})] {
        let error = owner.post(&format!("{path}/deploy"), body).await.refused(400, "validation_error");
        assert_eq!(error["field"], "acceptTerms");
    }
    let begun = owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await;
    assert_eq!((begun.status, &begun.json()["status"]), (202, &json!("Deploying")));
    let script = settled(&owner, id).await;
    assert_eq!(script["status"], "Deployed", "{script}");
    assert_eq!((&script["deployed"]["version"], &script["deployed"]["name"]), (&json!(1), &json!("v1")));
    assert_eq!(script["replicas"], json!({"ready": 1, "wanted": 1}));
    assert_eq!(script["actions"], json!(["export", "redeploy", "undeploy"]));
}

async fn r210_r220_a_deployment_that_fails_says_why(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, BROKEN, plain("Broken", "python")).await;
    let path = format!("/api/v1/scripts/{id}");
    owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await.ok();
    let script = settled(&owner, &id).await;
    assert_eq!(script["status"], "Deployment Failed");
    assert!(script["reason"].as_str().unwrap().contains("nothing_of_this_name"), "{script}");
    assert_eq!(script["actions"], json!(["export", "delete", "deploy", "redeploy"]));
    let history = owner.get(&format!("{path}/deployments")).await.ok();
    let entry = &history["data"][0];
    assert_eq!(
        (&entry["status"], &entry["durationMs"], &entry["active"]),
        (&json!("Failed"), &Value::Null, &json!(false))
    );
    // mended, it comes into service as the next version
    send(&owner, "PUT", &path, Some(("mended.zip", &zip_of(PYTHON))), None).await.ok();
    let script = deployed(&owner, &id).await;
    assert_eq!(script["deployed"]["version"], 2);
    assert_eq!(script["reason"], Value::Null);
}

async fn r211_r212_administrators_are_told_by_mail_with_the_credits(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Mailed", "python")).await;
    deployed(&owner, &id).await;
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    let mails = t.mails_to("owner@main.test").await;
    for subject in [
        "Custom script deployed successfully - API Endpoint Available",
        "Your custom script has been undeployed successfully",
    ] {
        let mail = mails.iter().find(|m| m.0 == subject).unwrap_or_else(|| panic!("{subject} in {mails:?}"));
        assert!(mail.1.contains("\"Mailed\"") && mail.1.contains("Total allocation: 1000\n"), "{}", mail.1);
        assert!(mail.1.contains("Credits remaining: "), "{}", mail.1);
    }
}

async fn r222_r223_r231_out_of_service_and_back_with_everything(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Back", "python")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    let path = format!("/api/v1/scripts/{id}");
    owner.delete(&path).await.refused(409, "conflict");
    owner.put(&path, json!({"description": "new"})).await.refused(409, "conflict");
    owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await.refused(409, "conflict");
    let out = owner.post_to(&format!("{path}/undeploy")).await.ok();
    assert_eq!((&out["status"], &out["deployed"]), (&json!("Ready to Deploy"), &Value::Null));
    call(&owner, &id, &key, "greet", json!({})).await.refused(409, "conflict");
    owner.post_to(&format!("{path}/undeploy")).await.refused(409, "conflict");
    let history = owner.get(&format!("{path}/deployments")).await.ok();
    assert!(history["data"][0]["undeployedBy"].as_str().unwrap().starts_with("user:"), "{history}");
    // name and everything else but the language can be changed now
    owner.put(&path, json!({"name": "Back again", "timeoutSeconds": 45})).await.ok();
    owner.put(&path, json!({"language": "javascript"})).await.refused(400, "validation_error");
    let script = deployed(&owner, &id).await;
    assert_eq!((&script["name"], &script["deployed"]["version"]), (&json!("Back again"), &json!(2)));
    call(&owner, &id, &key, "greet", json!({})).await.ok();
    let history = owner.get(&format!("{path}/deployments")).await.ok();
    assert_eq!(history["data"][1]["undeployedBy"], Value::Null, "told while it is ready to deploy");
}

async fn r225_r228_r230_a_redeployment_changes_what_may_change(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Changing", "python")).await;
    let path = format!("/api/v1/scripts/{id}");
    owner.post(&format!("{path}/redeploy"), json!({})).await.refused(409, "conflict");
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    for change in
        [json!({"name": "Other"}), json!({"language": "javascript"}), json!({"languageVersion": "3.12"})]
    {
        owner.post(&format!("{path}/redeploy"), change).await.refused(400, "validation_error");
    }
    // what is in service answers all the while
    let changed = zip_of(&[("main.py", "def greet(name='x'):\n    return 'second'\n")]);
    let settings = json!({"description": "second", "maxReplicas": 2});
    let begun =
        send(&owner, "POST", &format!("{path}/redeploy"), Some(("second.zip", &changed)), Some(&settings))
            .await;
    assert_eq!((begun.status, &begun.json()["status"]), (202, &json!("Deploying")));
    call(&owner, &id, &key, "greet", json!({})).await.ok();
    let script = settled(&owner, &id).await;
    assert_eq!(
        (&script["status"], &script["deployed"]["version"]),
        (&json!("Deployed"), &json!(2)),
        "{script}"
    );
    assert_eq!(call(&owner, &id, &key, "greet", json!({})).await.ok()["result"], "second");
    // a redeployment that fails leaves what is in service there
    send(&owner, "POST", &format!("{path}/redeploy"), Some(("broken.zip", &zip_of(BROKEN))), None).await.ok();
    let script = settled(&owner, &id).await;
    assert_eq!(
        (&script["status"], &script["deployed"]["version"]),
        (&json!("Deployed"), &json!(2)),
        "{script}"
    );
    assert_eq!(call(&owner, &id, &key, "greet", json!({})).await.ok()["result"], "second");
    let history = owner.get(&format!("{path}/deployments")).await.ok();
    let told: Vec<_> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["fullName"].clone(), d["status"].clone(), d["active"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("Changing v3"), json!("Failed"), json!(false)),
            (json!("Changing v2"), json!("Success"), json!(true)),
            (json!("Changing v1"), json!("Success"), json!(false)),
        ]
    );
    assert!(history["data"][1]["durationMs"].as_i64().is_some());
    // versions are renamed by a convention
    let named = owner
        .call("PATCH", &format!("{path}/deployments/2"), Some(json!({"name": "autumn-2026"})))
        .await
        .ok();
    assert_eq!(named["fullName"], "Changing autumn-2026");
    for bad in ["", "has space", "v1", "-x"] {
        owner
            .call("PATCH", &format!("{path}/deployments/2"), Some(json!({"name": bad})))
            .await
            .refused(400, "validation_error");
    }
    owner
        .call("PATCH", &format!("{path}/deployments/9"), Some(json!({"name": "x"})))
        .await
        .refused(404, "not_found");
}

async fn r224_deleted_is_gone_with_keys_and_history(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let id = imported(&owner, JAVASCRIPT, plain("Gone", "javascript")).await;
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    call(&owner, &id, &key, "greet", json!({})).await.ok();
    let path = format!("/api/v1/scripts/{id}");
    owner.post_to(&format!("{path}/undeploy")).await.ok();
    owner.delete(&path).await.ok();
    owner.get(&path).await.refused(404, "not_found");
    call(&owner, &id, &key, "greet", json!({})).await.refused(401, "authentication_error");
    // the name is free again
    imported(&owner, JAVASCRIPT, plain("Gone", "javascript")).await;
}

async fn a_deployment_can_be_called_off(t: TestApp) {
    // nobody carries it out here
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Called off", "python")).await;
    let path = format!("/api/v1/scripts/{id}");
    owner.post_to(&format!("{path}/cancel")).await.refused(409, "conflict");
    owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await.ok();
    let script = owner.get(&path).await.ok();
    assert_eq!(
        (&script["status"], &script["actions"]),
        (&json!("Deploying"), &json!(["export", "delete", "cancel"]))
    );
    assert_eq!(owner.post_to(&format!("{path}/cancel")).await.ok()["status"], "Ready to Deploy");
    let history = owner.get(&format!("{path}/deployments")).await.ok();
    assert_eq!(history["data"][0]["status"], "Canceled");
    // deleted while it is on its way: called off and gone
    owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await.ok();
    owner.delete(&path).await.ok();
    owner.get(&path).await.refused(404, "not_found");
}

async fn what_was_launched_for_a_deployment_that_is_called_off_stops(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    // the first replica gets ready, the second one does not
    let project: &[(&str, &str)] = &[(
        "main.py",
        "import os, time\nmark = os.path.join(os.environ['WORKSPACE_DIR'], 'first')\nif os.path.exists(mark):\n    \
         time.sleep(300)\nopen(mark, 'w').close()\ndef f():\n    return 1\n",
    )];
    let settings = json!({"name": "Half", "language": "python", "minReplicas": 2, "maxReplicas": 2});
    let id = imported(&owner, project, settings).await;
    let path = format!("/api/v1/scripts/{id}");
    owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await.ok();
    let within = async |seconds: usize, is_so: &dyn Fn(usize) -> bool| {
        for _ in 0..seconds * 10 {
            if is_so(workers(&id)) {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        false
    };
    assert!(within(20, &|seen| seen >= 2).await, "replicas are launched");
    owner.post_to(&format!("{path}/cancel")).await.ok();
    assert!(within(20, &|seen| seen == 0).await, "nothing of it goes on");
    assert_eq!(owner.get(&path).await.ok()["status"], "Ready to Deploy");
}

async fn r208_r242_credits_are_metered_and_without_them_nothing_is_deployed(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    let credits = owner.get("/api/v1/credits").await.ok();
    assert_eq!(
        (&credits["total"], &credits["used"], &credits["remaining"]),
        (&json!("1000"), &json!("0"), &json!("1000"))
    );
    let id = imported(&owner, PYTHON, plain("Metered", "python")).await;
    deployed(&owner, &id).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    let mut credits = Value::Null;
    for _ in 0..100 {
        credits = owner.get("/api/v1/credits").await.ok();
        if credits["used"] != "0" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let used: f64 = credits["used"].as_str().unwrap().parse().unwrap();
    // between one second and one minute of a replica at 0.07698 an hour
    assert!(used > 0.07698 / 3600.0 && used < 0.07698 / 60.0, "{credits}");
    assert_eq!(
        (&credits["scripts"][0]["name"], &credits["scripts"][0]["hardwareProfile"]),
        (&json!("Metered"), &json!("1vcpu-2gb"))
    );
}

on_both!(
    r209_r210_a_draft_is_deployed_when_the_terms_are_accepted,
    r210_r220_a_deployment_that_fails_says_why,
    r211_r212_administrators_are_told_by_mail_with_the_credits,
    r222_r223_r231_out_of_service_and_back_with_everything,
    r225_r228_r230_a_redeployment_changes_what_may_change,
    r224_deleted_is_gone_with_keys_and_history,
    a_deployment_can_be_called_off,
    what_was_launched_for_a_deployment_that_is_called_off_stops,
    r208_r242_credits_are_metered_and_without_them_nothing_is_deployed,
);
