use gatehouse_types::{ConnectionId, Email, Timestamp};

/// Whether single sign-on is mandatory in a workspace, through which connection, and for whom not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether an administrator enabled it.
    pub enabled: bool,
    /// When.
    pub enabled_at: Option<Timestamp>,
    /// The connection of the console's page.
    pub connection_id: Option<ConnectionId>,
    /// People for whom it is optional, beside the owners.
    pub excluded: Vec<Email>,
}
