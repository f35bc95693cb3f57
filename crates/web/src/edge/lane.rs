//! A way past router and edge for one path that is too hot for them. Its answers look like any other, and are counted and
//! logged like any other; what costs time with each request was done ahead.

use std::net::IpAddr;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use gatehouse_types::{Id, Ids, RequestId};
use ipnet::IpNet;

use super::config::EdgeConfig;
use super::{headers, log, origin};

/// What a path of its own needs of the edge; see the module.
#[derive(Debug)]
pub struct Lane {
    ids: Ids,
    trusted_proxies: Vec<IpNet>,
    route: &'static str,
    /// What every answer says; its id and what differs have their places.
    headers: HeaderMap,
    numbers: log::Numbers,
}

impl Lane {
    /// For the route of this name, whose answers are all 200 and empty, and each say something under these `names`. The
    /// recorder of numbers is installed before.
    pub fn new(config: &EdgeConfig, route: &'static str, names: &[HeaderName]) -> Self {
        let mut model = Response::new(Body::empty());
        model.extensions_mut().insert(headers::ForPrograms);
        let nobody = RequestId::from_stored(String::new());
        headers::secure(&mut model, &nobody, config.public_url.is_https());
        for name in names {
            model.headers_mut().insert(name, HeaderValue::from_static(""));
        }
        Self {
            ids: config.ids.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            route,
            headers: std::mem::take(model.headers_mut()),
            numbers: log::Numbers::new(route, StatusCode::OK),
        }
    }

    /// Where a request came from that reached us by this peer.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        origin::client(peer.to_canonical(), headers, &self.trusted_proxies)
    }

    /// The answer to a request that began then; `tell` adds what it says.
    pub fn answer(&self, method: &Method, began: Instant, tell: impl FnOnce(&mut HeaderMap)) -> Response {
        let request_id: RequestId = self.ids.make();
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.clone_from(&self.headers);
        if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
            headers.insert(headers::X_REQUEST_ID, id);
        }
        tell(headers);
        self.numbers.count(method, began.elapsed());
        log::line(&request_id, log::known_method(method), self.route, StatusCode::OK, began.elapsed());
        response
    }
}
