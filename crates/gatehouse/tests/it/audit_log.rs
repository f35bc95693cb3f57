//! The audit log as its readers have it: filters, the console's page, files that are proved without the server.

use std::process::{Command, Output};

use gatehouse_store::{Queries, sql};
use gatehouse_types::{Id, Role};
use serde_json::{Value, json};

use crate::support::{Client, TestApp, on_both, without_settings};

const EVENTS: &str = "/api/v1/audit-events";

async fn count(by: &Client, query: &str) -> u64 {
    by.get(&format!("{EVENTS}?{query}")).await.ok()["pagination"]["totalItems"].as_u64().unwrap()
}

/// The owner of a workspace in which something happened and something was refused.
async fn busy(t: &TestApp) -> Client {
    let owner = t.owner().await;
    let lab = t.active_lab(&owner).await;
    t.enter_from_lab(&t.client(), &lab.id, "ada").await;
    t.enter_from_lab(&t.client(), &lab.id, "mallory").await;
    owner
}

async fn filters_are_is_and_is_not_by_and_or_by_or(t: TestApp) {
    let owner = busy(&t).await;
    let me = owner.get("/api/v1/me").await.ok()["user"]["id"].as_str().unwrap().to_owned();
    let ada = owner.get("/api/v1/users?search=ada").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let all = count(&owner, "").await;
    for (is, is_not) in [
        ("event=sso.refused", "eventNot=sso.refused"),
        ("category=sso", "categoryNot=sso"),
        ("outcome=failure", "outcomeNot=failure"),
        (&format!("actorId={me}"), &format!("actorIdNot={me}")),
        (&format!("targetId={ada}"), &format!("targetIdNot={ada}")),
        ("startDate=2020-01-01&endDate=2021-01-01", "startDate=2020-01-01&endDate=2021-01-01&dateNot=true"),
    ] {
        let (some, others) = (count(&owner, is).await, count(&owner, is_not).await);
        assert_eq!(some + others, all, "{is} and {is_not}");
        assert!(others > 0, "{is_not}");
    }
    // all that is about one person
    let about = format!("targetId={ada}&actorId={ada}");
    assert!(
        count(&owner, &format!("{about}&match=any")).await > count(&owner, &format!("targetId={ada}")).await
    );
    assert!(count(&owner, "category=sso").await > count(&owner, "event=sso.refused").await);
    assert_eq!(count(&owner, "category=ss").await, 0, "an area is whole");
    assert_eq!(count(&owner, "category=%25").await, 0, "wildcards count as themselves");
    // AND narrows, OR widens
    let (refused, started) =
        (count(&owner, "event=sso.refused").await, count(&owner, "category=session").await);
    assert_eq!(count(&owner, "event=sso.refused&category=session").await, 0);
    assert_eq!(count(&owner, "event=sso.refused&category=session&match=any").await, refused + started);
    for (wrong, field) in [
        ("match=some", "match"),
        ("dateNot=1", "dateNot"),
        ("outcomeNot=maybe", "outcomeNot"),
        ("startDate=yesterday", "startDate"),
        ("before=x", "before"),
        (&format!("event={}", "e".repeat(300)), "event"),
        (&format!("personId={ada}"), "personId"),
    ] {
        let refused = owner.get(&format!("{EVENTS}?{wrong}")).await.refused(400, "validation_error");
        assert_eq!(refused["field"], field, "{wrong}");
    }
}

async fn a_list_goes_on_from_a_remembered_entry(t: TestApp) {
    let owner = busy(&t).await;
    let first = owner.get(&format!("{EVENTS}?pageSize=5")).await.ok()["data"].clone();
    let at = first[4]["sequence"].as_i64().unwrap();
    // what comes in between does not move the rest
    t.owner().await;
    let next = owner.get(&format!("{EVENTS}?pageSize=5&before={at}")).await.ok()["data"].clone();
    assert_eq!(next[0]["sequence"].as_i64(), Some(at - 1));
}

fn run(arguments: &[&str]) -> Output {
    without_settings(Command::new(env!("CARGO_BIN_EXE_gatehouse"))).args(arguments).output().unwrap()
}

