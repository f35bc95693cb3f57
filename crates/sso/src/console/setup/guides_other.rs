//! The steps at providers that speak OpenID Connect or WS-Federation.

use super::guides::Guide;
use crate::model::Provider;

/// The guides of OpenID Connect.
pub(super) const OIDC: &[Guide] = &[
    Guide {
        slug: "okta",
        name: "Okta",
        preset: Provider::Okta,
        steps: &[
            "In the Okta Admin Console, open Applications and create an app integration of the kind OIDC, Web Application.",
            "Choose the grant type Authorization Code.",
            "Enter our “Redirect URI” as sign-in redirect URI and our “Post logout redirect URI” as sign-out redirect URI.",
            "Assign the app to the people or groups who shall sign in, and save it.",
            "Copy the client ID and the client secret and enter them below; the issuer is the address of your organisation, https://YOUR-ORGANISATION.okta.com, or that of your own authorization server.",
        ],
    },
    Guide {
        slug: "entra",
        name: "Microsoft Entra ID",
        preset: Provider::Azure,
        steps: &[
            "In the Entra admin center, open App registrations and register an application; its redirect URI is our “Redirect URI”, of the kind Web.",
            "From its overview, copy the Application (client) ID and the Directory (tenant) ID: the issuer is https://login.microsoftonline.com/TENANT-ID/v2.0.",
            "Under Certificates & secrets, make a client secret and copy its value, not its ID.",
            "Under Token configuration, add the optional claim email to the ID token.",
            "Enter issuer, client id and secret below. Entra ID never marks addresses as verified: say whether those of your tenant are to be trusted.",
            "Under Enterprise applications, Users and groups, assign who shall sign in.",
        ],
    },
    Guide {
        slug: "onelogin",
        name: "OneLogin",
        preset: Provider::Onelogin,
        steps: &[
            "In the OneLogin administration, open Applications and add the app OpenId Connect (OIDC).",
            "On the Configuration tab, enter our “Redirect URI” and our “Post logout redirect URI”.",
            "On the SSO tab, copy the client ID, the client secret and the issuer URL and enter them below; leave the authentication method at Basic or POST.",
            "On the Access tab, give the app to the roles whose people shall sign in.",
        ],
    },
    Guide {
        slug: "google",
        name: "Google Workspace",
        preset: Provider::Google,
        steps: &[
            "In the Google Cloud console, open APIs & Services, Credentials, and create an OAuth client ID of the kind Web application; the consent screen is Internal.",
            "Enter our “Redirect URI” as authorised redirect URI.",
            "Copy the client ID and the client secret and enter them below; the issuer is https://accounts.google.com.",
        ],
    },
    Guide {
        slug: "keycloak",
        name: "Keycloak",
        preset: Provider::Other,
        steps: &[
            "In your realm, create a client of the type OpenID Connect, with Client authentication on and only the Standard flow.",
            "Enter our “Redirect URI” as valid redirect URI and our “Post logout redirect URI” as valid post logout redirect URI.",
            "In its Logout settings, enter our “Back-channel logout URI” as backchannel logout URL.",
            "See to it that your people's e-mail addresses are marked as verified.",
            "Enter below the issuer, https://YOUR-SERVER/realms/YOUR-REALM, the client ID, and the secret from the Credentials tab.",
        ],
    },
    Guide {
        slug: "other",
        name: "Another provider",
        preset: Provider::Other,
        steps: &[
            "Make a confidential client for the authorization code flow at your provider.",
            "Enter our “Redirect URI”, and for signing out our “Post logout redirect URI” and our “Back-channel logout URI”.",
            "Allow it the scopes openid, profile and email; let ID tokens be signed with RS256 or better.",
            "Enter its issuer, client id and client secret below.",
        ],
    },
];

/// The guides of WS-Federation.
pub(super) const WSFED: &[Guide] = &[
    Guide {
        slug: "adfs",
        name: "AD FS",
        preset: Provider::Azure,
        steps: &[
            "In AD FS Management, add a claims-aware relying party trust and enter its data by hand.",
            "Enable support for the WS-Federation passive protocol with our “Reply URL”, and enter our “Realm” as relying party trust identifier.",
            "Permit the people who shall sign in.",
            "Edit the claim issuance policy: send LDAP attributes, E-Mail-Addresses as E-Mail Address and as Name ID.",
            "Enter below the address of your metadata, https://YOUR-SERVER/FederationMetadata/2007-06/FederationMetadata.xml, and of sign-on, https://YOUR-SERVER/adfs/ls/.",
        ],
    },
    Guide {
        slug: "entra",
        name: "Microsoft Entra ID",
        preset: Provider::Azure,
        steps: &[
            "In the Entra admin center, open App registrations and register an application; its redirect URI is our “Reply URL”, of the kind Web.",
            "Under Expose an API, enter our “Realm” as Application ID URI.",
            "Under Endpoints, copy the federation metadata document and the WS-Federation sign-on endpoint and enter them below. They hold your tenant's id; addresses with “common” need it besides.",
            "Under Enterprise applications, Users and groups, assign who shall sign in.",
        ],
    },
    Guide {
        slug: "other",
        name: "Another provider",
        preset: Provider::Other,
        steps: &[
            "Add a relying party at your provider, with our “Realm” as its name (wtrealm) and our “Reply URL” as the address of its answers (wreply).",
            "Let it send a SAML 1.1 or 2.0 token, signed with SHA-256, with a lasting name id and the e-mail address.",
            "Enter the address of its federation metadata below, and of sign-on when the metadata does not say it.",
        ],
    },
];
