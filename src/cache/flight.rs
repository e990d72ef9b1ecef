//! Who loads what, so that each missing part is loaded once: a load that is under way is a flight, over the part of the keyspace
//! that was missing when it began, and whoever misses a key of that part waits for it to land. What is loaded, and where it goes,
//! is not known here.
//!
//! Flights lie in a map behind a lock, which is held for a look-up of the table and of the map, and never while a load runs or
//! anybody is woken. A flight is taken out of the map *after* what it brought is published, and whoever would begin one looks at
//! the table *under* the lock: so whoever finds no flight finds what the last one brought.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::LoadError;
use crate::key::{Key, KeyEnd, KeyRange};
use crate::sync::{Lock, broken, wake};

/// All loads that are under way, by where their parts start. The parts share no key.
#[derive(Default)]
pub(super) struct Flights(Lock<BTreeMap<Key, Arc<Flight>>>);

/// One load.
struct Flight {
    key: Key,
    part: KeyRange,
    state: Lock<State>,
}

enum State {
    /// Who is to be woken; a place for each, empty once it does not want to be.
    UnderWay(Vec<Option<Waker>>),
    Over(Landing),
}

/// How a load ended.
#[derive(Clone)]
pub(super) enum Landing {
    /// What it brought is published.
    Landed,
    /// It brought nothing for the key that it was for.
    Nothing(LoadError),
    /// It was given up: somebody else is to load.
    GivenUp,
}

/// What there is to do for who misses a key.
pub(super) enum Boarding<'f, F> {
    /// Nothing: it is not missing any more.
    Found(F),
    /// To load.
    Lead(Lead<'f>),
    /// To wait for who loads.
    Wait(Waiting),
}

impl Flights {
    /// Joins the flight over the part that `key` lies in, or begins one. `look` looks for the key once more, and gives the gap
    /// that it lies in if it is still missing.
    pub(super) fn board<F>(&self, key: &[u8], look: impl Fn() -> Result<F, KeyRange>) -> Boarding<'_, F> {
        let is_looked_before = broken("look_before_flight");
        let early = is_looked_before.then(&look);
        let mut flights = self.0.lock();
        let part = match early.unwrap_or_else(&look) {
            Ok(found) => return Boarding::Found(found),
            Err(gap) => gap,
        };
        let before = flights
            .range::<[u8], _>((Bound::Unbounded, Bound::Included(key)))
            .next_back()
            .map(|(_, flight)| flight);
        if let Some(flight) = before.filter(|flight| flight.part.contains(key)) {
            return Boarding::Wait(Waiting { flight: Arc::clone(flight), place: None });
        }
        let after =
            flights.range::<[u8], _>((Bound::Included(key), Bound::Unbounded)).next().map(|(start, _)| start);
        let part = clipped(part, before.map(|flight| &flight.part), after);
        let flight = Arc::new(Flight { key: key.into(), part, state: Lock::default() });
        flights.insert(flight.part.start().into(), Arc::clone(&flight));
        Boarding::Lead(Lead { flights: self, flight, landing: Landing::GivenUp })
    }
}

/// The part without what other flights are over already.
fn clipped(part: KeyRange, before: Option<&KeyRange>, after: Option<&Key>) -> KeyRange {
    let start = match before.map(KeyRange::end) {
        Some(KeyEnd::At(end)) => part.start().max(end),
        _ => part.start(),
    };
    let end = after.map_or(part.end(), |after| part.end().min(KeyEnd::At(after.as_bytes())));
    KeyRange::new(start, end).map_or_else(|_| part.clone(), |part| part.to_key_range())
}

/// The right and the duty to load: whoever waits is told how it ended, also if this is dropped before.
pub(super) struct Lead<'f> {
    flights: &'f Flights,
    flight: Arc<Flight>,
    landing: Landing,
}

impl Lead<'_> {
    /// The part that is missing.
    pub(super) fn part(&self) -> &KeyRange {
        &self.flight.part
    }

    /// The load is over, and what it brought is published.
    pub(super) fn land(mut self, landing: Landing) {
        self.landing = landing;
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.flights.0.lock().remove(self.flight.part.start());
        let over = State::Over(self.landing.clone());
        let before = std::mem::replace(&mut *self.flight.state.lock(), over);
        if broken("silent_landing") {
            return;
        }
        if let State::UnderWay(waiting) = before {
            waiting.into_iter().flatten().for_each(wake);
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::UnderWay(Vec::new())
    }
}

/// Waits for a flight to land. May be dropped at any time.
pub(super) struct Waiting {
    flight: Arc<Flight>,
    place: Option<usize>,
}

impl Waiting {
    /// Whether the flight is for this very key.
    pub(super) fn is_for(&self, key: &[u8]) -> bool {
        self.flight.key.as_bytes() == key
    }
}

impl Future for Waiting {
    type Output = Landing;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Landing> {
        let waker = context.waker().clone();
        let mut state = self.flight.state.lock();
        let waiting = match &mut *state {
            State::Over(landing) => return Poll::Ready(landing.clone()),
            State::UnderWay(waiting) => waiting,
        };
        let place = self.place.or_else(|| waiting.iter().position(Option::is_none)).unwrap_or(waiting.len());
        if place == waiting.len() {
            waiting.push(None);
        }
        let old = waiting[place].replace(waker);
        drop(state);
        // Who drops a waker may drop a task, and with it others that wait here: not under the lock.
        drop(old);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let old = match &mut *self.flight.state.lock() {
            State::UnderWay(waiting) => waiting[place].take(),
            State::Over(_) => None,
        };
        drop(old);
    }
}
