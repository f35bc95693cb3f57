use gatehouse_store::Store;
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{Actor, ControlScope, Error, Permission, Principal, Result, WorkspaceId};

/// The check at the first line of every service function: the actor's workspace, if the actor has the right there.
///
/// # Errors
/// `Authentication` for nobody; `Authorization` with a recorded decision for somebody without the right.
pub async fn require<'a>(
    store: &Store,
    actor: &'a Actor,
    permission: Permission,
    object: Option<String>,
) -> Result<&'a WorkspaceId> {
    let workspace = actor.workspace()?;
    if actor.may(permission) || by_setup_link(actor, permission, object.as_deref()) {
        return Ok(workspace);
    }
    let (reason, words) = missing(actor, permission);
    let reasons = vec![Reason::passed("signed in", who(actor)), reason];
    let refusal = Refusal { action: permission.as_str(), object, reasons };
    let decision = refuse(store, actor, Some(workspace), refusal).await?;
    Err(Error::authorization(words).decided(decision))
}

/// What the actor lacks: a person a role that carries the right, a key the scope that stands for it.
fn missing(actor: &Actor, permission: Permission) -> (Reason, String) {
    let right = permission.as_str();
    if !matches!(actor.principal, Principal::ApiKey { .. }) {
        let role = actor.role().map_or("nobody", gatehouse_types::Role::as_str);
        let detail = format!("The right {right} is needed. The role {role} does not carry it; ask an owner.");
        let words = "Your role does not allow this. An owner or admin can do it, or change your role.";
        return (Reason::failed("role", detail), words.to_owned());
    }
    let scope = ControlScope::ALL.into_iter().find(|scope| scope.permission() == permission);
    let words = match scope {
        Some(scope) => format!("This key does not have the scope {}.", scope.as_str()),
        None => format!("No scope of a key stands for the right {right}: a person must do this."),
    };
    (Reason::failed("scope", words.clone()), words)
}

/// A setup link reaches its one connection, and nothing else.
fn by_setup_link(actor: &Actor, permission: Permission, object: Option<&str>) -> bool {
    match &actor.principal {
        Principal::SetupLink { connection_id, .. } => {
            let own = format!("connection:{connection_id}");
            permission == Permission::ManageSso && object == Some(own.as_str())
        }
        _ => false,
    }
}

fn who(actor: &Actor) -> String {
    match &actor.principal {
        Principal::User { user_id, role, .. } => format!("{user_id} acts in this workspace as {role}."),
        Principal::System => "The product itself acts.".to_owned(),
        Principal::SetupLink { link_id, .. } => format!("The setup link {link_id} acts."),
        Principal::Scim { token_id, .. } => format!("The SCIM token {token_id} acts."),
        Principal::ApiKey { key_id, app_id, .. } => format!("The key {key_id} of the app {app_id} acts."),
        Principal::Anonymous => "Nobody is signed in.".to_owned(),
    }
}
