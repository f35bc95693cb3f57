//! Things of every kind, to ask for.

use gatehouse_types::Role;
use serde_json::Value;

use super::operations::{AUTH_PROFILE, CONNECTOR, CONNECTOR_TYPE};
use crate::support::{Client, TestApp};

/// The real ids of one workspace.
#[derive(Clone)]
pub(super) struct Ids {
    pub(super) workspace: String,
    pub(super) connection: String,
    pub(super) decision: String,
    pub(super) domain: String,
    pub(super) attempt: String,
    pub(super) identity: String,
    pub(super) user: String,
    pub(super) session: String,
    pub(super) invitation: String,
    pub(super) share: String,
    pub(super) sp_key: String,
    pub(super) draft: String,
    pub(super) setup: String,
    pub(super) scim_token: String,
    pub(super) webhook: String,
    pub(super) delivery: String,
    pub(super) api_app: String,
    pub(super) api_key: String,
    pub(super) api_scope: String,
    pub(super) auth_profile: String,
    pub(super) grant: String,
    pub(super) connector: String,
    pub(super) connector_type: String,
    pub(super) connector_link: String,
    pub(super) action: String,
    pub(super) flow: String,
    /// The number of a version.
    pub(super) number: String,
    pub(super) deployment: String,
    /// A flow that is in service.
    pub(super) served: String,
    pub(super) execution: String,
    pub(super) trigger: String,
    pub(super) script: String,
    pub(super) script_key: String,
}

