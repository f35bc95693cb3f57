//! Sign-off: we tell the provider, and the provider has us clean up.

use serde_json::{Value, json};

use super::{begun, is_in, link, parameters, start};
use crate::support::{Client, LabConnection, TestApp, on_both};

async fn entered(t: &TestApp, lab: &LabConnection, person: &str) -> Client {
    let browser = t.client();
    let form = t.ask_lab(&browser, &start(lab, "/"), person, "none").await;
    assert_eq!(form.send(&browser).await.status, 303);
    browser
}

fn clean_up(lab: &LabConnection) -> String {
    format!("/wsfed/{}/reply?wa=wsignoutcleanup1.0", lab.id)
}

async fn r023_signing_out_here_signs_out_at_the_provider(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let browser = entered(&t, &lab, "ada").await;
    let done = browser.request("POST", "/api/v1/auth/logout").header("origin", t.app.public_url().as_str());
    let done = browser.send(done).await.ok();
    let ticket = done["logoutUrl"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned();
    assert!(ticket.contains("/sso/logout/"), "{ticket}");
    assert!(!is_in(&browser).await, "our session ends first");
    let leaves = browser.get(&ticket).await;
    let (place, said) = parameters(&link(&leaves));
    assert_eq!(place, t.lab().wsfed_url());
    let id = lab.id.parse().unwrap();
    assert_eq!(said["wa"], "wsignout1.0");
    assert_eq!(said["wtrealm"], t.app.sso().own_realm(&id));
    assert_eq!(said["wreply"], t.app.sso().reply_url(&id));
    let there = browser.get(&link(&leaves)).await;
    assert_eq!(there.location(), Some(said["wreply"].as_str()), "{}", there.body);
    let back = browser.get(&said["wreply"]).await;
    assert_eq!((back.status, back.location()), (303, Some("/login")));
    assert!(browser.get("/login").await.body.contains("You are signed out."));
    // the ticket is used up
    assert_eq!(browser.get(&ticket).await.location(), Some("/login"));
    let someone = t.client();
    assert_eq!(someone.get(&format!("/sso/logout/{}", "x".repeat(43))).await.location(), Some("/login"));
}

async fn r023_the_provider_ends_the_sessions_of_this_browser_through_this_connection(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let other = t.active_wsfed(&owner, t.wsfed_body("Second"), "second.test").await;
    let (ada, bruno) = (entered(&t, &lab, "ada").await, entered(&t, &lab, "bruno").await);
    // of another connection, of nobody: nothing happens, and all look alike
    let dot = ada.get(&clean_up(&other)).await;
    assert_eq!((dot.status, dot.header("content-type")), (200, Some("image/gif")));
    assert!(is_in(&ada).await);
    assert_eq!(t.client().get(&clean_up(&lab)).await.status, 200);
    let by_password = t.browser("owner@main.test").await;
    by_password.get(&clean_up(&lab)).await;
    assert!(is_in(&by_password).await, "a session that did not begin through it goes on");

    // as a picture in the provider's page: the session's own cookie stays at home
    let picture = t.client();
    picture.set_cookie("gatehouse_attempt", &ada.cookie("gatehouse_attempt").unwrap());
    let dot = picture.get(&clean_up(&lab)).await;
    assert_eq!((dot.status, dot.header("content-type")), (200, Some("image/gif")));
    assert_eq!(dot.header("x-frame-options"), None);
    assert_eq!(dot.header("cross-origin-resource-policy"), Some("cross-origin"));
    let policy = dot.header("content-security-policy").unwrap();
    let origin = t.app.public_url().origin().to_owned();
    assert!(policy.contains(&format!("frame-ancestors {origin};")), "{policy}");
    assert_eq!(dot.header("cache-control"), Some("no-store"));
    assert!(!is_in(&ada).await && is_in(&bruno).await);
    let events = owner.get("/api/v1/audit-events?event=sso.logout-received").await.ok();
    assert_eq!(events["pagination"]["totalItems"], 1);
    assert_eq!(events["data"][0]["details"]["sessionsEnded"], 1);
    let attempt = owner.get(&format!("{}/attempts?flow=logout", lab.path)).await.ok()["data"][0].clone();
    assert_eq!((&attempt["outcome"], &attempt["flow"]), (&json!("success"), &json!("logout")));
    let ended = owner.get("/api/v1/audit-events?event=session.ended").await.ok();
    assert_eq!(ended["data"][0]["details"]["reason"], "provider-signed-out", "{ended}");

    // by a link: only the session's cookie comes along, and is taken away
    let followed = t.client();
    followed.set_cookie("gatehouse_session", &bruno.cookie("gatehouse_session").unwrap());
    followed.get(&clean_up(&lab)).await;
    assert_eq!(followed.cookie("gatehouse_session"), None);
    assert!(!is_in(&bruno).await);
}

async fn r023_a_clean_up_leads_back_to_the_provider_and_nowhere_else(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let at = |reply: &str| {
        let reply: String = url::form_urlencoded::byte_serialize(reply.as_bytes()).collect();
        format!("{}&wreply={reply}", clean_up(&lab))
    };
    let there = format!("{}?assocId=1", t.lab().wsfed_url());
    assert_eq!(t.client().get(&at(&there)).await.location(), Some(there.as_str()));
    for elsewhere in ["https://evil.test/", "//evil.test", "javascript:alert(1)", "http://127.0.0.1:1/"] {
        let answer = t.client().get(&at(elsewhere)).await;
        assert_eq!((answer.status, answer.location()), (200, None), "{elsewhere}");
    }
    for odd in ["wa=wsignin1.0", "wa=wattr1.0"] {
        assert_eq!(t.client().get(&format!("/wsfed/{}/reply?{odd}", lab.id)).await.status, 400, "{odd}");
    }
    let unknown = "/wsfed/con_00000000000000000000000000000000/reply?wa=wsignoutcleanup1.0";
    assert_eq!(t.client().get(unknown).await.status, 404);
    // a switched off connection still ends its sessions
    let ada = entered(&t, &lab, "ada").await;
    owner.post_to(&format!("{}/deactivate", lab.path)).await.ok();
    ada.get(&clean_up(&lab)).await;
    assert!(!is_in(&ada).await);
}

async fn a_session_that_went_on_elsewhere_is_cleaned_up_too(t: TestApp) {
    let owner = t.owner().await;
    let lab = t.wsfed_lab(&owner).await;
    let other = t.workspace("Other").await;
    let ada = entered(&t, &lab, "ada").await;
    t.person_in(&other, "ada@lab.test", gatehouse_types::Role::Member).await;
    let request = ada.request("post", "/api/v1/auth/switch-workspace");
    let request = request.header("origin", t.app.public_url().as_str());
    let body: Value = json!({"workspaceId": other.to_string()});
    let switched = ada.send(request.header("content-type", "application/json").body(body.to_string())).await;
    assert_eq!(switched.status, 200, "{}", switched.body);
    assert!(is_in(&ada).await);
    let picture = t.client();
    picture.set_cookie("gatehouse_attempt", &ada.cookie("gatehouse_attempt").unwrap());
    picture.get(&clean_up(&lab)).await;
    assert!(!is_in(&ada).await);
    // the cookie of a further sign-on in the same browser is the same one
    let context = begun(&ada, &lab).await;
    assert!(!context.is_empty());
}

on_both![
    r023_signing_out_here_signs_out_at_the_provider,
    r023_the_provider_ends_the_sessions_of_this_browser_through_this_connection,
    r023_a_clean_up_leads_back_to_the_provider_and_nowhere_else,
    a_session_that_went_on_elsewhere_is_cleaned_up_too,
];
