use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::response::Response;
use gatehouse_types::{Error, Origin, RequestId, SharedRandom, random_token};

use crate::browser::cookies::{CookieKind, Cookies};
use crate::browser::csrf::Csrf;
use crate::browser::public_url::PublicUrl;
use crate::html::flash::{self, Flash};
use crate::html::nav::Nav;
use crate::json::error::ApiError;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) public_url: PublicUrl,
    pub(crate) cookies: Cookies,
    pub(crate) csrf: Csrf,
    pub(crate) random: SharedRandom,
    pub(crate) nav: Nav,
}

/// What happened to the cookies while one request was handled.
#[derive(Debug)]
struct Cell {
    request_id: RequestId,
    path: String,
    fresh_csrf: OnceLock<String>,
    flash_shown: AtomicBool,
}

/// The edge's services for one request: address, cookies, CSRF. An extractor.
#[derive(Clone, Debug)]
pub struct Web {
    shared: Arc<Shared>,
    cell: Arc<Cell>,
}

impl Web {
    pub(crate) fn new(shared: Arc<Shared>, request_id: RequestId, path: String) -> Self {
        let cell =
            Cell { request_id, path, fresh_csrf: OnceLock::new(), flash_shown: AtomicBool::new(false) };
        Self { shared, cell: Arc::new(cell) }
    }

    /// The services put into the request by [`crate::edge()`].
    ///
    /// # Errors
    /// `Internal` when the router stands without its edge.
    pub fn of(extensions: &Extensions) -> Result<&Self, Error> {
        extensions.get::<Self>().ok_or_else(|| Error::internal("the router has no edge() around it"))
    }

    /// Our address.
    pub fn public_url(&self) -> &PublicUrl {
        &self.shared.public_url
    }

    /// Writes and reads cookies.
    pub fn cookies(&self) -> &Cookies {
        &self.shared.cookies
    }

    /// Makes and checks CSRF proofs.
    pub fn csrf(&self) -> &Csrf {
        &self.shared.csrf
    }

    /// The console's menus.
    pub(crate) fn nav(&self) -> &Nav {
        &self.shared.nav
    }

    /// The id of this request.
    pub fn request_id(&self) -> &RequestId {
        &self.cell.request_id
    }

    /// The path of this request, without its query.
    pub fn path(&self) -> &str {
        &self.cell.path
    }

    /// Whether a call that is authenticated by the session cookie may change something: one of our own pages asks.
    pub fn cookie_call_is_ours(&self, headers: &HeaderMap) -> bool {
        crate::browser::csrf::same_origin(headers, self.public_url())
            || self.csrf().verify_header(headers, self.cookies())
    }

    /// The CSRF proof for forms of this answer; a missing cookie is made and goes along with the answer.
    pub fn csrf_token(&self, headers: &HeaderMap) -> String {
        let sent = self.cookies().get(headers, CookieKind::Csrf);
        let fresh = || random_token(&*self.shared.random).expose().to_owned();
        let cookie = sent.unwrap_or_else(|| self.cell.fresh_csrf.get_or_init(fresh));
        self.csrf().token(cookie, self.cookies().get(headers, CookieKind::Session))
    }

    /// The message that the page before left for this one; it is shown once.
    pub fn take_flash(&self, headers: &HeaderMap) -> Option<Flash> {
        let flash = flash::read(self.cookies().get(headers, CookieKind::Flash)?, self.csrf());
        self.cell.flash_shown.store(true, Ordering::Relaxed);
        flash
    }

    /// Sends what the handler left to do: the new CSRF cookie, a flash to keep, a flash that was shown.
    pub(crate) fn settle_cookies(&self, response: &mut Response) {
        let mut set = Vec::new();
        if let Some(cookie) = self.cell.fresh_csrf.get() {
            set.extend(self.cookies().set(CookieKind::Csrf, cookie, None));
        }
        if let Some(flash) = response.extensions_mut().remove::<Flash>() {
            let value = flash::write(&flash, self.csrf());
            set.extend(self.cookies().set(CookieKind::Flash, &value, Some(flash::MAX_AGE)));
        } else if self.cell.flash_shown.load(Ordering::Relaxed) {
            set.push(self.cookies().clear(CookieKind::Flash));
        }
        for value in set {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Web {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self::of(&parts.extensions)?.clone())
    }
}

/// The request's [`Origin`] as an extractor.
#[derive(Clone, Debug)]
pub struct RequestOrigin(pub Origin);

impl<S: Send + Sync> FromRequestParts<S> for RequestOrigin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let origin = parts.extensions.get::<Origin>().cloned();
        Ok(Self(origin.ok_or_else(|| Error::internal("the router has no edge() around it"))?))
    }
}
