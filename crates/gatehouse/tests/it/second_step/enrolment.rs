use gatehouse_types::Role;
use serde_json::json;

use super::{App, FACTORS, answer, enrol, events, password, subjects};
use crate::support::{PASSWORD, TestApp, on_both};

const PROVE: &str = "/api/v1/me/reauthenticate";

async fn an_app_counts_once_a_code_of_it_was_shown(t: TestApp) {
    let owner = t.owner().await;
    let first = owner.post_to(&format!("{FACTORS}/totp")).await.ok();
    let begun = owner.post_to(&format!("{FACTORS}/totp")).await.ok();
    assert_ne!(first["secret"], begun["secret"]);
    let uri = begun["otpauthUri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Gatehouse:owner%40main.test?secret="), "{uri}");
    assert!(begun["qrSvg"].as_str().unwrap().contains("<svg"));
    assert_eq!(owner.get(FACTORS).await.ok()["data"], json!([]));
    t.sign_in("owner@main.test").await;
    let app = App::knowing(begun["secret"].as_str().unwrap());
    let confirm = format!("{FACTORS}/totp/confirm");
    let wrong = owner.post(&confirm, json!({"code": app.wrong(&t)})).await;
    assert_eq!(wrong.refused(400, "validation_error")["field"], "code");
    let done = owner.post(&confirm, json!({"code": app.code(&t)})).await.ok();
    assert_eq!(
        (&done["factor"]["type"], &done["factor"]["name"]),
        (&json!("totp"), &json!("Authenticator app"))
    );
    let listed = owner.get(FACTORS).await.ok();
    assert_eq!((&listed["data"][0]["id"], &listed["recoveryCodesLeft"]), (&done["factor"]["id"], &json!(10)));
    assert_eq!(subjects(&owner).await[0], "A second step was added to your account");
    assert_eq!(events(&owner, "factor.added").await[0]["details"]["kind"], "totp");
    owner.post_to(&format!("{FACTORS}/totp")).await.refused(409, "conflict");
    owner.post(&confirm, json!({"code": app.code(&t)})).await.refused(404, "not_found");
    // neither secret nor codes are in what administrators read
    for path in ["/api/v1/audit-events", "/api/v1/outbox"] {
        let body = owner.get(path).await.body;
        assert!(!body.contains(begun["secret"].as_str().unwrap()), "{path}");
        assert!(!body.contains(done["recoveryCodes"][0].as_str().unwrap()), "{path}");
    }
}

async fn a_trial_sets_nothing_up(t: TestApp) {
    let owner = t.owner().await;
    owner.post_to(&format!("{FACTORS}/totp?dryRun=true")).await.ok();
    let confirm = owner.post(&format!("{FACTORS}/totp/confirm"), json!({"code": "123456"})).await;
    confirm.refused(404, "not_found");
    assert!(events(&owner, "factor.begun").await.is_empty());
}

async fn changes_want_a_fresh_proof(t: TestApp) {
    let owner = t.owner().await;
    let app = enrol(&t, &owner).await;
    let id = owner.get(FACTORS).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    t.clock.advance(601);
    assert_eq!(owner.get(FACTORS).await.ok()["proven"], false);
    let refused = owner.delete(&format!("{FACTORS}/{id}")).await;
    assert!(refused.refused(403, "authorization_error")["decision"].is_string());
    for path in ["recovery-codes", "totp"] {
        owner.post_to(&format!("{FACTORS}/{path}")).await.refused(403, "authorization_error");
    }
    let wrong = owner.post(PROVE, json!({"password": "wrong-password"})).await;
    assert!(wrong.refused(401, "authentication_error")["decision"].is_string());
    owner.post(PROVE, json!({})).await.refused(400, "validation_error");
    owner
        .post(&format!("{PROVE}?dryRun=true"), json!({"password": PASSWORD}))
        .await
        .refused(400, "invalid_request_error");
    owner.delete(&format!("{FACTORS}/{id}")).await.refused(403, "authorization_error");
    owner.post(PROVE, json!({"code": app.code(&t)})).await.ok();
    owner.post(PROVE, json!({"code": app.code(&t)})).await.refused(401, "authentication_error");
    owner.post(&format!("{FACTORS}/recovery-codes"), json!({})).await.ok();
    t.clock.advance(200);
    owner.post(PROVE, json!({"password": PASSWORD})).await.ok();
    assert_eq!(owner.delete(&format!("{FACTORS}/{id}")).await.ok(), json!({"deleted": true}));
    owner.delete(&format!("{FACTORS}/{id}")).await.refused(404, "not_found");
    assert_eq!(subjects(&owner).await[0], "A second step was taken away from your account");
    assert_eq!(owner.get(FACTORS).await.ok()["recoveryCodesLeft"], 0);
    t.sign_in("owner@main.test").await;
}

async fn nobody_takes_away_what_is_anothers(t: TestApp) {
    let owner = t.owner().await;
    enrol(&t, &owner).await;
    let id = owner.get(FACTORS).await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let member = t.member_of(Role::Admin).await;
    let theirs = member.delete(&format!("{FACTORS}/{id}")).await;
    theirs.refused(404, "not_found");
    assert_eq!(theirs.body, member.delete(&format!("{FACTORS}/fac_1")).await.body);
    assert_eq!(owner.get(FACTORS).await.ok()["data"].as_array().unwrap().len(), 1);
}

async fn the_operator_resets_them(t: TestApp) {
    let owner = t.owner().await;
    t.person("member@main.test", Role::Member).await;
    let app = enrol(&t, &t.sign_in("member@main.test").await).await;
    let (browser, asked) = password(&t, "member@main.test").await;
    let (identity, machine) = (t.app.identity(), t.app.machine());
    let email = "member@main.test".parse().unwrap();
    assert_eq!(identity.reset_factors(&machine, "main", &email).await.unwrap(), 1);
    answer(&browser, &asked, "code", &app.code(&t)).await.refused(401, "authentication_error");
    t.sign_in("member@main.test").await;
    assert_eq!(events(&owner, "factors.reset").await[0]["details"], json!({"email": email, "count": 1}));
    assert_eq!(subjects(&owner).await[0], "The second steps of your account were reset");
    assert!(identity.reset_factors(&machine, "Nowhere", &email).await.is_err());
    let nobody = "nobody@main.test".parse().unwrap();
    assert!(identity.reset_factors(&machine, "Main", &nobody).await.is_err());
}

on_both![
    an_app_counts_once_a_code_of_it_was_shown,
    a_trial_sets_nothing_up,
    changes_want_a_fresh_proof,
    nobody_takes_away_what_is_anothers,
    the_operator_resets_them,
];
