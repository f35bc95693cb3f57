//! Setup links reach directory provisioning: single sign-on names the seam, this crate puts it together.

use gatehouse_identity::rules::Boxed;
use gatehouse_scim::Scim;
use gatehouse_sso::Directory;
use gatehouse_types::{Actor, Result, Secret, Timestamp, WorkspaceId};

/// Directory provisioning, as far as a setup link reaches it.
#[derive(Debug)]
pub(crate) struct ByLink(pub(crate) Scim);

impl Directory for ByLink {
    fn base_url(&self) -> String {
        self.0.base_url()
    }

    fn new_token<'a>(&'a self, actor: &'a Actor, name: &'a str) -> Boxed<'a, Result<Secret>> {
        Box::pin(self.0.make_link_token(actor, name))
    }

    fn token_use<'a>(
        &'a self,
        workspace: &'a WorkspaceId,
        name: &'a str,
    ) -> Boxed<'a, Result<Option<Option<Timestamp>>>> {
        Box::pin(self.0.token_use(workspace, name))
    }
}
