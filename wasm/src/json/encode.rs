//! Writes requests to the edge as JSON text.

#![allow(
    clippy::single_char_add_str,
    reason = "pushing a character encodes it as UTF-8 first, which costs bytes of wasm"
)]

use parallax_captcha::wire::{AnswerRequest, Input, SessionRequest, Trace};

/// Most bytes that are sent for one slide. An ordinary drag costs about half of it.
pub const MAX_SLIDE: usize = 5_000;

/// Body of `POST /v1/session`.
#[must_use]
pub fn session_request(request: &SessionRequest) -> String {
    let mut out = Writer::default();
    out.text("sitekey", &request.sitekey);
    for (name, value) in [("action", &request.action), ("cdata", &request.cdata)] {
        if let Some(value) = value {
            out.text(name, value);
        }
    }
    out.finish()
}

/// Body of `POST /v1/slide`: the wire's `SlideRequest`. Coordinates and times are rounded to tenths. `environment` is
/// JSON already: the loader reads it.
///
/// Keeps to [`MAX_SLIDE`] by sending every second sample only, or every third, and so on; the first and the last always.
#[must_use]
pub fn slide_request(session: &str, trace: &Trace, environment: &str) -> String {
    let mut stride = 1;
    loop {
        let mut out = Writer::default();
        out.text("session", session);
        out.object("trace", |out| write_trace(out, trace, stride));
        out.name("environment");
        out.0.push_str(environment);
        let body = out.finish();
        if body.len() <= MAX_SLIDE || stride >= trace.samples.len() {
            return body;
        }
        stride += 1;
    }
}

/// Body of `POST /v1/answer`.
#[must_use]
pub fn answer_request(request: &AnswerRequest) -> String {
    let mut out = Writer::default();
    out.text("challenge", &request.challenge);
    out.text("answer", &request.answer);
    out.object("behaviour", |out| {
        out.whole("elapsed_ms", request.behaviour.elapsed_ms);
        out.whole("keys", request.behaviour.keys);
    });
    out.finish()
}

fn write_trace(out: &mut Writer, trace: &Trace, stride: usize) {
    let input = match trace.input {
        Input::Mouse => "mouse",
        Input::Touch => "touch",
        Input::Pen => "pen",
        Input::Keyboard => "keyboard",
    };
    out.whole("version", trace.version.into());
    out.text("input", input);
    out.name("samples");
    out.0.push_str("[");
    for (index, sample) in trace.samples.iter().enumerate() {
        if index % stride != 0 && index + 1 != trace.samples.len() {
            continue;
        }
        out.0.push_str(if index == 0 { "[" } else { ",[" });
        for (index, number) in sample.iter().enumerate() {
            if index > 0 {
                out.0.push_str(",");
            }
            out.tenths(*number);
        }
        out.0.push_str("]");
    }
    out.0.push_str("]");
    out.name("track");
    out.tenths(trace.track);
}

/// An object being written.
struct Writer(String);

impl Default for Writer {
    fn default() -> Self {
        Self("{".into())
    }
}

impl Writer {
    fn name(&mut self, name: &str) {
        if self.0.as_bytes().last() != Some(&b'{') {
            self.0.push_str(",");
        }
        self.quoted(name);
        self.0.push_str(":");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quoted(value);
    }

    fn whole(&mut self, name: &str, value: u32) {
        self.name(name);
        self.digits(value);
    }

    fn object(&mut self, name: &str, members: impl FnOnce(&mut Self)) {
        self.name(name);
        self.0.push_str("{");
        members(self);
        self.0.push_str("}");
    }

    fn quoted(&mut self, text: &str) {
        self.0.push_str("\"");
        let mut plain = 0;
        for (index, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.0.push_str(text.get(plain..index).unwrap_or_default());
            plain = index + 1;
            self.0.push_str("\\u00");
            self.digit(byte >> 4);
            self.digit(byte & 15);
        }
        self.0.push_str(text.get(plain..).unwrap_or_default());
        self.0.push_str("\"");
    }

    /// A hexadecimal digit.
    fn digit(&mut self, value: u8) {
        let index = usize::from(value);
        self.0
            .push_str("0123456789abcdef".get(index..=index).unwrap_or_default());
    }

    fn digits(&mut self, value: u32) {
        if value > 9 {
            self.digits(value / 10);
        }
        self.digit((value % 10) as u8);
    }

