//! What a perturbation costs beside its gradients: `cargo run --release -p parallax-captcha --example perturb_speed`.

use std::convert::Infallible;
use std::time::Instant;

use parallax_captcha::alphabet::{CLASSES, Label};
use parallax_captcha::perturb::{FRAMES, Gradient, GradientModel, PerturbConfig, estimate_mask, perturb};
use parallax_captcha::text::{Captcha, Style, draw};

/// Replies with the same gradient to everything.
struct Free(Gradient);

impl GradientModel for Free {
    type Error = Infallible;

    fn gradient(&mut self, _: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, Infallible> {
        Ok(self.0.clone())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let captchas: Vec<Captcha> = (0..200).map(|seed| draw(&Style::default(), seed)).collect();
    let image = (0..3_000_u16).map(|i| f32::from(i % 37) - 18.0).collect();
    let mut model = Free(Gradient {
        loss: 0.0,
        image,
        logits: Some(vec![0.0; FRAMES * CLASSES]),
    });
    for (name, config) in [("default", PerturbConfig::default()), ("paper", PerturbConfig::paper())] {
        let start = Instant::now();
        for captcha in &captchas {
            perturb(&mut model, &captcha.image, &captcha.mask, &captcha.label, &config)?;
        }
        print_each(name, start, captchas.len());
    }
    let start = Instant::now();
    let inked = captchas
        .iter()
        .filter(|c| estimate_mask(&c.image).iter().any(|p| *p > 0))
        .count();
    print_each("estimate_mask", start, inked);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn print_each(name: &str, start: Instant, count: usize) {
    println!(
        "{name}: {:.3} ms an image",
        start.elapsed().as_secs_f64() * 1e3 / count as f64
    );
}
