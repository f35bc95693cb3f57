//! People: passwords, sessions, members, invitations, sign-up.

mod members;
mod passwords;
mod sessions;
