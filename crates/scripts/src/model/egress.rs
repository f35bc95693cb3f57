use super::problems::Problems;

/// The most hosts of a list.
const MAX_HOSTS: usize = 100;
/// The longest name of a host, in bytes (RFC 1035, section 2.3.4).
const MAX_HOST: usize = 253;
/// The longest label of a name, in bytes (the same).
const MAX_LABEL: usize = 63;

/// What of the network a script reaches. Nothing private, whatever is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Nothing.
    None,
    /// These hosts: each a name, or `*.` and a domain for all names below it.
    AllowList(Vec<String>),
    /// The public internet.
    #[default]
    Public,
}

impl Egress {
    /// The words of the API.
    pub const WORDS: [&'static str; 3] = ["public", "allow-list", "none"];

    /// Judges what somebody gives. Hosts count for a list alone.
    pub(super) fn new(word: Option<&str>, hosts: &[String]) -> Result<Self, Problems> {
        match word.unwrap_or("public") {
            "public" => Ok(Self::Public),
            "none" => Ok(Self::None),
            "allow-list" => listed(hosts).map(Self::AllowList),
            _ => {
                let message = "The network access must be public, allow-list or none.";
                Err(Problems::one("egress", "egress", message))
            }
        }
    }

    /// The word of the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AllowList(_) => "allow-list",
            Self::Public => "public",
        }
    }

    /// The hosts of a list; none where there is none.
    pub fn hosts(&self) -> &[String] {
        match self {
            Self::AllowList(hosts) => hosts,
            Self::None | Self::Public => &[],
        }
    }
}

fn listed(hosts: &[String]) -> Result<Vec<String>, Problems> {
    let wrong = |message: String| Problems::one("egressHosts", "egress_hosts", message);
    let mut all: Vec<String> = Vec::new();
    for host in hosts.iter().map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty()) {
        if !is_host(&host) {
            let shown: String = host.chars().filter(|c| !c.is_control()).take(100).collect();
            return Err(wrong(format!(
                "{shown} is no name of a host: take names like api.example.com, or *.example.com for all below it; no \
                 addresses, ports or paths."
            )));
        }
        if !all.contains(&host) {
            all.push(host);
        }
        if all.len() > MAX_HOSTS {
            return Err(wrong(format!("A list has at most {MAX_HOSTS} hosts.")));
        }
    }
    match all.is_empty() {
        true => Err(wrong("A list needs at least one host.".to_owned())),
        false => Ok(all),
    }
}

fn is_host(name: &str) -> bool {
    let plain = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        let edges = !label.starts_with('-') && !label.ends_with('-');
        let plain =
            label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
        (1..=MAX_LABEL).contains(&label.len()) && edges && plain
    };
    // the last one of an address is a number
    let is_name = plain.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_lowercase()));
    plain.len() <= MAX_HOST && is_name && plain.contains('.') && plain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(hosts: &[&str]) -> Result<Egress, Problems> {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Egress::new(Some("allow-list"), &hosts)
    }

    #[test]
    fn nothing_said_is_the_public_internet() {
        assert_eq!(Egress::new(None, &["ignored".to_owned()]).unwrap(), Egress::Public);
        for word in Egress::WORDS {
            assert_eq!(Egress::new(Some(word), &["a.example".to_owned()]).unwrap().as_str(), word);
        }
        assert!(Egress::new(Some("Public"), &[]).is_err());
    }

    #[test]
    fn names_are_taken_once_in_small_letters() {
        let all = list(&[
            " API.example.com",
            "",
            "*.example.org",
            "api.example.com",
            "xn--bcher-kva.example",
            "_a.b_c.example",
        ]);
        assert_eq!(
            all.unwrap().hosts(),
            ["api.example.com", "*.example.org", "xn--bcher-kva.example", "_a.b_c.example"]
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "*",
            "*.",
            "example",
            "*.*.example.com",
            "a..example",
            ".example.com",
            "example.com.",
            "10.0.0.1",
            "[::1]",
            "https://example.com",
            "example.com:443",
            "example.com/x",
            "exa mple.com",
            "bücher.example",
            "-a.example",
            "a-.example",
        ] {
            assert!(list(&[wrong]).is_err(), "{wrong}");
        }
        assert!(list(&[&format!("{}.example", "a".repeat(64))]).is_err());
        assert!(list(&[&format!("{}example", "a.".repeat(130))]).is_err());
        assert!(list(&[]).is_err() && list(&[" "]).is_err());
        let many: Vec<_> = (0..=MAX_HOSTS).map(|n| format!("h{n}.example")).collect();
        assert!(Egress::new(Some("allow-list"), &many).is_err());
        assert!(Egress::new(Some("allow-list"), &many[1..]).is_ok());
    }
}
