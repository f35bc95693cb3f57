use std::sync::Arc;

use axum::response::Response;
use gatehouse_types::{Ids, OsRandom, SystemClock};
use http_body_util::BodyExt;

use super::config::EdgeConfig;

pub(crate) fn edge_config(public_url: &str) -> EdgeConfig {
    let random = Arc::new(OsRandom);
    let ids = Ids::new(Arc::new(SystemClock), random.clone());
    EdgeConfig::new(public_url.parse().unwrap(), ids, random, [7; 32])
}

pub(crate) async fn body_text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
