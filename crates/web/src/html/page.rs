use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use gatehouse_types::Role;

use super::assets::asset_url;
use super::flash::Flash;
use super::nav::{Nav, NavSection};
use super::parts::Crumb;
use super::view::HtmlError;
use crate::edge::context::Web;

/// Who looks at the page. Put into the request's extensions by whatever authenticates it.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The person's name.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// The name of the workspace the session is in.
    pub workspace: String,
    /// What the person is there.
    pub role: Role,
    /// The other workspaces the person may switch to.
    pub others: Vec<ViewerWorkspace>,
}

/// A workspace to switch to.
#[derive(Clone, Debug)]
pub struct ViewerWorkspace {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The frame around a page: every template that extends `base.html` or `base_plain.html` has one as its field `page`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The one `h1`, and the first words of the window's title.
    pub title: String,
    /// The id of the current menu entry.
    pub active: &'static str,
    /// The menus, as this viewer sees them.
    pub nav: Nav,
    /// Who looks at it.
    pub viewer: Option<Viewer>,
    /// The CSRF proof for this page's forms.
    pub csrf: String,
    /// What the page before had to say.
    pub flash: Option<Flash>,
    /// The way here, the page itself not included.
    pub crumbs: Vec<Crumb>,
}

impl Page {
    /// A page that has neither menus nor forms of ours.
    pub fn bare(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            active: "",
            nav: Nav::default(),
            viewer: None,
            csrf: String::new(),
            flash: None,
            crumbs: Vec::new(),
        }
    }

    /// The same page as this person sees it.
    #[must_use]
    pub fn seen_by(mut self, viewer: Viewer) -> Self {
        self.nav = self.nav.seen_by(Some(viewer.role));
        self.viewer = Some(viewer);
        self
    }

    /// The same page behind one more step of the way.
    #[must_use]
    pub fn under(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { label: label.into(), href: href.into() });
        self
    }

    /// The same page with a message of its own, for a form that is shown again.
    #[must_use]
    pub fn saying(mut self, flash: Flash) -> Self {
        self.flash = Some(flash);
        self
    }

    /// The address of an embedded file.
    pub fn asset(&self, name: &str) -> String {
        asset_url(name)
    }

    /// The section of the top menu that holds the current entry.
    pub fn section(&self) -> Option<&NavSection> {
        self.nav.sections.iter().find(|s| s.holds(self.active))
    }

    /// `page` for the current entry, for `aria-current`; empty for the others.
    pub fn current(&self, id: &str) -> &'static str {
        if self.active == id { "page" } else { "" }
    }
}

/// Makes [`Page`]s for this request: menus, CSRF proof, flash, and the viewer when one was put into the extensions by
/// an extractor before this one (or by a middleware).
#[derive(Clone, Debug)]
pub struct PageContext {
    web: Web,
    headers: HeaderMap,
    viewer: Option<Viewer>,
}

impl PageContext {
    /// A page with this `h1`, under the menu entry `active`. The flash is taken by the first page made.
    pub fn page(&self, title: impl Into<String>, active: &'static str) -> Page {
        let page = Page {
            active,
            nav: self.web.nav().clone(),
            csrf: self.web.csrf_token(&self.headers),
            flash: self.web.take_flash(&self.headers),
            ..Page::bare(title)
        };
        match &self.viewer {
            Some(viewer) => page.seen_by(viewer.clone()),
            None => Page { nav: page.nav.seen_by(None), ..page },
        }
    }

    /// The edge's services.
    pub fn web(&self) -> &Web {
        &self.web
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageContext {
    type Rejection = HtmlError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HtmlError> {
        let web = Web::of(&parts.extensions)?.clone();
        let viewer = parts.extensions.get::<Viewer>().cloned();
        Ok(Self { web, headers: parts.headers.clone(), viewer })
    }
}
