//! Addresses that stand for names, in one sandbox.

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// From here on addresses are given to names (RFC 2544: never routed).
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// How many names are known at a time; then the oldest is forgotten.
const NAMES_MAX: u32 = 8192;

/// Which name an address stands for.
#[derive(Default)]
pub(super) struct Names {
    addresses: HashMap<String, Ipv4Addr>,
    names: HashMap<Ipv4Addr, String>,
    given: u32,
}

impl Names {
    /// The address of a name; a new one if it has none.
    pub(super) fn address_of(&mut self, name: &str) -> Ipv4Addr {
        let name = name.to_ascii_lowercase();
        if let Some(address) = self.addresses.get(&name) {
            return *address;
        }
        let address = Ipv4Addr::from(FIRST + self.given % NAMES_MAX);
        self.given = self.given.wrapping_add(1);
        if let Some(oldest) = self.names.insert(address, name.clone()) {
            self.addresses.remove(&oldest);
        }
        self.addresses.insert(name, address);
        address
    }

    pub(super) fn name_of(&self, address: Ipv4Addr) -> Option<&str> {
        self.names.get(&address).map(String::as_str)
    }

    /// Whether an address is one of those that stand for names, known or not.
    pub(super) fn is_ours(address: Ipv4Addr) -> bool {
        (FIRST..FIRST + NAMES_MAX).contains(&u32::from(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_address_until_too_many_came_after_it() {
        let mut names = Names::default();
        let first = names.address_of("Example.com");
        assert_eq!(names.address_of("example.COM"), first);
        assert_eq!(names.name_of(first), Some("example.com"));
        assert!(Names::is_ours(first));
        for number in 0..NAMES_MAX {
            names.address_of(&format!("n{number}"));
        }
        assert_ne!(names.name_of(first), Some("example.com"));
        assert_eq!((names.names.len(), names.addresses.len()), (NAMES_MAX as usize, NAMES_MAX as usize));
    }
}
