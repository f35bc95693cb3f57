//! `gatehouse admin rotate-master-key`.

use std::process::ExitCode;

use gatehouse_store::keyring::{self, Rotation};
use serde_json::{Value, json};

use crate::App;

type Told = anyhow::Result<(String, ExitCode)>;

fn told(mut report: Value, refused: u64) -> Told {
    report["refusedValues"] = refused.into();
    if refused > 0 {
        eprintln!(
            "gatehouse: {refused} values do not open and stay as they are; the report names them, and so does gatehouse doctor"
        );
    }
    Ok((report.to_string(), ExitCode::from(u8::from(refused > 0))))
}

/// What would be re-encrypted.
pub(super) async fn plan(app: &App) -> Told {
    let plan = keyring::plan(app.store()).await?;
    let refused = plan.scan.refused();
    let mut report = serde_json::to_value(plan)?;
    report["dryRun"] = true.into();
    told(report, refused)
}

/// The next key alone.
pub(super) fn prepare(app: &App) -> Told {
    let (file, fingerprint) = keyring::prepare(app.store())?;
    told(json!({"prepared": file, "toMaster": fingerprint}), 0)
}

/// The rotation.
pub(super) async fn rotate(app: &App) -> Told {
    let report = keyring::rotate(app.store(), &app.machine(), Rotation::default()).await?;
    let refused = u64::try_from(report.refused.len())?;
    told(serde_json::to_value(report)?, refused)
}
