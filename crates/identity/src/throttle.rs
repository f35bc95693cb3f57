//! Slows sign-in down, per account and per network. Failures cost; a success gives back what it took.

use std::sync::Arc;

use gatehouse_types::{Email, Id, Origin, Result, SharedClock, UserId, WorkspaceId};
use gatehouse_web::Limiter;

/// Failures of one account from everywhere before it slows down for everyone, and the seconds until one more.
const EVERYWHERE: (u32, u32) = (200, 10);
/// Failures of one account from one network before it slows down, and the seconds until one more is allowed.
const ACCOUNT: (u32, u32) = (20, 30);
/// Failures of one network (an IPv4 address, an IPv6 /64) before it slows down, and the seconds until one more.
const NETWORK: (u32, u32) = (200, 2);

/// Counts tries at signing in.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    accounts: Arc<Limiter>,
    everywhere: Arc<Limiter>,
    networks: Arc<Limiter>,
}

impl Throttle {
    pub(crate) fn new(clock: &SharedClock) -> Self {
        let limiter = |(burst, seconds)| Arc::new(Limiter::new(Arc::clone(clock), burst, seconds));
        Self { accounts: limiter(ACCOUNT), everywhere: limiter(EVERYWHERE), networks: limiter(NETWORK) }
    }

    /// Takes one try of the account and of the network.
    ///
    /// # Errors
    /// `RateLimited` with the seconds to wait; the same for known and unknown accounts.
    pub(crate) fn take(&self, email: &Email, from: &Origin) -> Result<()> {
        self.networks.require(&from.network())?;
        self.accounts.require(&Self::pair(email, from))?;
        self.everywhere.require(email.as_str())
    }

    /// Gives the try back after a success.
    pub(crate) fn give_back(&self, email: &Email, from: &Origin) {
        self.networks.give_back(&from.network());
        self.accounts.give_back(&Self::pair(email, from));
        self.everywhere.give_back(email.as_str());
    }

    fn pair(email: &Email, from: &Origin) -> String {
        format!("{} {email}", from.network())
    }
}

/// Mails to one address that strangers may ask for at once, and the seconds until one more.
const MAILS_TO: (u32, u32) = (3, 600);
/// Mails that one network may ask for at once, and the seconds until one more.
const MAILS_FROM: (u32, u32) = (20, 60);

/// Mails that one workspace sends to one invited address at once, and the seconds until one more.
const INVITATIONS_TO: (u32, u32) = (10, 600);
/// Invitations that one address gets from all workspaces together at once, and the seconds until one more.
const INVITED: (u32, u32) = (20, 600);
/// Mails that one workspace, and one person over all workspaces, sends to invited addresses at once, and the seconds
/// until one more.
const INVITATIONS_OF: (u32, u32) = (500, 60);

/// Bounds the mails that strangers may make us send, and those to the invited.
#[derive(Clone, Debug)]
pub(crate) struct MailLimits {
    to: Arc<Limiter>,
    sign_up_to: Arc<Limiter>,
    from: Arc<Limiter>,
    invited_there: Arc<Limiter>,
    invited: Arc<Limiter>,
    inviting: Arc<Limiter>,
}

impl MailLimits {
    pub(crate) fn new(clock: &SharedClock) -> Self {
        let limiter = |(burst, seconds)| Arc::new(Limiter::new(Arc::clone(clock), burst, seconds));
        Self {
            to: limiter(MAILS_TO),
            sign_up_to: limiter(MAILS_TO),
            from: limiter(MAILS_FROM),
            invited_there: limiter(INVITATIONS_TO),
            invited: limiter(INVITED),
            inviting: limiter(INVITATIONS_OF),
        }
    }

    /// Takes one mail of the address and of the network.
    ///
    /// # Errors
    /// `RateLimited`; the same for known and unknown addresses.
    pub(crate) fn take(&self, to: &Email, from: &Origin) -> Result<()> {
        self.from.require(&from.network())?;
        self.to.require(to.as_str())
    }

