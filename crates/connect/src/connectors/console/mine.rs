//! "My connections": what a person authorized for themselves.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{ConnectorId, Error, Kind, PageInfo};
use gatehouse_web::{
    Confirm, Flash, HtmlResult, LocalPath, Page, PageContext, Paging, Path, RedirectAway, SeeOther, Tone,
    VerifiedForm, View, When,
};

use super::{MINE, Nothing};
use crate::connectors::service::people::Mine;
use crate::connectors::service::types::word;
use crate::{Connect, GrantState};

/// Connectors of a page.
const SHOWN: u32 = 50;
/// What the page is called.
const TITLE: &str = "My connections";
/// Its entry in the console's menu.
const MENU_ENTRY: &str = "my-connections";

struct Row {
    id: String,
    name: String,
    product: String,
    icon: String,
    state: &'static str,
    tone: Tone,
    detail: String,
    since: Option<When>,
    used: Option<When>,
    is_there: bool,
    /// Whether it can be authorized at all; it may have been switched off since.
    enabled: bool,
    authorize: String,
    disconnect: String,
}

impl From<Mine> for Row {
    fn from(mine: Mine) -> Self {
        let c = mine.view.connector;
        let (state, tone) = match mine.grant.as_ref().map(|g| g.state) {
            None => ("Not connected", Tone::Neutral),
            Some(GrantState::Ok) => ("Connected", Tone::Good),
            Some(GrantState::Failing) => ("Failing", Tone::Warn),
            Some(GrantState::NeedsReauthorization) => ("Needs to be authenticated again", Tone::Bad),
        };
        let off = "People do not connect here for themselves any more: it is not used.".to_owned();
        Self {
            enabled: c.user_authentication,
            authorize: format!("{MINE}/{}/authorize", c.id),
            disconnect: format!("{MINE}/{}/disconnect", c.id),
            id: c.id.to_string(),
            product: mine.view.known.name.clone(),
            icon: word(&mine.view.known.icon),
            state,
            tone,
            detail: match c.user_authentication {
                true => mine.grant.as_ref().and_then(|g| g.reason.clone()).unwrap_or_default(),
                false => off,
            },
            since: mine.grant.as_ref().and_then(|g| g.authorized_at).map(When::from),
            used: mine.grant.as_ref().and_then(|g| g.last_used_at).map(When::from),
            is_there: mine.grant.is_some(),
            name: c.name,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "connectors/mine.html")]
pub(super) struct MinePage {
    page: Page,
    /// Whether an administrator exempted the person.
    exempt: bool,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<SHOWN>,
) -> HtmlResult<View<MinePage>> {
    let found = connect.my_connections(&actor, page).await?;
    Ok(View(MinePage {
        page: context.page(TITLE, MENU_ENTRY),
        exempt: connect.is_exempt(actor.workspace()?, actor.user()?).await?,
        rows: found.data.into_iter().map(Row::from).collect(),
        pagination: found.pagination,
        base: format!("{MINE}?"),
    }))
}

/// Where the browser comes back to.
#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Back {
    return_to: String,
}

impl Back {
    /// A path of ours, or nothing.
    fn path(&self) -> String {
        if self.return_to.is_empty() {
            String::new()
        } else {
            LocalPath::parse(&self.return_to).as_str().to_owned()
        }
    }
}

fn id_of(text: &str) -> Result<ConnectorId, Error> {
    text.parse().map_err(|_| Error::not_found("Connector"))
}

/// The browser goes to the provider, to consent.
pub(super) async fn authorize(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(back): VerifiedForm<Back>,
) -> HtmlResult<Response> {
    match connect.authorize_mine(&actor, &id_of(&id)?, back.path()).await {
        Ok(url) => Ok(RedirectAway { url: url.into(), towards: "the product".to_owned() }.into_response()),
        Err(e) if matches!(e.kind(), Kind::Conflict | Kind::RateLimited | Kind::Validation) => {
            Ok(SeeOther::to(MINE).saying(Flash::failure(e.message())).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// The question before it ends, without JavaScript.
pub(super) async fn ask_disconnect(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let ready = connect.ready_for_people(&actor, &id_of(&id)?).await?;
    let mut page = context.page(TITLE, MENU_ENTRY).under(TITLE, MINE);
    page.title = format!("Disconnect from {}?", ready.connector.name);
    Ok(Confirm {
        page,
        text: "What runs for you asks you to connect again, or acts as the connector's own identity."
            .to_owned(),
        action: format!("{MINE}/{}/disconnect", ready.connector.id),
        fields: Vec::new(),
        confirm: "Disconnect".to_owned(),
        cancel: MINE.to_owned(),
        danger: true,
    })
}

/// Ends what the person authorized.
pub(super) async fn disconnect(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    connect.disconnect_mine(&actor, &id_of(&id)?).await?;
    Ok(SeeOther::to(MINE).saying(Flash::success("You are disconnected.")))
}
