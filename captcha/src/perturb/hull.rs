//! Closed hulls of glyphs: the strokes and the openings between them, which tell C from O as much as the strokes do.

use super::grid::{COLUMNS, PIXELS, ROWS};

/// Column and row.
pub(super) type Point = (i32, i32);

/// The box around all strokes, pixels, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextBox {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl TextBox {
    /// The box around the set pixels, `None` without any.
    pub(super) fn of(strokes: &[bool]) -> Option<Self> {
        let set = (0..).zip(strokes).filter(|(_, stroke)| **stroke).map(|(i, _)| point(i));
        set.fold(None, |text: Option<Self>, (x, y)| {
            let text = text.unwrap_or(Self {
                left: x,
                right: x,
                top: y,
                bottom: y,
            });
            Some(Self {
                left: text.left.min(x),
                right: text.right.max(x),
                top: text.top.min(y),
                bottom: text.bottom.max(y),
            })
        })
    }

    /// Squared distance of a pixel to the box, 0 inside.
    pub(super) fn squared_distance(self, index: usize) -> i32 {
        let (x, y) = point(index);
        let dx = (self.left - x).max(x - self.right).max(0);
        let dy = (self.top - y).max(y - self.bottom).max(0);
        dx * dx + dy * dy
    }
}

/// Marks the convex hull of every glyph: `[60 * 200]`.
///
/// A glyph is a connected component of `strokes`; one as wide as several of the `glyphs` expected is cut into as many
/// first, where its columns have the fewest strokes, because letters that touch must not count as one shape.
pub(super) fn glyph_hulls(strokes: &[bool], glyphs: usize) -> Vec<bool> {
    let mut inside = strokes.to_vec();
    for glyph in self::glyphs(strokes, glyphs) {
        fill(&hull(&glyph), &mut inside);
    }
    inside
}

/// The pixels of each glyph, of about `count`, see [`glyph_hulls`].
pub(super) fn glyphs(strokes: &[bool], count: usize) -> Vec<Vec<Point>> {
    let width = TextBox::of(strokes).map_or(0, |text| text.right - text.left + 1);
    let glyph_width = (width / i32::try_from(count).unwrap_or(i32::MAX).max(1)).max(1);
    let components = components(strokes).into_iter();
    components.flat_map(|component| split(component, glyph_width)).collect()
}

/// The pixels of each 8-connected component.
pub(super) fn components(strokes: &[bool]) -> Vec<Vec<Point>> {
    let mut open = strokes.to_vec();
    let mut found = Vec::new();
    for start in 0..PIXELS {
        if !take(&mut open, point(start)) {
            continue;
        }
        let mut component = vec![point(start)];
        let mut next = 0;
        while let Some(&(x, y)) = component.get(next) {
            next += 1;
            for neighbour in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (x + dx, y + dy))) {
                if take(&mut open, neighbour) {
                    component.push(neighbour);
                }
            }
        }
        found.push(component);
    }
    found
}

#[expect(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "a picture has 12,000 pixels"
)]
fn point(index: usize) -> Point {
    ((index % COLUMNS) as i32, (index / COLUMNS) as i32)
}

/// The index of a point, `None` outside the picture.
pub(super) fn index((x, y): Point) -> Option<usize> {
    let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
    (x < COLUMNS && y < ROWS).then_some(y * COLUMNS + x)
}

/// Clears a pixel and tells whether it was set.
fn take(plane: &mut [bool], at: Point) -> bool {
    index(at).and_then(|i| plane.get_mut(i)).is_some_and(core::mem::take)
}

/// First and last column with a point.
fn columns_of<'a>(points: impl Iterator<Item = &'a Point>) -> Option<(i32, i32)> {
    points.fold(None, |columns, &(x, _)| match columns {
        Some((first, last)) => Some((x.min(first), x.max(last))),
        None => Some((x, x)),
    })
}

/// Cuts a component into glyphs of about `glyph_width`.
fn split(component: Vec<Point>, glyph_width: i32) -> Vec<Vec<Point>> {
    let Some((first, last)) = columns_of(component.iter()) else {
        return Vec::new();
    };
    let width = last - first + 1;
    // Rounded up from two thirds on: W and M are wider than the mean.
    let count = ((width + glyph_width / 3) / glyph_width).max(1);
    let mut heights = [0; COLUMNS];
    for (x, _) in &component {
        if let Some(height) = usize::try_from(*x).ok().and_then(|x| heights.get_mut(x)) {
            *height += 1;
        }
    }
    let mut rest = component;
    let mut glyphs = Vec::new();
    for i in 1..count {
        let middle = first + width * i / count;
        let window = middle - glyph_width / 4..=middle + glyph_width / 4;
        let height = |x: &i32| usize::try_from(*x).ok().and_then(|x| heights.get(x)).copied();
        // Of equally low columns, the one nearest to an even cut.
        let cut = window.min_by_key(|x| (height(x), (x - middle).abs())).unwrap_or(middle);
        let (left, right) = rest.into_iter().partition(|(x, _)| *x < cut);
        glyphs.push(left);
        rest = right;
    }
    glyphs.push(rest);
    glyphs
}

