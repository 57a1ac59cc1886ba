//! The shipped fonts, and their glyphs as polygons.

use core::fmt;
use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, OutlineCurve, Point, point};
use serde::{Deserialize, Serialize};

use crate::alphabet::{ALPHABET, CLASSES};

/// A shipped font; `captcha/fonts/README.md` tells where each comes from and its licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Font {
    /// Bitter extra bold, a slab serif.
    Bitter,
    /// Courier Prime bold, a typewriter.
    CourierPrime,
    /// Grandstander bold, a handwriting.
    Grandstander,
    /// Nunito extra bold, a rounded sans.
    Nunito,
    /// Open Sans bold, a sans.
    OpenSans,
    /// Piazzolla extra bold, a serif.
    Piazzolla,
    /// Roboto Slab bold, a slab serif.
    RobotoSlab,
    /// Rubik bold, a sans with rounded corners.
    Rubik,
}

/// A glyph's closed polygons. The unit is the font's cap height; x = 0 is the glyph's middle, y = 0 half way between
/// baseline and cap height, y grows downwards.
pub(super) type Polygons = Vec<Vec<Point>>;

/// Longest side of a polygon, cap heights: short enough that warped straight lines bend.
const LONGEST_SIDE: f32 = 0.1;

impl Font {
    /// Every font.
    pub const ALL: [Self; 8] = [
        Self::Bitter,
        Self::CourierPrime,
        Self::Grandstander,
        Self::Nunito,
        Self::OpenSans,
        Self::Piazzolla,
        Self::RobotoSlab,
        Self::Rubik,
    ];

    /// The font file, reduced to the alphabet.
    fn file(self) -> &'static [u8] {
        match self {
            Self::Bitter => include_bytes!("../../fonts/bitter-800.ttf"),
            Self::CourierPrime => include_bytes!("../../fonts/courier-prime-700.ttf"),
            Self::Grandstander => include_bytes!("../../fonts/grandstander-700.ttf"),
            Self::Nunito => include_bytes!("../../fonts/nunito-800.ttf"),
            Self::OpenSans => include_bytes!("../../fonts/open-sans-700.ttf"),
            Self::Piazzolla => include_bytes!("../../fonts/piazzolla-800.ttf"),
            Self::RobotoSlab => include_bytes!("../../fonts/roboto-slab-700.ttf"),
            Self::Rubik => include_bytes!("../../fonts/rubik-700.ttf"),
        }
    }

    /// The polygons of a class of the alphabet, none for the blank; each font is read once, on first use.
    pub(super) fn polygons(self, class: usize) -> &'static [Vec<Point>] {
        static GLYPHS: [OnceLock<Vec<Polygons>>; Font::ALL.len()] = [const { OnceLock::new() }; Font::ALL.len()];
        let glyphs = GLYPHS[self as usize].get_or_init(|| read(self.file()));
        class
            .checked_sub(1)
            .and_then(|i| glyphs.get(i))
            .map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Font {
    /// The name that it has in a serialised [`super::Style`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The glyphs of the alphabet, in its order; empty if the file is no font, which a test excludes.
fn read(file: &'static [u8]) -> Vec<Polygons> {
    let Ok(font) = FontRef::try_from_slice(file) else {
        return Vec::new();
    };
    let mut glyphs = Vec::with_capacity(CLASSES - 1);
    let cap_height = font
        .outline(font.glyph_id('H'))
        .map_or(1.0, |h| h.bounds.max.y.max(h.bounds.min.y));
    for character in ALPHABET.chars() {
        let Some(outline) = font.outline(font.glyph_id(character)) else {
            return Vec::new();
        };
        let middle = 0.5 * (outline.bounds.min.x + outline.bounds.max.x);
        let place = |p: Point| point((p.x - middle) / cap_height, 0.5 - p.y / cap_height);
        glyphs.push(flatten(&outline.curves, place));
    }
    glyphs
}

/// Curves as polygons of sides no longer than [`LONGEST_SIDE`], each point moved by `place`.
fn flatten(curves: &[OutlineCurve], place: impl Fn(Point) -> Point) -> Polygons {
    let mut polygons = Polygons::new();
    let mut end = None;
    for curve in curves {
        // A line is the quadratic curve whose control point is its middle; TrueType has no cubic ones.
        let (p, q, r) = match curve {
            OutlineCurve::Line(p, r) => (*p, point(0.5 * (p.x + r.x), 0.5 * (p.y + r.y)), *r),
            OutlineCurve::Quad(p, q, r) | OutlineCurve::Cubic(p, q, _, r) => (*p, *q, *r),
        };
        if end != Some(p) {
            polygons.push(Vec::new());
        }
        end = Some(r);
        let (p, q, r) = (place(p), place(q), place(r));
        let sides = ((distance(p, q) + distance(q, r)) / LONGEST_SIDE).ceil().max(1.0);
        if let Some(polygon) = polygons.last_mut() {
            polygon.extend((0..sides as usize).map(|i| on_curve(p, q, r, i as f32 / sides)));
        }
    }
    polygons
}

/// The point at `t` in `[0, 1]` of a quadratic Bézier curve.
pub(super) fn on_curve(p: Point, q: Point, r: Point, t: f32) -> Point {
    let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
    point(a * p.x + b * q.x + c * r.x, a * p.y + b * q.y + c * r.y)
}

/// Euclidean distance.
fn distance(p: Point, q: Point) -> f32 {
    ((p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::canvas;
    use super::*;
    use crate::alphabet::character_of;

    /// A glyph scaled to fill a square of 48 x 48 pixels, as coverage: size and place shall not tell glyphs apart.
    fn raster(font: Font, class: usize) -> Vec<f32> {
        let polygons = font.polygons(class);
        let points = || polygons.iter().flatten();
        let (x0, x1) = points().fold((f32::MAX, f32::MIN), |(a, b), p| (a.min(p.x), b.max(p.x)));
        let (y0, y1) = points().fold((f32::MAX, f32::MIN), |(a, b), p| (a.min(p.y), b.max(p.y)));
        let scaled = |p: &Point| point((p.x - x0) / (x1 - x0) * 48.0, (p.y - y0) / (y1 - y0) * 48.0);
        canvas::fill(&polygons.iter().map(|c| c.iter().map(scaled).collect()).collect())
    }

    #[test]
    fn every_font_has_every_character() {
        for font in Font::ALL {
            for class in 1..CLASSES {
                let area: f32 = raster(font, class).iter().sum();
                assert!(
                    area > 0.2 * 48.0 * 48.0,
                    "{font} {:?} covers {area}",
                    character_of(class)
                );
            }
            assert!(font.polygons(0).is_empty() && font.polygons(CLASSES).is_empty());
        }
    }

    #[test]
    fn no_two_characters_of_a_font_look_alike() {
        for font in Font::ALL {
            let glyphs: Vec<_> = (1..CLASSES).map(|class| raster(font, class)).collect();
            for (i, a) in glyphs.iter().enumerate() {
                for (j, b) in glyphs.iter().enumerate().skip(i + 1) {
                    let shared: f32 = a.iter().zip(b).map(|(a, b)| a.min(*b)).sum();
                    let either: f32 = a.iter().zip(b).map(|(a, b)| a.max(*b)).sum();
                    let names = (character_of(i + 1), character_of(j + 1));
                    // The closest: H and N of Rubik at 0.84, E and F of Bitter at 0.83.
                    assert!(
                        shared / either < 0.85,
                        "{font}: {names:?} overlap by {}",
                        shared / either
                    );
                }
            }
        }
    }
}
