//! The shortest key strictly inside a range, nearest to its middle among those. Pure byte work; ranges themselves are in
//! [`super::range`].
//!
//! Short separators keep an index small (Bayer and Unterauer, "Prefix B-Trees", 1977). All shortest keys inside a range
//! agree on every byte but the last, so the answer is a shared prefix and one digit from the middle of an interval.

use super::{Key, KeyEnd};

/// `None` if there is no key strictly between `start` and `end`, that is, if `end` is `start` with a zero byte appended
/// (or no range at all). O(length of the keys); allocates the answer only.
pub(super) fn between(start: &[u8], end: KeyEnd<&[u8]>) -> Option<Key> {
    let end = match end {
        KeyEnd::Unbounded => return Some(above(&[], start)),
        KeyEnd::At(end) => end,
    };
    let shared = start.iter().zip(end).take_while(|(a, b)| a == b).count();
    let (prefix, tail) = start.split_at(shared);
    let (&end_digit, end_rest) = end[shared..].split_first()?;

    // A key one byte longer than the shared prefix: its last digit must be above what `start` has there (any digit will
    // do where `start` has ended), and may be `end`'s own digit where `end` goes on after it.
    let low = tail.first().map_or(0, |digit| u16::from(*digit) + 1);
    let high = u16::from(end_digit) + u16::from(!end_rest.is_empty());
    if low < high {
        return Some(with_digit(prefix, low, high));
    }
    // The digits are neighbours, or `end` is `start` with a zero byte: only keys that go on from `start`'s digit are left.
    let (digit, rest) = tail.split_first()?;
    Some(above(&[prefix, &[*digit]].concat(), rest))
}

/// The shortest key that starts with `prefix` and is above `prefix` + `tail`, from the middle of the rest.
fn above(prefix: &[u8], tail: &[u8]) -> Key {
    let full = tail.iter().take_while(|byte| **byte == 0xff).count();
    let low = tail.get(full).map_or(0, |digit| u16::from(*digit) + 1);
    with_digit(&[prefix, &tail[..full]].concat(), low, 0x100)
}

/// `prefix` and the middle digit of `low..high`, which is not empty.
fn with_digit(prefix: &[u8], low: u16, high: u16) -> Key {
    let middle = u8::try_from((low + high) / 2).unwrap_or(u8::MAX);
    Key::from([prefix, &[middle]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRange;

    fn middle(start: &[u8], end: &[u8]) -> Option<Vec<u8>> {
        between(start, KeyEnd::At(end)).map(|key| key.as_bytes().to_vec())
    }

    #[test]
    fn known_ranges() {
        assert_eq!(middle(b"a", b"b").unwrap(), b"a\x80");
        assert_eq!(middle(b"a", b"aa").unwrap(), b"a\x30");
        assert_eq!(middle(b"ab", b"ac").unwrap(), b"ab\x80");
        assert_eq!(middle(b"a", b"c").unwrap(), b"b");
        assert_eq!(middle(b"a", b"bb").unwrap(), b"b");
        assert_eq!(middle(b"a\xff\xff", b"b").unwrap(), b"a\xff\xff\x80");
        assert_eq!(middle(b"a\xff\xfe", b"b").unwrap(), b"a\xff\xff");
        assert_eq!(middle(b"", b"\x00\x00").unwrap(), b"\x00");
        assert_eq!(middle(b"a", b"a\x00"), None);
        assert_eq!(middle(b"", b"\x00"), None);
        assert_eq!(middle(b"\xff", b"\xff\x00"), None);
        assert_eq!(between(b"", KeyEnd::Unbounded).unwrap(), Key::from([0x80]));
        assert_eq!(between(b"\xff\xff", KeyEnd::Unbounded).unwrap(), Key::from([0xff, 0xff, 0x80]));
    }

    /// All keys of up to `length` bytes over the whole alphabet of `digits`.
    fn keys(digits: &[u8], length: usize) -> Vec<Vec<u8>> {
        let mut all = vec![vec![]];
        let mut from = 0;
        for _ in 0..length {
            let longer: Vec<_> = all[from..]
                .iter()
                .flat_map(|key| digits.iter().map(move |digit| [key.as_slice(), &[*digit]].concat()))
                .collect();
            from = all.len();
            all.extend(longer);
        }
        all
    }

    #[test]
    #[cfg_attr(miri, ignore = "hours for arithmetic on safe slices")]
    fn inside_shortest_and_nearest_for_every_small_range() {
        let ends = keys(&[0, 1, 2, 0x7f, 0xfe, 0xff], 3);
        let candidates = keys(&(0..=255).collect::<Vec<_>>(), 2);
        for start in keys(&[0, 1, 0x7f, 0xfe, 0xff], 2) {
            let bounded = ends.iter().map(|end| KeyEnd::At(end.as_slice()));
            for end in bounded.chain([KeyEnd::Unbounded]) {
                let Ok(range) = KeyRange::new(start.as_slice(), end) else { continue };
                let inside = |key: &[u8]| key != start && range.contains(key);
                let successor = [start.as_slice(), &[0]].concat();
                let Some(middle) = between(&start, end) else {
                    assert_eq!(end, KeyEnd::At(successor.as_slice()), "a key was missed in {range}");
                    continue;
                };
                assert!(inside(middle.as_bytes()), "{middle} is not strictly inside {range}");
                let length = middle.as_bytes().len();
                let same_length: Vec<_> =
                    candidates.iter().filter(|key| key.len() <= length && inside(key)).collect();
                if length <= 2 {
                    assert!(
                        same_length.iter().all(|key| key.len() == length),
                        "shorter than {middle} in {range}"
                    );
                    let rank =
                        same_length.iter().position(|key| key.as_slice() == middle.as_bytes()).unwrap();
                    assert_eq!(rank, same_length.len() / 2, "{middle} is off the middle of {range}");
                } else {
                    assert!(same_length.is_empty(), "shorter than {middle} in {range}");
                }
            }
        }
    }
}
