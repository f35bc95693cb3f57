//! What the administrator of each provider does there, step by step.

use crate::model::{Protocol, Provider};

/// The steps at one provider. `[acs]` and the like in a step stand for our values, which the page shows beside them.
pub(super) struct Guide {
    /// Its name in the address.
    pub(super) slug: &'static str,
    /// Its name on the page.
    pub(super) name: &'static str,
    /// The preset that the connection gets.
    pub(super) preset: Provider,
    pub(super) steps: &'static [&'static str],
}

/// The guides of a protocol, in the order of the page; the last one is for every other provider.
pub(super) const fn guides(protocol: Protocol) -> &'static [Guide] {
    match protocol {
        Protocol::Saml => SAML,
        Protocol::Wsfed => super::guides_other::WSFED,
        Protocol::Oidc => super::guides_other::OIDC,
    }
}

const SAML: &[Guide] = &[
    Guide {
        slug: "okta",
        name: "Okta",
        preset: Provider::Okta,
        steps: &[
            "In the Okta Admin Console, open Applications and create an app integration of the kind SAML 2.0.",
            "Give it a name that your people will know, and go on.",
            "Enter our “ACS url” as Single sign-on URL and our “Entity id” as Audience URI (SP Entity ID).",
            "Choose EmailAddress as name ID format and the e-mail as application username.",
            "Add the attribute statements email → user.email and name → user.displayName, then finish.",
            "On the Sign On tab, copy the Metadata URL and enter it below.",
            "On the Assignments tab, assign the app to the people or groups who shall sign in.",
        ],
    },
    Guide {
        slug: "entra",
        name: "Microsoft Entra ID",
        preset: Provider::Azure,
        steps: &[
            "In the Entra admin center, open Enterprise applications and create your own application, not from the gallery.",
            "Open Single sign-on and choose SAML.",
            "In Basic SAML Configuration, enter our “Entity id” as Identifier and our “ACS url” as Reply URL.",
            "In Attributes & Claims, let the claim emailaddress be user.mail.",
            "In SAML Certificates, copy the App Federation Metadata Url and enter it below.",
            "Under Users and groups, assign who shall sign in.",
        ],
    },
    Guide {
        slug: "onelogin",
        name: "OneLogin",
        preset: Provider::Onelogin,
        steps: &[
            "In the OneLogin administration, open Applications and add the SAML Custom Connector (Advanced).",
            "On the Configuration tab, enter our “Entity id” as Audience, and our “ACS url” as Recipient, as ACS URL and, as a regular expression, as its validator.",
            "On the Parameters tab, add email → Email and name → Name, each included in the assertion.",
            "On the SSO tab, choose SHA-256 as signature algorithm.",
            "Copy the Issuer URL and enter it below as metadata address: OneLogin serves its metadata there.",
            "On the Access tab, give the app to the roles whose people shall sign in.",
        ],
    },
    Guide {
        slug: "google",
        name: "Google Workspace",
        preset: Provider::Google,
        steps: &[
            "In the Google Admin console, open Apps, Web and mobile apps, and add a custom SAML app.",
            "Give it a name; on the page of Google's details, download the metadata file and paste its text below.",
            "Enter our “ACS url” and our “Entity id”; choose EMAIL as name ID format and the primary e-mail as name ID.",
            "Map the primary e-mail to email, and finish.",
            "Switch the app on for the organisational units whose people shall sign in.",
        ],
    },
    Guide {
        slug: "adfs",
        name: "AD FS",
        preset: Provider::Other,
        steps: &[
            "In AD FS Management, add a claims-aware relying party trust.",
            "Let it import the data from our “Metadata” address, or enter our “Entity id” as identifier and our “ACS url” as SAML assertion consumer endpoint (POST).",
            "Permit the people who shall sign in.",
            "Edit the claim issuance policy: send LDAP attributes, E-Mail-Addresses as E-Mail Address and Display-Name as Name.",
            "Add a rule that transforms E-Mail Address into Name ID, format Email.",
            "Enter the address of your metadata below: https://YOUR-SERVER/FederationMetadata/2007-06/FederationMetadata.xml.",
        ],
    },
    Guide {
        slug: "keycloak",
        name: "Keycloak",
        preset: Provider::Other,
        steps: &[
            "In your realm, create a client of the type SAML with our “Entity id” as client ID.",
            "Enter our “ACS url” as valid redirect URI and as master SAML processing URL; choose email as name ID format and force it.",
            "Switch Sign assertions on, and Client signature required off, unless our requests are to be signed.",
            "Add mappers of the type User Property: email → email.",
            "Enter the address of your metadata below: https://YOUR-SERVER/realms/YOUR-REALM/protocol/saml/descriptor.",
        ],
    },
    Guide {
        slug: "other",
        name: "Another provider",
        preset: Provider::Other,
        steps: &[
            "Make a SAML 2.0 application, service provider or relying party at your provider.",
            "Let it read our “Metadata” address, or enter our “Entity id” and our “ACS url”.",
            "Let it sign the assertion or the response with RSA-SHA256 or better, and send the e-mail address as the attribute email or as the name ID.",
            "Enter the address of your provider's metadata below, paste the document, or enter its three values.",
        ],
    },
];

/// The guide of a name in the address; the last one for a name that is none.
pub(super) fn guide(protocol: Protocol, slug: &str) -> &'static Guide {
    let all = guides(protocol);
    all.iter().find(|g| g.slug == slug).unwrap_or(&all[all.len() - 1])
}

/// The guide that fits a preset.
pub(super) fn of_preset(protocol: Protocol, preset: Provider) -> &'static Guide {
    let all = guides(protocol);
    all.iter().rev().find(|g| g.preset == preset).unwrap_or(&all[all.len() - 1])
}
