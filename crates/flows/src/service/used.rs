//! Which flows use a connector or profile: by the definitions of their drafts and of what is in service.

use gatehouse_connect::{FlowUse, Uses};
use gatehouse_identity::rules::Boxed;
use gatehouse_store::Store;
use gatehouse_types::{PageRequest, Result, WorkspaceId};

use crate::model::definition::refers;
use crate::store::flows::{self, Wanted};
use crate::store::{triggers, versions};

/// Triggers of a flow that are named.
const TRIGGERS: u32 = 100;

/// Tells who is hit when a connector or profile ends.
#[derive(Clone, Debug)]
pub struct FlowUses(Store);

impl FlowUses {
    /// Over the store.
    pub const fn new(store: Store) -> Self {
        Self(store)
    }

    async fn look(&self, workspace: &WorkspaceId, id: &str) -> Result<Vec<FlowUse>> {
        let db = &mut self.0.reader();
        let mut found = Vec::new();
        for number in 1.. {
            let page = PageRequest::new(number, PageRequest::MAX_PAGE_SIZE)?;
            let (listed, total) = flows::page(db, workspace, &Wanted::default(), page).await?;
            for one in &listed {
                let deployed = match &one.deployed {
                    Some(deployed) => versions::by_id(&self.0, &deployed.id)
                        .await?
                        .is_some_and(|version| refers(&version.definition, id)),
                    None => false,
                };
                let drafted = !deployed
                    && flows::find(&self.0, db, workspace, &one.id)
                        .await?
                        .is_some_and(|flow| refers(&flow.definition, id));
                if !deployed && !drafted {
                    continue;
                }
                let (triggers, _) = triggers::page(db, &one.id, PageRequest::new(1, TRIGGERS)?).await?;
                found.push(FlowUse {
                    id: one.id.to_string(),
                    name: one.name.clone(),
                    deployed,
                    triggers: triggers.into_iter().map(|t| t.name).collect(),
                });
            }
            if listed.is_empty() || i64::from(number) * i64::from(PageRequest::MAX_PAGE_SIZE) >= total {
                break;
            }
        }
        Ok(found)
    }
}

impl Uses for FlowUses {
    fn of<'a>(&'a self, workspace: &'a WorkspaceId, id: &'a str) -> Boxed<'a, Result<Vec<FlowUse>>> {
        Box::pin(self.look(workspace, id))
    }
}
