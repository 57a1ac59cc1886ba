//! The ground and the ink's tones: clouds of value noise, slow shading, and grain.

use super::random::Random;
use super::{HEIGHT, Polarity, Style, WIDTH};

/// Share of the texture's amplitude that the coarse clouds have; the fine ones have the rest.
const COARSE: f32 = 0.6;
/// Size of the fine clouds and of the ink's, in coarse ones.
const FINE: f32 = 1.0 / 3.0;

/// Everything but the ink: the picture is `tone + ink * contrast`, pixel by pixel.
pub(super) struct Ground {
    /// `[HEIGHT * WIDTH]`, the tone without ink.
    tone: Vec<f32>,
    /// `[HEIGHT * WIDTH]`, what full ink adds, negative where it is darker.
    contrast: Vec<f32>,
}

impl Ground {
    /// Draws the textures of a captcha.
    pub fn new(style: &Style, random: &mut Random) -> Self {
        let size = (WIDTH * HEIGHT) as usize;
        let mut tone = vec![random.within(&style.background); size];
        let contrast = random.within(&style.contrast);
        let lighter = match style.polarity {
            Polarity::Dark => false,
            Polarity::Light => true,
            Polarity::Any => random.unit() < 0.5,
        };
        let sign = if lighter { 1.0 } else { -1.0 };
        let mut contrast = vec![sign * contrast; size];
        add_clouds(&mut tone, style.texture_cell, COARSE * style.texture, random);
        add_clouds(
            &mut tone,
            style.texture_cell * FINE,
            (1.0 - COARSE) * style.texture,
            random,
        );
        add_clouds(&mut contrast, style.texture_cell * FINE, style.ink_texture, random);
        add_clouds(&mut tone, style.shading_cell, style.shading, random);
        add_grain(&mut tone, style.grain, random);
        Self { tone, contrast }
    }

    /// The pixels of a picture; `ink` is the coverage by strokes, `[HEIGHT * WIDTH]` in `[0, 1]`.
    pub fn paint(&self, ink: impl Iterator<Item = f32>) -> impl Iterator<Item = u8> {
        let tones = self
            .tone
            .iter()
            .zip(&self.contrast)
            .zip(ink)
            .map(|((tone, contrast), ink)| tone + contrast * ink);
        // A cast saturates, so nothing is left to clamp.
        tones.map(|tone| (255.0 * tone + 0.5) as u8)
    }
}

/// Adds noise that varies smoothly over `cell` pixels, within `amplitude` either way: random values at the nodes of a
/// lattice, smoothed between them.
fn add_clouds(into: &mut [f32], cell: f32, amplitude: f32, random: &mut Random) {
    if amplitude == 0.0 {
        return;
    }
    let cell = cell.clamp(2.0, WIDTH as f32);
    let columns: Vec<(usize, f32)> = (0..WIDTH).map(|x| locate(x, cell)).collect();
    let nodes = (WIDTH as f32 / cell) as usize + 2;
    let mut node_row = || -> Vec<f32> { (0..nodes).map(|_| amplitude * random.signed()).collect() };
    let (mut above, mut below, mut current) = (node_row(), node_row(), 0);
    let mut blend = vec![0.0; nodes];
    for (y, row) in (0..HEIGHT).zip(into.chunks_exact_mut(WIDTH as usize)) {
        let (cell_row, along) = locate(y, cell);
        if cell_row != current {
            current = cell_row;
            above = core::mem::replace(&mut below, node_row());
        }
        for (blend, (above, below)) in blend.iter_mut().zip(above.iter().zip(&below)) {
            *blend = above + (below - above) * along;
        }
        for (value, (column, along)) in row.iter_mut().zip(&columns) {
            if let [left, right, ..] = blend[*column..] {
                *value += left + (right - left) * along;
            }
        }
    }
}

/// The lattice cell of a pixel, and the smoothed place in it, `[0, 1)`.
fn locate(pixel: u32, cell: f32) -> (usize, f32) {
    let cells = pixel as f32 / cell;
    let t = cells - cells.floor();
    (cells as usize, t * t * (3.0 - 2.0 * t))
}

/// Adds independent noise to each pixel, triangular within `amplitude` either way.
fn add_grain(into: &mut [f32], amplitude: f32, random: &mut Random) {
    if amplitude == 0.0 {
        return;
    }
    let mut bytes = [0; 2 * WIDTH as usize];
    for row in into.chunks_exact_mut(WIDTH as usize) {
        random.bytes(&mut bytes);
        for (value, pair) in row.iter_mut().zip(bytes.chunks_exact(2)) {
            let sum: u16 = pair.iter().map(|byte| u16::from(*byte)).sum();
            *value += amplitude * (f32::from(sum) * (1.0 / 255.0) - 1.0);
        }
    }
}