fn told(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn an_export_is_proved_without_the_server(t: TestApp) {
    let owner = busy(&t).await;
    let body = owner.get(&format!("{EVENTS}/export")).await.body;
    let dir = tempfile::tempdir().unwrap();
    let verify = |name: &str, text: &str, more: &[&str]| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        told(&run(&[&["audit", "verify", path.to_str().unwrap()], more].concat()))
    };
    let (code, whole) = verify("whole", &body, &[]);
    assert!(code == 0 && whole.contains("the whole chain") && whole.contains("NOT PINNED"), "{whole}");
    let keys = owner.get(&format!("{EVENTS}/keys")).await.ok();
    let key = keys["data"][0]["id"].as_str().unwrap().to_owned();
    let (code, pinned) = verify("whole", &body, &["--key", &key]);
    assert!(code == 0 && pinned.contains("the pinned key"), "{pinned}");
    let file = dir.path().join("key");
    std::fs::write(&file, keys["data"][0]["publicKey"].as_str().unwrap()).unwrap();
    assert_eq!(verify("whole", &body, &["--key", file.to_str().unwrap()]).0, 0);
    assert_eq!(verify("whole", &body, &["--key", &"0".repeat(64)]).0, 1);
    assert_eq!(verify("whole", &body, &["--key", "/no/such/key"]).0, 2);
    assert_eq!(told(&run(&["audit", "verify", "/no/such/file"])).0, 2);
    let lines: Vec<_> = body.lines().collect();
    let changed = body.replacen("\"outcome\":\"success\"", "\"outcome\":\"failure\"", 1);
    let removed = [&lines[..3], &lines[4..]].concat().join("\n");
    let truncated = lines[..lines.len() - 1].join("\n");
    let exchanged = [&lines[..3], &[lines[4], lines[3]], &lines[5..]].concat().join("\n");
    let long = format!("{}\n{}", lines[0], "x".repeat(2 * 1024 * 1024));
    for (text, line, what) in [
        (changed, "line 2:", "was changed"),
        (removed, "line 4:", "missing"),
        (truncated, &format!("line {}:", lines.len() - 1), "cut off"),
        (exchanged, "line 4:", "out of order"),
        (long, "line 2:", "longer than"),
        (String::new(), "the file", "the file is empty"),
    ] {
        let (code, why) = verify("bad", &text, &[]);
        assert!(code == 1 && why.contains(line) && why.contains(what), "{what}: {why}");
    }
    // what came since, and a selection
    let position = lines.len() - 5;
    let rest = owner.get(&format!("{EVENTS}/export?after={position}")).await;
    assert_eq!(verify("rest", &rest.body, &[]).0, 0, "{}", rest.body);
    owner.get(&format!("{EVENTS}/export?after=100000")).await.refused(400, "validation_error");
    let some = owner.get(&format!("{EVENTS}/export?category=sso&outcomeNot=failure")).await.body;
    let header: Value = serde_json::from_str(some.lines().next().unwrap()).unwrap();
    assert_eq!(header["filter"], json!({"category": "sso", "outcomeNot": "failure"}));
    assert!(!some.contains("sso.refused") && some.contains("sso.signed-in"), "{some}");
    let (code, selection) = verify("some", &some, &[]);
    assert!(code == 0 && selection.contains("a selection"), "{selection}");
}

async fn a_spreadsheet_gets_rows_without_formulas(t: TestApp) {
    let owner = t.owner().await;
    let config = json!({"entityId": "https://idp.example/saml", "ssoUrl": "https://idp.example/sso"});
    let odd = json!({"name": "=HYPERLINK(\"http://evil\"), \"x\"", "protocol": "saml", "samlConfig": config});
    owner.post("/api/v1/sso/connections", odd).await.ok();
    let answer = owner.get(&format!("{EVENTS}/export?format=csv")).await;
    assert!(answer.header("content-type").unwrap().starts_with("text/csv"));
    assert!(answer.header("content-disposition").unwrap().contains("audit-events.csv"));
    let total = count(&owner, "").await;
    let lines: Vec<_> = answer.body.split("\r\n").filter(|l| !l.is_empty()).collect();
    assert_eq!(lines.len() as u64, total + 1);
    assert!(
        lines[0].starts_with("Sequence,Date and Time,Event Name,Event,Category,Outcome,User Name"),
        "{}",
        lines[0]
    );
    for line in &lines {
        assert!(
            !line.starts_with(['=', '+', '-', '@']) && !line.contains(",=") && !line.contains(",\"="),
            "{line}"
        );
    }
    let failures = owner.get(&format!("{EVENTS}/export?format=csv&event=sso.connection-created")).await.body;
    assert_eq!(failures.split("\r\n").filter(|l| !l.is_empty()).count(), 2);
    owner.get(&format!("{EVENTS}/export?format=xls")).await.refused(400, "validation_error");
}

