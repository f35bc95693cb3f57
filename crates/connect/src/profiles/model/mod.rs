//! What a profile is, and the rules of its values.

pub(crate) mod check;
mod fields;
mod hosts;
mod profile;
mod tenancy;

pub(crate) use fields::{AdditionalField, AuthorizationField, FieldPlace, Fields};
pub(crate) use hosts::{AllowedHost, allows};
pub(crate) use profile::{AuthorizationType, Profile, Secrets};
pub(crate) use tenancy::{PLACEHOLDERS, has_tenancy, label, with_tenancy};
