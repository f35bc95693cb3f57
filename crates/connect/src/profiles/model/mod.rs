//! What a profile is, and the rules of its values.

pub(crate) mod check;
mod fields;
mod hosts;
mod profile;
mod tenancy;
mod usable;

pub(crate) use fields::{AdditionalField, AuthorizationField, FieldPlace, Fields, TOKEN};
pub(crate) use fields::{checked_additional, checked_authorization, checked_value};
pub(crate) use hosts::{AllowedHost, allows, is_loopback};
pub(crate) use profile::{AuthorizationType, Profile, Secrets, client_auth, client_auth_name};
pub(crate) use tenancy::{has_tenancy, label, with_tenancy};
pub(crate) use usable::Usable;
