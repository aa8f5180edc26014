//! People who were told of by their ids, too many to stand in a question: it names the list, and the control brings it.

use std::fmt;

/// A list that never changes: another version has another name.
pub struct PeopleList {
    name: String,
    ids: Vec<u128>,
}

impl PeopleList {
    /// `ids` are those of persons, as numbers.
    pub fn new(name: impl Into<String>, ids: Vec<u128>) -> PeopleList {
        PeopleList { name: name.into(), ids }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids as projections have them.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.ids.iter().map(|id| {
            let part = |shift: u32, bits: u32| (id >> shift) & ((1 << bits) - 1);
            let (a, b, c, d, e) = (part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48));
            format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
        })
    }
}

impl fmt::Debug for PeopleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} people", self.name, self.ids.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_uuids() {
        let list = PeopleList::new("a@1", vec![0x0189_f7ea_ae2c_7809_8aeb_b819_cf5e_9e7f, 1]);
        let want = ["0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f", "00000000-0000-0000-0000-000000000001"];
        assert_eq!(list.texts().collect::<Vec<_>>(), want);
    }
}
