use gatehouse_types::{Email, Id, ScimGroupId, ScimUserId, Timestamp, UserId, WorkspaceId};
use serde_json::{Value, json};

use crate::protocol::search::{self, first_of};
use crate::protocol::value::Object;
use crate::protocol::{GROUP, ResourceType, ScimError, USER, folded};

/// The enterprise extension.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The longest canonical form of a resource, in bytes.
const MAX_RESOURCE: usize = 64 * 1024;
/// The longest name by which a resource is found, in characters.
const MAX_NAME: usize = 512;

/// A person of the directory.
#[derive(Clone, Debug)]
pub(crate) struct UserEntry {
    pub(crate) id: ScimUserId,
    pub(crate) workspace_id: WorkspaceId,
    /// The account; `None`: the entry gives no access.
    pub(crate) user_id: Option<UserId>,
    /// Whether the provider says that the person has access.
    pub(crate) active: bool,
    /// Whether the account is a member of the workspace.
    pub(crate) has_access: bool,
    /// Whether it was made of a member, and no provider has written to it yet.
    pub(crate) is_adopted: bool,
    /// The canonical form without `active` and what we set.
    pub(crate) attributes: Object,
    pub(crate) version: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A group of the directory, without its members.
#[derive(Clone, Debug)]
pub(crate) struct GroupEntry {
    pub(crate) id: ScimGroupId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) attributes: Object,
    pub(crate) version: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

fn text<'a>(attributes: &'a Object, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str)
}

/// A name by which resources are found.
fn required<'a>(attributes: &'a Object, name: &'static str) -> Result<&'a str, ScimError> {
    let missing = || ScimError::invalid_value(format!("{name} is required."));
    let value = text(attributes, name).filter(|v| !v.trim().is_empty()).ok_or_else(missing)?;
    if value.chars().count() > MAX_NAME {
        return Err(ScimError::invalid_value(format!(
            "{name} must not be longer than {MAX_NAME} characters."
        )));
    }
    Ok(value)
}

fn bounded(attributes: &Object) -> Result<(), ScimError> {
    if text(attributes, "externalId").is_some_and(|id| id.chars().count() > MAX_NAME) {
        return Err(ScimError::invalid_value("externalId must not be longer than 512 characters."));
    }
    let length = Value::Object(attributes.clone()).to_string().len();
    if length > MAX_RESOURCE {
        return Err(ScimError::new(413, format!("The resource is larger than {MAX_RESOURCE} bytes.")));
    }
    Ok(())
}

/// The form in which a resource is searched, as stored.
fn searched(of: &'static ResourceType, attributes: &Object) -> String {
    Value::Object(search::form(of, attributes)).to_string()
}

/// The version as an entity tag (RFC 7644 §3.14).
pub(crate) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

fn meta(
    of: &'static ResourceType,
    base: &str,
    id: &str,
    times: (Timestamp, Timestamp),
    version: i64,
) -> Value {
    json!({
        "resourceType": of.name, "created": times.0, "lastModified": times.1,
        "location": format!("{base}{}/{id}", of.endpoint), "version": etag(version),
    })
}

impl UserEntry {
    /// # Errors
    /// `invalidValue` for attributes that no person can have.
    pub(crate) fn check(attributes: &Object) -> Result<(), ScimError> {
        required(attributes, "userName")?;
        bounded(attributes)
    }

    /// Whether the person has access as far as the directory goes: what the provider says, unless the account is without it.
    pub(crate) fn is_active(&self) -> bool {
        self.active && (self.user_id.is_none() || self.has_access)
    }

    pub(crate) fn user_name(&self) -> &str {
        text(&self.attributes, "userName").unwrap_or_default()
    }

    pub(crate) fn user_name_key(&self) -> String {
        folded(self.user_name())
    }

    pub(crate) fn external_id(&self) -> Option<&str> {
        text(&self.attributes, "externalId")
    }

