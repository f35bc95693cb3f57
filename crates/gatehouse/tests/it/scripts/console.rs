//! The console's pages of custom scripts, as plain forms.

use gatehouse_types::Role;
use serde_json::json;

use super::{PYTHON, call, deployed, imported, kept, key_of, plain, settled, zip_of};
use crate::support::{Answer, Client, Form, TestApp, on_both};

/// Sends the first step of the wizard, as browsers do; fields of `page` go with it.
async fn first_step(browser: &Client, page: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
    const BOUNDARY: &str = "a-boundary-of-the-test";
    let mut form = Form::to(page, "/scripts/new/general");
    for (name, value) in fields {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    let mut body = Vec::new();
    for (name, value) in form.fields.iter().filter(|(name, _)| name != "file") {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\r\n",
        if file.is_empty() { "" } else { "project.zip" }
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    browser
        .send(browser.request("POST", "/scripts/new/general").header("content-type", kind).body(body))
        .await
}

/// Fills the form of a page that goes to `action`, and sends it.
async fn submit(browser: &Client, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
    let mut form = Form::to(page, action);
    for (name, value) in values {
        form.fields.retain(|(known, _)| known != name);
        form.fields.push(((*name).to_owned(), (*value).to_owned()));
    }
    form.send(browser).await
}

async fn r194_no_step_of_the_wizard_can_be_skipped(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    for step in ["runtime", "resources", "review", "show"] {
        let answer = browser.get(&format!("/scripts/new/{step}")).await;
        assert_eq!((answer.status, answer.location()), (303, Some("/scripts/new")), "{step}");
    }
    let page = browser.get("/scripts/new").await.body;
    assert!(page.contains("none can be skipped"), "{page}");

    let fields = [("name", "Invoices"), ("description", ""), ("language", "python")];
    let second = first_step(&browser, &page, &fields, &zip_of(PYTHON)).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert!(second.body.contains("<h2>Runtime Settings</h2>"), "{}", second.body);
    // the state of the second step does not open the third or the last one
    for action in ["/scripts/new/resources", "/scripts/new/review"] {
        let mut form = Form::to(&second.body, "/scripts/new/runtime");
        action.clone_into(&mut form.action);
        form.fields.push(("then".to_owned(), "save".to_owned()));
        let answer = form.send(&browser).await;
        assert!(answer.body.contains("<h2>Runtime Settings</h2>"), "{action}: {}", answer.body);
    }
    // and it is this person's alone
    t.person("member@main.test", Role::Member).await;
    let other = t.browser("member@main.test").await;
    let own = Form::to(&other.get("/scripts").await.body, "/sign-out");
    let mut form = Form::to(&second.body, "/scripts/new/runtime");
    form.fields.retain(|(name, _)| name != "csrf");
    form.fields.extend(own.fields);
    let answer = form.send(&other).await;
    assert_eq!((answer.status, answer.location()), (303, Some("/scripts/new")), "{}", answer.body);
    assert_eq!(
        browser.get("/api/v1/scripts").await.ok()["data"],
        json!([]),
        "nothing is stored before the end"
    );
}

async fn r209_the_wizard_ends_in_a_draft_or_a_deployment(t: TestApp) {
    let browser = t.browser("owner@main.test").await;
    let page = browser.get("/scripts/new").await.body;
    let fields = [("name", "Invoices"), ("description", "Reads them."), ("language", "python")];
    // what is found in the file blocks the way, warnings too
    let mut project = PYTHON.to_vec();
    project.push(("__MACOSX/main.py", "1"));
    let refused = first_step(&browser, &page, &fields, &zip_of(&project)).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("__MACOSX is left out"), "{}", refused.body);
    let refused = first_step(&browser, &page, &fields, &zip_of(&[("main.py", " ")])).await;
    assert!(refused.status == 400 && refused.body.contains("main.py holds no code"), "{}", refused.body);

    let runtime = first_step(&browser, &page, &fields, &zip_of(PYTHON)).await.body;
    let values = [("key", "TOKEN"), ("value", "s3cret"), ("timeoutSeconds", "45")];
    let resources = submit(&browser, &runtime, "/scripts/new/runtime", &values).await.body;
    let wrong = submit(&browser, &resources, "/scripts/new/resources", &[("minReplicas", "3")]).await;
    assert!(
        wrong.status == 400 && wrong.body.contains("must not be larger than the maximum"),
        "{}",
        wrong.body
    );
    let review = submit(&browser, &resources, "/scripts/new/resources", &[("hardwareProfile", "2vcpu-4gb")])
        .await
        .body;
    for part in [
        "<code>TOKEN</code>",
        "45 seconds",
        "2 vCPUs with 4GB memory",
        "0.15396",
        "value=\"deploy\" disabled",
    ] {
        assert!(review.contains(part), "{part}: {review}");
    }
    assert!(!review.contains("s3cret"), "values are not shown again");
    let refused = submit(&browser, &review, "/scripts/new/review", &[("then", "deploy")]).await;
    assert!(
        refused.body.contains("value=\"deploy\" disabled"),
        "the terms are not accepted: {}",
        refused.body
    );

    let saved = submit(&browser, &review, "/scripts/new/review", &[("then", "save")]).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let id = saved.location().unwrap().rsplit('/').next().unwrap().to_owned();
    let script = browser.get(&format!("/api/v1/scripts/{id}")).await.ok();
    assert_eq!((&script["status"], &script["timeoutSeconds"]), (&json!("Draft"), &json!(45)));
    assert_eq!(script["environment"], json!({"TOKEN": null}));
    // the same name again is refused at the first step
    let refused = first_step(&browser, &page, &fields, &zip_of(PYTHON)).await;
    assert!(
        refused.status == 400 && refused.body.contains("There is a script with this name"),
        "{}",
        refused.body
    );
}

async fn r218_pages_follow_the_status_of_a_script(t: TestApp) {
    t.keep_scripts();
    let browser = t.browser("owner@main.test").await;
    let owner = t.owner().await;
    let id = imported(&owner, PYTHON, plain("Greeter", "python")).await;
    let path = format!("/scripts/{id}");
    let at = async |rest: &str| browser.get(&format!("{path}{rest}")).await.body;
    assert!(
        at("").await.contains("Proceed to Delete") && at("/history").await.contains("Deploy custom script")
    );
    deployed(&owner, &id).await;
    let key = key_of(&owner, &id).await;
    call(&owner, &id, &key, "greet", json!({})).await.ok();
    call(&owner, &id, &key, "fail", json!({"message": "=1+1"})).await.refused(422, "script_error");
    let overview = at("").await;
    assert!(overview.contains("Re-deploy") && overview.contains("Proceed to Undeploy"), "{overview}");
    assert!(!overview.contains("Proceed to Delete"), "{overview}");
    assert!(at("/endpoint?function=greet").await.contains("YOUR_API_KEY"));
    assert!(at("/history").await.contains("in service"));
    let runs = at("/runs").await;
    assert!(runs.contains("50.00 %") && runs.contains("Secret Key"), "{runs}");
    let file = browser.get(&format!("{path}/runs.csv")).await;
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"Greeter_runs_data.csv\""));
    assert!(file.body.starts_with("\"Run ID\",\"Status\",\"Deployment Version\","), "{}", file.body);
    assert_eq!(file.body.lines().count(), 3, "{}", file.body);
    let logs = browser.get(&format!("{path}/logs.csv?level=Stdout")).await;
    assert!(logs.body.contains("greeting world"), "{}", logs.body);

    // the configuration comes back in the wizard; without changes it is a further version
    let review = at("/deploy").await;
    let accepted = submit(&browser, &review, "/scripts/new/review", &[("then", "accept")]).await.body;
    let begun = submit(&browser, &accepted, "/scripts/new/review", &[("then", "deploy")]).await;
    assert_eq!(begun.location(), Some(path.as_str()), "{}", begun.body);
    settled(&owner, &id).await;
    assert!(at("/history").await.contains("Greeter v2"));
    let asked = at("/undeploy").await;
    submit(&browser, &asked, &format!("{path}/undeploy"), &[]).await;
    assert!(at("/endpoint").await.contains("Endpoint not activated"));
    assert!(at("").await.contains("Ready to Deploy"));
}

async fn a_viewer_sees_scripts_and_no_way_to_change_them(t: TestApp) {
    let id = kept(&t.owner().await, "Seen").await;
    t.person("viewer@main.test", Role::Viewer).await;
    let browser = t.browser("viewer@main.test").await;
    let path = format!("/scripts/{id}");
    for page in ["", "/history", "/endpoint", "/runs", "/logs"] {
        let shown = browser.get(&format!("{path}{page}")).await;
        assert_eq!(shown.status, 200, "{page}");
        for word in ["/keys", "/configure", "/deploy\"", "/delete", "/export"] {
            assert!(!shown.body.contains(&format!("{path}{word}")), "{page} {word}");
        }
    }
    for page in ["/keys", "/configure", "/deploy", "/undeploy", "/delete", "/history/1/rename"] {
        assert_eq!(browser.get(&format!("{path}{page}")).await.status, 403, "{page}");
    }
}

on_both![
    r194_no_step_of_the_wizard_can_be_skipped,
    r209_the_wizard_ends_in_a_draft_or_a_deployment,
    r218_pages_follow_the_status_of_a_script,
    a_viewer_sees_scripts_and_no_way_to_change_them,
];
