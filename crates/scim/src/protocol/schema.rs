//! Which attributes there are (RFC 7643 §2, §4): the one table behind discovery, filters, PATCH and projection.

use serde_json::{Value, json};

use super::{groups, users};

/// The URN of schema resources.
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// The URN of resource types.
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/// What the values of an attribute are (RFC 7643 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A moment.
    DateTime,
    /// A URI, or the id of another resource.
    Reference,
    /// Base64.
    Binary,
    /// Sub-attributes.
    Complex,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Reference => "reference",
            Self::Binary => "binary",
            Self::Complex => "complex",
        }
    }
}

/// Who sets an attribute (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// We alone.
    ReadOnly,
    /// The client.
    ReadWrite,
    /// The client, once.
    Immutable,
}

impl Mutability {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
        }
    }
}

/// An attribute.
#[derive(Debug)]
pub struct Attribute {
    /// Its name, in the case of the schema.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it has many values.
    pub is_multi: bool,
    /// Whether a resource must have it.
    pub is_required: bool,
    /// Whether case counts when values are compared.
    pub is_exact: bool,
    /// Who sets it.
    pub mutability: Mutability,
    /// `always`, `default` or `request` (RFC 7643 §7).
    pub returned: &'static str,
    /// `none`, `server` or `global`.
    pub uniqueness: &'static str,
    /// Values that are suggested.
    pub canonical: &'static [&'static str],
    /// What a reference points at.
    pub references: &'static [&'static str],
    /// The sub-attributes of a complex one.
    pub sub: &'static [Self],
    /// What it is, for people.
    pub about: &'static str,
}

impl Attribute {
    /// A plain text with the defaults of RFC 7643 §2.2.
    pub(super) const fn text(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::String,
            is_multi: false,
            is_required: false,
            is_exact: false,
            mutability: Mutability::ReadWrite,
            returned: "default",
            uniqueness: "none",
            canonical: &[],
            references: &[],
            sub: &[],
            about,
        }
    }

    pub(super) const fn complex(name: &'static str, about: &'static str, sub: &'static [Self]) -> Self {
        Self { kind: Kind::Complex, sub, ..Self::text(name, about) }
    }

    pub(super) const fn many(name: &'static str, about: &'static str, sub: &'static [Self]) -> Self {
        Self { is_multi: true, ..Self::complex(name, about, sub) }
    }

    pub(super) const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    pub(super) const fn exact(self) -> Self {
        Self { is_exact: true, ..self }
    }

    /// A sub-attribute by its name in any case.
    pub fn sub(&self, name: &str) -> Option<&'static Self> {
        find(self.sub, name)
    }

    /// Whether clients cannot set it.
    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }

    fn described(&self) -> Value {
        let mut out = json!({
            "name": self.name, "type": self.kind.as_str(), "multiValued": self.is_multi,
            "description": self.about, "required": self.is_required, "mutability": self.mutability.as_str(),
            "returned": self.returned, "uniqueness": self.uniqueness,
        });
        if self.kind == Kind::Complex {
            out["subAttributes"] = self.sub.iter().map(Self::described).collect();
        } else {
            out["caseExact"] = json!(self.is_exact);
        }
        if !self.canonical.is_empty() {
            out["canonicalValues"] = json!(self.canonical);
        }
        if self.kind == Kind::Reference {
            out["referenceTypes"] = json!(self.references);
        }
        out
    }
}

fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
}

/// A schema: attributes under a URN.
#[derive(Debug)]
pub struct Schema {
    /// Its URN, which is its id.
    pub urn: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

impl Schema {
    /// Whether the text is its URN, in any case (RFC 7643 §2.1).
    pub fn is(&self, urn: &str) -> bool {
        self.urn.eq_ignore_ascii_case(urn)
    }

    /// The schema as a resource (RFC 7643 §7).
    pub fn described(&self, base: &str) -> Value {
        let attributes: Vec<_> = self.attributes.iter().map(Attribute::described).collect();
        json!({
            "schemas": [SCHEMA], "id": self.urn, "name": self.name, "description": self.about,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.urn)},
        })
    }
}

/// A kind of resource.
#[derive(Debug)]
pub struct ResourceType {
    /// Its name: `User`, `Group`.
    pub name: &'static str,
    /// Where its resources are, below the base.
    pub endpoint: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Its own schema.
    pub core: &'static Schema,
    /// What may come beside it.
    pub extensions: &'static [&'static Schema],
}

/// People.
pub static USER: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    about: "People of the workspace's directory",
    core: &users::USER_SCHEMA,
    extensions: &[&users::ENTERPRISE],
};

/// Groups of people.
pub static GROUP: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    about: "Groups of the workspace's directory",
    core: &groups::GROUP_SCHEMA,
    extensions: &[],
};

