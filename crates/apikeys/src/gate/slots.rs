//! The keys themselves, packed: memory per key is what bounds how many fit.

use crate::model::KeyDigest;

/// Keys are kept in pieces of so many, so that growing copies nothing.
const PIECE: usize = 4_096;

/// What a key is, apart from its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyState {
    #[default]
    Live,
    /// Live until its end, which came because another one took its place.
    Yielding,
    Disabled,
    /// Its person has a role that gives no keys.
    Demoted,
    Deleted,
}

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The company's.
    Service,
    /// A person's; it ends with them.
    Person(std::sync::Arc<str>),
}

/// A key: 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) digest: KeyDigest,
    pub(super) id: [u8; 16],
    /// Its app's place.
    pub(super) app: u32,
    /// Its end, in seconds since 1970; 0: none.
    pub(super) expires: u32,
    /// Its owner's place, counted from 1 on; 0: the company.
    pub(super) owner: u32,
    pub(super) state: KeyState,
    /// Whether it has limits of its own.
    pub(super) is_bounded: bool,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    pieces: Vec<Vec<Slot>>,
    free: Vec<u32>,
}

impl Slots {
    pub(super) fn get(&self, place: u32) -> Option<&Slot> {
        let place = place as usize;
        self.pieces.get(place / PIECE)?.get(place % PIECE)
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Slot> {
        let place = place as usize;
        self.pieces.get_mut(place / PIECE)?.get_mut(place % PIECE)
    }

    /// Puts a key somewhere and says where.
    pub(super) fn add(&mut self, slot: Slot) -> u32 {
        if let Some(place) = self.free.pop()
            && let Some(found) = self.get_mut(place)
        {
            *found = slot;
            return place;
        }
        if self.pieces.last().is_none_or(|p| p.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        let before = (self.pieces.len() - 1) * PIECE;
        let Some(last) = self.pieces.last_mut() else { return 0 };
        last.push(slot);
        u32::try_from(before + last.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn free(&mut self, place: u32) {
        self.free.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_64_bytes_and_its_place_is_used_again() {
        assert_eq!(size_of::<Slot>(), 64);
        let slot = |n: u8| Slot {
            digest: [n; 32],
            id: [n; 16],
            app: 0,
            expires: 0,
            owner: 0,
            state: KeyState::Live,
            is_bounded: false,
        };
        let mut slots = Slots::default();
        let places: Vec<u32> = (0..10_000).map(|_| slots.add(slot(1))).collect();
        assert!(places.iter().enumerate().all(|(n, p)| *p as usize == n));
        slots.free(5_000);
        assert_eq!(slots.add(slot(2)), 5_000);
        assert_eq!(slots.get(5_000).unwrap().id, [2; 16]);
        assert!(slots.get(10_000).is_none());
    }
}
