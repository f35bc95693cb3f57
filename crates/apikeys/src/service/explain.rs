//! What-if and who-can: the same rules that judge, asked without doing anything.

use gatehouse_identity::require;
use gatehouse_store::decisions::{self, Reason};
use gatehouse_types::{
    Actor, ApiAppId, ApiKeyId, ControlScope, DecisionId, Email, Error, Id, Permission, Result, Role, UserId,
    WorkspaceId,
};

use crate::ApiKeys;
use crate::model::key::gives_keys;
use crate::model::scope::{BUILT_IN, is_shaped};
use crate::model::{App, AppStatus, Key, KeyStatus};
use crate::store::{apps, explain, keys, scopes};

/// People and apps that an answer names; it counts all.
pub(crate) const MAX_NAMED: i64 = 100;

/// Who is asked about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    User(UserId),
    App(ApiAppId),
    Key(ApiKeyId),
}

/// What is taken for granted instead of what is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assumed {
    pub(crate) role: Option<Role>,
    pub(crate) scopes: Vec<String>,
}

/// Whether it would be allowed, and why.
#[derive(Clone, Debug)]
pub(crate) struct Explained {
    pub(crate) allowed: bool,
    pub(crate) reasons: Vec<Reason>,
}

impl Explained {
    fn new(reasons: Vec<Reason>) -> Self {
        Self { allowed: reasons.iter().all(|r| r.ok), reasons }
    }
}

/// What is asked for: a right of people, or a scope of programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Right(Permission),
    Scope(String),
}

impl Action {
    /// Reads what is asked for. A right that keys have too counts as either.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if let Ok(right) = text.parse::<Permission>() {
            return Ok(Self::Right(right));
        }
        match is_shaped(text) {
            true => Ok(Self::Scope(text.to_owned())),
            false => {
                Err(Error::validation("action", "An action is written like sso:manage or workflow:deploy."))
            }
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Right(right) => right.as_str(),
            Self::Scope(scope) => scope,
        }
    }

    /// Whether a person with the role may: a scope counts for whoever could give it to a key.
    fn of_role(&self, role: Role) -> bool {
        match self {
            Self::Right(right) => role.may(*right),
            Self::Scope(_) => role.may(Permission::ManageApps),
        }
    }

    /// Whether keys can have it at all.
    fn of_keys(&self) -> bool {
        match self {
            Self::Right(right) => ControlScope::ALL.iter().any(|s| s.permission() == *right),
            Self::Scope(_) => true,
        }
    }

    fn lowest_role(&self) -> Option<Role> {
        Role::ALL.into_iter().find(|r| self.of_role(*r))
    }
}

/// Somebody who may.
#[derive(Clone, Debug)]
pub(crate) struct Able {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) rule: String,
}

/// Who may do something.
#[derive(Clone, Debug)]
pub(crate) struct WhoCan {
    pub(crate) total: i64,
    pub(crate) named: Vec<Able>,
}

impl ApiKeys {
    /// Whether somebody may do something, by the rules as they are, or with other ones taken for granted.
    ///
    /// # Errors
    /// `Authorization` without the right; `NotFound` for somebody who is not of the workspace.
    pub(crate) async fn explain(
        &self,
        actor: &Actor,
        subject: &Subject,
        action: &Action,
        assumed: &Assumed,
    ) -> Result<Explained> {
        let workspace = require(&self.0.store, actor, Permission::ExplainDecisions, None).await?;
        match subject {
            Subject::User(user) => self.explain_user(workspace, user, action, assumed).await,
            Subject::App(app) => {
                let app = self.app_of(workspace, app).await?;
                let mut reasons = vec![of_app(&app)];
                reasons.push(self.of_scope(workspace, &app, action, assumed).await?);
                Ok(Explained::new(reasons))
            }
            Subject::Key(key) => self.explain_key(workspace, key, action, assumed).await,
        }
    }

