//! Floor: a bare axum server that answers `hello`. Use: `floor-hello 127.0.0.1:PORT`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:18100".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let hello = || async { "hello" };
    let router = axum::Router::new()
        .route("/", axum::routing::get(hello).post(hello))
        // what a proxy asks for: it gives up a connection whose answer it did not read to its end
        .route("/empty", axum::routing::any(|| async {}));
    Ok(axum::serve(listener, router).await?)
}
