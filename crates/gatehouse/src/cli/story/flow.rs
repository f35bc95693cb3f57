//! A flow that runs as a person: it waits for her authorization, goes on by itself, and stands still once her directory says
//! that she has left.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use gatehouse_lab::openid::LAB_CLIENT_SECRET;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{Form, Story, tell};

/// Who runs it.
const PERSON: &str = "ada@lab.test";
/// What the connector does: its answer says whose token it got.
const ACTION: &str = "get-item";
/// How long an execution may take to come to rest, and how often is looked.
const REST: Duration = Duration::from_secs(20);
pub(super) const LOOK: Duration = Duration::from_millis(20);

pub(super) fn text(of: &Value) -> anyhow::Result<String> {
    Ok(of.as_str().with_context(|| format!("no text: {of}"))?.to_owned())
}

impl Story<'_> {
    pub(super) async fn flow(&mut self, connection: &str) -> anyhow::Result<()> {
        let step = Instant::now();
        self.sp_initiated(connection).await.context("the SAML sign-in")?;
        let connector = self.connector().await.context("the connector")?;
        let ask = json!({"id": "ask", "kind": "connector", "connectorId": connector, "action": ACTION,
            "parameters": {"list": "Contracts", "item_id": 7}});
        let flow = self.deployed("Contract of the day", std::slice::from_ref(&ask)).await?;
        let id = self.run(&flow).await.context("the start")?;
        tell("signed in by SAML, a person starts a flow", step);

        let step = Instant::now();
        let waits = self.until(&id, "Authentication needed").await?;
        ensure!(waits["waitingFor"][0]["connectorId"] == connector.as_str(), "it waits for another: {waits}");
        tell("it needs her at the lab's API: Authentication needed", step);

        let step = Instant::now();
        self.authenticate(&id, &connector).await.context("the authorization at the lab")?;
        tell("she authenticates at the lab's authorization server", step);

        let step = Instant::now();
        let done = self.until(&id, "Success").await?;
        let asked = &done["steps"][1];
        ensure!(
            asked["effectiveIdentity"] == "user" && done["output"] == PERSON,
            "it ran as another: {done}"
        );
        tell("the flow goes on by itself, and the lab's API saw her", step);

        let step = Instant::now();
        let later = json!({"id": "later", "kind": "delay", "seconds": 3600});
        let next = self.deployed("Contract of the next day", &[later, ask]).await?;
        let id = self.run(&next).await.context("the next start")?;
        self.until(&id, "Waiting").await?;
        let person = self.leave(&connector).await.context("the leaver signal")?;
        let execution = format!("/api/v1/flows/executions/{id}");
        let stands = self.administrator.call("GET", &execution, None).await?;
        ensure!(stands["message"] == "Paused: identity ended", "the next run goes on: {stands}");
        let start = format!("/api/v1/flows/executions/start?flowId={flow}&onBehalfOf={person}");
        for path in [format!("{execution}/resume"), start] {
            let answer = self.administrator.call("POST", &path, Some(json!({}))).await;
            ensure!(answer.is_err(), "{path} still runs in the name of somebody who has left");
        }
        tell("a SCIM leaver signal stops the next run: Paused: identity ended", step);
        Ok(())
    }

    /// A SharePoint Server of the company: the lab's API, with the lab's authorization server before it.
    async fn connector(&mut self) -> anyhow::Result<String> {
        let lab = self.lab().await?;
        let new = json!({"type": "sharepoint-server-oauth", "name": "Contracts of the lab", "fields": {
            "siteUrl": lab.oauth_echo_url(), "authorizationServer": lab.oauth_issuer(),
            "clientId": "gatehouse-lab", "clientSecret": LAB_CLIENT_SECRET, "resource": "contracts"}});
        let made = self.administrator.call("POST", "/api/v1/connectors", Some(new)).await?;
        let id = text(&made["id"])?;
        let set = json!({"enabled": true, "nonInteractiveMode": "pause"});
        let path = format!("/api/v1/connectors/{id}/user-authentications");
        self.administrator.call("PUT", &path, Some(set)).await?;
        Ok(id)
    }

    /// A flow of these steps in service; it gives the address of whoever the last one ran as.
    async fn deployed(&mut self, name: &str, steps: &[Value]) -> anyhow::Result<String> {
        let mut nodes = vec![json!({"id": "start", "kind": "start"})];
        nodes.extend(steps.iter().cloned());
        nodes.push(json!({"id": "end", "kind": "end",
            "output": "{{ steps.ask.output.grant.belongsTo.email }}"}));
        let edges: Vec<_> =
            nodes.windows(2).map(|two| json!({"from": two[0]["id"], "to": two[1]["id"]})).collect();
        let new = json!({"name": name, "definition": {"nodes": nodes, "edges": edges}});
        let made = self.administrator.call("POST", "/api/v1/flows", Some(new)).await?;
        let id = text(&made["id"])?;
        let deployed = self.administrator.call("POST", &format!("/api/v1/flows/{id}/deploy"), None).await?;
        ensure!(deployed["status"] == "SUCCESS", "it is not deployed: {deployed}");
        Ok(id)
    }

    /// The person runs it on its page: the id of the execution.
    async fn run(&mut self, flow: &str) -> anyhow::Result<String> {
        let path = format!("/flows/{flow}/run");
        let page = self.person.get(&path).await?;
        let mut form = Form::to(&page.body, &path).context("the page has no form to run the flow")?;
        form.fields.push(("input".to_owned(), String::new()));
        let begun = self.person.post(&form.action, &form.fields).await?;
        let to = begun.location.with_context(|| format!("answered {}: {}", begun.status, begun.body))?;
        Ok(to.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// The execution once it has a status.
    pub(super) async fn until(&mut self, id: &str, status: &str) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            let path = format!("/api/v1/flows/executions/{id}");
            let found = self.administrator.call("GET", &path, None).await?;
            if found["status"] == status {
                return Ok(found);
            }
            if began.elapsed() > REST {
                bail!("{status} did not come: {found}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The button on the execution's page leads to the lab and back.
    async fn authenticate(&mut self, id: &str, connector: &str) -> anyhow::Result<()> {
        let path = format!("/flows/executions/{id}");
        let page = self.person.get(&path).await?;
        ensure!(page.body.contains("Authentication needed"), "the page says something else: {}", page.body);
        let form = Form::to(&page.body, &format!("/account/connections/{connector}/authorize"));
        let form = form.context("the page has no button to authenticate")?;
        let away = self.person.post(&form.action, &form.fields).await?;
        let lab = self.lab().await?;
        let at = format!("{}/authorize", lab.oauth_path());
        let consent = self.person.get(&link(&away.body, &at).context("it leads to another place")?).await?;
        let mut form = Form::to(&consent.body, &at).context("the lab showed no form")?;
        form.fields.push(("person".to_owned(), "ada".to_owned()));
        let agreed = self.person.post(&form.action, &form.fields).await?;
        let callback = agreed.location.context("the lab sent nobody back")?;
        let back = self.person.get(&callback).await?;
        ensure!(back.location.as_deref() == Some(path.as_str()), "answered {}: {}", back.status, back.body);
        Ok(())
    }

    /// The company's directory says that the person is not active any more: the person's id.
    async fn leave(&mut self, connector: &str) -> anyhow::Result<String> {
        let me = self.person.call("GET", "/api/v1/me", None).await?;
        let id = text(&me["user"]["id"])?;
        let new = json!({"name": "Directory", "scopes": ["users:read", "users:write"]});
        let token = self.administrator.call("POST", "/api/v1/scim/tokens", Some(new)).await?;
        let mut directory = Browser::new(self.app.public_url().as_str())?;
        directory.token = Some(text(&token["plainValue"])?);
        let query = format!("/scim/v2/Users?filter=userName%20eq%20%22{}%22", PERSON.replace('@', "%40"));
        let found = directory.call("GET", &query, None).await?;
        let entry = text(&found["Resources"][0]["id"])?;
        let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "value": {"active": false}}]});
        let after = directory.call("PATCH", &format!("/scim/v2/Users/{entry}"), Some(off)).await?;
        ensure!(after["active"] == false, "she is still active: {after}");
        let gone = self.person.get("/api/v1/me").await?;
        ensure!(gone.status == 401, "her session goes on: {}", gone.status);
        let path = format!("/api/v1/connectors/{connector}/user-authentications");
        let left = self.administrator.call("GET", &path, None).await?;
        ensure!(left["people"] == 0, "her authorization stays: {left}");
        Ok(id)
    }
}

/// The address of a page's link that holds a path.
fn link(html: &str, path: &str) -> Option<String> {
    let all = html.split("<a ").skip(1).filter_map(|tag| super::attribute(&format!("<a {tag}"), "href"));
    all.into_iter().find(|href| href.contains(path))
}