    /// Whom a text means: a person by the address or id, an app by the name or id, a key by the id.
    ///
    /// # Errors
    /// `Authorization` without the right; `NotFound` for whom nothing here is called so.
    pub(crate) async fn subject_named(&self, actor: &Actor, text: &str) -> Result<Subject> {
        let workspace = require(&self.0.store, actor, Permission::ExplainDecisions, None).await?;
        if let Ok(id) = text.parse() {
            return Ok(Subject::User(id));
        }
        if let Ok(id) = text.parse() {
            return Ok(Subject::App(id));
        }
        if let Ok(id) = text.parse() {
            return Ok(Subject::Key(id));
        }
        let mut db = self.0.store.reader();
        let found = match text.parse::<Email>() {
            Ok(email) => self.0.identity.user_by_email(&mut db, &email).await?.map(|u| Subject::User(u.id)),
            Err(_) => explain::app_named(&mut db, workspace, text).await?.map(Subject::App),
        };
        found.ok_or_else(|| Error::not_found("Principal"))
    }

    /// The decision of this number, if it is of the workspace.
    ///
    /// # Errors
    /// `Authorization` without the right; `NotFound`.
    pub(crate) async fn decision_named(&self, actor: &Actor, text: &str) -> Result<DecisionId> {
        let workspace = require(&self.0.store, actor, Permission::ExplainDecisions, None).await?;
        let none = || Error::not_found("Decision");
        let id: DecisionId = text.parse().map_err(|_| none())?;
        let found = decisions::find(&self.0.store, workspace, &id).await?;
        found.map(|d| d.id).ok_or_else(none)
    }

