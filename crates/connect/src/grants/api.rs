//! Back from an authorization server.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Caller;
use gatehouse_web::{ApiError, Flash, HtmlResult, Path, SeeOther, WantsJson};

use super::finish::{Callback, Ended};
use crate::Connect;

/// Where the browser goes: 303 to the page where the authorization was begun, also when the provider did not grant it. Without a session nothing can be ended here,
/// nor after another sign-in: it is begun again.
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
            let words =
                "You were signed out before the authorization came to its end. Sign in, then begin it again.";
            return Ok(SeeOther::to("/login").saying(Flash::notice(words)).into_response());
        }
    };
    let answer = Callback::of(uri.query().unwrap_or_default());
    let landed = match connect.finish(&actor, &context, &answer).await? {
        Ended::Landed(landed) => landed,
        Ended::Refused { error, .. } if wants_json => return Ok(ApiError(error).into_response()),
        Ended::Refused { return_to, error } => {
            return Ok(SeeOther::to(return_to).saying(Flash::failure(error.message())).into_response());
        }
    };
    let name = &landed.about.name;
    let flash = match landed.warning {
        None => Flash::success(format!("{name} is authorized.")),
        Some(warning) => Flash::notice(format!("{name} is authorized. {warning}")),
    };
    Ok(SeeOther::to(landed.return_to).saying(flash).into_response())
}
