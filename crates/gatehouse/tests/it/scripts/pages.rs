//! What the pages of a script offer in each status, and what the list says.

use serde_json::json;

use super::{JAVASCRIPT, PYTHON, deployed, imported, plain, settled};
use crate::support::{Client, TestApp, on_both};

/// A project whose main file does not load.
const BROKEN: &[(&str, &str)] = &[("main.py", "import nothing_of_this_name\ndef f():\n    return 1\n")];

/// The pages of one script as its owner sees them.
struct Pages {
    overview: String,
    history: String,
    endpoint: String,
    keys: String,
}

async fn pages(browser: &Client, id: &str) -> Pages {
    let at = async |rest: &str| browser.get(&format!("/scripts/{id}{rest}")).await.body;
    Pages {
        overview: at("").await,
        history: at("/history").await,
        endpoint: at("/endpoint").await,
        keys: at("/keys").await,
    }
}

impl Pages {
    /// The ways that the overview offers, in the order of the page.
    fn ways(&self) -> Vec<&'static str> {
        const WAYS: [(&str, &str); 7] = [
            ("Deploy", ">Deploy</a>"),
            ("Re-deploy", ">Re-deploy</a>"),
            ("Edit and redeploy", ">Edit and redeploy</a>"),
            ("Export", ">Export</a>"),
            ("Undeploy", ">Proceed to Undeploy</a>"),
            ("Cancel", ">Cancel deployment</a>"),
            ("Delete", ">Proceed to Delete</a>"),
        ];
        WAYS.into_iter().filter(|(_, shown)| self.overview.contains(shown)).map(|(way, _)| way).collect()
    }

    /// Whether versions are listed with a way to rename them.
    fn renames(&self) -> bool {
        self.history.contains("/rename\"")
    }

    fn marks_one_in_service(&self) -> bool {
        self.history.contains("<span class=\"sr-only\">in service</span>")
    }
}

/// The words beside a term, without what surrounds them.
fn fact<'a>(page: &'a str, term: &str) -> &'a str {
    let (_, after) =
        page.split_once(&format!("<dt>{term}</dt><dd>")).unwrap_or_else(|| panic!("{term} in {page}"));
    after.split_once("</dd>").unwrap().0
}

async fn r215_a_draft_is_exported_deleted_or_deployed(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let id = imported(&t.owner().await, PYTHON, plain("Draft", "python")).await;
    let seen = pages(&browser, &id).await;
    assert_eq!(seen.ways(), ["Deploy", "Export", "Delete"]);
    for page in [&seen.history, &seen.endpoint] {
        assert!(page.to_lowercase().contains(">deploy custom script</a>"), "{page}");
    }
    assert!(!seen.renames());
    assert!(seen.keys.contains("Create a New API Key"), "{}", seen.keys);
}

async fn r216_one_on_its_way_can_be_exported_called_off_or_deleted(t: TestApp) {
    // nobody carries it out here
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("On its way", "python")).await;
    owner.post(&format!("/api/v1/scripts/{id}/deploy"), json!({"acceptTerms": true})).await.ok();
    let seen = pages(&browser, &id).await;
    assert_eq!(seen.ways(), ["Export", "Cancel", "Delete"]);
    assert!(seen.renames() && !seen.marks_one_in_service());
    assert_eq!(fact(&seen.history, "Duration"), "–");
    assert!(seen.endpoint.contains("Endpoint not activated"), "{}", seen.endpoint);
    assert!(seen.keys.contains("Create API keys"), "{}", seen.keys);
    let list = browser.get("/scripts").await.body;
    assert!(list.contains("Deploying"), "{list}");
}

async fn r217_r226_r229_r231_one_out_of_service_tells_of_its_undeployment(t: TestApp) {
    t.keep_scripts();
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    let settings =
        json!({"name": "Out", "language": "python", "description": "What it does", "timeoutSeconds": 77});
    let id = imported(&owner, PYTHON, settings).await;
    deployed(&owner, &id).await;
    let seen = pages(&browser, &id).await;
    assert_eq!(seen.ways(), ["Re-deploy", "Export", "Undeploy"]);
    assert!(seen.marks_one_in_service() && seen.renames());
    assert_ne!(fact(&seen.history, "Duration"), "–");
    assert!(!seen.history.contains("<dt>Undeployed</dt>"));
    // the sections of what is in service
    for told in ["Out v1", "What it does", "77", "Python 3.10.15", "1 vCPU"] {
        assert!(seen.overview.contains(told), "{told} in {}", seen.overview);
    }
    owner.post_to(&format!("/api/v1/scripts/{id}/undeploy")).await.ok();
    let seen = pages(&browser, &id).await;
    assert_eq!(seen.ways(), ["Deploy", "Edit and redeploy", "Export", "Delete"]);
    assert!(seen.renames() && !seen.marks_one_in_service());
    assert!(fact(&seen.history, "Undeployed").contains("by "), "{}", seen.history);
    assert!(seen.endpoint.contains("Endpoint not activated"));
    assert!(seen.overview.contains("What it does"));
    deployed(&owner, &id).await;
    let seen = pages(&browser, &id).await;
    assert!(!seen.history.contains("<dt>Undeployed</dt>"), "told only while it is out of service");
    assert_eq!(seen.history.matches("<span class=\"sr-only\">in service</span>").count(), 1);
}

