//! The receipt of the leaver switch, and what proves it.

use std::time::Instant;

use gatehouse_store::audit::keys::Attestation;
use gatehouse_store::audit::{self, Event};
use gatehouse_store::decisions::principal_of;
use gatehouse_store::{Store, Tx};
use gatehouse_types::{
    Actor, Email, Error, Id, OffboardingId, Result, Role, Timestamp, UserId, WorkspaceId, digest,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::Identity;
use crate::service::leavers::{LeaveCause, Parted, Things};
use crate::store::leavers::{self, HandedOver};

/// What the leaver switch did: the receipt.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Offboarding)]
pub struct Receipt {
    /// Its id.
    pub id: String,
    /// Whose access ended.
    pub user_id: String,
    /// The address at the time.
    pub email: String,
    /// The shown name at the time.
    pub name: String,
    /// Why.
    pub cause: LeaveCause,
    /// What whoever did it wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who did it, as `kind` or `kind:id`.
    pub by: String,
    /// When (RFC 3339).
    pub at: String,
    /// How long ending everything took, in milliseconds, up to the commit.
    pub took_ms: f64,
    /// The role that ended.
    pub role: Role,
    /// Whether access is kept aside, to be given back.
    pub is_kept: bool,
    /// Until when; absent: until somebody decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<String>,
    /// What ended.
    pub ended: Vec<Things>,
    /// What is the company's and stays.
    pub stays: Vec<Things>,
    /// What is still to be ended, outside.
    pub pending: Vec<Things>,
}

/// A receipt as it is handed out.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OffboardingReceipt)]
pub struct SignedReceipt {
    /// What happened.
    #[serde(flatten)]
    pub receipt: Receipt,
    /// When access was given back.
    pub reversed_at: Option<Timestamp>,
    /// To whom went what stays.
    pub handed_over: Option<HandedOver>,
    /// What proves it; a trial run proves nothing, and has none of these members.
    #[serde(flatten)]
    pub proof: Option<ReceiptProof>,
}

/// What proves a receipt.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OffboardingProof)]
pub struct ReceiptProof {
    /// SHA-256 (hex) of the receipt in canonical JSON, without the members below; stands in the audit log too.
    pub sha256: String,
    /// The key of the audit log that signed: the SHA-256 (hex) of the public key.
    pub key_id: String,
    /// The 32 bytes of the public key in base64url.
    pub public_key: String,
    /// Ed25519 over `{"type": "gatehouse-offboarding", "version": 1, "sha256": …}` in canonical JSON, in base64url.
    pub signature: String,
}

/// What a signature of a receipt is over.
fn statement(sha256: &str) -> Json {
    json!({"type": "gatehouse-offboarding", "version": 1, "sha256": sha256})
}

impl Identity {
    /// Writes the receipt, and the entry of the audit log that names its digest.
    pub(crate) async fn write_receipt(
        &self,
        tx: &mut Tx,
        inside: &Actor,
        workspace: &WorkspaceId,
        gone: Gone<'_>,
        all: Parted,
    ) -> Result<Receipt> {
        let Gone { user, email, name, role, cause, reason, is_kept, began } = gone;
        let now = self.0.store.now();
        let id: OffboardingId = self.0.store.ids().make();
        let receipt = Receipt {
            id: id.to_string(),
            user_id: user.to_string(),
            email: email.to_string(),
            name: name.to_owned(),
            cause,
            reason: reason.map(str::to_owned),
            by: principal_of(inside),
            at: now.to_string(),
            took_ms: (began.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            role,
            is_kept,
            kept_until: cause.keep_until(now).filter(|_| is_kept).map(|t| t.to_string()),
            ended: all.ended,
            stays: all.stays,
            pending: all.pending,
        };
        let text = canonical(&receipt)?;
        leavers::insert(tx, &id, workspace, user, &text);
        let mut details = json!({"email": email, "role": role, "cause": cause.as_str(), "reason": reason,
            "ended": counts(&receipt.ended), "pending": counts(&receipt.pending)});
        // of a trial run there is nothing to prove
        if tx.dry_run().is_none() {
            details["sha256"] = json!(digest(&text));
        }
        audit::record(tx, inside, Event::success("user.offboarded", ("user", user.as_str()), details))
            .await?;
        Ok(receipt)
    }
}

/// Whose access has ended, for the receipt.
pub(crate) struct Gone<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) email: &'a Email,
    pub(crate) name: &'a str,
    pub(crate) role: Role,
    pub(crate) cause: LeaveCause,
    pub(crate) reason: Option<&'a str>,
    /// Whether the membership was set aside.
    pub(crate) is_kept: bool,
    /// When ending everything began.
    pub(crate) began: Instant,
}

fn canonical(receipt: &Receipt) -> Result<String> {
    Ok(audit::canonical(&serde_json::to_value(receipt).map_err(Error::internal)?))
}

pub(crate) fn counts(things: &[Things]) -> Json {
    things.iter().map(|t| (t.kind.clone(), json!(t.count))).collect::<serde_json::Map<_, _>>().into()
}

pub(crate) async fn sign(
    store: &Store,
    receipt: Receipt,
    reversed_at: Option<Timestamp>,
    handed_over: Option<HandedOver>,
) -> Result<SignedReceipt> {
    let sha256 = digest(&canonical(&receipt)?);
    let Attestation { key_id, public_key, signature } =
        audit::keys::attest(store, &statement(&sha256)).await?;
    let proof = Some(ReceiptProof { sha256, key_id, public_key, signature });
    Ok(SignedReceipt { receipt, reversed_at, handed_over, proof })
}