    /// What can be asked for by its name: the rights of people, then the scopes of programs.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn actions(&self, actor: &Actor) -> Result<Vec<String>> {
        let workspace = require(&self.0.store, actor, Permission::ExplainDecisions, None).await?;
        let own = scopes::all(&mut self.0.store.reader(), workspace).await?;
        let rights = Permission::ALL.iter().map(|p| p.as_str().to_owned());
        let built_in = BUILT_IN.iter().map(|s| s.id.to_owned());
        Ok(rights.chain(built_in).chain(own.into_iter().map(|s| s.id)).collect())
    }

    async fn app_of(&self, workspace: &WorkspaceId, id: &ApiAppId) -> Result<App> {
        let found = apps::find(&mut self.0.store.reader(), workspace, id).await?;
        found.ok_or_else(|| Error::not_found("API app"))
    }

    async fn explain_user(
        &self,
        workspace: &WorkspaceId,
        user: &UserId,
        action: &Action,
        assumed: &Assumed,
    ) -> Result<Explained> {
        let found = self.0.identity.name_and_role(&mut self.0.store.reader(), workspace, user).await?;
        let (name, role) = found.ok_or_else(|| Error::not_found("User"))?;
        let (role, how) = match assumed.role {
            Some(role) => (role, "would be"),
            None => (role, "is"),
        };
        let member = Reason::passed("member", format!("{name} {how} {role} here."));
        let needed = action.lowest_role().map_or("no role", Role::as_str);
        let what = action.as_str();
        let rule = match action.of_role(role) {
            true => Reason::passed(
                "role",
                format!("The role {role} carries {what}; the least that does is {needed}."),
            ),
            false => Reason::failed(
                "role",
                format!("The role {role} does not carry {what}; the least that does is {needed}."),
            ),
        };
        Ok(Explained::new(vec![member, rule]))
    }

    async fn explain_key(
        &self,
        workspace: &WorkspaceId,
        id: &ApiKeyId,
        action: &Action,
        assumed: &Assumed,
    ) -> Result<Explained> {
        let found = keys::find_any(&mut self.0.store.reader(), id.as_str()).await?;
        let found = found.filter(|(key, _)| key.workspace_id == *workspace);
        let (key, app_name) = found.ok_or_else(|| Error::not_found("API key"))?;
        let said =
            |what: &str| format!("The key {} ({}) of the app {app_name} {what}.", key.name, key.masked);
        let good = match key.status(self.0.store.now()) {
            // what the role of its person gives is a line of its own
            KeyStatus::Active | KeyStatus::Suspended => Reason::passed("API key", said("is good")),
            KeyStatus::Disabled => Reason::failed("API key", said("is switched off")),
            KeyStatus::Expired => Reason::failed("API key", said("has ended")),
            KeyStatus::Replaced => Reason::failed("API key", said("gave way to another one")),
            KeyStatus::Deleted => Reason::failed("API key", said("was deleted")),
        };
        let app = match apps::find(&mut self.0.store.reader(), workspace, &key.app_id).await? {
            Some(app) => app,
            None => return Ok(Explained::new(vec![good])),
        };
        let mut reasons = vec![good, of_app(&app)];
        reasons.extend(self.of_person(workspace, &key, assumed).await?);
        reasons.push(self.of_scope(workspace, &app, action, assumed).await?);
        Ok(Explained::new(reasons))
    }

    /// Whether the person whose own a key is may have keys; nothing for a key of the company's.
    async fn of_person(
        &self,
        workspace: &WorkspaceId,
        key: &Key,
        assumed: &Assumed,
    ) -> Result<Option<Reason>> {
        let Some(owner) = key.person() else { return Ok(None) };
        let found = self.0.identity.name_and_role(&mut self.0.store.reader(), workspace, &owner).await?;
        let Some((name, role)) = found else {
            let gone = "The key is a person's own, who is no member here.";
            return Ok(Some(Reason::failed("person", gone)));
        };
        let (role, how) = assumed.role.map_or((role, "is"), |role| (role, "would be"));
        let said = |what| format!("The key is {name}'s own, who {how} {role} here: that role {what}.");
        Ok(Some(match gives_keys(Some(role)) {
            true => Reason::passed("person", said("gives keys")),
            false => Reason::failed("person", said("gives no keys")),
        }))
    }

    async fn of_scope(
        &self,
        workspace: &WorkspaceId,
        app: &App,
        action: &Action,
        assumed: &Assumed,
    ) -> Result<Reason> {
        let what = action.as_str();
        if !action.of_keys() {
            return Ok(Reason::failed("scope", format!("{what} is a right of people; no key has it.")));
        }
        let own = scopes::all(&mut self.0.store.reader(), workspace).await?;
        if crate::model::scope::name_of(what).is_none() && !own.iter().any(|s| s.id == what) {
            return Ok(Reason::failed("scope", format!("There is no scope {what}.")));
        }
        Ok(match (app.scopes.iter().any(|s| s == what), assumed.scopes.iter().any(|s| s == what)) {
            (true, _) => Reason::passed("scope", format!("The app {} has {what}.", app.name)),
            (false, true) => Reason::passed("scope", format!("The app {} would have {what}.", app.name)),
            (false, false) => Reason::failed("scope", format!("The app {} does not have {what}.", app.name)),
        })
    }

    /// Who may do something: people by their role, apps by their scopes.
    ///
    /// # Errors
    /// `Authorization` without the right.
    pub(crate) async fn who_can(&self, actor: &Actor, action: &Action) -> Result<WhoCan> {
        let workspace = require(&self.0.store, actor, Permission::ExplainDecisions, None).await?;
        let mut db = self.0.store.reader();
        let (mut total, mut named) = (0, Vec::new());
        for role in Role::ALL.into_iter().rev().filter(|r| action.of_role(*r)) {
            let left = MAX_NAMED - i64::try_from(named.len()).unwrap_or(MAX_NAMED);
            let (count, some) = self.0.identity.with_role(&mut db, workspace, role, left).await?;
            total += count;
            named.extend(some.into_iter().map(|(id, name)| Able {
                kind: "user",
                id,
                name,
                rule: format!("The role {role} carries {}.", action.as_str()),
            }));
        }
        if action.of_keys() {
            let left = MAX_NAMED - i64::try_from(named.len()).unwrap_or(MAX_NAMED);
            let (count, some) = explain::with_scope(&mut db, workspace, action.as_str(), left).await?;
            total += count;
            named.extend(some.into_iter().map(|(id, name)| Able {
                kind: "api-app",
                id,
                name,
                rule: format!("The app has the scope {}.", action.as_str()),
            }));
        }
        Ok(WhoCan { total, named })
    }
}

fn of_app(app: &App) -> Reason {
    match app.status {
        AppStatus::Active => Reason::passed("API app", format!("The app {} is in use.", app.name)),
        AppStatus::Disabled => Reason::failed("API app", format!("The app {} is switched off.", app.name)),
    }
}
