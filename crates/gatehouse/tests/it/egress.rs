//! The one door, seen from outside: what an administrator cannot have this server call. The table of all forms is in
//! `crates/outbound/tests/ssrf`.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Client, Kind, TestApp, on_both};

/// Not on the list of what may be called; the list names 127.0.0.1 alone.
const INSIDE: &str = "127.0.0.2";
/// Ways to write addresses inside.
const FORMS: [&str; 9] = [
    "https://127.0.0.2:{port}/x",
    "https://2130706434:{port}/x",
    "https://0x7f.2:{port}/x",
    "https://[::ffff:127.0.0.2]:{port}/x",
    "https://[64:ff9b::7f00:2]:{port}/x",
    "https://[2002:7f00:2::]:{port}/x",
    "https://inside.corp.test:{port}/x",
    "https://10.0.0.1/x",
    "https://169.254.169.254/latest/meta-data/",
];

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn listener(at: &str) -> TcpListener {
    TcpListener::bind((at, 0)).await.unwrap()
}

/// A server inside, and how many connections it got.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let (listener, connections) = (listener(INSIDE).await, Arc::new(AtomicUsize::new(0)));
    let (port, counter) = (listener.local_addr().unwrap().port(), Arc::clone(&connections));
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, connections)
}

/// What a new webhook's first message came to.
async fn told(by: &Client, url: &str) -> String {
    let made = by.post("/api/v1/webhooks", json!({"url": url, "events": ["*"]})).await.ok();
    let path = format!("/api/v1/webhooks/{}", made["webhook"]["id"].as_str().unwrap());
    let tested = by.post_to(&format!("{path}/test")).await.ok();
    by.delete(&path).await;
    assert_ne!(tested["state"], "delivered", "{url}: {tested}");
    tested["lastError"].as_str().unwrap_or_else(|| panic!("{url}: {tested}")).to_owned()
}

/// Why a connection with that metadata address is not made.
async fn fetched(by: &Client, url: &str) -> String {
    let body = json!({"name": "Corp", "protocol": "saml", "jitProvisioning": true, "samlConfig": {"metadataUrl": url}});
    let refused = by.post("/api/v1/sso/connections", body).await.refused(400, "validation_error");
    refused["message"].as_str().unwrap().to_owned()
}

async fn neither_a_webhook_nor_a_metadata_address_leads_inside(t: TestApp) {
    let owner = t.owner().await;
    let (port, connections) = inside().await;
    t.dns.set_addresses("inside.corp.test", [INSIDE.parse::<IpAddr>().unwrap()]);
    for form in FORMS {
        let url = form.replace("{port}", &port.to_string());
        for why in [told(&owner, &url).await, fetched(&owner, &url).await] {
            let rule = why.contains("Gatehouse does not call") && why.contains("GATEHOUSE_EGRESS_ALLOW");
            assert!(rule, "{url}: {why}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

on_both![neither_a_webhook_nor_a_metadata_address_leads_inside];

/// A proxy that lets nothing through, and the heads of what it was asked.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    // it is the operator's choice: the list of what may be called need not name it
    let (listener, asked) = (listener(INSIDE).await, Arc::<Mutex<Vec<String>>>::default());
    let (address, heads) = (listener.local_addr().unwrap(), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut head, mut buffer) = (String::new(), [0u8; 1024]);
            while !head.contains("\r\n\r\n") {
                match stream.read(&mut buffer).await {
                    Ok(length) if length > 0 => head.push_str(&String::from_utf8_lossy(&buffer[..length])),
                    _ => break,
                }
            }
            heads.lock().unwrap().push(head);
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    (format!("http://gate:hunter2@{address}"), asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_goes_through_the_proxy_that_is_set() {
    let (url, asked) = proxy().await;
    let t = TestApp::start_behind_proxy(Kind::Sqlite, &url).await;
    let owner = t.owner().await;
    for name in ["idp.corp.test", "hooks.corp.test"] {
        t.dns.set_addresses(name, [IpAddr::from([1, 1, 1, 1])]);
    }
    for why in [
        fetched(&owner, "https://idp.corp.test/metadata").await,
        told(&owner, "https://hooks.corp.test:8443/x").await,
        // what is allowed goes there too
        fetched(&owner, "https://127.0.0.1:1/metadata").await,
    ] {
        assert!(!why.contains("hunter2") && !why.contains("does not call"), "{why}");
    }
    let heads = std::mem::take(&mut *asked.lock().unwrap());
    let wanted = ["CONNECT idp.corp.test:443 ", "CONNECT hooks.corp.test:8443 ", "CONNECT 127.0.0.1:1 "];
    assert_eq!(heads.len(), wanted.len(), "{heads:?}");
    for (head, wanted) in heads.iter().zip(wanted) {
        let head_in_small = head.to_lowercase();
        assert!(head.starts_with(wanted), "{head}");
        assert!(head_in_small.contains("proxy-authorization: basic "), "{head}");
    }
    assert!(fetched(&owner, "https://10.0.0.1/x").await.contains("does not call"));
    assert!(asked.lock().unwrap().is_empty());
}