/// Corners of the convex hull, in order (Andrew's monotone chain).
fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    let mut corners = half_hull(sorted.iter());
    corners.extend(half_hull(sorted.iter().rev()));
    corners
}

fn half_hull<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut chain: Vec<Point> = Vec::new();
    for &next in points {
        while let [.., a, b] = *chain
            && turn(a, b, next) <= 0
        {
            chain.pop();
        }
        chain.push(next);
    }
    chain
}

/// Positive where `a`, `b`, `c` turn left.
fn turn(a: Point, b: Point, c: Point) -> i32 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

/// Sets every pixel whose centre is in the convex polygon, its border included.
fn fill(corners: &[Point], inside: &mut [bool]) {
    let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
    let rows = corners
        .iter()
        .fold(None, |rows: Option<(i32, i32)>, &(_, y)| match rows {
            Some((top, bottom)) => Some((y.min(top), y.max(bottom))),
            None => Some((y, y)),
        });
    let Some((top, bottom)) = rows else { return };
    for y in top..=bottom {
        let (mut first, mut last) = (i32::MAX, i32::MIN);
        for (&a, &b) in edges() {
            let (upper, lower) = if a.1 <= b.1 { (a, b) } else { (b, a) };
            if !(upper.1..=lower.1).contains(&y) {
                continue;
            }
            if upper.1 == lower.1 {
                (first, last) = (first.min(upper.0).min(lower.0), last.max(upper.0).max(lower.0));
                continue;
            }
            let (run, height) = ((lower.0 - upper.0) * (y - upper.1), lower.1 - upper.1);
            first = first.min(upper.0 - (-run).div_euclid(height));
            last = last.max(upper.0 + run.div_euclid(height));
        }
        for x in first..=last {
            if let Some(pixel) = index((x, y)).and_then(|i| inside.get_mut(i)) {
                *pixel = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;

    fn plane(set: impl Fn(i32, i32) -> bool) -> Vec<bool> {
        (0..PIXELS).map(point).map(|(x, y)| set(x, y)).collect()
    }

    #[test]
    fn a_filled_hull_holds_exactly_the_points_no_separating_edge_excludes() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for case in 0..30 {
            let count = case % 9 + 1;
            let mut coordinate = |limit: u32| (rng.next_u32() % limit) as i32;
            let points: Vec<Point> = (0..count).map(|_| (coordinate(30), coordinate(20))).collect();
            let mut filled = vec![false; PIXELS];
            fill(&hull(&points), &mut filled);
            for (i, found) in filled.into_iter().enumerate() {
                assert_eq!(
                    found,
                    in_hull(&points, point(i)),
                    "case {case}, pixel {:?}, points {points:?}",
                    point(i)
                );
            }
        }
    }

    /// In the hull unless a line through two of the points (or a point itself) has all of them strictly on one side.
    fn in_hull(points: &[Point], p: Point) -> bool {
        // Directions to all points fit into an open half plane exactly when `p` is outside.
        points.contains(&p)
            || !points.iter().any(|&a| {
                points.iter().all(|&b| {
                    let t = turn(p, a, b);
                    let same_way = (a.0 - p.0) * (b.0 - p.0) + (a.1 - p.1) * (b.1 - p.1) > 0;
                    t > 0 || (t == 0 && same_way)
                })
            })
    }

    #[test]
    fn openings_belong_to_the_glyph_and_gaps_do_not() {
        let c = |x: i32, y: i32, left: i32| {
            (left..left + 24).contains(&x)
                && (10..50).contains(&y)
                && !((left + 5..).contains(&x) && (15..45).contains(&y))
        };
        let hulls = glyph_hulls(&plane(|x, y| c(x, y, 20) || c(x, y, 60)), 2);
        let at = |x, y| hulls[index((x, y)).unwrap()];
        assert!(at(40, 30) && at(80, 30), "openings");
        assert!(!at(52, 30) && !at(10, 30) && !at(30, 5), "gap, left, above");
    }

    #[test]
    fn letters_that_touch_are_two_shapes() {
        // A T and an L with one foot: the hull of both would fill the corners between them.
        let t = |x: i32, y: i32| {
            (20..50).contains(&x) && (10..15).contains(&y) || (33..37).contains(&x) && (10..50).contains(&y)
        };
        let l = |x: i32, y: i32| {
            (50..54).contains(&x) && (10..50).contains(&y) || (50..80).contains(&x) && (45..50).contains(&y)
        };
        let hulls = glyph_hulls(&plane(|x, y| t(x, y) || l(x, y)), 2);
        let at = |x, y| hulls[index((x, y)).unwrap()];
        assert!(!at(45, 45) && !at(75, 15), "corners outside T and L");
        assert!(at(35, 45) && at(60, 40));
    }

    #[test]
    fn nothing_and_everything() {
        assert!(glyph_hulls(&plane(|_, _| false), 5).iter().all(|i| !i));
        assert!(glyph_hulls(&plane(|_, _| true), 5).iter().all(|i| *i));
        assert!(glyph_hulls(&plane(|_, _| true), 0).iter().all(|i| *i));
    }
}