    /// Takes one mail about a sign-up; those about passwords are counted apart, so nobody uses up another's.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(crate) fn take_sign_up(&self, to: &Email, from: &Origin) -> Result<()> {
        self.from.require(&from.network())?;
        self.sign_up_to.require(to.as_str())
    }

    /// Takes one mail to an invited address: of the workspace and of the person who invites, who may have many.
    ///
    /// # Errors
    /// `RateLimited`.
    pub(crate) fn take_invitation(&self, workspace: &WorkspaceId, by: &UserId, to: &Email) -> Result<()> {
        self.invited_there.require(&format!("{workspace} {to}"))?;
        self.inviting.require(workspace.as_str())?;
        self.inviting.require(by.as_str())?;
        self.invited.require(to.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_types::{RequestId, TestClock, Timestamp};

    fn from(ip: impl Into<std::net::IpAddr>) -> Origin {
        Origin { ip: Some(ip.into()), ..Origin::machine(RequestId::from_stored("req_1".into())) }
    }

    #[test]
    fn a_workspace_mails_no_endless_list_of_addresses() {
        let clock = Arc::new(TestClock::new(Timestamp::from_seconds(1_000_000)));
        let limits = MailLimits::new(&(clock.clone() as SharedClock));
        let workspace = WorkspaceId::from_stored("wsp_1".into());
        let by = UserId::from_stored("usr_1".into());
        let invite = |n: u32| limits.take_invitation(&workspace, &by, &format!("p{n}@b.de").parse().unwrap());
        for n in 0..INVITATIONS_OF.0 {
            invite(n).unwrap();
        }
        assert!(invite(INVITATIONS_OF.0).unwrap_err().retry_after().unwrap() <= INVITATIONS_OF.1);
        clock.advance(i64::from(INVITATIONS_OF.1));
        invite(INVITATIONS_OF.0).unwrap();
        // nor does one person from many workspaces
        let another = WorkspaceId::from_stored("wsp_2".into());
        let to = "q@b.de".parse().unwrap();
        assert!(limits.take_invitation(&another, &by, &to).is_err());
        limits.take_invitation(&another, &UserId::from_stored("usr_2".into()), &to).unwrap();
    }

    #[test]
    fn many_workspaces_of_many_people_do_not_flood_one_address() {
        let clock = Arc::new(TestClock::new(Timestamp::from_seconds(1_000_000)));
        let limits = MailLimits::new(&(clock.clone() as SharedClock));
        let to = "victim@b.de".parse().unwrap();
        let invite = |n: u32| {
            let (workspace, by) = (format!("wsp_{n}"), format!("usr_{n}"));
            limits.take_invitation(&WorkspaceId::from_stored(workspace), &UserId::from_stored(by), &to)
        };
        for n in 0..INVITED.0 {
            invite(n).unwrap();
        }
        assert!(invite(INVITED.0).is_err());
        clock.advance(i64::from(INVITED.1));
        invite(INVITED.0).unwrap();
    }

    fn throttle() -> (Throttle, Arc<TestClock>) {
        let clock = Arc::new(TestClock::new(Timestamp::from_seconds(1_000_000)));
        let shared: SharedClock = clock.clone();
        (Throttle::new(&shared), clock)
    }

    #[test]
    fn an_account_slows_down_after_its_failures_and_recovers() {
        let (throttle, clock) = throttle();
        let (email, other): (Email, Email) = ("a@b.de".parse().unwrap(), "c@b.de".parse().unwrap());
        let ip = from([10, 0, 0, 1]);
        for _ in 0..ACCOUNT.0 {
            throttle.take(&email, &ip).unwrap();
        }
        let wait = throttle.take(&email, &ip).unwrap_err().retry_after().unwrap();
        assert!((1..=31).contains(&wait));
        throttle.take(&other, &ip).unwrap();
        clock.advance(i64::from(wait));
        throttle.take(&email, &ip).unwrap();
        throttle.give_back(&email, &ip);
        throttle.take(&email, &ip).unwrap();
        assert!(throttle.take(&email, &ip).is_err());
    }

    #[test]
    fn a_network_slows_down_over_many_accounts() {
        let (throttle, _) = throttle();
        let ip = from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1_u16]);
        let neighbour = from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9_u16]);
        for n in 0..NETWORK.0 {
            throttle.take(&format!("u{n}@b.de").parse().unwrap(), &ip).unwrap();
        }
        assert!(throttle.take(&"x@b.de".parse().unwrap(), &neighbour).is_err());
        throttle.take(&"y@b.de".parse().unwrap(), &from([10, 0, 0, 2])).unwrap();
    }
}
