//! The endpoint of a script: the code that calls a function, to copy.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Permission, Result, ScriptId};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, Path, Query, Tab, View};
use serde::Deserialize;

use super::parts::{of_page, tabs};
use super::{below, path_of};
use crate::Scripts;
use crate::model::{Action, offers};

/// For which function.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    function: String,
}

/// The code in one language.
struct Code {
    id: &'static str,
    label: &'static str,
    text: String,
    rows: usize,
}

/// What is shown of a script in service.
struct Served {
    url: String,
    function: String,
    codes: Vec<Code>,
}

#[derive(askama::Template)]
#[template(path = "scripts/endpoint.html")]
struct EndpointPage {
    page: Page,
    tabs: Vec<Tab>,
    path: String,
    keys: String,
    /// Where the script is deployed from; empty: not now, or not by this person.
    deploy: String,
    /// What stands there while nothing is in service.
    prompt: &'static str,
    /// The functions of what is in service.
    functions: Vec<Choice>,
    served: Option<Served>,
}

async fn served(
    scripts: &Scripts,
    actor: &Actor,
    id: &ScriptId,
    asked: &Asked,
) -> Result<(Vec<Choice>, Served)> {
    let code = scripts.code(actor, id, Some(asked.function.as_str()).filter(|f| !f.is_empty())).await?;
    let one = |id, label, text: String| Code { id, label, rows: text.lines().count().clamp(4, 24), text };
    let choice = |f: &crate::model::Exposed| {
        Choice::new(f.name.as_str(), format!("{}({})", f.name, f.parameters.join(", ")))
    };
    let functions = code.functions.iter().map(choice).collect();
    let served = Served {
        url: code.url,
        function: code.function,
        codes: vec![
            one("curl", "cURL", code.snippets.curl),
            one("javascript", "JavaScript", code.snippets.javascript),
            one("python", "Python", code.snippets.python),
        ],
    };
    Ok((functions, served))
}

/// The page.
pub(super) async fn show(
    State(scripts): State<Scripts>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (_, id) = of_page(&scripts, &actor, Permission::ReadScripts, &id).await?;
    let script = scripts.script(&actor, &id).await?.script;
    let path = path_of(&id);
    let may = actor.may(Permission::EditScripts) && script.status.allows(Action::Deploy);
    let offered = script.status.offers().endpoint;
    let (functions, served) = match offered {
        offers::Endpoint::Code => {
            let (functions, served) = served(&scripts, &actor, &id, &asked).await?;
            (functions, Some(served))
        }
        _ => (Vec::new(), None),
    };
    let view = EndpointPage {
        page: below(&context, script.settings.name()),
        tabs: tabs(&actor, &id, "Endpoint"),
        keys: if actor.may(Permission::ManageScripts) { format!("{path}/keys") } else { String::new() },
        deploy: if may { format!("{path}/deploy") } else { String::new() },
        prompt: match offered {
            offers::Endpoint::Prompt => "Deploy Custom Script",
            _ => "Endpoint not activated",
        },
        functions,
        served,
        path: format!("{path}/endpoint"),
    };
    Ok(View(view).into_response())
}
