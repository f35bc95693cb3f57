//! API Scopes in the console, as a browser without JavaScript sends it.

use serde_json::json;

use super::{APPS, asked, text};
use crate::support::{Answer, Client, Form, TestApp, on_both};

const PAGE: &str = "/settings/security/api-scopes";

/// The form of a page that goes to `action`, with these values in the place of what stands there.
async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let shown = browser.get(page).await;
    assert_eq!(shown.status, 200, "{page}: {}", shown.body);
    let mut form = Form::to(&shown.body, action);
    for (name, _) in values {
        form.fields.retain(|(known, _)| known != name);
    }
    form.fields.extend(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    form.send(browser).await
}

/// Where the link with this text leads.
fn link<'a>(page: &'a str, label: &str) -> &'a str {
    let at = page.find(&format!(">{label}<")).unwrap_or_else(|| panic!("no link {label}: {page}"));
    let tag = &page[page[..at].rfind('<').unwrap()..at];
    tag.split("href=\"").nth(1).unwrap_or_else(|| panic!("{tag}")).split('"').next().unwrap()
}

async fn r104_api_scopes_lists_the_apps_and_offers_another(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let settings = browser.get("/settings").await;
    let settings = browser.get(settings.location().unwrap()).await.body;
    assert_eq!(link(&settings, "API Scopes"), PAGE);
    let group = settings.find("Security &amp; Control").or_else(|| settings.find("Security &#38; Control"));
    assert!(group.is_some_and(|at| settings[at..].contains(PAGE)), "{settings}");
    let empty = browser.get(PAGE).await.body;
    assert_eq!(link(&empty, "Create an API App"), format!("{PAGE}/new"));
    let owner = t.owner().await;
    for name in ["First", "Second"] {
        owner.post(APPS, json!({"name": name, "scopes": ["workflow:deploy"]})).await.ok();
    }
    let list = browser.get(PAGE).await.body;
    assert_eq!(link(&list, "Create an App"), format!("{PAGE}/new"));
    for shown in ["First", "Second", "Deploy workflow", "Created by", "Created on"] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
}

async fn r105_the_wizard_leads_from_untitled_app_to_a_key(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let begin = browser.get(PAGE).await.body;
    let new = link(&begin, "Create an API App").to_owned();
    // an editable title, and the ten scopes
    let first = browser.get(&new).await.body;
    let form = Form::to(&first, &new);
    let title = form.fields.iter().find(|(name, _)| name == "name").unwrap();
    assert_eq!(title.1, "Untitled app");
    let platform =
        first.split("<legend>Platform</legend>").nth(1).unwrap().split("</fieldset>").next().unwrap();
    assert_eq!(platform.matches("name=\"scopes\" type=\"checkbox\"").count(), 10);
    assert!(first.contains(">Next</button>"), "{first}");
    // what is wrong is said at its field, and nothing was made
    let wrong = submit(&browser, &new, &new, &[("name", " ")]).await;
    assert!(wrong.status == 400 && wrong.body.contains("id=\"name-error\""), "{}", wrong.body);
    let values = [("name", "Deployer"), ("scopes", "workflow:deploy"), ("scopes", "model:export")];
    let next = submit(&browser, &new, &new, &values).await;
    assert_eq!(next.status, 303, "{}", next.body);
    let keys = next.location().unwrap().to_owned();
    // success, then the key
    let made = browser.get(&keys).await.body;
    assert!(made.contains("The app Deployer was created. Create an API key for it."), "{made}");
    let new_key = link(&made, "Create API Key").to_owned();
    assert!(browser.get(&new_key).await.body.contains(">Generate Key</button>"));
    let wrong = submit(&browser, &new_key, &new_key, &[("name", "")]).await;
    assert!(wrong.status == 400 && wrong.body.contains("id=\"name-error\""), "{}", wrong.body);
    let shown = submit(&browser, &new_key, &new_key, &[("name", "CI")]).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")), "{}", shown.body);
    let value = shown.body.split("value=\"gh_").nth(1).unwrap().split('"').next().unwrap();
    let value = format!("gh_{value}");
    assert!(shown.body.contains("data-words=\"Copy and Close\""), "{}", shown.body);
    assert_eq!(link(&shown.body, "Close"), keys);
    // closed, it is shown no more; Done leads back to the list
    let closed = browser.get(&keys).await.body;
    assert!(!closed.contains(&value) && closed.contains(&format!("gh_…{}", &value[45..])), "{closed}");
    assert_eq!(link(&closed, "Done"), PAGE);
    let list = browser.get(PAGE).await.body;
    assert!(list.contains("Deployer") && list.contains("Export Model, Deploy workflow"), "{list}");
    assert!(!list.contains(&value));
    // what was chosen is what it opens
    for (scope, status) in [("workflow:deploy", 200), ("model:export", 200), ("workflow:undeploy", 403)] {
        assert_eq!(asked(&t, &value, Some(scope)).await.status, status, "{scope}");
    }
    let listed = t.owner().await.get(APPS).await.ok();
    assert_eq!(
        (&listed["pagination"]["totalItems"], text(&listed["data"][0]["name"])),
        (&json!(1), "Deployer".to_owned())
    );
    assert_eq!(listed["data"][0]["scopes"], json!(["model:export", "workflow:deploy"]));
}

on_both![r104_api_scopes_lists_the_apps_and_offers_another, r105_the_wizard_leads_from_untitled_app_to_a_key,];