impl Ids {
    /// Things of every kind in the first workspace: a sign-in that succeeded, and one that did not.
    pub(super) async fn of(t: &TestApp, owner: &Client) -> Self {
        let lab = t.active_lab(owner).await;
        let entered = t.enter_from_lab(&t.client(), &lab.id, "ada").await;
        assert_eq!(entered.status, 303, "{}", entered.body);
        let decision = t.enter_from_lab(&t.client(), &lab.id, "mallory").await.decision();
        owner.put("/api/v1/sso/settings", serde_json::json!({"connectionId": lab.id})).await.ok();
        let fed = serde_json::json!({"samlConfig": {"metadataUrl": t.lab().entity_id()}});
        owner.put(&lab.path, fed).await.ok();
        let sp_key = owner.post_to("/api/v1/sso/sp-keys").await.ok()["id"].as_str().unwrap().to_owned();
        let first = async |of: &str| {
            let listed = owner.get(&format!("{}/{of}", lab.path)).await.ok();
            listed["data"][0]["id"].as_str().unwrap().to_owned()
        };
        let (attempt, identity) = (first("attempts").await, first("identities").await);
        let share = format!("{}/attempts/{attempt}/share", lab.path);
        let share = owner.post(&share, serde_json::json!({})).await.ok()["share"]["id"].clone();
        let share = share.as_str().unwrap().to_owned();
        let text = |of: &Value| of.as_str().unwrap().to_owned();
        let draft = serde_json::json!({"defaultRole": "admin"});
        let draft =
            owner.post(&format!("{}/drafts", lab.path), draft).await.ok()["id"].as_str().unwrap().to_owned();
        let setup = serde_json::json!({"connectionId": lab.id});
        let setup = text(&owner.post("/api/v1/sso/setup-links", setup).await.ok()["link"]["id"]);
        let scim = serde_json::json!({"name": "Provider"});
        let scim_token = text(&owner.post("/api/v1/scim/tokens", scim).await.ok()["token"]["id"]);
        let hook = serde_json::json!({"url": "https://hooks.example/", "events": ["webhook.*"]});
        let webhook = text(&owner.post("/api/v1/webhooks", hook).await.ok()["webhook"]["id"]);
        let told = owner.post_to(&format!("/api/v1/webhooks/{webhook}/test")).await.ok();
        let delivery = text(&told["id"]);
        let scope = serde_json::json!({"id": "walked:write", "name": "Write"});
        owner.post("/api/v1/api-scopes", scope).await.ok();
        let app = serde_json::json!({"name": "Program", "scopes": ["workflow:deploy"]});
        let api_app = text(&owner.post("/api/v1/api-apps", app).await.ok()["id"]);
        let mut profile: Value = serde_json::from_str(AUTH_PROFILE).unwrap();
        profile["identityProviderName"] = "Kept".into();
        let auth_profile = text(&owner.post("/api/v1/auth-profiles", profile).await.ok()["id"]);
        let mut connector: Value = serde_json::from_str(CONNECTOR).unwrap();
        connector["name"] = "Kept".into();
        let connector = text(&owner.post("/api/v1/connectors", connector).await.ok()["id"]);
        let links = format!("/api/v1/connectors/{connector}/reconnect-links");
        let connector_link = text(&owner.post(&links, serde_json::json!({})).await.ok()["link"]["id"]);
        let mut connector_type: Value = serde_json::from_str(CONNECTOR_TYPE).unwrap();
        connector_type["document"]["info"]["title"] = "Kept".into();
        let connector_type = text(&owner.post("/api/v1/connector-types", connector_type).await.ok()["id"]);
        let flow = owner.post("/api/v1/flows", serde_json::json!({"name": "Kept"})).await.ok();
        let flow = text(&flow["id"]);
        let deployed = owner.post_to(&format!("/api/v1/flows/{flow}/deploy")).await.ok();
        let (number, deployment) = (deployed["number"].to_string(), text(&deployed["id"]));
        owner.post_to(&format!("/api/v1/flows/{flow}/undeploy")).await.ok();
        let served = owner.post("/api/v1/flows", serde_json::json!({"name": "Served"})).await.ok();
        let served = text(&served["id"]);
        owner.post_to(&format!("/api/v1/flows/{served}/deploy")).await.ok();
        let begun = format!("/api/v1/flows/executions/start?flowId={served}");
        let execution = text(&owner.post(&begun, serde_json::json!({})).await.ok()["id"]);
        let hook = serde_json::json!({"kind": "webhook", "name": "Kept", "runAs": "service"});
        let trigger = owner.post(&format!("/api/v1/flows/{flow}/triggers"), hook).await.ok();
        let trigger = text(&trigger["trigger"]["id"]);
        let key = format!("/api/v1/api-apps/{api_app}/keys");
        let api_key = text(&owner.post(&key, serde_json::json!({"name": "Key"})).await.ok()["key"]["id"]);
        let script = crate::scripts::kept(owner, "Kept").await;
        let script_key = format!("/api/v1/scripts/{script}/keys");
        let script_key = text(&owner.post(&script_key, serde_json::json!({})).await.ok()["id"]);
        let workspace = t.workspace.to_string();
        t.person("walked@main.test", Role::Member).await;
        // somebody whose access ended once, and is a member again
        let found = owner.get("/api/v1/users?email=walked@main.test").await.ok();
        let person = format!("/api/v1/users/{}", text(&found["data"][0]["id"]));
        owner.post(&format!("{person}/suspend"), serde_json::json!({})).await.ok();
        owner.post_to(&format!("{person}/reactivate")).await.ok();
        let walked = t.sign_in("walked@main.test").await.get("/api/v1/me").await.ok();
        let (user, session) = (text(&walked["user"]["id"]), text(&walked["sessions"][0]["id"]));
        let (connection, domain) = (lab.id.clone(), lab.domain);
        let invited = serde_json::json!({"email": "invited@walked.test", "role": "viewer"});
        let invitation = text(&owner.post("/api/v1/invitations", invited).await.ok()["id"]);
        Self {
            workspace,
            connection,
            decision,
            domain,
            attempt,
            identity,
            user,
            session,
            invitation,
            share,
            sp_key,
            draft,
            setup,
            scim_token,
            webhook,
            delivery,
            api_app,
            api_key,
            api_scope: "walked:write".to_owned(),
            auth_profile,
            grant: "grt_0198c5f0e8a07c3fa1b2c3d4e5f60718".to_owned(),
            connector,
            connector_type,
            connector_link,
            action: "list-users".to_owned(),
            flow,
            number,
            deployment,
            served,
            execution,
            trigger,
            script,
            script_key,
        }
    }

