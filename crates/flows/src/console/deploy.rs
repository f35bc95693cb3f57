//! Into service, out of it, and away.

use axum::extract::State;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, FlowId, Kind, Permission, Result};
use gatehouse_web::{Confirm, Flash, HtmlResult, PageContext, Path, SeeOther, VerifiedForm};

use super::{Nothing, PATH, below, id_of, path_of};
use crate::Flows;
use crate::service::deploy::Action;
use crate::service::object;

/// Deploys the draft, and says what came of it.
pub(super) async fn deployed(flows: &Flows, actor: &Actor, id: &FlowId) -> Result<SeeOther> {
    let back = SeeOther::to(path_of(id));
    match flows.deploy(actor, id, Action::Deploy, false).await {
        Ok(done) => {
            let words = format!("Version {} is deployed.", done.number.unwrap_or_default());
            Ok(back.saying(Flash::success(words)))
        }
        Err(e) if matches!(e.kind(), Kind::Conflict | Kind::Validation) => {
            Ok(back.saying(Flash::failure(e.message())))
        }
        Err(e) => Err(e),
    }
}

/// Deploys the draft.
pub(super) async fn deploy(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    Ok(deployed(&flows, &actor, &id_of(&id)?).await?)
}

/// The question before a flow goes out of service, without JavaScript.
pub(super) async fn ask_undeploy(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let id = id_of(&id)?;
    require(&flows.0.store, &actor, Permission::ManageFlows, object(&id)).await?;
    let name = flows.flow(&actor, &id).await?.flow.name;
    Ok(Confirm {
        page: below(&context, format!("Undeploy {name}?")),
        text: "It cannot be started any more. What is under way goes on.".to_owned(),
        action: format!("{}/undeploy", path_of(&id)),
        fields: Vec::new(),
        confirm: "Undeploy".to_owned(),
        cancel: path_of(&id),
        danger: true,
    })
}

/// Takes it out of service.
pub(super) async fn undeploy(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = id_of(&id)?;
    flows.deploy(&actor, &id, Action::Undeploy, false).await?;
    Ok(SeeOther::to(path_of(&id)).saying(Flash::success("The flow is out of service.")))
}

/// The question before a flow is removed, without JavaScript.
pub(super) async fn ask_delete(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let id = id_of(&id)?;
    require(&flows.0.store, &actor, Permission::ManageFlows, object(&id)).await?;
    let name = flows.flow(&actor, &id).await?.flow.name;
    Ok(Confirm {
        page: below(&context, format!("Delete {name}?")),
        text: "The flow goes with all its versions. This cannot be undone.".to_owned(),
        action: format!("{}/delete", path_of(&id)),
        fields: Vec::new(),
        confirm: "Delete flow".to_owned(),
        cancel: path_of(&id),
        danger: true,
    })
}

/// Removes it.
pub(super) async fn delete(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = id_of(&id)?;
    match flows.remove_flow(&actor, &id).await {
        Ok(()) => Ok(SeeOther::to(PATH).saying(Flash::success("The flow was deleted."))),
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(path_of(&id)).saying(Flash::failure(e.message())))
        }
        Err(e) => Err(e.into()),
    }
}
