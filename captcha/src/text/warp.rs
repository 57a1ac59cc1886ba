//! A smooth random displacement of the plane: a uniform cubic B-spline over a lattice of random vectors.

use ab_glyph::{Point, point};

use super::random::Random;
use super::{HEIGHT, WIDTH};

/// Displacements at lattice nodes, of which the spline is a weighted mean: no point moves farther than the amplitude.
pub(super) struct Warp {
    cell: f32,
    columns: usize,
    nodes: Vec<[f32; 2]>,
}

impl Warp {
    /// Nodes `cell` pixels apart (at least 8), each moved by up to `amplitude` pixels along each axis.
    pub fn new(cell: f32, amplitude: f32, random: &mut Random) -> Self {
        let cell = cell.clamp(8.0, WIDTH as f32);
        // A point in cell `i` sees the nodes `i..i + 4`.
        let columns = (WIDTH as f32 / cell) as usize + 4;
        let rows = (HEIGHT as f32 / cell) as usize + 4;
        let nodes = (0..columns * rows)
            .map(|_| [amplitude * random.signed(), amplitude * random.signed()])
            .collect();
        Self { cell, columns, nodes }
    }

    /// Where a point goes, pixels.
    pub fn apply(&self, at: Point) -> Point {
        let (column, along_x) = self.locate(at.x, WIDTH);
        let (row, along_y) = self.locate(at.y, HEIGHT);
        let (weights_x, weights_y) = (weights(along_x), weights(along_y));
        let mut moved = at;
        for (i, weight_y) in weights_y.into_iter().enumerate() {
            let start = (row + i) * self.columns + column;
            for (node, weight_x) in self.nodes[start..start + 4].iter().zip(weights_x) {
                let weight = weight_x * weight_y;
                moved = point(moved.x + weight * node[0], moved.y + weight * node[1]);
            }
        }
        moved
    }

    /// The cell of a coordinate and the place in that cell, `[0, 1)`; outside the picture, those of its edge.
    fn locate(&self, coordinate: f32, size: u32) -> (usize, f32) {
        let cells = coordinate.clamp(0.0, size as f32) / self.cell;
        (cells as usize, cells - cells.floor())
    }
}

/// Weights of the four nodes around a place `t` in a cell (uniform cubic B-spline); they are positive and sum to 1.
fn weights(t: f32) -> [f32; 4] {
    let s = 1.0 - t;
    let sixth = 1.0 / 6.0;
    [
        s * s * s * sixth,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) * sixth,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) * sixth,
        t * t * t * sixth,
    ]
}

#[cfg(test)]
mod tests {
    use super::super::random::Stream;
    use super::*;

    #[test]
    fn weights_are_a_partition_of_unity() {
        for i in 0..=10 {
            let weights = weights(i as f32 / 10.0);
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6 && weights.iter().all(|w| *w >= 0.0));
        }
    }

    #[test]
    fn moves_smoothly_and_never_too_far() {
        let warp = Warp::new(20.0, 6.0, &mut Random::new(1, Stream::Layout));
        let mut last = warp.apply(point(-30.0, 25.0));
        for x in -29..240 {
            let at = point(x as f32, 25.0);
            let moved = warp.apply(at);
            assert!((moved.x - at.x).abs() <= 6.0 && (moved.y - at.y).abs() <= 6.0);
            assert!(
                (moved.x - last.x - 1.0).abs() < 0.7 && (moved.y - last.y).abs() < 0.7,
                "torn at {x}"
            );
            last = moved;
        }
    }
}
