//! Exact Euclidean distance transform in two passes (Meijster, Roerdink and Hesselink 2000), in integers.

use super::grid::{COLUMNS, PIXELS, ROWS};

/// Further than any two pixels of a picture are apart.
const FAR: i32 = (ROWS + COLUMNS) as i32;

/// Squared distance of each pixel's centre to the nearest one `inside`: `[60 * 200]`, 0 inside. Where nothing is
/// inside, at least [`FAR`] squared.
pub(super) fn squared_distance(inside: &[bool]) -> Vec<i32> {
    let vertical = vertical_distance(inside);
    let mut squared = Vec::with_capacity(PIXELS);
    let mut envelope = Vec::with_capacity(COLUMNS);
    for row in vertical.chunks_exact(COLUMNS) {
        lower_envelope(row, &mut envelope);
        let mut parabolas = envelope.iter().peekable();
        let mut current = Parabola {
            apex: 0,
            height: FAR * FAR,
            from: 0,
        };
        for x in 0..COLUMNS as i32 {
            while let Some(next) = parabolas.next_if(|p| p.from <= x) {
                current = *next;
            }
            squared.push(current.at(x));
        }
    }
    squared
}

/// Distance to the nearest pixel inside in the same column, at most [`FAR`].
fn vertical_distance(inside: &[bool]) -> Vec<i32> {
    let mut distance: Vec<i32> = inside.iter().map(|&i| if i { 0 } else { FAR }).collect();
    for x in 0..COLUMNS {
        let mut nearest = FAR;
        for d in distance.iter_mut().skip(x).step_by(COLUMNS) {
            nearest = (nearest + 1).min(*d);
            *d = nearest;
        }
        for d in distance.iter_mut().skip(x).step_by(COLUMNS).rev() {
            nearest = (nearest + 1).min(*d);
            *d = nearest;
        }
    }
    distance
}

/// Squared distances in a row to the nearest pixel inside of one column: `(x - apex)^2 + height`.
#[derive(Clone, Copy)]
struct Parabola {
    apex: i32,
    height: i32,
    /// The first column where no earlier parabola is lower.
    from: i32,
}

impl Parabola {
    fn at(self, x: i32) -> i32 {
        (x - self.apex) * (x - self.apex) + self.height
    }

    /// The last column where `self` is no higher than `later`, whose apex is to the right.
    fn last_before(self, later: Self) -> i32 {
        let rise = later.apex * later.apex - self.apex * self.apex + later.height - self.height;
        rise.div_euclid(2 * (later.apex - self.apex))
    }
}

/// The lowest of the parabolas of a row's columns, from left to right.
fn lower_envelope(row: &[i32], envelope: &mut Vec<Parabola>) {
    envelope.clear();
    for (apex, vertical) in (0..).zip(row) {
        let mut next = Parabola {
            apex,
            height: vertical * vertical,
            from: 0,
        };
        // Whatever `next` undercuts from its beginning on is nowhere lowest.
        while envelope
            .pop_if(|last| next.at(last.from) < last.at(last.from))
            .is_some()
        {}
        if let Some(last) = envelope.last() {
            next.from = last.last_before(next) + 1;
        }
        if next.from < COLUMNS as i32 {
            envelope.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;

    #[test]
    fn equals_the_nearest_of_all_pixels_inside() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for count in [1, 2, 7, 60] {
            let mut inside = vec![false; PIXELS];
            for _ in 0..count {
                inside[rng.next_u32() as usize % PIXELS] = true;
            }
            let points: Vec<(i32, i32)> = (0..PIXELS)
                .filter(|&i| inside[i])
                .map(|i| ((i % COLUMNS) as i32, (i / COLUMNS) as i32))
                .collect();
            for (i, found) in squared_distance(&inside).into_iter().enumerate() {
                let (x, y) = ((i % COLUMNS) as i32, (i / COLUMNS) as i32);
                let expected = points
                    .iter()
                    .map(|(px, py)| (x - px).pow(2) + (y - py).pow(2))
                    .min()
                    .unwrap();
                assert_eq!(found, expected, "{count} points, pixel {x},{y}");
            }
        }
    }

    #[test]
    fn nothing_inside_is_far() {
        assert!(squared_distance(&[false; PIXELS]).iter().all(|&d| d >= FAR * FAR));
    }
}
