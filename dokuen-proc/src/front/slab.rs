//! Connections by number, and the tokens that carry the numbers through mio.

use mio::Token;

const INDEX_BITS: u32 = 20;
/// What a token has room for beside side and index, so that it never overflows.
const GENERATIONS: usize = usize::MAX >> 24;

/// Names one connection for its whole life: a closed one's key never finds its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    index: usize,
    generation: usize,
}

/// Things by [`Key`].
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    /// The generation of a slot that is new: above that of every slot that was given back.
    fresh: usize,
}

struct Slot<T> {
    generation: usize,
    item: Option<T>,
}

impl<T> Slab<T> {
    /// Holds nothing, and no memory.
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), fresh: 0 }
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether [`Slab::rest`] would give memory back.
    pub fn can_rest(&self) -> bool {
        self.len() == 0 && !self.slots.is_empty()
    }

    /// Gives the memory of its busiest time back, when nothing is left in it. Old keys stay void.
    pub fn rest(&mut self) {
        if self.can_rest() {
            let newest = self.slots.iter().map(|slot| slot.generation).max().unwrap_or(0);
            *self = Self { fresh: newest.wrapping_add(1) & GENERATIONS, ..Self::new() };
        }
    }

    /// Adds what `make` returns for its key; nothing when it fails.
    pub fn add<E>(&mut self, make: impl FnOnce(Key) -> Result<T, E>) -> Result<Key, E> {
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        let key = Key { index, generation: self.slots[index].generation };
        match make(key) {
            Ok(item) => self.slots[index].item = Some(item),
            Err(e) => {
                self.free.push(index);
                return Err(e);
            }
        }
        Ok(key)
    }

    fn grow(&mut self) -> usize {
        self.slots.push(Slot { generation: self.fresh, item: None });
        self.slots.len() - 1
    }

    /// The thing of that key, if it is still there.
    pub fn get(&self, key: Key) -> Option<&T> {
        self.slots.get(key.index).filter(|s| s.generation == key.generation)?.item.as_ref()
    }

    /// As [`Slab::get`], to change it.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slots.get_mut(key.index).filter(|s| s.generation == key.generation)?.item.as_mut()
    }

    /// Takes the thing out; its key is void from here on.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index).filter(|s| s.generation == key.generation)?;
        let item = slot.item.take()?;
        slot.generation = slot.generation.wrapping_add(1) & GENERATIONS;
        self.free.push(key.index);
        Some(item)
    }

    /// All things, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|s| s.item.as_ref())
    }
}

/// Whose event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The listening socket's.
    Listener,
    /// A connection that nginx made.
    Client(Key),
    /// A connection that we made.
    Backend(Key),
}

/// Maps [`Whose`] to mio's numbers, from the first one that is the front's on.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    /// The lowest number.
    pub first: usize,
}

impl Tokens {
    /// The token to register with.
    pub fn of(self, whose: Whose) -> Token {
        let number = match whose {
            Whose::Listener => 0,
            Whose::Client(key) => 1 + (pack(key) << 1),
            Whose::Backend(key) => 2 + (pack(key) << 1),
        };
        Token(self.first + number)
    }

    /// Whose token it is; `None` when it is not the front's.
    pub fn whose(self, token: Token) -> Option<Whose> {
        Some(match token.0.checked_sub(self.first)? {
            0 => Whose::Listener,
            odd if odd % 2 == 1 => Whose::Client(unpack((odd - 1) >> 1)),
            even => Whose::Backend(unpack((even - 2) >> 1)),
        })
    }
}

fn pack(key: Key) -> usize {
    key.generation << INDEX_BITS | key.index
}

fn unpack(packed: usize) -> Key {
    Key { index: packed & ((1 << INDEX_BITS) - 1), generation: packed >> INDEX_BITS }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(slab: &mut Slab<u8>, item: u8) -> Key {
        slab.add(|_| Ok::<_, ()>(item)).unwrap()
    }

    #[test]
    fn the_key_of_a_closed_connection_does_not_find_its_successor() {
        let mut slab = Slab::new();
        let (a, b) = (add(&mut slab, 1), add(&mut slab, 2));
        assert_eq!(slab.remove(a), Some(1));
        let c = add(&mut slab, 3);
        assert_eq!((c.index, slab.len()), (a.index, 2));
        assert!(slab.get(a).is_none() && slab.get_mut(a).is_none() && slab.remove(a).is_none());
        assert_eq!((slab.remove(b), slab.remove(c)), (Some(2), Some(3)));
    }

    #[test]
    fn memory_goes_back_when_it_is_empty_and_old_keys_stay_void() {
        let mut slab = Slab::new();
        let (a, b) = (add(&mut slab, 1), add(&mut slab, 2));
        slab.remove(a);
        slab.rest();
        assert_eq!((slab.get(b), slab.can_rest()), (Some(&2), false));
        slab.remove(b);
        assert!(slab.can_rest());
        slab.rest();
        assert_eq!((slab.slots.capacity(), slab.free.capacity(), slab.can_rest()), (0, 0, false));
        let c = add(&mut slab, 3);
        assert!(slab.get(a).is_none() && slab.get(c) == Some(&3));
    }

    #[test]
    fn a_thing_that_could_not_be_made_leaves_no_trace() {
        let mut slab = Slab::<u8>::new();
        assert_eq!(slab.add(|_| Err("no")).unwrap_err(), "no");
        assert_eq!((slab.len(), slab.iter().count()), (0, 0));
    }

    #[test]
    fn tokens_come_back_as_what_they_were() {
        let tokens = Tokens { first: 7 };
        let keys = [(0, 0), (1, 0), (0, 1), ((1 << INDEX_BITS) - 1, GENERATIONS)];
        let sides = keys.map(|(index, generation)| Key { index, generation });
        for whose in sides.into_iter().flat_map(|k| [Whose::Client(k), Whose::Backend(k)]).chain([Whose::Listener]) {
            assert_eq!(tokens.whose(tokens.of(whose)), Some(whose));
        }
        assert_eq!(tokens.whose(Token(6)), None);
    }
}