async fn r219_r227_one_that_failed_tells_why(t: TestApp) {
    t.keep_scripts();
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    let id = imported(&owner, BROKEN, plain("Failing", "python")).await;
    owner.post(&format!("/api/v1/scripts/{id}/deploy"), json!({"acceptTerms": true})).await.ok();
    settled(&owner, &id).await;
    let seen = pages(&browser, &id).await;
    assert_eq!(seen.ways(), ["Deploy", "Edit and redeploy", "Export", "Delete"]);
    assert!(seen.renames() && !seen.marks_one_in_service());
    assert_eq!(fact(&seen.history, "Duration"), "–");
    assert_ne!(fact(&seen.history, "Time Taken to Deploy"), "–");
    assert!(seen.history.contains("nothing_of_this_name"), "{}", seen.history);
    assert!(seen.endpoint.contains("Endpoint not activated"));
    // the reason stands in the list, where the pointer rests on the status and where it is opened
    let list = browser.get("/scripts").await.body;
    let (_, title) = list.split_once("<summary title=\"").unwrap();
    assert!(title.split_once('"').unwrap().0.contains("nothing_of_this_name"), "{list}");
}

async fn r213_r214_the_list_finds_scripts_and_says_how_they_stand(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    let first = imported(&owner, PYTHON, plain("Night reports", "python")).await;
    imported(&owner, JAVASCRIPT, plain("Morning letters", "javascript")).await;
    let list = browser.get("/scripts").await.body;
    let columns: Vec<_> = ["Script Name", "Status", "Added by", "Updated on", "Action"]
        .iter()
        .map(|column| list.find(&format!("<th scope=\"col\">{column}</th>")).expect(column))
        .collect();
    assert!(columns.is_sorted(), "in the order of the documentation");
    assert!(list.contains("Night reports") && list.contains("Morning letters") && list.contains("Draft"));
    let found = browser.get("/scripts?search=NIGHT").await.body;
    assert!(found.contains("Night reports") && !found.contains("Morning letters"), "{found}");
    assert!(browser.get("/scripts?search=nobody").await.body.contains("Nothing found"));
    // every action shows in "Updated on"
    let path = format!("/api/v1/scripts/{first}");
    let mut before = owner.get(&path).await.ok()["updatedAt"].clone();
    for action in ["deploy", "cancel", "change"] {
        t.clock.advance(61);
        match action {
            "deploy" => owner.post(&format!("{path}/deploy"), json!({"acceptTerms": true})).await.ok(),
            "cancel" => owner.post_to(&format!("{path}/cancel")).await.ok(),
            _ => super::send(&owner, "PUT", &path, None, Some(&json!({"description": "new"}))).await.ok(),
        };
        let after = owner.get(&path).await.ok()["updatedAt"].clone();
        assert!(after.as_str() > before.as_str(), "{action}: {before} and {after}");
        before = after;
    }
}

async fn r198_a_sample_validates_and_deploys(t: TestApp) {
    t.keep_scripts();
    let owner = t.owner().await;
    for (language, function) in [("python", "main.py"), ("javascript", "main.js")] {
        let sample =
            owner.request("GET", &format!("/api/v1/scripts/samples/{language}")).send().await.unwrap();
        let body = sample.error_for_status().unwrap().bytes().await.unwrap();
        let settings = plain(&format!("Sample in {language}"), language);
        let made =
            super::send(&owner, "POST", "/api/v1/scripts", Some(("sample.zip", &body)), Some(&settings));
        let id = made.await.ok()["id"].as_str().unwrap().to_owned();
        let script = deployed(&owner, &id).await;
        assert!(
            script["deployed"]["functions"].as_array().is_some_and(|all| !all.is_empty()),
            "{function}: {script}"
        );
    }
}

on_both!(
    r215_a_draft_is_exported_deleted_or_deployed,
    r216_one_on_its_way_can_be_exported_called_off_or_deleted,
    r217_r226_r229_r231_one_out_of_service_tells_of_its_undeployment,
    r219_r227_one_that_failed_tells_why,
    r213_r214_the_list_finds_scripts_and_says_how_they_stand,
    r198_a_sample_validates_and_deploys,
);
