//! The demo as somebody meets it: what it may fetch depends on who can reach it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::{Client, PASSWORD, Receiver, without_settings};

/// How long the demo may take to set its workspace up on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A demo in a process of its own; killed when dropped.
struct Demo {
    child: Child,
    /// What it calls itself.
    url: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn start(listen: &str) -> Self {
        let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_gatehouse")));
        command.args(["demo", "--listen", listen]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let ready = |line: String| line.strip_prefix("Gatehouse is ready: ").map(str::to_owned);
            if let Some(url) = said.lines().map_while(Result::ok).find_map(ready) {
                tell.send(url).unwrap();
            }
        });
        let mut demo = Self { child, url: String::new() };
        demo.url = told.recv_timeout(START).expect("the demo is ready");
        demo
    }

    /// The owner of its workspace, at an address that reaches it from here.
    async fn owner(&self) -> Client {
        let port = self.url.rsplit(':').next().unwrap().trim_end_matches('/');
        let mut client = Client::new(&format!("http://127.0.0.1:{port}"));
        let body = json!({"email": "owner@lab.test", "password": PASSWORD});
        let answer = client.post("/api/v1/auth/login", body).await.ok();
        client.token = Some(answer["accessToken"].as_str().unwrap().to_owned());
        client.forget_cookies();
        client
    }
}

/// How a test of a webhook on this machine went.
async fn told(demo: &Demo, receiver: &Receiver) -> serde_json::Value {
    let owner = demo.owner().await;
    let made = owner.post("/api/v1/webhooks", json!({"url": receiver.url, "events": ["*"]})).await.ok();
    let id = made["webhook"]["id"].as_str().unwrap();
    owner.post_to(&format!("/api/v1/webhooks/{id}/test")).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_for_this_machine_alone_calls_this_machine() {
    let (demo, receiver) = (Demo::start("127.0.0.1:0"), Receiver::start().await);
    let went = told(&demo, &receiver).await;
    assert_eq!(went["state"], "delivered", "{went}");
    assert_eq!(receiver.take().len(), 1);
}

#[test]
fn a_demo_is_nothing_for_others() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_gatehouse")));
        let output = command.args(["demo", "--listen", listen]).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(1) && said.contains("for this machine alone"),
            "{listen}: {said}"
        );
        assert!(output.stdout.is_empty(), "{listen}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_calls_no_other_address_than_its_own() {
    let demo = Demo::start("127.0.0.1:0");
    let owner = demo.owner().await;
    for url in ["http://127.0.0.2:9/hook", "https://10.0.0.1/hook"] {
        let made = owner.post("/api/v1/webhooks", json!({"url": url, "events": ["*"]})).await.ok();
        let id = made["webhook"]["id"].as_str().unwrap();
        let went = owner.post_to(&format!("/api/v1/webhooks/{id}/test")).await.ok();
        assert_eq!((&went["state"], &went["lastStatus"]), (&json!("failed"), &json!(null)), "{went}");
        let why = went["lastError"].as_str().unwrap();
        assert!(why.contains("GATEHOUSE_EGRESS_ALLOW"), "{url}: {why}");
    }
}

#[test]
fn the_check_plays_the_whole_story_and_exits_with_0() {
    let mut command = without_settings(Command::new(env!("CARGO_BIN_EXE_gatehouse")));
    let output =
        command.args(["demo", "--check", "--data-dir", "/nowhere"]).stdin(Stdio::null()).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    assert!(errors.contains("passed over: --data-dir"), "{errors}");
    for step in [
        "SP-initiated sign-in",
        "signed in by SAML, a person starts a flow",
        "Authentication needed",
        "she authenticates at the lab's authorization server",
        "the flow goes on by itself",
        "deployed into its own sandbox",
        "a flow calls the same function",
        "a SCIM leaver signal stops the next run: Paused: identity ended",
        "the audit log is exported and proved",
    ] {
        assert!(said.lines().any(|line| line.starts_with("ok ") && line.contains(step)), "{step}: {said}");
    }
}
