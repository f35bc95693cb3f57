//! Floor: a bare axum server that answers `hello`. Use: `floor-hello 127.0.0.1:PORT`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A token that lasts as long as a measurement.
const TOKEN: &str = r#"{"access_token": "token-of-the-floor", "token_type": "Bearer", "expires_in": 86400}"#;

/// Tokens that were asked for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a floor is measured without the product")]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:18100".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let hello = || async { "hello" };
    let token = || async {
        ASKED.fetch_add(1, Ordering::Relaxed);
        ([("content-type", "application/json")], TOKEN)
    };
    let asked = || async { ASKED.load(Ordering::Relaxed).to_string() };
    let router = axum::Router::new()
        .route("/", axum::routing::get(hello).post(hello))
        // an authorization server, as far as somebody sees who wants a token (RFC 6749 §5.1)
        .route("/token", axum::routing::post(token))
        .route("/asked", axum::routing::get(asked))
        // what a proxy asks for: it gives up a connection whose answer it did not read to its end
        .route("/empty", axum::routing::any(|| async {}));
    Ok(axum::serve(listener, router).await?)
}
