//! L0 as connected blocks: which few pixels get a larger budget.

use super::config::Sparse;
use super::grid::{COLUMNS, ROWS};

/// Raises `epsilon: [60 * 200]` by `sparse.epsilon` in as many squares as `sparse.pixels` pays for: those that promise
/// most at `velocity`, where a square promises `|sum of velocity * room|`, room being what a pixel can still move in
/// its direction. Squares do not overlap.
///
/// Chosen once, after the first gradient, so that the count holds whatever later gradients say.
pub(super) fn raise(sparse: &Sparse, pixels: &[f32], velocity: &[f32], epsilon: &mut [f32]) {
    let side = side(sparse);
    let count = (sparse.pixels as usize) / (side * side).max(1);
    if side == 0 || count == 0 {
        return;
    }
    let reach = epsilon.iter().map(|e| (e + sparse.epsilon.get()).min(1.0));
    let promise: Vec<f32> = pixels
        .iter()
        .zip(velocity)
        .zip(reach)
        .map(|((&pixel, &v), reach)| {
            v * if v > 0.0 {
                reach.min(1.0 - pixel)
            } else {
                reach.min(pixel)
            }
        })
        .collect();
    for (left, top) in best_squares(&promise, side, count) {
        for row in epsilon.chunks_exact_mut(COLUMNS).skip(top).take(side) {
            for e in row.iter_mut().skip(left).take(side) {
                *e = (*e + sparse.epsilon.get()).min(1.0);
            }
        }
    }
}

/// Side of the squares: as asked for, or what the pixels suffice for.
fn side(sparse: &Sparse) -> usize {
    (sparse.block_px.min(sparse.pixels.isqrt()) as usize).min(ROWS)
}

/// Top left corners of the `count` squares with the largest `|sum|`, greedily, none overlapping another.
fn best_squares(promise: &[f32], side: usize, count: usize) -> Vec<(usize, usize)> {
    let mut squares = Vec::with_capacity((ROWS - side + 1) * (COLUMNS - side + 1));
    for top in 0..=ROWS - side {
        let mut column_sums = [0.0; COLUMNS];
        for row in promise.chunks_exact(COLUMNS).skip(top).take(side) {
            column_sums.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
        }
        squares.extend(
            column_sums
                .windows(side)
                .map(|w| w.iter().sum::<f32>().abs())
                .zip(0..)
                .map(|(s, left)| (s, left, top)),
        );
    }
    // The sort is stable: of equal squares the upper left one comes first.
    squares.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut taken = vec![false; promise.len()];
    let mut chosen = Vec::with_capacity(count.min(squares.len()));
    for (_, left, top) in squares {
        if chosen.len() == count {
            break;
        }
        // Squares of one size overlap exactly when one has a corner of the other.
        let corners = [0, side - 1].map(|dy| [0, side - 1].map(|dx| (top + dy) * COLUMNS + left + dx));
        if corners.iter().flatten().any(|&i| taken.get(i).copied().unwrap_or(true)) {
            continue;
        }
        for row in taken.chunks_exact_mut(COLUMNS).skip(top).take(side) {
            row.iter_mut().skip(left).take(side).for_each(|t| *t = true);
        }
        chosen.push((left, top));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;
    use crate::perturb::Epsilon;
    use crate::perturb::grid::PIXELS;

    fn raised(sparse: &Sparse, velocity: &[f32]) -> Vec<usize> {
        let mut epsilon = vec![0.1; PIXELS];
        raise(sparse, &[0.5; PIXELS], velocity, &mut epsilon);
        (0..PIXELS).filter(|&i| epsilon[i] > 0.1).collect()
    }

    #[test]
    fn the_count_holds_and_blocks_are_squares() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for (pixels, block_px) in [
            (0, 5),
            (3, 5),
            (24, 5),
            (100, 5),
            (100, 1),
            (100, 3),
            (12_000, 60),
            (u32::MAX, 7),
        ] {
            let velocity: Vec<f32> = (0..PIXELS)
                .map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5)
                .collect();
            let sparse = Sparse {
                pixels,
                block_px,
                epsilon: Epsilon::new(0.5).unwrap(),
            };
            let found = raised(&sparse, &velocity);
            assert!(
                found.len() as u64 <= u64::from(pixels),
                "{pixels} in {block_px}: {}",
                found.len()
            );
            let side = block_px.min(pixels.isqrt()) as usize;
            if pixels <= 100 && side > 0 {
                assert_eq!(
                    found.len(),
                    pixels as usize / (side * side) * side * side,
                    "all of the budget is used"
                );
            }
            // The first pixel in reading order is the upper left corner of a square; take that away, and so on.
            let mut rest: std::collections::BTreeSet<usize> = found.into_iter().collect();
            while let Some(&corner) = rest.first() {
                for k in 0..side * side {
                    let i = corner + k / side * COLUMNS + k % side;
                    assert!(
                        rest.remove(&i),
                        "{pixels} in {block_px}: pixel {i} of the square at {corner}"
                    );
                }
            }
        }
    }

    #[test]
    fn blocks_go_where_the_gradient_is_and_room_is_left() {
        let mut velocity = vec![0.0; PIXELS];
        let spot = |left: usize, top: usize| (0..25).map(move |k| (top + k / 5) * COLUMNS + left + k % 5);
        spot(50, 20).for_each(|i| velocity[i] = 1.0);
        spot(90, 40).for_each(|i| velocity[i] = -2.0);
        let one = Sparse {
            pixels: 25,
            block_px: 5,
            epsilon: Epsilon::ONE,
        };
        assert_eq!(raised(&one, &velocity), spot(90, 40).collect::<Vec<_>>());

        let mut pixels = vec![0.5; PIXELS];
        spot(90, 40).for_each(|i| pixels[i] = 0.0);
        let mut epsilon = vec![0.0; PIXELS];
        raise(&one, &pixels, &velocity, &mut epsilon);
        assert!(spot(50, 20).all(|i| epsilon[i] == 1.0), "black cannot get darker");
    }
}