/// All kinds of resources.
pub static RESOURCE_TYPES: [&ResourceType; 2] = [&USER, &GROUP];

/// All schemas.
pub fn schemas() -> impl Iterator<Item = &'static Schema> {
    RESOURCE_TYPES.iter().flat_map(|t| std::iter::once(t.core).chain(t.extensions.iter().copied()))
}

impl ResourceType {
    /// The kind as a resource (RFC 7643 §6).
    pub fn described(&self, base: &str) -> Value {
        let extensions: Vec<_> =
            self.extensions.iter().map(|s| json!({"schema": s.urn, "required": false})).collect();
        json!({
            "schemas": [RESOURCE_TYPE], "id": self.name, "name": self.name, "endpoint": self.endpoint,
            "description": self.about, "schema": self.core.urn, "schemaExtensions": extensions,
            "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", self.name)},
        })
    }

    /// What a name means here: `emails`, `name.givenName`, either behind the URN of its schema, or the URN of an
    /// extension alone. Names count in any case (RFC 7643 §2.1).
    pub fn resolve(&self, name: &str) -> Option<Target> {
        if let Some(extension) = self.extensions.iter().find(|s| s.is(name)) {
            return Some(Target::Extension(extension));
        }
        let in_schema = |schema: &'static Schema| {
            let head = name.get(..schema.urn.len()).filter(|head| schema.is(head))?;
            name[head.len()..].strip_prefix(':').map(|rest| (schema, rest))
        };
        let all = std::iter::once(self.core).chain(self.extensions.iter().copied());
        let (schema, rest) = all.into_iter().find_map(in_schema).unwrap_or((self.core, name));
        let (attribute, sub) = rest.split_once('.').map_or((rest, None), |(a, s)| (a, Some(s)));
        let mut found = find(schema.attributes, attribute);
        if found.is_none() && std::ptr::eq(schema, self.core) {
            found = find(&users::COMMON, attribute);
        }
        let attribute = found?;
        let sub = match sub {
            None => None,
            Some(sub) => Some(attribute.sub(sub)?),
        };
        let extension = (!std::ptr::eq(schema, self.core)).then_some(schema);
        Some(Target::Attribute(Place { extension, attribute, sub }))
    }
}

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// All attributes of an extension.
    Extension(&'static Schema),
    /// An attribute or a sub-attribute.
    Attribute(Place),
}

/// An attribute, or a sub-attribute, and the extension that it is of.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The extension; `None` for the resource's own schema.
    pub extension: Option<&'static Schema>,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// The sub-attribute.
    pub sub: Option<&'static Attribute>,
}

impl Place {
    /// The attribute whose values are compared: the sub-attribute when there is one.
    pub fn leaf(&self) -> &'static Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// Whether it is exactly this attribute of the resource's own schema.
    pub fn is(&self, attribute: &str, sub: Option<&str>) -> bool {
        self.extension.is_none() && self.attribute.name == attribute && self.sub.map(|s| s.name) == sub
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Option<String> {
        match USER.resolve(name)? {
            Target::Extension(schema) => Some(schema.urn.to_owned()),
            Target::Attribute(p) => Some(format!(
                "{}{}{}",
                p.extension.map(|s| format!("{}/", s.name)).unwrap_or_default(),
                p.attribute.name,
                p.sub.map(|s| format!(".{}", s.name)).unwrap_or_default()
            )),
        }
    }

    #[test]
    fn names_count_in_any_case_and_behind_their_urn() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(place("USERNAME").as_deref(), Some("userName"));
        assert_eq!(place("name.GivenName").as_deref(), Some("name.givenName"));
        assert_eq!(place("urn:ietf:params:scim:schemas:core:2.0:User:userName").as_deref(), Some("userName"));
        assert_eq!(
            place(&format!("{enterprise}:Manager.displayName")).as_deref(),
            Some("Enterprise User/manager.displayName")
        );
        assert_eq!(place(&enterprise.to_uppercase()).as_deref(), Some(enterprise));
        assert_eq!(place("meta.lastmodified").as_deref(), Some("meta.lastModified"));
        for odd in ["", ".", "name.", "name.x", "department", "urn:x:userName", "userName.value", "é"] {
            assert_eq!(place(odd), None, "{odd}");
        }
    }

    #[test]
    fn discovery_tells_of_every_schema_once() {
        let urns: Vec<_> = schemas().map(|s| s.urn).collect();
        assert_eq!(urns.len(), 3);
        let described = USER.core.described("https://x/scim/v2");
        assert_eq!(described["id"], users::USER_SCHEMA.urn);
        let user_name =
            described["attributes"].as_array().unwrap().iter().find(|a| a["name"] == "userName").unwrap();
        assert_eq!((&user_name["required"], &user_name["uniqueness"]), (&json!(true), &json!("server")));
    }
}
