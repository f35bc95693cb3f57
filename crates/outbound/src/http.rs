mod error;
mod guard;
mod message;
mod proxy;
mod redirect;
mod resolver;
mod stream;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use error::{Error, Refusal};
use gatehouse_types::TRACES;
pub use message::{Limits, OutboundRequest, Response};
pub use proxy::{NotAProxy, ProxyUrl};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{Certificate, Client, ClientBuilder, Method, Proxy, redirect::Policy as ReqwestRedirects};
use resolver::PolicyResolver;
pub use stream::{Patience, Streamed};
use tracing::{Instrument, Span, field::Empty};
use url::Url;

use crate::{Dns, egress::Policy};

/// What the one web client needs to know.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Which addresses may be called.
    pub policy: Policy,
    /// Where names are looked up.
    pub resolver: Dns,
    /// How we introduce ourselves (RFC 9110 §10.1.5).
    pub user_agent: String,
    /// The longest wait for one connection, inside the deadline of the call.
    pub connect_timeout: Duration,
    /// PEM certificates of authorities trusted besides the system's.
    pub extra_roots: Option<String>,
    /// A proxy that all calls go through. It looks names up itself, so a call is judged before it is handed over, but
    /// pinned by nobody but the proxy. The environment's proxy variables do not count.
    pub proxy: Option<ProxyUrl>,
}

impl HttpConfig {
    /// The usual client: 5 seconds to connect, the system's authorities, no proxy.
    pub fn new(policy: Policy, resolver: Dns) -> Self {
        Self {
            policy,
            resolver,
            user_agent: concat!("Gatehouse/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            extra_roots: None,
            proxy: None,
        }
    }
}

/// The web client. A call looks its host up once and connects only to addresses of that answer which the policy
/// permits, so a name cannot change its mind in between (DNS rebinding). No cookies, no ambient proxy. With a proxy see
/// [`HttpConfig::proxy`].
///
/// Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    policy: Policy,
    resolver: Dns,
    proxied: bool,
}

impl Http {
    /// Builds the client.
    ///
    /// # Errors
    /// [`Error::Setup`] when the extra authorities, the proxy or the user agent cannot be used.
    pub fn new(config: HttpConfig) -> Result<Self, Error> {
        let client = client(&config)?;
        Ok(Self { client, policy: config.policy, resolver: config.resolver, proxied: config.proxy.is_some() })
    }

    /// Fetches a document. Any answer is a [`Response`], whatever its status.
    ///
    /// # Errors
    /// [`Error`] says what was refused or what failed; its text may be shown to an administrator.
    pub async fn get(&self, url: &str, limits: Limits) -> Result<Response, Error> {
        let url = Url::parse(url).map_err(|_| Error::refused("the given address", Refusal::NotAUrl))?;
        self.send(OutboundRequest::get(url).with_limits(limits)).await
    }

    /// Sends any request. Redirects follow RFC 9110 §15.4; on the way to another origin only harmless headers go
    /// along and a body never does.
    ///
    /// # Errors
    /// [`Error`] says what was refused or what failed; its text may be shown to an administrator.
    pub async fn send(&self, request: OutboundRequest) -> Result<Response, Error> {
        let (origin, timeout) = (guard::origin(&request.url), request.limits.timeout);
        let late = Error::Timeout { origin, seconds: timeout.as_secs_f32() };
        let span = span(&request);
        let answered = tokio::time::timeout(timeout, self.follow(request)).instrument(span.clone()).await;
        let answered = answered.unwrap_or(Err(late));
        match &answered {
            Ok(response) => span.record("http.response.status_code", response.status.as_u16()),
            Err(_) => span.record("otel.status_code", "ERROR"),
        };
        answered
    }

    /// Sends any request, as [`Http::send`]; the answer's body comes piece by piece, and is never held whole. The limits of
    /// the request hold for all of it, and `patience` for its parts.
    ///
    /// # Errors
    /// As [`Http::send`], until the head is there.
    pub async fn open(&self, request: OutboundRequest, patience: Patience) -> Result<Streamed, Error> {
        let late =
            Error::Timeout { origin: guard::origin(&request.url), seconds: patience.head.as_secs_f32() };
        let (span, ends) = (span(&request), tokio::time::Instant::now() + request.limits.timeout);
        let opened = tokio::time::timeout(patience.head, self.arrive(request)).instrument(span.clone()).await;
        let opened = opened
            .unwrap_or(Err(late))
            .and_then(|(response, request)| Streamed::of(response, &request, patience.piece, ends));
        match &opened {
            Ok(answer) => span.record("http.response.status_code", answer.status.as_u16()),
            Err(_) => span.record("otel.status_code", "ERROR"),
        };
        opened
    }

