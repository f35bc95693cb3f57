//! What can be done with workspaces, people and sessions.

pub(crate) mod access;
pub(crate) mod authenticate;
pub(crate) mod crowds;
pub(crate) mod devices;
pub(crate) mod factors;
pub(crate) mod hand_over;
pub(crate) mod invitations;
pub(crate) mod leavers;
pub(crate) mod letters;
pub(crate) mod login;
pub(crate) mod managed;
pub(crate) mod members;
pub(crate) mod own_password;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod provisioning;
pub(crate) mod receipt;
pub(crate) mod restored;
pub(crate) mod second_step;
pub(crate) mod security;
pub(crate) mod session_list;
pub(crate) mod sessions;
pub(crate) mod sign_up;
pub(crate) mod social;
pub(crate) mod social_links;
pub(crate) mod switch;
