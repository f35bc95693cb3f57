//! Customers' code: a project is uploaded and deployed into its sandbox, called with a key of its own, and run by a flow.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::browser::Browser;
use super::flow::{LOOK, text};
use super::{Story, tell};
use crate::cli::admin::println;

/// How long a deployment may take.
const DEPLOYMENT: std::time::Duration = std::time::Duration::from_secs(60);

impl Story<'_> {
    pub(super) async fn script(&mut self) -> anyhow::Result<()> {
        let step = Instant::now();
        if let Some(why) = self.no_scripts_here().await? {
            println(&format!("--   custom scripts are left out: {why}"));
            return Ok(());
        }
        let sample = self.administrator.bytes("/api/v1/scripts/samples/python").await?;
        let settings = json!({"name": "Orders", "language": "python"});
        let made = self.administrator.upload("/api/v1/scripts", "orders.zip", &sample, &settings).await?;
        let id = text(&made["id"])?;
        let accepted = json!({"acceptTerms": true});
        self.administrator.call("POST", &format!("/api/v1/scripts/{id}/deploy"), Some(accepted)).await?;
        let script = self.in_service(&id).await?;
        tell("a project is uploaded, and deployed into its own sandbox", step);

        let step = Instant::now();
        let order = json!({"items": [{"price": 9.5, "quantity": 2}, {"price": 1}]});
        let key =
            self.administrator.call("POST", &format!("/api/v1/scripts/{id}/keys"), Some(json!({}))).await?;
        let mut caller = Browser::new(self.app.public_url().as_str())?;
        let path = format!("/api/public/scripts/{id}/functions/total");
        let refused = caller.call("POST", &path, Some(order.clone())).await;
        ensure!(refused.is_err(), "it is called without a key");
        caller.key = Some(text(&key["value"])?);
        let called = caller.call("POST", &path, Some(order)).await?;
        ensure!(called["result"] == json!({"items": 2, "amount": 20.0}), "it answered {called}");
        tell(&format!("a program calls its function: {}", text(&script["deployed"]["interpreter"])?), step);

        let step = Instant::now();
        let call = json!({"id": "total", "kind": "function", "scriptId": id, "function": "total",
            "arguments": {"items": "{{ input.items }}"}});
        let definition = json!({
            "nodes": [{"id": "start", "kind": "start"}, call, {"id": "end", "kind": "end", "output": "{{ steps.total.output }}"}],
            "edges": [{"from": "start", "to": "total"}, {"from": "total", "to": "end"}]});
        let new = json!({"name": "Order of the day", "definition": definition});
        let flow = text(&self.administrator.call("POST", "/api/v1/flows", Some(new)).await?["id"])?;
        self.administrator.call("POST", &format!("/api/v1/flows/{flow}/deploy"), None).await?;
        let start = format!("/api/v1/flows/executions/start?flowId={flow}");
        let begun = self.administrator.call("POST", &start, Some(json!({"items": [{"price": 7}]}))).await?;
        let done = self.until(&text(&begun["id"])?, "Success").await?;
        ensure!(done["output"]["amount"] == 7.0, "the flow ended with {done}");
        let runs = self.administrator.call("GET", &format!("/api/v1/scripts/{id}/runs"), None).await?;
        ensure!(runs["pagination"]["totalItems"] == 2, "the runs are {runs}");
        tell("a flow calls the same function; both runs are on record", step);
        Ok(())
    }

    /// Why no script can run on this machine; `None` where one can.
    async fn no_scripts_here(&mut self) -> anyhow::Result<Option<String>> {
        let here = self.administrator.call("GET", "/api/v1/scripts/runtimes", None).await?;
        let missing = here["missing"].as_array().context("no word about isolation")?;
        if let Some(first) = missing.first() {
            return Ok(Some(format!("scripts cannot be isolated on this machine. {}", text(first)?)));
        }
        let all = here["runtimes"].as_array().context("no runtimes")?;
        let python =
            all.iter().find(|runtime| runtime["language"] == "python").context("no word about Python")?;
        Ok(python["problem"].as_str().map(str::to_owned))
    }

    async fn in_service(&mut self, id: &str) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            let found = self.administrator.call("GET", &format!("/api/v1/scripts/{id}"), None).await?;
            if found["status"] == "Deployed" {
                return Ok(found);
            }
            if found["status"] != "Deploying" || began.elapsed() > DEPLOYMENT {
                bail!("it does not come into service: {found}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