    async fn follow(&self, request: OutboundRequest) -> Result<Response, Error> {
        let (response, request) = self.arrive(request).await?;
        read(response, &request).await
    }

    /// The head of the final answer, and the request that it is to.
    async fn arrive(
        &self,
        mut request: OutboundRequest,
    ) -> Result<(reqwest::Response, OutboundRequest), Error> {
        guard::headers(&request)?;
        let limit = request.limits.max_redirects;
        for _ in 0..=limit {
            self.check(&request.url).await?;
            let response = self.once(&request).await?;
            match redirect::next(&request, response.status(), response.headers())? {
                None => return Ok((response, request)),
                Some(next) => request = next,
            }
        }
        Err(Error::TooManyRedirects { origin: guard::origin(&request.url), limit })
    }

    async fn check(&self, url: &Url) -> Result<(), Error> {
        guard::url(url, &self.policy)?;
        let (true, Some(name)) = (self.proxied, url.domain()) else { return Ok(()) };
        let judged = resolver::may_be_left_to_proxy(&self.resolver, &self.policy, name).await;
        judged.map_err(|why| Error::unreachable(guard::origin(url), why))
    }

    async fn once(&self, request: &OutboundRequest) -> Result<reqwest::Response, Error> {
        let OutboundRequest { method, url, headers, body, limits } = request;
        let mut built = self.client.request(method.clone(), url.clone()).headers(headers.clone());
        // an empty POST says so, otherwise some servers ask for a length (RFC 9110 §8.6)
        if !body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(method) {
            built = built.body(body.clone());
        }
        built.timeout(limits.timeout).send().await.map_err(|error| Error::from_reqwest(&error, request))
    }
}

/// A call in a trace, below what causes it. Host and port alone: paths and queries carry secrets.
fn span(request: &OutboundRequest) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::info_span!(
        target: TRACES, "outbound call", otel.kind = "client", otel.name = request.method.as_str(),
        http.request.method = request.method.as_str(), server.address = request.url.host_str(),
        server.port = request.url.port_or_known_default(), http.response.status_code = Empty,
        otel.status_code = Empty,
    )
}

#[expect(clippy::disallowed_methods, reason = "this is the one door")]
fn builder() -> ClientBuilder {
    Client::builder()
}

fn client(config: &HttpConfig) -> Result<Client, Error> {
    let setup = |what: &'static str| {
        move |error: reqwest::Error| Error::Setup { what, detail: error::innermost(&error) }
    };
    let roots = config.extra_roots.as_deref().unwrap_or_default();
    let roots =
        Certificate::from_pem_bundle(roots.as_bytes()).map_err(setup("the extra certificate authorities"))?;
    // with a proxy the only name we look up is the proxy's own, which the operator chose
    let policy = config.proxy.is_none().then(|| config.policy.clone());
    let base = || {
        let resolver = PolicyResolver { dns: config.resolver.clone(), policy: policy.clone() };
        let builder = builder().tls_backend_rustls().no_proxy().dns_resolver(resolver);
        let builder =
            builder.redirect(ReqwestRedirects::none()).referer(false).connect_timeout(config.connect_timeout);
        let builder = builder.user_agent(&config.user_agent);
        Ok::<_, Error>(match &config.proxy {
            Some(proxy) => builder.proxy(Proxy::all(proxy.url().clone()).map_err(setup("the proxy"))?),
            None => builder,
        })
    };
    let wanted = base()?.tls_certs_merge(roots.clone()).build();
    wanted.or_else(|error| {
        // a machine without any certificate authority can still do all that needs no https
        tracing::warn!(
            error = error::innermost(&error),
            "no certificate authorities; install ca-certificates"
        );
        base()?.tls_certs_only(roots).build().map_err(setup("the HTTP client"))
    })
}

/// Name and value of a cookie (RFC 6265 §5.2).
fn cookie(header: &HeaderValue) -> Option<(String, String)> {
    let (name, value) = header.to_str().ok()?.split(';').next()?.split_once('=')?;
    Some((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
}

/// The headers without cookies, and the cookies.
fn without_cookies(response: &reqwest::Response) -> (HeaderMap, Vec<(String, String)>) {
    let mut headers = response.headers().clone();
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(cookie).collect();
    headers.remove(SET_COOKIE);
    (headers, cookies)
}

async fn read(mut response: reqwest::Response, request: &OutboundRequest) -> Result<Response, Error> {
    let limit = request.limits.max_bytes;
    let too_large = || Error::TooLarge { origin: guard::origin(&request.url), limit };
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::from_reqwest(&error, request))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    let (status, (headers, cookies)) = (response.status(), without_cookies(&response));
    Ok(Response { status, headers, body, final_url: request.url.clone(), cookies })
}
