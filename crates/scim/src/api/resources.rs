//! Users and groups over HTTP (RFC 7644 §3.3 to §3.6).

use axum::http::{HeaderMap, Method, header};
use serde_json::Value;

use super::answer::Answer;
use super::discovery::base;
use super::endpoint::{Call, nothing_here, wrong_method};
use crate::Scim;
use crate::model::asked::names_version;
use crate::model::{Asked, GroupEntry, Operation, Precondition, Resource, UserEntry, etag};
use crate::protocol::value::Object;
use crate::protocol::{GROUP, ResourceType, USER};
use crate::refused::ScimResult;

/// What is found at the path of a kind of resource.
enum At<'a> {
    All,
    Search,
    One(&'a str),
}

fn at<'a>(call: &'a Call) -> ScimResult<At<'a>> {
    match call.path.get(1..).unwrap_or_default() {
        [] => Ok(At::All),
        [one] if one.eq_ignore_ascii_case(".search") => Ok(At::Search),
        [one] => Ok(At::One(one)),
        _ => Err(nothing_here()),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn of(kind: Resource) -> &'static ResourceType {
    match kind {
        Resource::User => &USER,
        Resource::Group => &GROUP,
    }
}

/// A resource as it was found or made.
enum Found {
    User(UserEntry),
    Group(GroupEntry),
}

impl Found {
    fn version(&self) -> i64 {
        match self {
            Self::User(u) => u.version,
            Self::Group(g) => g.version,
        }
    }

    fn location(&self, scim: &Scim) -> String {
        match self {
            Self::User(u) => format!("{}/Users/{}", base(scim), u.id),
            Self::Group(g) => format!("{}/Groups/{}", base(scim), g.id),
        }
    }

    async fn shown(self, scim: &Scim, asked: &Asked) -> ScimResult<Object> {
        let mut all = match self {
            Self::User(u) => scim.shown_users(&[u], &asked.projection).await?,
            Self::Group(g) => scim.shown_groups(&[g], &asked.projection).await?,
        };
        Ok(all.pop().unwrap_or_default())
    }

    async fn answer(self, scim: &Scim, asked: &Asked, status: u16) -> ScimResult<Answer> {
        let (tag, location) = (etag(self.version()), self.location(scim));
        let body = match &self {
            // of what was just made, nothing needs to be looked for
            Self::User(u) if (status, u.version) == (201, 1) => scim.shown_new_user(u, &asked.projection),
            _ => self.shown(scim, asked).await?,
        };
        let body = Value::Object(body);
        let answer = Answer { status, ..Answer::ok(body) };
        Ok(answer.with(header::ETAG, tag).with(header::LOCATION, location))
    }
}

/// Answers a call of `/Users` or `/Groups`; a change that is refused is kept among the activities.
pub(super) async fn answer(scim: &Scim, call: &Call, kind: Resource) -> ScimResult<Answer> {
    let place = at(call)?;
    let operation = match (&place, &call.method) {
        (At::All, &Method::POST) => Operation::Create,
        (At::One(_), &Method::PUT | &Method::PATCH) => Operation::Update,
        (At::One(_), &Method::DELETE) => Operation::Delete,
        (At::All | At::One(_), &Method::GET | &Method::HEAD) => return read(scim, call, kind, place).await,
        (At::Search, &Method::POST) => return search(scim, call, kind, Asked::of_body(&call.body)?).await,
        _ => return Err(wrong_method()),
    };
    let id = match place {
        At::One(id) => Some(id),
        At::All | At::Search => None,
    };
    let done = write(scim, call, kind, operation, id.unwrap_or_default()).await;
    if let Err(refused) = &done {
        scim.note_failure(&call.actor, (operation, kind), id, refused).await;
    }
    done
}

async fn read(scim: &Scim, call: &Call, kind: Resource, place: At<'_>) -> ScimResult<Answer> {
    let asked = Asked::of_query(call.query.as_deref())?;
    let At::One(id) = place else { return search(scim, call, kind, asked).await };
    let found = match kind {
        Resource::User => Found::User(scim.user(&call.actor, id).await?),
        Resource::Group => Found::Group(scim.group(&call.actor, id).await?),
    };
    if text(&call.headers, header::IF_NONE_MATCH).is_some_and(|tags| names_version(tags, found.version())) {
        return Ok(Answer::empty(304).with(header::ETAG, etag(found.version())));
    }
    found.answer(scim, &asked, 200).await
}

