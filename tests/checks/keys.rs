//! Keys and ranges: order, text forms and relations, against what byte strings and the bounds of ranges say.

use std::ops::Bound;

use shardway::{Key, KeyEnd, KeyRange, ShardState, Token};

/// A range as the standard library has it.
type Plain<'k> = (Bound<&'k [u8]>, Bound<&'k [u8]>);

fn plain(range: &KeyRange) -> Plain<'_> {
    let end = match range.end() {
        KeyEnd::At(end) => Bound::Excluded(end),
        KeyEnd::Unbounded => Bound::Unbounded,
    };
    (Bound::Included(range.start()), end)
}

/// Keys at and around those that a script has, so that every relation between bounds comes up.
fn probes(keys: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut probes = vec![Vec::new(), vec![0], vec![0xff; 3]];
    for key in keys {
        probes.push(key.to_vec());
        probes.push([key, &[0][..]].concat());
        probes.push([key, &[0xff][..]].concat());
        probes.extend(key.split_last().map(|(_, shorter)| shorter.to_vec()));
    }
    probes
}

pub(crate) fn run(bytes: &[u8]) {
    // Four keys, and what is left as text.
    let mut rest = bytes;
    let mut keys: [&[u8]; 4] = [&[]; 4];
    for key in &mut keys {
        let Some((length, after)) = rest.split_first() else { break };
        let (this, after) = after.split_at(usize::from(*length % 24).min(after.len()));
        (*key, rest) = (this, after);
    }
    keys.iter().for_each(|key| check_key(key));
    if let Ok(text) = std::str::from_utf8(rest) {
        check_text(text);
    }
    match Token::from_bytes(rest) {
        Ok(token) => assert_eq!(token.to_bytes(), rest),
        Err(_) => assert_ne!(rest.len(), Token::BYTES),
    }
    let [a, b, c, d] = keys;
    let range = |start: &[u8], end: &[u8]| {
        let end = if end.is_empty() { KeyEnd::Unbounded } else { KeyEnd::At(Key::from(end)) };
        let holds = !matches!(&end, KeyEnd::At(end) if end.as_bytes() <= start);
        let range = KeyRange::new(Key::from(start), end);
        assert_eq!(range.is_ok(), holds);
        range.ok()
    };
    let probes = probes(&keys);
    let (one, other) = (range(a, b), range(c, d));
    for range in one.iter().chain(&other) {
        check_range(range, &probes);
    }
    if let (Some(one), Some(other)) = (one, other) {
        check_pair(&one, &other, &probes);
        check_pair(&other, &one, &probes);
    }
}

fn check_key(bytes: &[u8]) {
    let key = Key::from(bytes);
    assert_eq!(key.as_bytes(), bytes);
    assert_eq!(key.to_string().parse::<Key>().as_ref(), Ok(&key));
    assert!(key.to_string().chars().all(|c| !c.is_control()), "a key is printed in one line");
}

fn check_text(text: &str) {
    if let Ok(key) = text.parse::<Key>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(range) = text.parse::<KeyRange>() {
        assert_eq!(range.to_string().parse(), Ok(range));
    }
    if let Ok(state) = text.parse::<ShardState>() {
        assert_eq!(state.name(), text);
    }
}

fn check_range(range: &KeyRange, probes: &[Vec<u8>]) {
    use std::ops::RangeBounds;

    assert_eq!(range.to_string().parse().as_ref(), Ok(range));
    for probe in probes {
        let inside = plain(range).contains(probe.as_slice());
        assert_eq!(range.contains(probe), inside);
        match range.split_at(probe.as_slice()) {
            Ok((low, high)) => {
                assert!(inside && probe.as_slice() > range.start());
                assert_eq!((low.start(), low.end()), (range.start(), KeyEnd::At(probe.as_slice())));
                assert_eq!((high.start(), high.end()), (probe.as_slice(), range.end()));
                assert!(low.is_before_and_adjacent(&high) && !high.is_before_and_adjacent(&low));
                assert_eq!(low.join(&high).as_ref(), Some(range));
            }
            Err(_) => assert!(!inside || probe == range.start()),
        }
    }
    match range.midpoint() {
        Ok(middle) => {
            assert!(middle.as_bytes() > range.start() && range.contains(&middle));
            assert!(range.split_at(middle).is_ok());
        }
        Err(_) => assert_eq!(range.end(), KeyEnd::At(&[range.start(), &[0]].concat()[..])),
    }
}

fn check_pair(one: &KeyRange, other: &KeyRange, probes: &[Vec<u8>]) {
    let (from, upto) = (one.start().max(other.start()), [one.end(), other.end()]);
    let end = upto.iter().filter_map(KeyEnd::key).min();
    let overlaps = end.is_none_or(|end| from < end);
    assert_eq!(one.overlaps(other), overlaps);
    match one.intersection(other) {
        Some(both) => {
            assert!(overlaps);
            assert_eq!((both.start(), both.end().key()), (from, end));
            for probe in probes {
                assert_eq!(both.contains(probe), one.contains(probe) && other.contains(probe));
            }
        }
        None => assert!(!overlaps),
    }
    let contains = one.start() <= other.start()
        && match (one.end(), other.end()) {
            (KeyEnd::Unbounded, _) => true,
            (_, KeyEnd::Unbounded) => false,
            (KeyEnd::At(end), KeyEnd::At(inner)) => inner <= end,
        };
    assert_eq!(one.contains_range(other), contains);
    let meets = one.end() == KeyEnd::At(other.start());
    assert_eq!((one.is_before_and_adjacent(other), one.join(other).is_some()), (meets, meets));
    assert_eq!(one.is_adjacent(other), meets || other.end() == KeyEnd::At(one.start()));
}
