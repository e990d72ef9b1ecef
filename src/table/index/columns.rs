//! Which bytes of a key make its head, and reading them: runs of bytes that vary among the keys of a node, over gaps on which
//! all agree. Text keys vary here and there (`tenant/0042/user/000123456`), and eight bytes in a row would mostly be ones that
//! tell nothing apart.

/// A key as [`Columns`] see it.
pub(super) enum Seen {
    /// It agrees with them on what they agree on.
    Head(u64),
    /// It first departs from them between two bytes of the head: it is less (or greater) than any key with this head up to
    /// there, and so than all keys with heads from (or up to) this one.
    Before(u64),
    After(u64),
}

/// The bytes of a head that do not all follow each other: runs of them, with gaps between that all keys agree on.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// Right after the prefix.
    first: Run,
    /// How many steps there are.
    steps: u8,
    more: [Step; STEPS],
}

/// How many gaps a head can go over. Text rarely needs more.
const STEPS: usize = 2;

/// A gap, and the run of bytes behind it.
#[derive(Clone, Copy, Default)]
struct Step {
    /// The bytes of the gap: they are no part of the head.
    gap: Run,
    /// What all keys have there, as [`Run::of`] reads it.
    agreed: u64,
    run: Run,
}

/// Up to eight bytes of a key.
#[derive(Clone, Copy, Default)]
struct Run {
    /// Where they start.
    at: u16,
    /// How far they have to come down from the top of a word.
    down: u8,
    /// How far they have to go up again to their place in the head.
    up: u8,
}

impl Columns {
    /// Of keys that agree, but for the first, on their first `prefix` bytes and no further. `None` if the head is simply what follows the prefix.
    pub(super) fn of<'k>(prefix: usize, len: usize, key: &impl Fn(usize) -> &'k [u8]) -> Option<Self> {
        if len < 3 {
            return None;
        }
        let first = key(1);
        let varies = |at: usize| {
            let byte = |key: &[u8]| key.get(at).copied().unwrap_or(0);
            (2..len).any(|place| byte(key(place)) != byte(first))
        };
        // A key that ends here looks like one that goes on with zeros.
        if !varies(prefix) {
            return None;
        }
        let mut columns: Option<Self> = None;
        let (mut at, mut taken, mut gap) = (prefix, 0, 0);
        while taken < 8 && gap <= 8 {
            let run = (at..at + 8 - taken).take_while(|at| varies(*at)).count();
            if run == 0 {
                (at, gap) = (at + 1, gap + 1);
                continue;
            }
            let bytes = Run::new(at, run, 8 - taken);
            match &mut columns {
                None => columns = Some(Self { first: bytes, steps: 0, more: [Step::default(); STEPS] }),
                Some(columns) if columns.steps() == STEPS => break,
                Some(columns) => {
                    let gap = Run::new(at - gap, gap, gap);
                    columns.more[columns.steps()] = Step { gap, agreed: gap.of(first), run: bytes };
                    columns.steps += 1;
                }
            }
            (at, taken, gap) = (at + run, taken + run, 0);
        }
        columns.filter(|columns| columns.steps > 0 && at <= usize::from(u16::MAX))
    }

    /// The places in a key of the bytes that make a head, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        let more = self.more[..self.steps()].iter().map(|step| step.run);
        std::iter::once(self.first)
            .chain(more)
            .flat_map(|run| usize::from(run.at)..usize::from(run.at) + run.len())
    }

    #[inline(always)]
    fn steps(&self) -> usize {
        usize::from(self.steps)
    }

    #[inline]
    pub(super) fn head(&self, key: &[u8]) -> u64 {
        self.more[..self.steps()].iter().fold(self.first.of(key), |head, step| head | step.run.of(key))
    }

    pub(super) fn see(&self, key: &[u8]) -> Seen {
        let mut head = self.first.of(key);
        for step in &self.more[..self.steps()] {
            let found = step.gap.of(key);
            if found != step.agreed {
                // What of the head comes after the gap becomes the least or the greatest that there is.
                let rest = u64::MAX >> (step.run.down - step.run.up);
                return if found > step.agreed { Seen::After(head | rest) } else { Seen::Before(head) };
            }
            head |= step.run.of(key);
        }
        Seen::Head(head)
    }
}

impl Run {
    /// `len` bytes from `at` on, as the uppermost of the `room` lowest bytes of a word.
    fn new(at: usize, len: usize, room: usize) -> Self {
        let bits = |bytes: usize| u8::try_from(8 * bytes).unwrap_or(0);
        Self { at: u16::try_from(at).unwrap_or(u16::MAX), down: bits(8 - len), up: bits(room - len) }
    }

    fn len(self) -> usize {
        size_of::<u64>() - usize::from(self.down / 8)
    }

    /// These bytes of `key`, in their place.
    #[inline]
    fn of(self, key: &[u8]) -> u64 {
        word(key, usize::from(self.at)) >> (self.down & 63) << (self.up & 63)
    }
}

/// Eight bytes of `key` from `from` on as a big-endian integer, zeros behind its end. Never copies the key to pad it, since
/// a load that spans several stores has to wait for all of them.
#[inline]
pub(super) fn word(key: &[u8], from: usize) -> u64 {
    if let Some(bytes) = key.get(from..from + 8) {
        return load(bytes);
    }
    let Some(missing @ 1..) = (from + 8).checked_sub(key.len()) else { return 0 };
    if missing >= 8 {
        return 0;
    }
    match key.last_chunk::<8>() {
        Some(last) => u64::from_be_bytes(*last) << (8 * missing),
        None => key[from..].iter().fold(0, |word, byte| word << 8 | u64::from(*byte)) << (8 * missing),
    }
}

#[inline]
fn load(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
