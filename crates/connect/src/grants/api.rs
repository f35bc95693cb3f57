//! Back from an authorization server.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Caller, query};
use gatehouse_web::{ApiError, Flash, HtmlResult, LocalPath, Path, SeeOther, WantsJson};

use super::finish::Callback;
use crate::Connect;

/// Where the browser goes: 303 to the page where the authorization was begun. Without a session the person signs in
/// first, and comes back with the same answer.
pub(crate) async fn callback(
    State(connect): State<Connect>,
    caller: Result<Caller, ApiError>,
    Path(context): Path<String>,
    uri: Uri,
    WantsJson(wants_json): WantsJson,
) -> HtmlResult<Response> {
    let actor = match caller {
        Ok(Caller(actor)) => actor,
        Err(e) if wants_json => return Ok(e.into_response()),
        Err(_) => {
            let here = LocalPath::parse(uri.path_and_query().map_or("/", |p| p.as_str()));
            return Ok(
                SeeOther::to(format!("/login?{}", query(&[("returnTo", here.as_str())]))).into_response()
            );
        }
    };
    let answer = Callback::of(uri.query().unwrap_or_default());
    let landed = connect.finish(&actor, &context, &answer).await?;
    let name = &landed.about.name;
    let flash = match landed.warning {
        None => Flash::success(format!("{name} is authorized.")),
        Some(warning) => Flash::notice(format!("{name} is authorized. {warning}")),
    };
    Ok(SeeOther::to(landed.return_to).saying(flash).into_response())
}
