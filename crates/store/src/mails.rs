//! The outbox: a mail is written in the transaction that causes it and sent by a job; its body is sealed.

use gatehouse_types::{
    Email, MailId, Page, PageRequest, Result as TypesResult, Secret, Timestamp, WorkspaceId,
};
use serde::Serialize;

use crate::{Binding, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};

/// A mail to be written.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// To whom.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// Plain text; may hold a link that is a secret.
    pub body: Secret,
}

/// A mail in the outbox.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// The mail's id.
    #[schema(value_type = String)]
    pub id: MailId,
    /// To whom.
    #[schema(value_type = String)]
    pub to: Email,
    /// One line.
    pub subject: String,
    /// `waiting`, `sent` or `failed`.
    pub status: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it left.
    pub sent_at: Option<Timestamp>,
    /// The text.
    pub body: String,
}

fn place(id: &MailId) -> Binding<'_> {
    Binding { table: "mails", column: "body", row: gatehouse_types::Id::as_str(id) }
}

/// Writes a mail; the caller enqueues the job that sends it.
///
/// # Errors
/// When the database fails.
pub async fn write(tx: &mut Tx, workspace: Option<&WorkspaceId>, mail: &NewMail) -> Result<MailId> {
    insert(tx, workspace, mail, false).await
}

/// Writes a mail that only its recipient may read: it holds a link that proves the mailbox.
///
/// # Errors
/// When the database fails.
pub async fn write_personal(tx: &mut Tx, workspace: Option<&WorkspaceId>, mail: &NewMail) -> Result<MailId> {
    insert(tx, workspace, mail, true).await
}

async fn insert(
    tx: &mut Tx,
    workspace: Option<&WorkspaceId>,
    mail: &NewMail,
    is_personal: bool,
) -> Result<MailId> {
    let id: MailId = tx.store().ids().make();
    let sealed = tx.store().keyring().seal(place(&id), &mail.body);
    let insert = sql(
        "INSERT INTO mails (id, workspace_id, to_address, subject, body, status, created_at, is_personal) \
         VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7)",
    )
    .bind(&id)
    .bind(workspace)
    .bind(mail.to.as_str())
    .bind(mail.subject.as_str())
    .bind(sealed.as_str())
    .bind(tx.store().now())
    .bind(is_personal);
    tx.execute(insert).await?;
    Ok(id)
}

const COLUMNS: &str = "id, to_address, subject, body, status, created_at, sent_at, is_personal";

/// What stands in place of a text that is the recipient's alone.
const PERSONAL: &str = "(The text of this mail is its recipient's alone: it holds a personal link.)";

/// The mails to one address that wait, newest first, with their texts; for the console of the machine.
///
/// # Errors
/// When the database fails.
pub async fn waiting_for(store: &Store, to: &Email) -> Result<Vec<Mail>> {
    let select = sql("SELECT id, to_address, subject, body, status, created_at, sent_at FROM mails \
         WHERE to_address = $1 AND status = 'waiting' ORDER BY created_at DESC, id DESC LIMIT 100");
    let rows = store.reader().fetch_all(select.bind(to.as_str())).await?;
    rows.iter().map(|r| read(store, r)).collect()
}

/// One page of a workspace's outbox, newest first. The texts of personal mails are shown only if `personal` says so.
///
/// # Errors
/// When the database fails.
pub async fn list(
    store: &Store,
    workspace: &WorkspaceId,
    personal: bool,
    page: PageRequest,
) -> TypesResult<Page<Mail>> {
    let (rows, total) = Filter::new(COLUMNS, "mails", "workspace_id = $", workspace)
        .page(&mut store.reader(), "created_at DESC, id DESC", page)
        .await?;
    let mails = rows
        .iter()
        .map(|r| {
            let mail = read(store, r)?;
            let hidden = r.bool("is_personal")? && !personal;
            Ok(if hidden { Mail { body: PERSONAL.to_owned(), ..mail } } else { mail })
        })
        .collect::<Result<_>>()?;
    Ok(Page::new(mails, page, total))
}

/// A mail by its id.
///
/// # Errors
/// When the database fails.
pub async fn find(store: &Store, id: &MailId) -> Result<Option<Mail>> {
    let select =
        sql("SELECT id, to_address, subject, body, status, created_at, sent_at FROM mails WHERE id = $1");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    row.map(|r| read(store, &r)).transpose()
}

/// Notes how the sending ended.
///
/// # Errors
/// When the database fails.
pub async fn mark(tx: &mut Tx, id: &MailId, status: &'static str) -> Result<()> {
    crate::numbers::mail(status);
    let now = (status == "sent").then(|| tx.store().now());
    let update = sql("UPDATE mails SET status = $2, sent_at = $3 WHERE id = $1");
    tx.execute(update.bind(id).bind(status).bind(now)).await.map(drop)
}

fn read(store: &Store, row: &Row) -> Result<Mail> {
    let id: MailId = row.id("id")?;
    let sealed = Sealed::from_stored(row.text("body")?);
    let body = store.keyring().open_secret(place(&id), &sealed)?;
    Ok(Mail {
        to: Email::from_stored(row.text("to_address")?),
        subject: row.text("subject")?,
        status: row.text("status")?,
        created_at: row.time("created_at")?,
        sent_at: row.opt_time("sent_at")?,
        body: body.expose().to_owned(),
        id,
    })
}
