//! The attributes of people (RFC 7643 §3.1, §4.1, §4.3).

use super::schema::{Attribute, Kind, Mutability, Schema};

const fn primary(about: &'static str) -> Attribute {
    Attribute { kind: Kind::Boolean, ..Attribute::text("primary", about) }
}

const PRIMARY: Attribute = primary("Whether this is the preferred one; at most one is.");
const DISPLAY: Attribute = Attribute::text("display", "How the value is shown to people.");
const VALUE: Attribute = Attribute::text("value", "The value.");
const TYPE: Attribute = Attribute::text("type", "What the value is for.");

/// The attributes that every resource has beside those of its schema.
pub(super) static COMMON: [Attribute; 4] = [
    Attribute {
        is_multi: true,
        is_exact: true,
        returned: "always",
        kind: Kind::Reference,
        ..Attribute::text("schemas", "The URNs of the schemas in use.").read_only()
    },
    Attribute {
        returned: "always",
        uniqueness: "server",
        ..Attribute::text("id", "What we call the resource.").exact().read_only()
    },
    Attribute::text("externalId", "What the client calls the resource.").exact(),
    Attribute::complex("meta", "About the resource.", &META).read_only(),
];

const META: [Attribute; 5] = [
    Attribute::text("resourceType", "The kind of resource.").exact().read_only(),
    Attribute { kind: Kind::DateTime, ..Attribute::text("created", "When it was made.").read_only() },
    Attribute {
        kind: Kind::DateTime,
        ..Attribute::text("lastModified", "When it last changed.").read_only()
    },
    Attribute {
        kind: Kind::Reference,
        references: &["uri"],
        ..Attribute::text("location", "Where it is.").exact().read_only()
    },
    Attribute::text("version", "Its entity tag.").exact().read_only(),
];

pub(super) static USER_SCHEMA: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    about: "A person",
    attributes: &USER,
};

static USER: [Attribute; 20] = [
    Attribute {
        is_required: true,
        uniqueness: "server",
        ..Attribute::text("userName", "The name under which the identity provider knows the person.")
    },
    Attribute::complex("name", "The parts of the person's name.", &NAME),
    Attribute::text("displayName", "The name shown to people."),
    Attribute::text("nickName", "The casual name."),
    Attribute {
        kind: Kind::Reference,
        references: &["external"],
        ..Attribute::text("profileUrl", "The person's page.").exact()
    },
    Attribute::text("title", "The title in the company."),
    Attribute::text("userType", "The relation to the company."),
    Attribute::text("preferredLanguage", "The preferred languages, as in Accept-Language."),
    Attribute::text("locale", "Where the person is, for formats."),
    Attribute::text("timezone", "The time zone, by its IANA name."),
    Attribute {
        kind: Kind::Boolean,
        is_required: true,
        ..Attribute::text("active", "Whether the person has access here; true when a new one does not say.")
    },
    Attribute::many(
        "emails",
        "E-mail addresses.",
        &[VALUE, DISPLAY, Attribute { canonical: &["work", "home", "other"], ..TYPE }, PRIMARY],
    ),
    Attribute::many(
        "phoneNumbers",
        "Telephone numbers.",
        &[
            VALUE,
            DISPLAY,
            Attribute { canonical: &["work", "home", "mobile", "fax", "pager", "other"], ..TYPE },
            PRIMARY,
        ],
    ),
    Attribute::many(
        "ims",
        "Addresses of instant messaging.",
        &[
            VALUE,
            DISPLAY,
            Attribute { canonical: &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"], ..TYPE },
            PRIMARY,
        ],
    ),
    Attribute::many(
        "photos",
        "Pictures.",
        &[
            Attribute { kind: Kind::Reference, references: &["external"], ..VALUE.exact() },
            DISPLAY,
            Attribute { canonical: &["photo", "thumbnail"], ..TYPE },
            PRIMARY,
        ],
    ),
    Attribute::many("addresses", "Postal addresses.", &ADDRESS),
    Attribute::many(
        "groups",
        "The groups of the person; changed at the groups.",
        &[
            VALUE.exact().read_only(),
            Attribute {
                kind: Kind::Reference,
                references: &["Group"],
                ..Attribute::text("$ref", "Where the group is.").exact().read_only()
            },
            DISPLAY.read_only(),
            Attribute { canonical: &["direct"], ..TYPE.read_only() },
        ],
    )
    .read_only(),
    Attribute::many("entitlements", "What the person is entitled to.", &[VALUE, DISPLAY, TYPE, PRIMARY]),
    Attribute::many(
        "roles",
        "The person's roles at the identity provider.",
        &[VALUE, DISPLAY, TYPE, PRIMARY],
    ),
    Attribute::many(
        "x509Certificates",
        "Certificates.",
        &[Attribute { kind: Kind::Binary, ..VALUE.exact() }, DISPLAY, TYPE, PRIMARY],
    ),
];

const NAME: [Attribute; 6] = [
    Attribute::text("formatted", "The whole name."),
    Attribute::text("familyName", "The family name."),
    Attribute::text("givenName", "The given name."),
    Attribute::text("middleName", "The middle names."),
    Attribute::text("honorificPrefix", "The title before the name."),
    Attribute::text("honorificSuffix", "The title behind the name."),
];

const ADDRESS: [Attribute; 8] = [
    Attribute::text("formatted", "The whole address."),
    Attribute::text("streetAddress", "Street and number."),
    Attribute::text("locality", "The city."),
    Attribute::text("region", "The state or region."),
    Attribute::text("postalCode", "The postal code."),
    Attribute::text("country", "The country, by its ISO 3166-1 code."),
    Attribute { canonical: &["work", "home", "other"], ..TYPE },
    PRIMARY,
];

pub(super) static ENTERPRISE: Schema = Schema {
    urn: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "Enterprise User",
    about: "A person in a company",
    attributes: &ENTERPRISE_ATTRIBUTES,
};

static ENTERPRISE_ATTRIBUTES: [Attribute; 6] = [
    Attribute::text("employeeNumber", "The number given by the company."),
    Attribute::text("costCenter", "The cost center."),
    Attribute::text("organization", "The organization."),
    Attribute::text("division", "The division."),
    Attribute::text("department", "The department."),
    Attribute::complex(
        "manager",
        "The person's manager.",
        &[
            Attribute { is_exact: true, ..Attribute::text("value", "The id of the manager here.") },
            Attribute {
                kind: Kind::Reference,
                references: &["User"],
                ..Attribute::text("$ref", "Where the manager is.").exact().read_only()
            },
            Attribute {
                mutability: Mutability::ReadOnly,
                ..Attribute::text("displayName", "The manager's name.")
            },
        ],
    ),
];
