//! The page of why and who can, as plain forms.

use gatehouse_types::Role;

use super::{app, asked, key, text};
use crate::support::{Answer, Client, TestApp, on_both};

const PAGE: &str = "/settings/security/why";

/// Sends one of the forms of the page.
async fn ask(browser: &Client, question: &[(&str, &str)]) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(question).finish();
    browser.get(&format!("{PAGE}?{query}")).await
}

async fn a_refusal_is_read_by_its_number(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let refused = asked(&t, &key.value, Some("model:deploy")).await;
    let decision = text(&refused.refused(403, "authorization_error")["decision"]);
    let browser = t.browser("owner@main.test").await;
    let page = browser.get(PAGE).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("aria-current=\"page\">Why and who can<"), "{}", page.body);
    let found = ask(&browser, &[("ask", "decision"), ("decision", &format!(" {decision} "))]).await;
    let shown = format!("/settings/decisions/{decision}");
    assert_eq!((found.status, found.location()), (303, Some(shown.as_str())));
    let chain = browser.get(&shown).await.body;
    assert!(
        chain.contains("The scope model:deploy is needed. The app Deployer has workflow:deploy."),
        "{chain}"
    );
    assert!(chain.contains("passed") && chain.contains("refused") && chain.contains(PAGE), "{chain}");
    // nowhere, no number at all, and somebody else's are told alike
    t.workspace("Other").await;
    let stranger = t.browser("owner@other.test").await;
    let unknown = "dec_0198c5f0e8a07c3fa1b2c3d4e5f60718";
    let mut told = Vec::new();
    for (who, number) in [(&browser, unknown), (&stranger, unknown), (&stranger, &decision), (&browser, "x")]
    {
        let answer = ask(who, &[("ask", "decision"), ("decision", number)]).await;
        assert_eq!(answer.status, 404, "{}", answer.body);
        assert!(!answer.body.contains("Deployer"), "{}", answer.body);
        let at = answer.body.find("id=\"decision-error\"").unwrap_or_else(|| panic!("{}", answer.body));
        told.push(answer.body[at..].split("</p>").next().unwrap().to_owned());
    }
    assert!(told.iter().all(|t| *t == told[0] && t.contains("No decision of this workspace")), "{told:?}");
    assert_eq!(ask(&browser, &[("ask", "decision"), ("decision", "")]).await.status, 400);
    assert_eq!(ask(&browser, &[("ask", "decision"), ("decision", &"x".repeat(301))]).await.status, 400);
}

async fn what_if_is_answered_in_plain_words(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer", &["workflow:deploy"]).await;
    let key = key(&owner, &path, "CI").await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    t.person("mia@main.test", Role::Member).await;
    let browser = t.browser("owner@main.test").await;
    let what_if = async |who: &str, more: &[(&str, &str)]| {
        let mut question = vec![("ask", "what-if"), ("who", who)];
        question.extend_from_slice(more);
        ask(&browser, &question).await
    };
    for who in ["Deployer", "deployer", &id, &key.id] {
        let yes = what_if(who, &[("action", "workflow:deploy"), ("object", "workflow:1")]).await;
        assert!(
            yes.status == 200 && yes.body.contains("may do workflow:deploy on workflow:1."),
            "{}",
            yes.body
        );
        let no = what_if(who, &[("action", "model:deploy")]).await;
        assert!(no.body.contains(&format!("No: {who} may not do model:deploy.")), "{}", no.body);
        assert!(no.body.contains("The app Deployer does not have model:deploy."), "{}", no.body);
        let then =
            what_if(who, &[("action", "model:deploy"), ("scopes", "model:deploy, model:export")]).await;
        assert!(then.body.contains(&format!("Yes: then {who} could do model:deploy.")), "{}", then.body);
    }
    let no = what_if("mia@main.test", &[("action", "sso:manage"), ("role", "")]).await;
    assert!(no.body.contains("No: mia@main.test may not do sso:manage."), "{}", no.body);
    let yes = what_if("mia@main.test", &[("action", "sso:manage"), ("role", "admin")]).await;
    assert!(yes.body.contains("Yes: then mia@main.test could do sso:manage."), "{}", yes.body);
    assert!(yes.body.contains("<option value=\"admin\" selected>"), "what was asked stays: {}", yes.body);
    // what does not fit is said at its field
    for (who, more, status, field) in [
        ("", [("action", "sso:manage"), ("role", "")], 400, "who"),
        ("mia@main.test", [("action", "everything"), ("role", "")], 400, "action"),
        ("mia@main.test", [("action", "sso:manage"), ("role", "god")], 400, "role"),
        ("nobody@main.test", [("action", "sso:manage"), ("role", "")], 404, "who"),
        ("No such app", [("action", "sso:manage"), ("role", "")], 404, "who"),
    ] {
        let answer = what_if(who, &more).await;
        assert_eq!(answer.status, status, "{who} {more:?}: {}", answer.body);
        assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{who} {more:?}: {}", answer.body);
    }
    // asking changed nothing
    t.sign_in("mia@main.test").await.get("/api/v1/sso/connections").await.refused(403, "authorization_error");
    asked(&t, &key.value, Some("model:deploy")).await.refused(403, "authorization_error");
    // somebody else's are told like nobody
    t.workspace("Other").await;
    let stranger = t.browser("owner@other.test").await;
    let mut told = Vec::new();
    for who in ["mia@main.test", &id, &key.id, "Deployer", "nobody@main.test"] {
        let answer = ask(&stranger, &[("ask", "what-if"), ("who", who), ("action", "sso:manage")]).await;
        assert_eq!(answer.status, 404, "{who}: {}", answer.body);
        let at = answer.body.find("id=\"who-error\"").unwrap();
        told.push(answer.body[at..].split("</p>").next().unwrap().to_owned());
    }
    assert!(told.iter().all(|t| *t == told[0]), "{told:?}");
}

