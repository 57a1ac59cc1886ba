//! A person's trace once more, stretched in space and time and jittered. No single trace gives it away; it is here to be
//! counted, not to be learned.

use super::sampling::{Grid, Pool};
use crate::risk::random::Random;

pub(super) fn draw(pool: &Pool, random: &mut Random) -> Vec<[f64; 3]> {
    let Some(person) = random.one_of(&pool.people) else {
        return Vec::new();
    };
    let first = person.first().copied().unwrap_or_default();
    let (along, across, pace) = (
        random.within(0.85, 1.15),
        random.within(0.7, 1.3),
        random.within(0.85, 1.15),
    );
    let (space, time) = (random.within(0.0, 6.0), random.within(0.0, 0.25));
    let (mut before, mut now) = (first[2], first[2]);
    let mut trace = Vec::with_capacity(person.len());
    for [x, y, t] in person {
        now += (t - before).max(0.0) * pace * (time * random.normal()).exp();
        before = *t;
        trace.push([
            first[0] + (x - first[0]) * along + space * random.normal(),
            first[1] + (y - first[1]) * across + space * random.normal(),
            now,
        ]);
    }
    Grid::RECORDED.snap(&mut trace);
    trace
}
