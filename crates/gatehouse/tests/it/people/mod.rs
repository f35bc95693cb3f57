//! People: passwords, sessions, members, invitations, sign-up.

mod invitations;
mod members;
mod passwords;
mod sessions;