async fn the_page_shows_filters_entries_and_reasons(t: TestApp) {
    busy(&t).await;
    let browser = t.browser("owner@main.test").await;
    let page = browser.get("/settings/audit").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for text in [
        "Event Name",
        "Category",
        "User Name",
        "Date and Time",
        "Description",
        "Connection created",
        "Audit log",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let refused = browser.get("/settings/audit?event=sso.refused&eventIs=is").await.body;
    assert!(refused.contains("Refused") && !refused.contains("Connection created"), "{refused}");
    assert!(
        refused.contains("/api/v1/audit-events/export?event=sso.refused&#38;format=csv")
            || refused.contains("export?event=sso.refused&amp;format=csv"),
        "{refused}"
    );
    let others = browser.get("/settings/audit?event=sso.refused&eventIs=not").await.body;
    assert!(others.contains("Connection created"), "{others}");
    let nobody = browser.get("/settings/audit?person=nobody@else.test&personIs=is").await.body;
    assert!(nobody.contains("No entry matches"), "{nobody}");
    let wrong = browser.get("/settings/audit?startDate=yesterday").await;
    assert!(wrong.status == 400 && wrong.body.contains("ISO 8601"), "{}", wrong.body);
    let at = refused.find("/settings/audit/aud_").unwrap();
    let path: String = refused[at..].chars().take_while(|c| *c != '"').collect();
    let entry = browser.get(&path).await;
    assert_eq!(entry.status, 200);
    for text in ["sso.refused", "Hash before", "Why it was refused", "dec_"] {
        assert!(entry.body.contains(text), "{text}: {}", entry.body);
    }
    t.stranger().await;
    let stranger = t.browser("owner@other.test").await;
    assert_eq!(stranger.get(&path).await.status, 404);
    t.person("v@main.test", Role::Viewer).await;
    let viewer = t.browser("v@main.test").await;
    assert_eq!(viewer.get("/settings/audit").await.status, 403);
    assert!(!viewer.get("/").await.body.contains("/settings/audit"));
}

/// What somebody does who can write the database and has no key: the last entries go, and the chain's head with them.
async fn cut_off(t: &TestApp, count: i64) {
    let mut tx = t.app.store().begin_always().await.unwrap();
    let off = match t.app.store().kind() {
        "SQLite" => "DROP TRIGGER audit_events_no_delete",
        _ => "DROP TRIGGER audit_events_no_change ON audit_events",
    };
    tx.execute(sql(off)).await.unwrap();
    let chain = t.workspace.as_str();
    let head = sql("SELECT sequence FROM audit_heads WHERE chain = $1").bind(chain);
    let last = tx.fetch_one(head).await.unwrap().int("sequence").unwrap() - count;
    let gone = sql("DELETE FROM audit_events WHERE chain = $1 AND sequence > $2");
    tx.execute(gone.bind(chain).bind(last)).await.unwrap();
    let back = sql("UPDATE audit_heads SET sequence = $2, hash = (SELECT hash FROM audit_events \
         WHERE chain = $1 AND sequence = $2) WHERE chain = $1");
    tx.execute(back.bind(chain).bind(last)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_chain_that_was_cut_is_exported_as_broken_alone(t: TestApp) {
    let owner = busy(&t).await;
    let whole = owner.get(&format!("{EVENTS}/export")).await.body;
    cut_off(&t, 2).await;
    let cut = owner.get(&format!("{EVENTS}/export")).await.body;
    assert!(whole.len() > cut.len() && cut.lines().next().unwrap().contains("\"broken\":"), "{cut}");
    let file = t.database.data_dir().join("cut.jsonl");
    std::fs::write(&file, &cut).unwrap();
    let (code, said) = told(&run(&["audit", "verify", file.to_str().unwrap()]));
    assert!(code == 1 && said.contains("broken"), "{code} {said}");
    owner.get(&format!("{EVENTS}/export?format=csv")).await.refused(409, "conflict");
}

on_both![
    a_chain_that_was_cut_is_exported_as_broken_alone,
    filters_are_is_and_is_not_by_and_or_by_or,
    a_list_goes_on_from_a_remembered_entry,
    an_export_is_proved_without_the_server,
    a_spreadsheet_gets_rows_without_formulas,
    the_page_shows_filters_entries_and_reasons,
];
