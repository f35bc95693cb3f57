//! Which groups give which role: changed as a list, with a look at who would change before it counts.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, DryRun, Id, Kind, Result, Role};
use gatehouse_web::{Choice, Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use super::page::{self, Again};
use super::{PATH, frame};
use crate::Scim;
use crate::model::role::{Changes, NewMapping};

/// Groups that can be chosen on the page, by the alphabet; the API takes any.
const CHOICES: i64 = 500;

/// A list as a form sends it: a group and a role by turns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RolesForm {
    group: Vec<String>,
    role: Vec<String>,
}

impl RolesForm {
    /// The list. Who chose no group, or no role for one, means none.
    fn wanted(self) -> Vec<NewMapping> {
        let pairs = self.group.into_iter().zip(self.role);
        let named = pairs.filter(|(group, role)| !group.is_empty() && !role.is_empty());
        named.map(|(group_id, role)| NewMapping { group_id, role }).collect()
    }
}

/// A group that gives a role, on the page.
pub(super) struct Row {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) people: i64,
    pub(super) role: String,
}

/// What the page shows of groups and roles.
pub(super) struct Shown {
    pub(super) rows: Vec<Row>,
    pub(super) managed: i64,
    /// Groups that give no role yet, "none" before them.
    pub(super) groups: Vec<Choice>,
    /// The roles that a group can give.
    pub(super) roles: Vec<Choice>,
    /// The same, with "no role" behind them.
    pub(super) roles_or_none: Vec<Choice>,
}

impl Shown {
    pub(super) async fn of(scim: &Scim, actor: &Actor) -> Result<Self> {
        let now = scim.role_mappings(actor).await?;
        let all = scim.groups_to_map(actor, CHOICES).await?;
        let is_free = |group: &gatehouse_types::ScimGroupId| now.mappings.iter().all(|m| m.group != *group);
        let free = all.into_iter().filter(|(group, _)| is_free(group));
        let mut groups = vec![Choice::new("", "No further group")];
        groups.extend(free.map(|(group, name)| Choice::new(group.as_str(), name)));
        let roles = vec![
            Choice::new("viewer", "Viewer"),
            Choice::new("member", "Member"),
            Choice::new("admin", "Admin"),
        ];
        let mut roles_or_none = roles.clone();
        roles_or_none.push(Choice::new("", "Gives no role"));
        let row = |m: crate::model::role::Mapping| Row {
            group: m.group.to_string(),
            name: m.name,
            people: m.people,
            role: m.role.to_string(),
        };
        let rows = now.mappings.into_iter().map(row).collect();
        Ok(Self { rows, managed: now.managed, groups, roles, roles_or_none })
    }
}

struct PersonRow {
    email: String,
    from: &'static str,
    to: &'static str,
}

#[derive(askama::Template)]
#[template(path = "scim/roles.html")]
struct PreviewPage {
    page: Page,
    path: &'static str,
    /// Group, its name, role.
    mappings: Vec<(String, String, String)>,
    changes: Changes,
    people: Vec<PersonRow>,
    /// People beyond those named.
    more: usize,
}

fn word(role: Option<Role>) -> &'static str {
    role.map_or("no access", Role::as_str)
}

async fn again(
    scim: &Scim,
    actor: &Actor,
    context: &PageContext,
    e: gatehouse_types::Error,
) -> HtmlResult<Response> {
    if e.kind() != Kind::Validation {
        return Err(e.into());
    }
    let page = page::view(scim, actor, context, Again::of_roles(&e)).await?;
    Ok((StatusCode::BAD_REQUEST, page).into_response())
}

/// Shows who would change.
pub(super) async fn preview(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<RolesForm>,
) -> HtmlResult<Response> {
    let mut trial = actor.clone();
    trial.origin.dry_run = Some(DryRun::default());
    let (then, changes) = match scim.set_role_mappings(&trial, &form.wanted()).await {
        Ok(done) => done,
        Err(e) => return again(&scim, &actor, &context, e).await,
    };
    let mut page = frame(&context).under("Provisioning", PATH);
    "Who changes?".clone_into(&mut page.title);
    let total = changes.role_changed + changes.access_ended + changes.access_given;
    let person = |p: &crate::model::role::PersonChange| PersonRow {
        email: p.email.clone(),
        from: word(p.from),
        to: word(p.to),
    };
    let people: Vec<_> = changes.people.iter().map(person).collect();
    let mappings = then.mappings.into_iter();
    let mappings = mappings.map(|m| (m.group.to_string(), m.name, m.role.to_string())).collect();
    let more = total - people.len();
    Ok(View(PreviewPage { page, path: PATH, mappings, changes, people, more }).into_response())
}

/// Says what the groups give from now on.
pub(super) async fn save(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<RolesForm>,
) -> HtmlResult<Response> {
    match scim.set_role_mappings(&actor, &form.wanted()).await {
        Ok((_, changes)) => {
            let text = format!(
                "The roles of groups were saved: {} changed, {} lost their access, {} got it back.",
                changes.role_changed, changes.access_ended, changes.access_given
            );
            Ok(SeeOther::to(format!("{PATH}#roles")).saying(Flash::success(text)).into_response())
        }
        Err(e) => again(&scim, &actor, &context, e).await,
    }
}
