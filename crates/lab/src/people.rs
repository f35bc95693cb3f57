//! The people who do not exist.

/// The mail domain of the lab's people. `.test` is reserved (RFC 6761 §6.2): no mail server can ever answer for it.
pub const LAB_DOMAIN: &str = "lab.test";

/// A made-up person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// What forms send.
    pub id: &'static str,
    /// The full name.
    pub name: &'static str,
    /// The address; also the NameID.
    pub email: &'static str,
    /// The groups, for role mapping.
    pub groups: &'static [&'static str],
}

/// Everybody at the lab. Mallory is outside [`LAB_DOMAIN`]: a sign-in that a verified domain refuses.
pub static PEOPLE: [Person; 5] = [
    Person {
        id: "ada",
        name: "Ada Lindqvist",
        email: "ada@lab.test",
        groups: &["engineering", "administrators"],
    },
    Person { id: "bruno", name: "Bruno Okafor", email: "bruno@lab.test", groups: &["engineering"] },
    Person { id: "chiara", name: "Chiara Haas", email: "chiara@lab.test", groups: &["finance"] },
    Person { id: "zoe", name: "Zoë Núñez", email: "zoe@lab.test", groups: &["support", "finance"] },
    Person { id: "mallory", name: "Mallory Stray", email: "mallory@elsewhere.test", groups: &[] },
];

impl Person {
    /// The person of that id.
    pub fn find(id: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|p| p.id == id)
    }

    /// Whether the address is not of [`LAB_DOMAIN`].
    pub fn is_outsider(&self) -> bool {
        self.email.rsplit_once('@').is_none_or(|(_, domain)| domain != LAB_DOMAIN)
    }

    /// The groups as one text for people.
    pub fn groups_text(&self) -> String {
        if self.groups.is_empty() { "no groups".to_owned() } else { self.groups.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_id_of_their_own_and_one_is_an_outsider() {
        for person in &PEOPLE {
            assert_eq!(Person::find(person.id), Some(person), "{}", person.id);
        }
        let outsiders: Vec<_> = PEOPLE.iter().filter(|p| p.is_outsider()).map(|p| p.id).collect();
        assert_eq!(outsiders, ["mallory"]);
        assert_eq!(Person::find("nobody"), None);
    }
}
