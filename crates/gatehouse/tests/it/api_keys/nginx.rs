//! The ready configuration for nginx, before a real one: who may, who may not, and what the program behind learns.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::any;
use serde_json::json;

use super::{app, key_of};
use crate::support::{Client, TestApp, on_both};

/// nginx, ended with its test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs nginx with the configuration of the repository, at other ports.
fn nginx(dir: &Path, gatehouse: &str, behind: u16) -> (Nginx, String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/proxies/nginx.conf");
    let text = std::fs::read_to_string(file).unwrap();
    let port = free_port();
    let text = text
        .replace("127.0.0.1:8080", gatehouse)
        .replace("127.0.0.1:8081", &format!("127.0.0.1:{port}"))
        .replace("127.0.0.1:9000", &format!("127.0.0.1:{behind}"));
    let dir = dir.display();
    let whole = format!(
        "daemon off; master_process off; pid {dir}/nginx.pid; error_log stderr warn; events {{}}\nhttp {{ access_log off; \
         client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; \
         scgi_temp_path {dir}/s;\n{text}\n}}"
    );
    let file = format!("{dir}/nginx.conf");
    std::fs::write(&file, whole).unwrap();
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let child = Command::new("nginx")
        .args(["-c", &file, "-p", &dir.to_string()])
        .env("PATH", path)
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx is installed (scripts/setup does it)");
    (Nginx(child), format!("http://127.0.0.1:{port}"))
}

#[expect(clippy::disallowed_methods, reason = "the test is the outside")]
async fn nginx_asks_before_it_lets_a_call_through(t: TestApp) {
    let heard: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let hears = Arc::clone(&heard);
    let behind = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind_port = behind.local_addr().unwrap().port();
    let program = Router::new().fallback(any(move |headers: HeaderMap| async move {
        hears.lock().unwrap().push(headers);
        "orders"
    }));
    tokio::spawn(async move { axum::serve(behind, program).await });
    let gatehouse =
        t.app.public_url().as_str().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let dir = tempfile::tempdir().unwrap();
    let (_nginx, base) = nginx(dir.path(), &gatehouse, behind_port);

    let owner = t.owner().await;
    owner.post("/api/v1/api-scopes", json!({"id": "orders:read", "name": "Read"})).await.ok();
    let reader = app(&owner, "Reader", &["orders:read"]).await;
    let other = app(&owner, "Other", &[]).await;
    let good = key_of(&owner, &reader, json!({"name": "Good"})).await;
    let slow = json!({"name": "Slow", "rateLimit": {"requests": 1, "seconds": 3600}});
    let slow = key_of(&owner, &reader, slow).await;
    let poor = key_of(&owner, &other, json!({"name": "Poor"})).await;
    let client = Client::new(&base);
    let call = async |path: &str, key: Option<&str>| {
        let request = client.request("GET", path).header("x-gatehouse-app", "forged");
        let request = request.header("x-gatehouse-user", "forged").header("x-gatehouse-role", "owner");
        // a caller does not say itself what is needed
        let request = request.header("x-required-scope", "");
        client
            .send(match key {
                Some(key) => request.header("x-api-key", key),
                None => request,
            })
            .await
    };
    for _ in 0..100 {
        if std::net::TcpStream::connect(base.trim_start_matches("http://")).is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = call("/orders/1", Some(&good.value)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "orders"));
    {
        let heard = heard.lock().unwrap();
        assert_eq!(heard[0]["x-gatehouse-app"].to_str().unwrap(), reader.rsplit('/').next().unwrap());
        assert_eq!(heard[0]["x-gatehouse-owner"], "service");
        assert!(!heard[0].contains_key("x-api-key"), "the key stays outside");
        assert_eq!(heard[0]["x-gatehouse-key"].to_str().unwrap(), good.id);
        for forged in ["x-gatehouse-user", "x-gatehouse-role"] {
            assert!(heard[0].get(forged).is_none_or(|v| v.is_empty()), "{forged} is what the caller said");
        }
    }
    let refused = call("/orders/1", Some(&poor.value)).await;
    assert_eq!(refused.status, 403);
    let decision = refused.headers["x-gatehouse-decision"].to_str().unwrap();
    let why = owner.get(&format!("/api/v1/decisions/{decision}")).await.ok();
    assert_eq!(why["action"], "orders:read");
    // however the path is written
    assert_eq!(call("/%6frders/1", Some(&poor.value)).await.status, 403);
    assert_eq!(call("/x/../orders/1", Some(&poor.value)).await.status, 403);
    // elsewhere a good key is enough
    assert_eq!(call("/other", Some(&poor.value)).await.status, 200);
    assert_eq!(call("/orders/1", None).await.status, 401);
    assert_eq!(call("/orders/1", Some("gh_none")).await.status, 401);
    assert_eq!(call("/orders/1", Some(&slow.value)).await.status, 200);
    assert_eq!(call("/orders/1", Some(&slow.value)).await.status, 429);
    owner.delete(&good.path).await.ok();
    assert_eq!(call("/orders/1", Some(&good.value)).await.status, 401);
    assert_eq!(heard.lock().unwrap().len(), 3);
}

on_both![nginx_asks_before_it_lets_a_call_through];
