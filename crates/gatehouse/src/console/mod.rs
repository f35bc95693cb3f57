//! The console's shell: its menus, the first page, the way into the settings.

mod audit;
mod decisions;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gatehouse_identity::Visitor;
use gatehouse_types::Permission;
use gatehouse_web::{HtmlResult, Nav, NavGroup, NavItem, NavSection, Page, PageContext, SeeOther, View};

use crate::App;

/// The page of single sign-on.
const SSO_PATH: &str = "/settings/security/sso";
/// The page that answers why and who can.
const WHY_PATH: &str = "/settings/security/why";

/// The page of connectors.
const CONNECTORS_PATH: &str = "/integrations/connectors";
/// The page of flows.
const FLOWS_PATH: &str = "/flows";
/// The page of custom scripts.
const SCRIPTS_PATH: &str = "/scripts";
/// The page of authorization profiles.
const PROFILES_PATH: &str = "/integrations/auth-profiles";

pub(crate) fn nav() -> Nav {
    let sso = NavItem::new("sso", "Single Sign On", SSO_PATH).needs(Permission::ManageSso);
    let scim = NavItem::new("scim", "Provisioning", "/settings/security/scim").needs(Permission::ManageScim);
    let webhooks =
        NavItem::new("webhooks", "Webhooks", "/settings/security/webhooks").needs(Permission::ManageWebhooks);
    let api_scopes = NavItem::new("api-scopes", "API Scopes", "/settings/security/api-scopes")
        .needs(Permission::ManageApps);
    let why = NavItem::new("why", "Why and who can", WHY_PATH).needs(Permission::ExplainDecisions);
    let sign_in = NavItem::new("sign-in", "Signing in", "/settings/security/sign-in")
        .needs(Permission::ManageSecuritySettings);
    let audit = NavItem::new("audit", "Audit log", audit::PATH).needs(Permission::ReadAudit);
    let security = NavGroup {
        label: "Security & Control",
        items: vec![sso, scim, api_scopes, webhooks, sign_in, why, audit],
    };
    let connectors =
        NavItem::new("connectors", "Connectors", CONNECTORS_PATH).needs(Permission::UseConnectors);
    let people = NavItem::new("people", "People", "/settings/people").needs(Permission::ReadMembers);
    let workspace = NavGroup { label: "Workspace", items: vec![people] };
    let auth_profiles = NavItem::new("auth-profiles", "Authorization Profiles", PROFILES_PATH)
        .needs(Permission::UseAuthProfiles);
    let integrations =
        NavItem::new("integrations", "Integrations", CONNECTORS_PATH).needs(Permission::UseConnectors);
    let outside = NavGroup { label: "Integrations", items: vec![connectors, auth_profiles] };
    let flows = NavItem::new("flows-section", "Flows", FLOWS_PATH).needs(Permission::UseFlows);
    let all_flows = NavItem::new("flows", "Flows", FLOWS_PATH).needs(Permission::UseFlows);
    let executions =
        NavItem::new("flow-executions", "Executions", "/flows/executions").needs(Permission::UseFlows);
    let waiting =
        NavItem::new("flow-waiting", "What waits for you", "/flows/waiting").needs(Permission::UseFlows);
    let statistics =
        NavItem::new("flow-statistics", "Statistics", "/flows/statistics").needs(Permission::UseFlows);
    let flow_pages = NavGroup { label: "Flows", items: vec![all_flows, executions, waiting, statistics] };
    let scripts = NavItem::new("scripts", "Custom scripts", SCRIPTS_PATH).needs(Permission::ReadScripts);
    let own = NavItem::new("account", "Your account", "/account");
    let connections = NavItem::new("my-connections", "My connections", "/account/connections");
    let account = NavGroup { label: "", items: vec![own, connections] };
    let settings = NavItem::new("settings", "Settings", "/settings").needs(Permission::ManageSso);
    Nav {
        sections: vec![
            NavSection { item: NavItem::new("home", "Home", "/"), groups: Vec::new() },
            NavSection { item: flows, groups: vec![flow_pages] },
            NavSection { item: scripts, groups: Vec::new() },
            NavSection { item: integrations, groups: vec![outside] },
            NavSection { item: settings, groups: vec![workspace, security] },
            NavSection { item: own, groups: vec![account] },
        ],
        ..Nav::default()
    }
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/settings", get(settings))
        .merge(audit::routes())
        .merge(decisions::routes())
        .with_state(app)
}

#[derive(askama::Template)]
#[template(path = "gatehouse/home.html")]
struct HomePage {
    page: Page,
    workspace: String,
    role: String,
    may_manage: bool,
    sso: String,
}

async fn home(State(app): State<App>, Visitor(actor): Visitor, context: PageContext) -> HtmlResult<Response> {
    let here = app.identity().workspace(&mut app.store().reader(), actor.workspace()?).await?;
    let may_manage = actor.may(Permission::ManageSso);
    let sso = if may_manage {
        let settings = app.sso().settings(&actor).await?;
        if settings.in_force { "Everyone signs in through the identity provider." } else { "Not in force." }
    } else {
        ""
    };
    let view = HomePage {
        page: context.page("Welcome", "home"),
        workspace: here.map(|w| w.name).unwrap_or_default(),
        role: actor.role().map(|r| r.to_string()).unwrap_or_default(),
        may_manage,
        sso: sso.to_owned(),
    };
    Ok(View(view).into_response())
}

async fn settings(Visitor(_): Visitor) -> SeeOther {
    SeeOther::to(SSO_PATH)
}
