//! Keys: byte strings in bytewise order. Ranges of them are in [`range`], their text form in [`text`], and the search for
//! a key in the middle of a range in [`midpoint`].

mod midpoint;
mod range;
mod text;

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use range::{AsKeyRange, KeyEnd, KeyRange};

use crate::error::Error;

/// An immutable byte string, ordered bytewise. The empty key is a key, and the least of all.
///
/// Cloning is O(1): clones share their bytes. [`Display`](fmt::Display) and [`FromStr`] round-trip for every key: text is
/// shown as it is, and bytes that are not printable UTF-8 as `\xNN`.
///
/// ```
/// use shardway::Key;
///
/// let key = Key::from(b"tenant/\x00\xff");
/// assert_eq!(key.to_string(), r"tenant/\x00\xff");
/// assert_eq!(r"tenant/\x00\xff".parse::<Key>()?, key);
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// The empty key: where the keyspace starts.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// `Key` orders, compares and hashes as its bytes do.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.as_slice().into())
    }
}

impl<const N: usize> From<[u8; N]> for Key {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// The bytes of the text itself; [`FromStr`] is the one that reads escapes.
impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

/// The bytes of the text itself; [`FromStr`] is the one that reads escapes.
impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        key.clone()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_escaped(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_quoted(&self.0, f)
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text::unescape(text).map(Self::from).map_err(|reason| Error::Parse {
            what: "key",
            input: text.into(),
            reason,
        })
    }
}

#[cfg(feature = "serde")]
mod serde_impl {
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, Error, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::Key;

    /// As escaped text in formats for people, as bytes in all others.
    impl Serialize for Key {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() {
                serializer.collect_str(self)
            } else {
                serializer.serialize_bytes(self.as_bytes())
            }
        }
    }

    impl<'de> Deserialize<'de> for Key {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if deserializer.is_human_readable() {
                deserializer.deserialize_str(TextVisitor)
            } else {
                deserializer.deserialize_byte_buf(BytesVisitor)
            }
        }
    }

    struct TextVisitor;

    impl Visitor<'_> for TextVisitor {
        type Value = Key;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(r"a key as text, with \xNN for bytes that are not text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
            text.parse().map_err(E::custom)
        }
    }

    struct BytesVisitor;

    impl Visitor<'_> for BytesVisitor {
        type Value = Key;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the bytes of a key")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Key, E> {
            Ok(Key::from(bytes))
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Key, E> {
            Ok(Key::from(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_bytewise() {
        let sorted = [Key::empty(), Key::from([0]), Key::from([0, 0]), Key::from([0, 255]), Key::from([1])];
        assert!(sorted.is_sorted());
        assert!(Key::from("a") < Key::from("aa") && Key::from("aa") < Key::from("b"));
        assert!(Key::from([0x7f]) < Key::from([0x80]), "bytes are unsigned");
    }
}
