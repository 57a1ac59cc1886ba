//! How handles are moved: by people, and by programs that do not try.

use parallax_captcha::wire::{Environment, Input, Slider, Trace, WebGl};

/// Pixels the handle can travel on the test's slider.
const TRACK: f32 = 280.0;

/// The browser of an ordinary visitor.
#[must_use]
pub fn browser() -> Environment {
    Environment {
        version: Environment::VERSION,
        languages: true,
        language_count: 2,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        platform: "Linux x86_64".to_owned(),
        screen: [1920, 1080],
        webgl: Some(WebGl {
            vendor: "Intel".to_owned(),
            renderer: "Intel(R) HD Graphics 400, or similar".to_owned(),
        }),
        ..Environment::default()
    }
}

/// Straight to the target in 50 ms.
#[must_use]
pub fn straight(slider: &Slider) -> Trace {
    let distance = slider.target * TRACK;
    let samples = (0..=10_u8)
        .map(|i| f32::from(i) / 10.0)
        .map(|part| [part * distance, 0.0, part * 50.0])
        .collect();
    Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples,
        track: TRACK,
    }
}

/// Like a hand: a minimum-jerk stroke that falls short, a pause, a correction; uneven intervals, a drift across.
/// Written down from no recording; recordings replace it in the browser tests where there are any.
#[must_use]
pub fn hand(slider: &Slider) -> Trace {
    let distance = slider.target * TRACK;
    let mut samples = Vec::new();
    let mut time = 0.0;
    for step in 0..90_u16 {
        let progress = f32::from(step) / 89.0;
        let stroke = minimum_jerk((progress / 0.62).min(1.0)) * 0.93;
        let correction = minimum_jerk(((progress - 0.74) / 0.26).clamp(0.0, 1.0)) * 0.07;
        let drift = 5.0 * (progress * 2.6).sin() + 1.5 * (progress * 11.0).sin();
        samples.push([(stroke + correction) * distance, drift, time]);
        time += 9.0 + 5.0 * (f32::from(step * 7 % 13) / 13.0) + if step % 17 == 0 { 11.0 } else { 0.0 };
    }
    Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples,
        track: TRACK,
    }
}

/// Position at `time`, both in `[0, 1]`, of the smoothest movement from rest to rest (Flash and Hogan 1985).
fn minimum_jerk(time: f32) -> f32 {
    time.powi(3) * (10.0 - 15.0 * time + 6.0 * time.powi(2))
}
