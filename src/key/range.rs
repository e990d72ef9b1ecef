//! Half-open ranges of keys and the algebra on them. The end may be unbounded, as a value of its type. What owns a range
//! is not known here.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};
use std::str::FromStr;

use super::{Key, midpoint, text};
use crate::error::Error;

/// Where a range of keys ends: before a key, or not at all. Unbounded is above every key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyEnd<K = Key> {
    /// The first key that the range no longer holds.
    At(K),
    /// The range holds every key from its start on.
    Unbounded,
}

impl<K: AsRef<[u8]>> KeyEnd<K> {
    /// The same end, borrowed.
    pub fn as_bytes(&self) -> KeyEnd<&[u8]> {
        match self {
            Self::At(key) => KeyEnd::At(key.as_ref()),
            Self::Unbounded => KeyEnd::Unbounded,
        }
    }

    /// The key that the end stands at, if it is bounded.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::At(key) => Some(key.as_ref()),
            Self::Unbounded => None,
        }
    }

    /// Whether `key` comes before this end.
    pub fn is_above(&self, key: &[u8]) -> bool {
        self.key().is_none_or(|end| key < end)
    }

    fn to_owned(&self) -> KeyEnd {
        self.key().map_or(KeyEnd::Unbounded, |key| KeyEnd::At(Key::from(key)))
    }
}

/// A range `[start, end)` of keys that holds at least one key.
///
/// `KeyRange` owns its keys; `KeyRange<&[u8]>` borrows them, is `Copy`, and offers the same. Text and back:
/// `"user/".."user0"`, or `"user/"..` where the end is unbounded.
///
/// ```
/// use shardway::KeyRange;
///
/// let users = KeyRange::try_from("user/".."user0")?;
/// assert!(users.contains(b"user/4711"));
/// let (low, high) = users.split_at("user/5")?;
/// assert!(low.is_before_and_adjacent(&high));
/// assert_eq!(high, r#""user/5".."user0""#.parse()?);
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRange<K = Key> {
    start: K,
    end: KeyEnd<K>,
}

impl KeyRange {
    /// All keys.
    #[must_use]
    pub fn full() -> Self {
        Self { start: Key::empty(), end: KeyEnd::Unbounded }
    }

    /// A shortest key strictly inside the range, near its middle: where to cut it when nothing better is known.
    /// O(length of the keys).
    ///
    /// # Errors
    ///
    /// [`Error::CannotSplit`] if no key lies strictly inside: the end is the start with a zero byte appended.
    ///
    /// ```
    /// use shardway::{Key, KeyRange};
    ///
    /// assert_eq!(KeyRange::try_from("ab".."ad")?.midpoint()?, Key::from("ac"));
    /// assert!(KeyRange::try_from("a".."a\0")?.midpoint().is_err());
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn midpoint(&self) -> Result<Key, Error> {
        midpoint::between(self.start(), self.end()).ok_or_else(|| Error::CannotSplit { range: self.clone() })
    }

    /// Cuts the range in two at `key`, which becomes the start of the upper part.
    ///
    /// # Errors
    ///
    /// [`Error::SplitKeyOutside`] unless `key` lies strictly inside: a part would be empty.
    pub fn split_at(&self, key: impl Into<Key>) -> Result<(Self, Self), Error> {
        let key = key.into();
        if key <= self.start || !self.contains(&key) {
            return Err(Error::SplitKeyOutside { key, range: self.clone() });
        }
        let low = Self { start: self.start.clone(), end: KeyEnd::At(key.clone()) };
        Ok((low, Self { start: key, end: self.end.clone() }))
    }

    /// The two ranges as one, if the first ends where the second starts.
    #[must_use]
    pub fn join(&self, upper: &Self) -> Option<Self> {
        self.is_before_and_adjacent(upper).then(|| Self { start: self.start.clone(), end: upper.end.clone() })
    }
}

impl<'k> KeyRange<&'k [u8]> {
    /// Of ends that are known to hold a key between them.
    pub(crate) fn between(start: &'k [u8], end: KeyEnd<&'k [u8]>) -> Self {
        Self { start, end }
    }

    /// The start, for as long as the key lives.
    pub(crate) fn first_key(self) -> &'k [u8] {
        self.start
    }

    /// The end, for as long as its key lives.
    pub(crate) fn key_end(self) -> KeyEnd<&'k [u8]> {
        self.end
    }
}

impl<K: AsRef<[u8]>> KeyRange<K> {
    /// The range from `start` on, up to `end`.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyRange`] unless `start` is below `end`.
    pub fn new(start: K, end: KeyEnd<K>) -> Result<Self, Error> {
        if end.is_above(start.as_ref()) {
            Ok(Self { start, end })
        } else {
            Err(Error::EmptyRange { start: start.as_ref().into(), end: end.to_owned() })
        }
    }

