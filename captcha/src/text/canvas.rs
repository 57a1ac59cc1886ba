//! Polygons to coverage.

use ab_glyph::{Point, point};
use ab_glyph_rasterizer::Rasterizer;

use super::font::Polygons;
use super::{HEIGHT, WIDTH};

/// The share of each pixel that closed polygons cover, `[0, 1]`, row-major; polygons that wind alike unite.
pub(super) fn fill(polygons: &Polygons) -> Vec<f32> {
    let mut rasterizer = Rasterizer::new(WIDTH as usize, HEIGHT as usize);
    for polygon in polygons {
        let mut from = polygon.last().copied().map(inside);
        for to in polygon.iter().copied().map(inside) {
            if let Some(from) = from {
                rasterizer.draw_line(from, to);
            }
            from = Some(to);
        }
    }
    let mut coverage = vec![0.0; (WIDTH * HEIGHT) as usize];
    let mut pixels = coverage.iter_mut();
    rasterizer.for_each_pixel(|_, share| {
        if let Some(pixel) = pixels.next() {
            *pixel = share.min(1.0);
        }
    });
    coverage
}

/// The nearest point of the picture: beyond its sides the rasteriser would spill into the next row.
///
/// Not `clamp`, which would keep a NaN.
fn inside(p: Point) -> Point {
    point(p.x.max(0.0).min(WIDTH as f32), p.y.max(0.0).min(HEIGHT as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_exactly_the_area() {
        let square = |x: f32, y: f32, side: f32| {
            vec![
                point(x, y),
                point(x + side, y),
                point(x + side, y + side),
                point(x, y + side),
            ]
        };
        let cases = [
            (vec![square(10.5, 10.25, 4.0)], 16.0),
            (vec![square(10.0, 10.0, 4.0), square(12.0, 10.0, 4.0)], 24.0),
            (vec![square(198.0, 58.0, 10.0)], 4.0),
            (vec![square(-5.0, -5.0, 7.0)], 4.0),
            (vec![square(f32::NAN, 0.0, 1.0)], 0.0),
        ];
        for (polygons, area) in cases {
            let covered: f32 = fill(&polygons).iter().sum();
            assert!(
                (covered - area).abs() < 1e-2,
                "{covered} instead of {area}: {polygons:?}"
            );
        }
    }
}
