//! What a connection, a domain, an attempt and the settings are; pure, no database.

mod advice;
mod advice_openid;
mod attempt;
mod config;
mod connection;
mod domain;
mod draft;
mod link;
mod metadata;
mod oidc;
mod roles;
mod secret_end;
mod settings;
mod setup_link;
mod share;
mod sp_key;
mod status;
mod trace;
mod wsfed;

pub(crate) use advice::{advice, title};
pub(crate) use attempt::FALLBACK_CHECK;
pub use attempt::{Attempt, Flow};
pub use config::{
    Config, OidcConfig, Protocol, Provider, RequestBinding, SamlConfig, SloBinding, metadata_certificate,
    sign_on_url,
};
pub use connection::{Connection, NewConnection, PinnedCertificate, checked_name};
pub use domain::{
    DOMAIN_GRACE_DAYS, DOMAIN_PENDING_DAYS, DOMAIN_TRANSFER_HOURS, DomainClaim, DomainStatus, VERIFY_PREFIX,
    VerificationMethod,
};
pub(crate) use domain::{Look, Standing};
pub(crate) use draft::Changed;
pub use draft::Draft;
pub use link::LinkLife;
pub use metadata::MetadataState;
pub(crate) use metadata::{Imported, MAX_TAKEN_OF_SERVICE, SHORTEST_REFRESH_SECONDS};
pub use oidc::{ClientAuthentication, DEFAULT_SCOPES};
pub(crate) use roles::Mapped;
pub use roles::{RoleMapping, RoleRule};
pub use secret_end::SecretEnd;
pub(crate) use secret_end::{beginning_of, day_of};
pub use settings::Settings;
pub use setup_link::SetupLink;
pub use share::Share;
pub use sp_key::{KeyState, SpKey};
pub use status::{ConnectionEvent, ConnectionStatus, Missing};
pub use trace::{Comparison, Facts, Moment, Trace, TraceCheck};
pub(crate) use trace::{Expected, Found};
pub use wsfed::WsfedConfig;
pub(crate) use wsfed::own_realm_path;
