//! How near characters are, pixel by pixel.

use image::GrayImage;

/// Half the side of the window that is looked at, pixels: an opening of a C is 8 to 16 high.
const REACH: u32 = 7;
/// The share of the window that characters cover in an opening, or at an edge of one, is at least the inverse.
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

    /// 1 on a character and in its openings, less beside it, 0 further than [`REACH`] away.
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
    fn is_the_scaled_share_of_the_window_that_characters_cover() {
        let mask = GrayImage::from_fn(200, 60, |x, y| {
            Luma([if (x * 7 + y * 3) % 11 < 2 || x == 199 { 255 } else { 0 }])
        });
        let nearness = Nearness::new(&mask);
        for (x, y) in [(0, 0), (199, 59), (3, 50), (100, 30), (199, 0), (192, 8)] {
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
        }
    }
}
