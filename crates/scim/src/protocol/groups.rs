//! The attributes of groups (RFC 7643 §4.2).

use super::schema::{Attribute, Kind, Mutability, Schema};

pub(super) static GROUP_SCHEMA: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    about: "A group of people",
    attributes: &GROUP,
};

static GROUP: [Attribute; 2] = [
    Attribute { is_required: true, ..Attribute::text("displayName", "The name shown to people.") },
    Attribute::many(
        "members",
        "Who is in the group.",
        &[
            Attribute {
                mutability: Mutability::Immutable,
                ..Attribute::text("value", "The member's id.").exact()
            },
            Attribute {
                kind: Kind::Reference,
                references: &["User", "Group"],
                mutability: Mutability::Immutable,
                ..Attribute::text("$ref", "Where the member is.").exact()
            },
            Attribute {
                canonical: &["User", "Group"],
                mutability: Mutability::Immutable,
                ..Attribute::text("type", "What the member is.")
            },
            Attribute { returned: "request", ..Attribute::text("display", "The member's name.").read_only() },
        ],
    ),
];