    /// The name shown in lists of members.
    pub(crate) fn display(&self) -> String {
        let name = self.attributes.get("name");
        let part = |n: &str| name.and_then(|o| o.get(n)).and_then(Value::as_str);
        let whole = match (part("givenName"), part("familyName")) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            _ => None,
        };
        let shown = text(&self.attributes, "displayName").or(part("formatted")).map(str::to_owned);
        shown.or(whole).unwrap_or_else(|| self.user_name().to_owned())
    }

    pub(crate) fn searched(&self) -> String {
        searched(&USER, &self.attributes)
    }

    /// The addresses by which the entry is found, in their compared form.
    pub(crate) fn email_keys(&self) -> Vec<String> {
        let emails = self.attributes.get("emails").and_then(Value::as_array).into_iter().flatten();
        let mut keys: Vec<_> = emails.filter_map(|e| e["value"].as_str()).map(folded).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The address of the account: the primary one, else the one of work, else the first, else the user name.
    pub(crate) fn account_email(&self) -> Option<Email> {
        let none = Vec::new();
        let emails = self.attributes.get("emails").and_then(Value::as_array).unwrap_or(&none);
        let work = emails.iter().find(|e| e["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("work")));
        let primary = emails.iter().find(|e| e["primary"] == Value::Bool(true));
        let chosen = primary.or(work).or_else(|| first_of(emails)).and_then(|e| e["value"].as_str());
        [chosen, Some(self.user_name())].into_iter().flatten().find_map(|text| text.parse().ok())
    }

    /// The canonical form with `active`, for PATCH.
    pub(crate) fn document(&self, active: bool) -> Object {
        let mut document = self.attributes.clone();
        document.insert("active".to_owned(), Value::Bool(active));
        document
    }

    /// The resource as clients see it; `groups` are those that the person is in.
    pub(crate) fn resource(&self, base: &str, groups: Option<&[(ScimGroupId, String)]>) -> Object {
        let mut out = self.document(self.is_active());
        let mut schemas = vec![USER.core.urn];
        if let Some(extension) = out.get_mut(ENTERPRISE).and_then(Value::as_object_mut) {
            schemas.push(ENTERPRISE);
            if let Some(manager) = extension.get_mut("manager").and_then(Value::as_object_mut)
                && let Some(id) = manager.get("value").and_then(Value::as_str).map(str::to_owned)
                && id.parse::<ScimUserId>().is_ok()
            {
                manager.insert("$ref".to_owned(), json!(format!("{base}/Users/{id}")));
            }
        }
        out.insert("schemas".to_owned(), json!(schemas));
        out.insert("id".to_owned(), json!(self.id));
        if let Some(groups) = groups.filter(|g| !g.is_empty()) {
            let shown = groups.iter().map(|(id, display)| {
                json!({"value": id, "$ref": format!("{base}/Groups/{id}"), "display": display, "type": "direct"})
            });
            out.insert("groups".to_owned(), shown.collect());
        }
        let times = (self.created_at, self.updated_at);
        out.insert("meta".to_owned(), meta(&USER, base, self.id.as_str(), times, self.version));
        out
    }
}

/// A member as a group shows it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// `User` or `Group`.
    pub(crate) kind: String,
    /// `None`: nobody asked for it.
    pub(crate) display: Option<String>,
}

impl GroupEntry {
    /// # Errors
    /// `invalidValue` for attributes that no group can have.
    pub(crate) fn check(attributes: &Object) -> Result<(), ScimError> {
        required(attributes, "displayName")?;
        bounded(attributes)
    }

    pub(crate) fn display(&self) -> &str {
        text(&self.attributes, "displayName").unwrap_or_default()
    }

    pub(crate) fn external_id(&self) -> Option<&str> {
        text(&self.attributes, "externalId")
    }

    pub(crate) fn searched(&self) -> String {
        searched(&GROUP, &self.attributes)
    }

    /// The resource as clients see it.
    pub(crate) fn resource(&self, base: &str, members: Option<&[Member]>) -> Object {
        let mut out = self.attributes.clone();
        out.insert("schemas".to_owned(), json!([GROUP.core.urn]));
        out.insert("id".to_owned(), json!(self.id));
        if let Some(members) = members.filter(|m| !m.is_empty()) {
            let shown = members.iter().map(|m| {
                let place = format!("{base}/{}s/{}", m.kind, m.id);
                let mut member = json!({"value": m.id, "$ref": place, "type": m.kind});
                if let Some(display) = &m.display {
                    member["display"] = json!(display);
                }
                member
            });
            out.insert("members".to_owned(), shown.collect());
        }
        let times = (self.created_at, self.updated_at);
        out.insert("meta".to_owned(), meta(&GROUP, base, self.id.as_str(), times, self.version));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: Value) -> UserEntry {
        let at = Timestamp::from_seconds(0);
        UserEntry {
            id: ScimUserId::from_stored("scu_1".to_owned()),
            workspace_id: WorkspaceId::from_stored("ws_1".to_owned()),
            user_id: None,
            active: true,
            has_access: false,
            is_adopted: false,
            attributes: attributes.as_object().unwrap().clone(),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn the_account_is_that_of_the_primary_address_or_of_work_or_the_name() {
        for (attributes, email) in [
            (
                json!({"userName": "a@name", "emails": [{"value": "a@x.test"}, {"value": "p@x.test", "primary": true}]}),
                Some("p@x.test"),
            ),
            (
                json!({"userName": "a", "emails": [{"value": "h@x.test", "type": "home"}, {"value": "W@x.test", "type": "Work"}]}),
                Some("w@x.test"),
            ),
            (json!({"userName": "A@x.test"}), Some("a@x.test")),
            (json!({"userName": "a@x.test", "emails": [{"value": "none"}]}), Some("a@x.test")),
            (json!({"userName": "a"}), None),
        ] {
            let found = entry(attributes.clone()).account_email();
            assert_eq!(found.as_ref().map(Email::as_str), email, "{attributes}");
        }
    }

    #[test]
    fn a_person_has_a_name() {
        assert!(UserEntry::check(&Object::new()).is_err());
        let long = json!({"userName": "x".repeat(513)});
        assert!(UserEntry::check(long.as_object().unwrap()).is_err());
        assert_eq!(
            entry(json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}})).display(),
            "A B"
        );
    }
}
