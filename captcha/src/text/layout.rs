//! Where the strokes go: characters placed side by side over the whole width, and decoy strokes across them.

use ab_glyph::{Point, point};

use super::font::{Polygons, on_curve};
use super::random::Random;
use super::warp::Warp;
use super::{Font, HEIGHT, Style, WIDTH};
use crate::alphabet::Label;

/// How far a text may be scaled as a whole to fill the width, and stretched along x after that.
const SCALE: (f32, f32) = (0.92, 1.2);
const STRETCH: (f32, f32) = (0.75, 1.25);
/// Rows above and below the text that stay free.
const HEADROOM: f32 = 3.0;
/// Largest distance of the text's middle from the picture's, pixels.
const OFF_CENTRE: f32 = 1.5;
/// Points along a decoy stroke.
const DECOY_POINTS: usize = 24;

/// The outlines of a text, warped, pixels: centred, and as wide as the picture less its margins whatever the length.
pub(super) fn letters(style: &Style, label: &Label, random: &mut Random) -> Polygons {
    let cap_height = random.within(&style.cap_height);
    let left = random.within(&style.margin);
    let right = WIDTH as f32 - random.within(&style.margin);
    let mut glyphs = glyphs(style, label, cap_height, random);
    let overlaps: Vec<f32> = (1..glyphs.len()).map(|_| random.within(&style.overlap)).collect();

    fill_width(&mut glyphs, right - left + overlaps.iter().sum::<f32>());
    let mut polygons = line_up(glyphs, &overlaps, right - left);
    let box_ = Extent::of(polygons.iter().flatten());
    // The warp is laid over the place where the text will stand.
    let (x, y) = (left - box_.left, 0.5 * (HEIGHT as f32 - box_.top - box_.bottom));
    let warp = Warp::new(style.warp_cell, style.warp, random);
    move_each(&mut polygons, |p| warp.apply(point(p.x + x, p.y + y)));
    let middle = 0.5 * HEIGHT as f32 + OFF_CENTRE * random.signed();
    fit(&mut polygons, left, right, middle);
    polygons
}

/// Each character in its font, sized, sheared, rotated and shifted about its own middle, which is at x = 0.
fn glyphs(style: &Style, label: &Label, cap_height: f32, random: &mut Random) -> Vec<Polygons> {
    let fonts = if style.fonts.is_empty() {
        &Font::ALL[..]
    } else {
        &style.fonts
    };
    let mut font = random.index(fonts.len());
    let mut glyphs = Vec::with_capacity(label.as_str().len());
    for class in label.classes() {
        if random.unit() < style.font_change {
            font = random.index(fonts.len());
        }
        let size = cap_height * (1.0 + style.size_jitter * random.signed());
        let shear = style.shear * random.signed();
        let angle = style.rotation.to_radians() * random.signed();
        let (sin, cos) = (size * libm::sinf(angle), size * libm::cosf(angle));
        let shift = style.baseline_jitter * random.signed();
        let mut glyph = fonts
            .get(font)
            .map_or(Polygons::new(), |font| font.polygons(class).to_vec());
        move_each(&mut glyph, |p| {
            let x = p.x - shear * p.y;
            point(cos * x - sin * p.y, sin * x + cos * p.y + shift)
        });
        glyphs.push(glyph);
    }
    glyphs
}

/// Scales the characters so that side by side they are as wide as `width`, as far as that looks natural.
fn fill_width(glyphs: &mut [Polygons], width: f32) {
    let natural: f32 = glyphs
        .iter()
        .map(|glyph| Extent::of(glyph.iter().flatten()).width())
        .sum();
    let wanted = width / natural.max(1.0);
    let scale = wanted.clamp(SCALE.0, SCALE.1);
    let stretch = (wanted / scale).clamp(STRETCH.0, STRETCH.1);
    for glyph in glyphs {
        move_each(glyph, |p| point(p.x * scale * stretch, p.y * scale));
    }
}

