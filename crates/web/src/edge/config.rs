use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use gatehouse_types::{Error, Ids, SharedRandom};
use ipnet::IpNet;

use super::context::{Shared, Web};
use super::log::Seen;
use crate::browser::cookies::Cookies;
use crate::browser::csrf::Csrf;
use crate::browser::public_url::PublicUrl;
use crate::html::nav::Nav;

/// The largest request body, unless a route lays its own `axum::extract::DefaultBodyLimit` over itself.
pub const DEFAULT_BODY_LIMIT: usize = 1024 * 1024;
/// The longest a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How failures of the edge itself (a deadline, a panic) are shown below some address, where clients know another form.
#[derive(Clone, Copy, Debug)]
pub struct FailureForm {
    /// The address, without a slash at its end.
    pub under: &'static str,
    /// The answer; its body and content type are used.
    pub show: fn(&Error) -> Response,
}

impl FailureForm {
    fn is_of(&self, path: &str) -> bool {
        is_under(path, self.under)
    }
}

fn is_under(path: &str, under: &str) -> bool {
    path.strip_prefix(under).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Requests that may take longer than others.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The address, without a slash at its end; what lies below it counts too.
    pub under: &'static str,
    /// The longest that such a request may take.
    pub timeout: Duration,
}

/// What the edge needs to know.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Our address; decides about `Secure` cookies, HSTS and whose `Origin` is ours.
    pub public_url: PublicUrl,
    /// Makes request ids.
    pub ids: Ids,
    /// Makes CSRF cookies.
    pub random: SharedRandom,
    /// Signs CSRF proofs and flash messages.
    pub csrf: Csrf,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The console's menus.
    pub nav: Nav,
    /// The largest request body.
    pub body_limit: usize,
    /// The longest a request may take.
    pub request_timeout: Duration,
    /// Where failures have another form.
    pub forms: Vec<FailureForm>,
    /// What may take longer.
    pub patience: Vec<Patience>,
}

impl EdgeConfig {
    /// With no trusted proxy, no menus and the default limits.
    pub fn new(public_url: PublicUrl, ids: Ids, random: SharedRandom, csrf_key: [u8; 32]) -> Self {
        Self {
            public_url,
            ids,
            random,
            csrf: Csrf::new(csrf_key),
            trusted_proxies: Vec::new(),
            nav: Nav::default(),
            body_limit: DEFAULT_BODY_LIMIT,
            request_timeout: REQUEST_TIMEOUT,
            forms: Vec::new(),
            patience: Vec::new(),
        }
    }
}

/// The configuration, ready for use.
pub(crate) struct Edge {
    pub(crate) ids: Ids,
    pub(crate) trusted_proxies: Vec<IpNet>,
    request_timeout: Duration,
    forms: Vec<FailureForm>,
    patience: Vec<Patience>,
    shared: Arc<Shared>,
}

impl Edge {
    /// The other form of failures at an address, if there is one.
    pub(super) fn form_at(&self, path: &str) -> Option<fn(&Error) -> Response> {
        self.forms.iter().find(|form| form.is_of(path)).map(|form| form.show)
    }

    /// The longest that a request to an address may take.
    pub(super) fn timeout_at(&self, path: &str) -> Duration {
        let longer = self.patience.iter().find(|patience| is_under(path, patience.under));
        longer.map_or(self.request_timeout, |patience| patience.timeout)
    }

    pub(crate) fn web(&self, seen: &Seen) -> Web {
        Web::new(self.shared.clone(), seen.request_id.clone(), seen.path.clone())
    }
}

impl From<EdgeConfig> for Edge {
    fn from(config: EdgeConfig) -> Self {
        let cookies = Cookies::new(&config.public_url);
        let EdgeConfig {
            public_url,
            ids,
            random,
            csrf,
            trusted_proxies,
            nav,
            request_timeout,
            forms,
            patience,
            ..
        } = config;
        let shared = Arc::new(Shared { public_url, cookies, csrf, random, nav });
        Self { ids, trusted_proxies, request_timeout, forms, patience, shared }
    }
}