async fn who_can_names_people_and_apps_with_the_rule(t: TestApp) {
    let owner = t.owner().await;
    let path = app(&owner, "Deployer <b>", &["workflow:deploy"]).await;
    t.person("ada@main.test", Role::Admin).await;
    let browser = t.browser("owner@main.test").await;
    let able =
        ask(&browser, &[("ask", "who-can"), ("what", "workflow:deploy"), ("onWhat", "workflow:1")]).await;
    assert_eq!(able.status, 200, "{}", able.body);
    assert!(able.body.contains("3 may do workflow:deploy on workflow:1."), "{}", able.body);
    assert!(able.body.contains("The role admin carries workflow:deploy."), "{}", able.body);
    assert!(able.body.contains("The app has the scope workflow:deploy."), "{}", able.body);
    let id = path.rsplit('/').next().unwrap();
    assert!(able.body.contains(&format!("/settings/security/api-scopes/{id}")), "{}", able.body);
    assert!(!able.body.contains("Deployer <b>"), "names are text: {}", able.body);
    let one = ask(&browser, &[("ask", "who-can"), ("what", "api-apps:delete")]).await;
    assert!(one.body.contains("One may do api-apps:delete."), "{}", one.body);
    let wrong = ask(&browser, &[("ask", "who-can"), ("what", "everything")]).await;
    assert!(wrong.status == 400 && wrong.body.contains("id=\"what-error\""), "{}", wrong.body);
    t.workspace("Other").await;
    let stranger = t.browser("owner@other.test").await;
    let theirs = ask(&stranger, &[("ask", "who-can"), ("what", "workflow:deploy")]).await;
    assert!(theirs.status == 200 && !theirs.body.contains("Deployer"), "{}", theirs.body);
}

/// Without the right the page is an explained refusal, and whoever was refused is not told more by asking.
async fn whoever_may_not_ask_is_told_why(t: TestApp) {
    let owner = t.owner().await;
    for role in [Role::Viewer, Role::Member] {
        t.person(&format!("{role}@main.test"), role).await;
        let browser = t.browser(&format!("{role}@main.test")).await;
        assert!(!browser.get("/").await.body.contains(PAGE), "{role} sees the menu entry");
        for question in [
            vec![],
            vec![("ask", "who-can"), ("what", "sso:manage")],
            vec![("ask", "decision"), ("decision", "x")],
        ] {
            let refused = ask(&browser, &question).await;
            assert_eq!(refused.status, 403, "{role} {question:?}: {}", refused.body);
            let decision = refused.decision();
            assert!(refused.body.contains(&format!("/settings/decisions/{decision}")), "{}", refused.body);
            let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
            assert_eq!(why["action"], "decisions:read");
            assert!(
                text(&why["reasons"][1]["detail"]).contains(&format!("The role {role} does not carry it")),
                "{why}"
            );
        }
    }
}

on_both![
    a_refusal_is_read_by_its_number,
    what_if_is_answered_in_plain_words,
    who_can_names_people_and_apps_with_the_rule,
    whoever_may_not_ask_is_told_why,
];