    /// `value` to the nearest tenth.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; the edge checks ranges"
    )]
    fn tenths(&mut self, value: f32) {
        let tenths = (value.abs() * 10.0).round_ties_even() as u32;
        if value < 0.0 && tenths > 0 {
            self.0.push_str("-");
        }
        self.digits(tenths / 10);
        if !tenths.is_multiple_of(10) {
            self.0.push_str(".");
            self.digits(tenths % 10);
        }
    }

    fn finish(mut self) -> String {
        self.0.push_str("}");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parallax_captcha::wire::{AnswerBehaviour, Environment, SlideRequest};

    const NASTY: &str = "a\"b\\c\n\u{0}\u{1f}é漢🙂</script>";

    #[test]
    fn serde_reads_what_is_written() {
        for (action, cdata) in [(None, None), (Some("sign_up".to_owned()), Some(NASTY.to_owned()))] {
            let request = SessionRequest {
                sitekey: NASTY.into(),
                action,
                cdata,
            };
            assert_eq!(
                serde_json::from_str::<SessionRequest>(&session_request(&request)).unwrap(),
                request
            );
        }
        for (answer, elapsed_ms) in [("", 0), (NASTY, u32::MAX)] {
            let behaviour = AnswerBehaviour { elapsed_ms, keys: 10 };
            let request = AnswerRequest {
                challenge: "c".into(),
                answer: answer.into(),
                behaviour,
            };
            assert_eq!(
                serde_json::from_str::<AnswerRequest>(&answer_request(&request)).unwrap(),
                request
            );
        }
        let environment = Environment {
            version: Environment::VERSION,
            screen: [1920, 1080],
            ..Environment::default()
        };
        for input in [Input::Mouse, Input::Touch, Input::Pen, Input::Keyboard] {
            for samples in [vec![], vec![[0.0; 3], [10.1, -3.9, 1600.5], [-0.3, 7.0, 123_456.7]]] {
                let request = SlideRequest {
                    session: NASTY.into(),
                    trace: Trace {
                        version: Trace::VERSION,
                        input,
                        samples,
                        track: 234.4,
                    },
                    environment: environment.clone(),
                };
                let environment = serde_json::to_string(&request.environment).unwrap();
                let body = slide_request(&request.session, &request.trace, &environment);
                assert_eq!(serde_json::from_str::<SlideRequest>(&body).unwrap(), request);
            }
        }
    }

    #[test]
    fn a_slide_is_thinned_evenly_to_its_limit() {
        for count in [2, 60, 170, 512, 5_000] {
            let sample = |index: usize| [index as f32, -1000.7, index as f32 * 8.1];
            let trace = Trace {
                version: Trace::VERSION,
                input: Input::Mouse,
                samples: (0..count).map(sample).collect(),
                track: 234.4,
            };
            let body = slide_request(&"s".repeat(700), &trace, "{}");
            let sent = serde_json::from_str::<SlideRequest>(&body).unwrap().trace.samples;
            assert!(body.len() <= MAX_SLIDE, "{count}: {} bytes", body.len());
            assert!(
                count < 100 && sent.len() == count || sent.len() > 80,
                "{count}: {}",
                sent.len()
            );
            assert_eq!(sent.last().unwrap()[0], count as f32 - 1.0, "{count}");
            let gaps: Vec<f32> = sent.windows(2).map(|w| w[1][0] - w[0][0]).collect();
            let (_, regular) = gaps.split_last().unwrap();
            assert!(regular.iter().all(|gap| gap == &regular[0]), "{count}: uneven {gaps:?}");
        }
        // What cannot be thinned enough is sent all the same.
        let trace = Trace {
            version: Trace::VERSION,
            input: Input::Mouse,
            samples: vec![[0.0; 3]; 3],
            track: 1.0,
        };
        let body = slide_request(&"s".repeat(MAX_SLIDE), &trace, "{}");
        assert_eq!(
            serde_json::from_str::<SlideRequest>(&body).unwrap().trace.samples.len(),
            2
        );
    }

    #[test]
    fn numbers_are_rounded_to_tenths() {
        for (value, expected) in [
            (0.04, "0"),
            (-0.04, "0"),
            (1.07, "1.1"),
            (-2.3, "-2.3"),
            (60.0, "60"),
            (f32::NAN, "0"),
        ] {
            let mut out = Writer(String::new());
            out.tenths(value);
            assert_eq!(out.0, expected, "{value}");
        }
    }
}