    /// The first key of the range.
    pub fn start(&self) -> &[u8] {
        self.start.as_ref()
    }

    /// Where the range ends.
    pub fn end(&self) -> KeyEnd<&[u8]> {
        self.end.as_bytes()
    }

    /// The same range, borrowed.
    pub fn as_bytes(&self) -> KeyRange<&[u8]> {
        KeyRange { start: self.start(), end: self.end() }
    }

    /// The same range with keys of its own. Allocates two keys at most.
    pub fn to_key_range(&self) -> KeyRange {
        KeyRange { start: self.start().into(), end: self.end.to_owned() }
    }

    /// Whether `key` is in the range.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.start() <= key.as_ref() && self.end.is_above(key.as_ref())
    }

    /// Whether every key of `other` is in this range.
    pub fn contains_range<Q: AsRef<[u8]>>(&self, other: &KeyRange<Q>) -> bool {
        self.start() <= other.start() && other.end() <= self.end()
    }

    /// Whether some key is in both ranges.
    pub fn overlaps<Q: AsRef<[u8]>>(&self, other: &KeyRange<Q>) -> bool {
        self.end.is_above(other.start()) && other.end.is_above(self.start())
    }

    /// Whether this range ends where `upper` starts.
    pub fn is_before_and_adjacent<Q: AsRef<[u8]>>(&self, upper: &KeyRange<Q>) -> bool {
        self.end.key() == Some(upper.start())
    }

    /// Whether the ranges touch, in either order, without a key between them or in both.
    pub fn is_adjacent<Q: AsRef<[u8]>>(&self, other: &KeyRange<Q>) -> bool {
        self.is_before_and_adjacent(other) || other.is_before_and_adjacent(self)
    }

    /// The keys that are in both ranges, borrowed; `None` if there are none.
    pub fn intersection<'a, Q: AsRef<[u8]>>(&'a self, other: &'a KeyRange<Q>) -> Option<KeyRange<&'a [u8]>> {
        self.overlaps(other)
            .then(|| KeyRange { start: self.start().max(other.start()), end: self.end().min(other.end()) })
    }
}

impl<K: AsRef<[u8]>> fmt::Display for KeyRange<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_quoted(self.start(), f)?;
        f.write_str("..")?;
        self.end.key().map_or(Ok(()), |end| text::write_quoted(end, f))
    }
}

impl<K: AsRef<[u8]>> fmt::Debug for KeyRange<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyRange {
    type Err = Error;

    fn from_str(input: &str) -> Result<Self, Error> {
        let parts = || {
            let (start, rest) = text::split_quoted(input)?;
            let rest = rest.strip_prefix("..").ok_or("`..` follows the start of a range")?;
            let end = match rest {
                "" => KeyEnd::Unbounded,
                _ => match text::split_quoted(rest)? {
                    (end, "") => KeyEnd::At(text::unescape(end)?.into()),
                    _ => return Err("something follows the end of the range"),
                },
            };
            Ok((text::unescape(start)?.into(), end))
        };
        let (start, end) =
            parts().map_err(|reason| Error::Parse { what: "key range", input: input.into(), reason })?;
        Self::new(start, end)
    }
}

impl<K: Into<Key>> TryFrom<Range<K>> for KeyRange {
    type Error = Error;

    fn try_from(range: Range<K>) -> Result<Self, Error> {
        Self::new(range.start.into(), KeyEnd::At(range.end.into()))
    }
}

impl<K: Into<Key>> From<RangeFrom<K>> for KeyRange {
    fn from(range: RangeFrom<K>) -> Self {
        Self { start: range.start.into(), end: KeyEnd::Unbounded }
    }
}

impl From<RangeFull> for KeyRange {
    fn from(_: RangeFull) -> Self {
        Self::full()
    }
}

#[cfg(feature = "serde")]
mod serde_impl {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use super::{Key, KeyEnd, KeyRange};

    /// A range in the shape in which it is serialised: an absent end is unbounded.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename = "KeyRange", deny_unknown_fields)]
    struct StartEnd {
        start: Key,
        end: Option<Key>,
    }

    impl Serialize for KeyRange {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let end = match &self.end {
                KeyEnd::At(key) => Some(key.clone()),
                KeyEnd::Unbounded => None,
            };
            StartEnd { start: self.start.clone(), end }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for KeyRange {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let StartEnd { start, end } = StartEnd::deserialize(deserializer)?;
            Self::new(start, end.map_or(KeyEnd::Unbounded, KeyEnd::At)).map_err(D::Error::custom)
        }
    }
}

/// What a question about a part of the keyspace takes: `"a".."b"`, `"a"..`, `.."b"`, `..` or a [`KeyRange`], over
/// anything that is bytes. A range that holds no key (`"b".."a"`) is no error here: nothing is in it.
pub trait AsKeyRange {
    /// The first key asked for.
    fn start(&self) -> &[u8];
    /// Where the question ends.
    fn end(&self) -> KeyEnd<&[u8]>;
}

