//! Floor: what sends one request for somebody must do. Without a count it is a bare axum server that takes `{method, url, headers, body}` and
//! sends it with a fixed bearer token; with one it sends so many requests itself, 64 at once, and prints the seconds.
//! Use: `floor-forward 127.0.0.1:PORT`, `floor-forward URL COUNT`.
#![allow(clippy::print_stdout, reason = "a tool of the command line")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, ensure};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// What stands in the place of an access token.
const TOKEN: &str = "token-of-the-floor";

#[expect(clippy::disallowed_methods, reason = "a floor under the product's own client")]
fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

async fn forwarded(client: &Client, asked: &Value) -> anyhow::Result<Value> {
    let text = |key: &str| asked.get(key).and_then(Value::as_str);
    let method: Method = text("method").unwrap_or("GET").parse()?;
    let request = client.request(method, text("url").context("no url")?).bearer_auth(TOKEN);
    let answer = request.body(text("body").unwrap_or_default().to_owned()).send().await?;
    let status = answer.status().as_u16();
    Ok(json!({"status": status, "body": answer.text().await?}))
}

async fn forward(
    State(client): State<Client>,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, (StatusCode, String)> {
    forwarded(&client, &asked).await.map(Json).map_err(|e| (StatusCode::BAD_GATEWAY, e.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "a floor is measured without the product")]
async fn serve(address: &str, client: Client) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let hello = || async { "hello" };
    let router = Router::new().route("/", axum::routing::get(hello).post(forward)).with_state(client);
    Ok(axum::serve(listener, router).await?)
}

async fn direct(url: String, count: usize, client: Client) -> anyhow::Result<()> {
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut all = Vec::new();
    for _ in 0..64 {
        let (client, url, next) = (client.clone(), url.clone(), Arc::clone(&next));
        all.push(tokio::spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let answer = client.get(&url).bearer_auth(TOKEN).send().await?;
                ensure!(answer.status().is_success(), "{}", answer.status());
                answer.bytes().await?;
            }
            Ok(())
        }));
    }
    for one in all {
        one.await??;
    }
    println!("{}", json!({"seconds": began.elapsed().as_secs_f64(), "count": count}));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap_or_else(|| "127.0.0.1:18101".to_owned());
    match arguments.next() {
        None => serve(&first, client()?).await,
        Some(count) => direct(first, count.parse()?, client()?).await,
    }
}
