//! How near characters are, pixel by pixel.

use image::GrayImage;

/// How far the window reaches left, right, up and down of a pixel: an opening of a C is 8 to 16 pixels high.
const REACH: u32 = 7;
/// Chosen so that most of an opening, where characters cover a third of the window, counts as being on one.
const GAIN: f32 = 3.0;

/// Tells it from sums over rectangles, each of which takes four reads of a summed-area table (Crow 1984).
pub(super) struct Nearness {
    /// `[(height + 1) * (width + 1)]`: pixels of characters above and left of a corner.
    corners: Vec<u32>,
    width: u32,
    height: u32,
}

impl Nearness {
    /// Of the characters of `mask`.
    pub(super) fn new(mask: &GrayImage) -> Self {
        let (width, height) = mask.dimensions();
        let stride = width as usize + 1;
        let mut corners = vec![0; stride];
        for row in mask.rows() {
            let above = corners.len() - stride;
            let mut sum = 0;
            corners.push(0);
            for (x, pixel) in row.enumerate() {
                sum += u32::from(pixel.0[0] > 0);
                corners.push(sum + corners.get(above + x + 1).copied().unwrap_or(0));
            }
        }
        Self { corners, width, height }
    }

    /// Three times the share of the window around the pixel (15 x 15, cut at the borders) that characters cover, at
    /// most 1; 0 where none is within 7 pixels along both axes.
    pub(super) fn at(&self, x: u32, y: u32) -> f32 {
        let (left, right) = (x.saturating_sub(REACH), (x + REACH + 1).min(self.width));
        let (top, bottom) = (y.saturating_sub(REACH), (y + REACH + 1).min(self.height));
        let corner = |x, y| {
            self.corners
                .get((y * (self.width + 1) + x) as usize)
                .copied()
                .unwrap_or(0)
        };
        let covered = corner(right, bottom) + corner(left, top) - corner(left, bottom) - corner(right, top);
        let area = (right - left) * (bottom - top);
        (GAIN * covered as f32 / area as f32).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn is_three_times_the_share_of_the_window_that_characters_cover() {
        // Sparse on the left, full in the middle, empty on the right.
        let is_set = |x: u32, y: u32| match x {
            0..80 => (x * 7 + y * 3) % 11 < 2,
            80..120 => true,
            _ => x == 199,
        };
        let mask = GrayImage::from_fn(200, 60, |x, y| Luma([if is_set(x, y) { 255 } else { 0 }]));
        let nearness = Nearness::new(&mask);
        let mut seen = [false; 3];
        for (x, y) in [
            (0, 0),
            (199, 59),
            (3, 50),
            (40, 30),
            (199, 0),
            (192, 8),
            (100, 30),
            (150, 30),
            (191, 30),
        ] {
            let window = || {
                let columns = x - 7..=x + 7_i32;
                columns
                    .flat_map(move |x| (y - 7..=y + 7_i32).map(move |y| (x, y)))
                    .filter(|(x, y)| (0..200).contains(x) && (0..60).contains(y))
            };
            let set = window()
                .filter(|(x, y)| mask.get_pixel(*x as u32, *y as u32).0[0] > 0)
                .count();
            let expected = (3.0 * set as f32 / window().count() as f32).min(1.0);
            assert_eq!(nearness.at(x as u32, y as u32), expected, "at {x}, {y}");
            seen[if expected == 0.0 {
                0
            } else if expected < 1.0 {
                1
            } else {
                2
            }] = true;
        }
        assert_eq!(seen, [true; 3]);
    }
}