    /// Ids of the right kind that were never given to anything.
    pub(super) fn unknown(&self) -> Self {
        let other = |id: &str| id.chars().rev().collect::<String>();
        let odd = |id: &str| {
            let (prefix, rest) = id.split_once('_').unwrap();
            format!("{prefix}_{}", other(rest))
        };
        Self {
            workspace: odd(&self.workspace),
            connection: odd(&self.connection),
            decision: odd(&self.decision),
            domain: odd(&self.domain),
            attempt: odd(&self.attempt),
            identity: odd(&self.identity),
            user: odd(&self.user),
            session: odd(&self.session),
            invitation: odd(&self.invitation),
            share: odd(&self.share),
            sp_key: odd(&self.sp_key),
            draft: odd(&self.draft),
            setup: odd(&self.setup),
            scim_token: odd(&self.scim_token),
            webhook: odd(&self.webhook),
            delivery: odd(&self.delivery),
            api_app: odd(&self.api_app),
            api_key: odd(&self.api_key),
            api_scope: "unknown:write".to_owned(),
            auth_profile: odd(&self.auth_profile),
            grant: odd(&self.grant),
            connector: odd(&self.connector),
            connector_type: "own-unknown".to_owned(),
            connector_link: odd(&self.connector_link),
            action: "unknown".to_owned(),
            flow: odd(&self.flow),
            number: "999".to_owned(),
            deployment: odd(&self.deployment),
            served: odd(&self.served),
            execution: odd(&self.execution),
            trigger: odd(&self.trigger),
            script: odd(&self.script),
            script_key: odd(&self.script_key),
        }
    }

    pub(super) fn fill(&self, text: &str) -> String {
        let is_script = text.contains("/scripts/");
        let id = match text {
            _ if is_script => &self.script,
            _ if text.contains("/decisions/") => &self.decision,
            _ if text.contains("/invitations/") => &self.invitation,
            _ if text.contains("/users/") => &self.user,
            _ if text.contains("/me/sessions/") => &self.session,
            _ if text.contains("/sp-keys/") => &self.sp_key,
            _ if text.contains("/setup-links/") => &self.setup,
            _ if text.contains("/scim/tokens/") => &self.scim_token,
            _ if text.contains("/webhooks/") => &self.webhook,
            _ if text.contains("/api-apps/") => &self.api_app,
            _ if text.contains("/api-scopes/") => &self.api_scope,
            _ if text.contains("/auth-profiles/") => &self.auth_profile,
            _ if text.contains("/connector-types/") => &self.connector_type,
            _ if text.contains("/connectors/") => &self.connector,
            _ if text.contains("/deployments/") || text.contains("/dock-status/") => &self.deployment,
            _ if text.contains("/executions/") => &self.execution,
            _ if text.contains("/flows/") && text.ends_with("/run") => &self.served,
            _ if text.contains("/flows/") || text.contains("/workflows/") => &self.flow,
            _ => &self.connection,
        };
        text.replace("{id}", id)
            .replace("{domain_id}", &self.domain)
            .replace("{attempt_id}", &self.attempt)
            .replace("{identity_id}", &self.identity)
            .replace("{session_id}", &self.session)
            .replace("{share_id}", &self.share)
            .replace("{delivery_id}", &self.delivery)
            .replace("{key_id}", if is_script { &self.script_key } else { &self.api_key })
            .replace("{grant_id}", &self.grant)
            .replace("{link_id}", &self.connector_link)
            .replace("{connector_id}", &self.connector)
            .replace("{action}", &self.action)
            .replace("{number}", &self.number)
            .replace("{trigger_id}", &self.trigger)
            .replace("/executions/start", &format!("/executions/start?flowId={}", self.served))
            .replace("{api_app}", &self.api_app)
            .replace("/who-can", "/who-can?action=audit:read&")
            .replace("{draft_id}", &self.draft)
            .replace("{workspace}", &self.workspace)
    }
}
