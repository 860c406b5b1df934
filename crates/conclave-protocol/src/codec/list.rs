//! Lists and sets of bounded length.

use super::{
    Buf, BufMut, COUNT, EncodeSize, Error, Read, ReadExt, TooLong, Write, read_count, write_count,
};

/// Up to `MAX` items in the order given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Takes items within the bound.
    ///
    /// # Errors
    /// More than `MAX` items.
    pub fn new(items: impl Into<Vec<T>>) -> Result<Self, TooLong> {
        let items = items.into();
        if items.len() > MAX { Err(TooLong { max: MAX }) } else { Ok(Self(items)) }
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The items, owned.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Write, const MAX: usize> Write for List<T, MAX> {
    fn write(&self, buf: &mut impl BufMut) {
        write_count(self.0.len(), buf);
        for item in &self.0 {
            item.write(buf);
        }
    }
}

impl<T: EncodeSize, const MAX: usize> EncodeSize for List<T, MAX> {
    fn encode_size(&self) -> usize {
        self.0.iter().fold(COUNT, |sum, item| sum.saturating_add(item.encode_size()))
    }
}

impl<T: Read<Cfg = ()>, const MAX: usize> Read for List<T, MAX> {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let len = read_count(buf, MAX)?;
        // A count costs an attacker two bytes: room is made only as items arrive.
        let mut items = Vec::with_capacity(len.min(buf.remaining()));
        for _ in 0..len {
            items.push(T::read(buf)?);
        }
        Ok(Self(items))
    }
}

/// Up to `MAX` items in strictly ascending order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set<T, const MAX: usize>(List<T, MAX>);

impl<T, const MAX: usize> Default for Set<T, MAX> {
    fn default() -> Self {
        Self(List::default())
    }
}

impl<T: Ord, const MAX: usize> Set<T, MAX> {
    /// Sorts the items and drops duplicates.
    ///
    /// # Errors
    /// More than `MAX` different items.
    pub fn new(items: impl Into<Vec<T>>) -> Result<Self, TooLong> {
        let mut items = items.into();
        items.sort();
        items.dedup();
        List::new(items).map(Self)
    }

    /// Whether `item` is in the set.
    pub fn contains(&self, item: &T) -> bool {
        self.0.as_slice().binary_search(item).is_ok()
    }
}

impl<T, const MAX: usize> Set<T, MAX> {
    /// The items in ascending order.
    pub fn as_slice(&self) -> &[T] {
        self.0.as_slice()
    }

    /// The items in ascending order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Set<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Write, const MAX: usize> Write for Set<T, MAX> {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl<T: EncodeSize, const MAX: usize> EncodeSize for Set<T, MAX> {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl<T: Read<Cfg = ()> + Ord, const MAX: usize> Read for Set<T, MAX> {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let items = List::<T, MAX>::read(buf)?;
        if items.as_slice().is_sorted_by(|a, b| a < b) {
            Ok(Self(items))
        } else {
            Err(Error::Invalid("set", "not strictly ascending"))
        }
    }
}
