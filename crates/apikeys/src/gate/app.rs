use std::sync::Arc;

use axum::http::HeaderValue;
use gatehouse_types::{ApiAppId, ControlScope, ControlScopes, Id, WorkspaceId};

use super::bounds::Bounds;

/// A scope that an app was given.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) id: Arc<str>,
    /// Its number in the table, for counting.
    pub(crate) number: u32,
}

/// An app as the gate knows it.
#[derive(Debug)]
pub(crate) struct GateApp {
    pub(crate) id: ApiAppId,
    pub(crate) workspace: WorkspaceId,
    /// Sorted by id.
    scopes: Box<[Given]>,
    pub(crate) reach: ControlScopes,
    pub(crate) is_active: bool,
    pub(crate) bounds: Option<Arc<Bounds>>,
    /// Ready for answers.
    pub(crate) headers: AppHeaders,
}

/// What an app's answers say, ready to be copied.
#[derive(Clone, Debug)]
pub(crate) struct AppHeaders {
    pub(crate) workspace: HeaderValue,
    pub(crate) app: HeaderValue,
    pub(crate) scopes: HeaderValue,
}

/// A text of ours as the value of a header; none of them has anything that a header cannot say.
pub(crate) fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

impl GateApp {
    pub(crate) fn new(
        id: ApiAppId,
        workspace: WorkspaceId,
        mut scopes: Vec<Given>,
        is_active: bool,
        bounds: Option<Arc<Bounds>>,
    ) -> Self {
        scopes.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let reach = ControlScopes::of(scopes.iter().filter_map(|s| s.id.parse::<ControlScope>().ok()));
        let names = scopes.iter().map(|s| &*s.id).collect::<Vec<_>>().join(" ");
        let headers = AppHeaders {
            workspace: header(workspace.as_str()),
            app: header(id.as_str()),
            scopes: header(&names),
        };
        Self { id, workspace, scopes: scopes.into(), reach, is_active, bounds, headers }
    }

    /// The scope, if the app was given it.
    pub(crate) fn scope(&self, id: &str) -> Option<&Given> {
        let place = self.scopes.binary_search_by(|s| (*s.id).cmp(id)).ok()?;
        self.scopes.get(place)
    }

    /// The scopes, sorted.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(|s| &*s.id)
    }
}