async fn search(scim: &Scim, call: &Call, kind: Resource, asked: Asked) -> ScimResult<Answer> {
    let (found, total) = match kind {
        Resource::User => scim.search_users(&call.actor, &asked, false).await?,
        Resource::Group => scim.search_groups(&call.actor, &asked, false).await?,
    };
    Ok(Answer::ok(asked.answer(found, total)))
}

async fn write(
    scim: &Scim,
    call: &Call,
    kind: Resource,
    operation: Operation,
    id: &str,
) -> ScimResult<Answer> {
    let (actor, body) = (&call.actor, &call.body);
    let expected = Precondition::of(text(&call.headers, header::IF_MATCH));
    let asked = Asked::of_query(call.query.as_deref())?;
    let is_patch = call.method == Method::PATCH;
    let changed = match (operation, kind) {
        (Operation::Create, Resource::User) => Found::User(scim.create_user(actor, body).await?),
        (Operation::Create, Resource::Group) => Found::Group(scim.create_group(actor, body).await?),
        (Operation::Update, Resource::User) if is_patch => {
            Found::User(scim.patch_user(actor, id, &expected, body).await?)
        }
        (Operation::Update, Resource::User) => {
            Found::User(scim.replace_user(actor, id, &expected, body).await?)
        }
        (Operation::Update, Resource::Group) if is_patch => {
            let group = Found::Group(scim.patch_group(actor, id, &expected, body).await?);
            // the whole group is answered to who asks for it (RFC 7644 §3.5.2): it may be large
            let wants_it =
                call.query.as_deref().unwrap_or_default().to_ascii_lowercase().contains("attributes=");
            if !wants_it {
                return Ok(Answer::empty(204).with(header::ETAG, etag(group.version())));
            }
            group
        }
        (Operation::Update, Resource::Group) => {
            Found::Group(scim.replace_group(actor, id, &expected, body).await?)
        }
        (Operation::Delete, Resource::User) => {
            scim.delete_user(actor, id, &expected).await?;
            return Ok(Answer::empty(204));
        }
        (Operation::Delete, Resource::Group) => {
            scim.delete_group(actor, id, &expected).await?;
            return Ok(Answer::empty(204));
        }
    };
    changed.answer(scim, &asked, if operation == Operation::Create { 201 } else { 200 }).await
}

/// A search over all kinds of resources that the token may read, people first (RFC 7644 §3.4.2.1).
pub(super) async fn search_all(scim: &Scim, call: &Call, asked: Asked) -> ScimResult<Answer> {
    use gatehouse_types::ScimScope as Scope;
    let readable = [(Resource::User, Scope::UsersRead), (Resource::Group, Scope::GroupsRead)];
    let readable =
        readable.into_iter().filter(|(_, scope)| call.actor.may_provision(*scope)).map(|(kind, _)| kind);
    let kinds: Vec<_> = readable.collect();
    if kinds.is_empty() {
        scim.require_scope(&call.actor, Scope::UsersRead).await?;
    }
    let (mut found, mut total) = (Vec::new(), 0);
    for kind in kinds {
        // a name that neither kind has is told; one of the other kind passes nothing
        let left = asked.count - i64::try_from(found.len()).unwrap_or(asked.count);
        let start = (asked.start - total).max(1);
        let part = Asked { start, count: left, sort_by: known(of(kind), &asked), ..asked.clone() };
        let (some, all) = match kind {
            Resource::User => scim.search_users(&call.actor, &part, true).await?,
            Resource::Group => scim.search_groups(&call.actor, &part, true).await?,
        };
        found.extend(some);
        total += all;
    }
    Ok(Answer::ok(asked.answer(found, total)))
}

/// The order, where the kind has the attribute.
fn known(of: &'static ResourceType, asked: &Asked) -> Option<String> {
    asked.sort_by.clone().filter(|by| of.resolve(by).is_some())
}
