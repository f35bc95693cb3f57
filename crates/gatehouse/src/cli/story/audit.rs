//! The audit log is exported and proved, and one changed line is found.

use anyhow::{Context, bail, ensure};
use gatehouse_store::audit::verify::{Problem, Proof, Verifier};

use super::Story;

fn verify(export: &str, key: &str) -> Result<Proof, Problem> {
    let mut verifier = Verifier::new(Some(key.to_owned()));
    for line in export.lines() {
        verifier.line(line.as_bytes())?;
    }
    verifier.finish()
}

impl Story<'_> {
    pub(super) async fn audit(&mut self) -> anyhow::Result<()> {
        let keys = self.administrator.call("GET", "/api/v1/audit-events/keys", None).await?;
        let key = keys["data"][0]["id"].as_str().context("no key signs the audit log")?;
        let export = self.administrator.get("/api/v1/audit-events/export").await?;
        ensure!(export.status == 200, "the export was answered {}", export.status);
        let proof = match verify(&export.body, key) {
            Ok(proof) => proof,
            Err(Problem { line, what }) => bail!("the export is not proved, line {line}: {what}"),
        };
        ensure!(
            proof.complete && proof.pinned && proof.entries > 5,
            "the proof is of something else: {proof:?}"
        );
        for event in ["flow-execution.started", "connector.user-authentications-set", "scim.user-changed"] {
            ensure!(export.body.contains(&format!("\"{event}\"")), "{event} is not in the audit log");
        }
        // what somebody would do who wants a refusal to look like a sign-in
        let refused = "\"outcome\":\"failure\"";
        ensure!(export.body.contains(refused), "no refusal is in the audit log");
        let changed = export.body.replacen(refused, "\"outcome\":\"success\"", 1);
        ensure!(verify(&changed, key).is_err(), "a changed line was not found");
        Ok(())
    }
}
