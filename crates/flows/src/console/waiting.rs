//! What waits for whom: one's own authentications and answers, and for administrators everybody's.

use axum::extract::State;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Error, Id, Kind, PageRequest, Permission, UserId};
use gatehouse_web::{Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View, When};
use serde::Deserialize;

use super::parts::authorize_at;
use super::{EXECUTIONS, PATH, WAITING};
use crate::Flows;
use crate::service::executions::own_person;
use crate::service::waiting::Line;
use crate::store::executions::Wanted;

/// Questions that are shown.
const QUESTIONS: u32 = 100;

struct Connector {
    name: String,
    count: i64,
    since: When,
    action: String,
}

struct Question {
    path: String,
    flow: String,
    title: String,
    since: When,
}

struct Waiting {
    person_id: String,
    person: String,
    connector_id: String,
    connector: String,
    count: i64,
    since: When,
}

#[derive(askama::Template)]
#[template(path = "flows/waiting.html")]
pub(super) struct WaitingPage {
    page: Page,
    path: &'static str,
    fallback: String,
    connectors: Vec<Connector>,
    questions: Vec<Question>,
    people: Vec<Waiting>,
    sees_all: bool,
}

impl From<Line> for Connector {
    fn from(line: Line) -> Self {
        Self {
            action: authorize_at(&line.connector_id),
            name: line.connector_name,
            count: line.executions,
            since: line.since.into(),
        }
    }
}

impl From<Line> for Waiting {
    fn from(line: Line) -> Self {
        let (id, name) = line.person.unzip();
        Self {
            person_id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            person: name.unwrap_or_else(|| "nobody: it runs for the company".to_owned()),
            connector_id: line.connector_id,
            connector: line.connector_name,
            count: line.executions,
            since: line.since.into(),
        }
    }
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<View<WaitingPage>> {
    require(&flows.0.store, &actor, Permission::UseFlows, None).await?;
    let sees_all = actor.may(Permission::ManageFlows);
    let own = flows.own_queue(&actor).await?;
    let wanted =
        Wanted { status: Some("User input".to_owned()), person: own_person(&actor), ..Wanted::default() };
    let asked = flows.executions(&actor, wanted, PageRequest::new(1, QUESTIONS)?).await?;
    let questions = asked.data.into_iter().map(|e| Question {
        path: format!("{EXECUTIONS}/{}", e.id),
        title: e.waiting.iter().find_map(|w| w.title.clone()).unwrap_or_default(),
        since: e.started_at.unwrap_or(e.created_at).into(),
        flow: e.flow_name,
    });
    let questions = questions.collect();
    let people = if sees_all { flows.queue(&actor).await? } else { Vec::new() };
    Ok(View(WaitingPage {
        page: context.page("What waits for you", "flow-waiting").under("Flows", PATH),
        path: WAITING,
        fallback: format!("{WAITING}/fallback"),
        connectors: own.into_iter().map(Connector::from).collect(),
        questions,
        people: people.into_iter().map(Waiting::from).collect(),
        sees_all,
    }))
}

/// What was decided.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Decision {
    person_id: String,
    connector_id: String,
    reason: String,
}

/// Lets what waits for a person at a connector go on as the connector's user.
pub(super) async fn fallback(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    VerifiedForm(decision): VerifiedForm<Decision>,
) -> HtmlResult<SeeOther> {
    let person = Some(decision.person_id.as_str()).filter(|id| !id.is_empty());
    let person = person.map(|id| id.parse::<UserId>().map_err(|_| Error::not_found("Person"))).transpose()?;
    let back = SeeOther::to(WAITING);
    match flows.let_go_on(&actor, person.as_ref(), &decision.connector_id, &decision.reason).await {
        Ok(1) => Ok(back.saying(Flash::success("1 execution goes on as the connector's user."))),
        Ok(n) => Ok(back.saying(Flash::success(format!("{n} executions go on as the connector's user.")))),
        Err(e) if matches!(e.kind(), Kind::Validation | Kind::NotFound) => {
            Ok(back.saying(Flash::failure(e.message())))
        }
        Err(e) => Err(e.into()),
    }
}
