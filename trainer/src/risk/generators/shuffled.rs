//! Blocks of a person's steps in another order: everything a person's steps have one by one, nothing they have together.
//! Trains, is never judged.

use super::sampling::{Grid, Pool};
use crate::risk::random::Random;

pub(super) fn draw(pool: &Pool, random: &mut Random) -> Vec<[f64; 3]> {
    let Some(person) = random.one_of(&pool.people) else {
        return Vec::new();
    };
    let steps: Vec<[f64; 3]> = person.windows(2).map(step).collect();
    let length = random.below(1, 7);
    let mut blocks: Vec<&[[f64; 3]]> = steps.chunks(length).collect();
    random.shuffle(&mut blocks);
    let mut shuffled: Vec<[f64; 3]> = blocks.concat();
    for (axis, chance) in [(2, 0.4), (1, 0.3)] {
        if random.chance(chance) {
            shuffled
                .iter_mut()
                .zip(&steps)
                .for_each(|(new, old)| new[axis] = old[axis]);
        }
    }
    let mut place = person.first().copied().unwrap_or_default();
    let mut trace = vec![place];
    for step in shuffled {
        place.iter_mut().zip(step).for_each(|(place, step)| *place += step);
        trace.push(place);
    }
    Grid::RECORDED.snap(&mut trace);
    trace
}

fn step(pair: &[[f64; 3]]) -> [f64; 3] {
    match pair {
        [a, b] => [b[0] - a[0], b[1] - a[1], b[2] - a[2]],
        _ => [0.0; 3],
    }
}