/// Sets the characters side by side from x = 0; what is left of `width` then goes between them.
fn line_up(glyphs: Vec<Polygons>, overlaps: &[f32], width: f32) -> Polygons {
    let extents: Vec<Extent> = glyphs.iter().map(|glyph| Extent::of(glyph.iter().flatten())).collect();
    let used = extents.iter().map(Extent::width).sum::<f32>() - overlaps.iter().sum::<f32>();
    let gap = (width - used).max(0.0) / overlaps.len().max(1) as f32;
    let mut line = Polygons::new();
    let mut x = 0.0;
    for (i, (mut glyph, extent)) in glyphs.into_iter().zip(extents).enumerate() {
        move_each(&mut glyph, |p| point(p.x + x - extent.left, p.y));
        line.append(&mut glyph);
        x += extent.width() + gap - overlaps.get(i).copied().unwrap_or(0.0);
    }
    line
}

/// Stretches the whole text from `left` to `right`, and moves it to the height `middle`, flatter if it would not fit.
fn fit(polygons: &mut Polygons, left: f32, right: f32, middle: f32) {
    let extent = Extent::of(polygons.iter().flatten());
    let x = (right - left) / extent.width().max(1.0);
    let room = HEIGHT as f32 - 2.0 * (HEADROOM + (middle - 0.5 * HEIGHT as f32).abs());
    let y = (room / extent.height().max(1.0)).min(1.0);
    let centre = 0.5 * (extent.top + extent.bottom);
    move_each(polygons, |p| {
        point(left + (p.x - extent.left) * x, middle + (p.y - centre) * y)
    });
}

/// The outlines of the decoy strokes: arcs that cross the text aslant, because a level one turns F into E.
pub(super) fn decoys(style: &Style, random: &mut Random) -> Polygons {
    let (fewest, most) = (*style.decoys.start(), *style.decoys.end());
    let count = usize::from(fewest) + random.index(usize::from(most.saturating_sub(fewest)) + 1);
    (0..count)
        .map(|_| decoy(random.within(&style.decoy_width), random))
        .collect()
}

/// One arc of a given width.
fn decoy(width: f32, random: &mut Random) -> Vec<Point> {
    let length = WIDTH as f32 * random.within(&(0.3..=0.55));
    let left = (WIDTH as f32 - length) * random.unit();
    let mut share = |low: f32, high: f32| random.within(&(low..=high));
    let (high, low) = (HEIGHT as f32 * share(0.0, 0.15), HEIGHT as f32 * share(0.85, 1.0));
    let bend = point(left + length * share(0.1, 0.9), HEIGHT as f32 * share(0.3, 0.7));
    let (start, end) = if random.unit() < 0.5 { (high, low) } else { (low, high) };
    let (from, to) = (point(left, start), point(left + length, end));
    let spine = |i: usize| on_curve(from, bend, to, i as f32 / DECOY_POINTS as f32);
    let side = |i: usize, sign: f32| {
        let (a, b) = (spine(i), spine(i + 1));
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let reach = sign * 0.5 * width / (dx * dx + dy * dy).sqrt().max(1e-3);
        point(a.x - dy * reach, a.y + dx * reach)
    };
    (0..DECOY_POINTS)
        .map(|i| side(i, 1.0))
        .chain((0..DECOY_POINTS).rev().map(|i| side(i, -1.0)))
        .collect()
}

/// Moves every point.
fn move_each(polygons: &mut Polygons, to: impl Fn(Point) -> Point) {
    polygons.iter_mut().flatten().for_each(|p| *p = to(*p));
}

/// The box around points.
struct Extent {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
}

impl Extent {
    /// The box around `points`; an empty one at 0 without any.
    fn of<'a>(points: impl Iterator<Item = &'a Point>) -> Self {
        let mut points = points.peekable();
        let first = points.peek().map_or(point(0.0, 0.0), |p| **p);
        let extent = Self {
            left: first.x,
            right: first.x,
            top: first.y,
            bottom: first.y,
        };
        points.fold(extent, |e, p| Self {
            left: e.left.min(p.x),
            right: e.right.max(p.x),
            top: e.top.min(p.y),
            bottom: e.bottom.max(p.y),
        })
    }

    fn width(&self) -> f32 {
        self.right - self.left
    }

    fn height(&self) -> f32 {
        self.bottom - self.top
    }
}