impl<K: AsRef<[u8]>> AsKeyRange for KeyRange<K> {
    fn start(&self) -> &[u8] {
        self.start()
    }
    fn end(&self) -> KeyEnd<&[u8]> {
        self.end()
    }
}

impl<R: AsKeyRange + ?Sized> AsKeyRange for &R {
    fn start(&self) -> &[u8] {
        (**self).start()
    }
    fn end(&self) -> KeyEnd<&[u8]> {
        (**self).end()
    }
}

impl<K: AsRef<[u8]>> AsKeyRange for Range<K> {
    fn start(&self) -> &[u8] {
        self.start.as_ref()
    }
    fn end(&self) -> KeyEnd<&[u8]> {
        KeyEnd::At(self.end.as_ref())
    }
}

impl<K: AsRef<[u8]>> AsKeyRange for RangeFrom<K> {
    fn start(&self) -> &[u8] {
        self.start.as_ref()
    }
    fn end(&self) -> KeyEnd<&[u8]> {
        KeyEnd::Unbounded
    }
}

impl<K: AsRef<[u8]>> AsKeyRange for RangeTo<K> {
    fn start(&self) -> &[u8] {
        &[]
    }
    fn end(&self) -> KeyEnd<&[u8]> {
        KeyEnd::At(self.end.as_ref())
    }
}

impl AsKeyRange for RangeFull {
    fn start(&self) -> &[u8] {
        &[]
    }
    fn end(&self) -> KeyEnd<&[u8]> {
        KeyEnd::Unbounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> KeyRange {
        text.parse().unwrap()
    }

    #[test]
    fn only_ranges_with_a_key_exist() {
        assert!(matches!(KeyRange::try_from("b".."a"), Err(Error::EmptyRange { .. })));
        assert!(matches!(KeyRange::try_from("a".."a"), Err(Error::EmptyRange { .. })));
        assert!(matches!(KeyRange::try_from("".."a"), Ok(r) if r.contains("")));
        assert!(matches!(r#""b".."a""#.parse::<KeyRange>(), Err(Error::EmptyRange { .. })));
    }

    #[test]
    fn an_unbounded_end_is_above_every_key() {
        let tail = range(r#""m".."#);
        assert!(tail.contains([0xff; 64]) && !tail.contains("l"));
        assert!(KeyEnd::At([0xff; 64].as_slice()) < KeyEnd::Unbounded);
        assert!(KeyRange::full().contains("") && KeyRange::full().contains_range(&tail));
        assert!(!tail.contains_range(&KeyRange::full()));
    }

    #[test]
    fn algebra() {
        let (ab, bc, ac) = (range(r#""a".."b""#), range(r#""b".."c""#), range(r#""a".."c""#));
        assert!(ab.is_before_and_adjacent(&bc) && !bc.is_before_and_adjacent(&ab));
        assert!(ab.is_adjacent(&bc) && bc.is_adjacent(&ab) && !ab.is_adjacent(&ac));
        assert!(!ab.overlaps(&bc) && ab.overlaps(&ac) && ac.overlaps(&bc));
        assert_eq!(ab.join(&bc), Some(ac.clone()));
        assert_eq!(bc.join(&ab), None);
        assert_eq!(ab.intersection(&bc), None);
        assert_eq!(ac.intersection(&bc), Some(bc.as_bytes()));
        assert_eq!(bc.intersection(&KeyRange::full()), Some(bc.as_bytes()));
        assert_eq!(ac.split_at("b"), Ok((ab, bc)));
    }

    #[test]
    fn split_keys_are_checked() {
        for (text, key) in [(r#""a".."c""#, "a"), (r#""a".."c""#, "c"), (r#""a".."c""#, "d"), (r#""".."#, "")]
        {
            let refused = range(text).split_at(key);
            assert_eq!(refused, Err(Error::SplitKeyOutside { key: key.into(), range: range(text) }));
        }
    }

    #[test]
    fn text_round_trips() {
        for keys in [("", "\0"), ("a\"..\"b", "a\\"), ("\u{7f}", "ключ")] {
            let original = KeyRange::try_from(keys.0..keys.1).unwrap();
            assert_eq!(range(&original.to_string()), original);
        }
        assert_eq!(KeyRange::full().to_string(), r#""".."#);
        for text in
            ["", "a..b", r#""a""#, r#""a"."b""#, r#""a".."b"#, r#""a".."b"c"#, r#""a"..b"#, r#""\".."#]
        {
            assert!(
                matches!(text.parse::<KeyRange>(), Err(Error::Parse { what: "key range", .. })),
                "{text}"
            );
        }
    }
}
