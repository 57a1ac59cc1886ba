//! Writes requests to the edge as JSON text.

#![allow(
    clippy::single_char_add_str,
    reason = "pushing a character encodes it as UTF-8 first, which costs bytes of wasm"
)]

use parallax_captcha::wire::{AnswerRequest, Environment, Input, SessionRequest, SlideRequest, Trace};

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

/// Body of `POST /v1/slide`. Coordinates and times are rounded to eighths.
#[must_use]
pub fn slide_request(request: &SlideRequest) -> String {
    let mut out = Writer::default();
    out.text("session", &request.session);
    out.object("trace", |out| trace(out, &request.trace));
    out.object("environment", |out| environment(out, &request.environment));
    out.finish()
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

fn trace(out: &mut Writer, trace: &Trace) {
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
        out.0.push_str(if index == 0 { "[" } else { ",[" });
        for (index, number) in sample.iter().enumerate() {
            if index > 0 {
                out.0.push_str(",");
            }
            out.eighths(*number);
        }
        out.0.push_str("]");
    }
    out.0.push_str("]");
    out.name("track");
    out.eighths(trace.track);
}

fn environment(out: &mut Writer, environment: &Environment) {
    let [width, height] = environment.screen;
    out.flag("webdriver", environment.webdriver);
    out.flag("languages", environment.languages);
    out.text("user_agent", &environment.user_agent);
    out.text("platform", &environment.platform);
    out.name("screen");
    out.0.push_str("[");
    out.digits(width);
    out.0.push_str(",");
    out.digits(height);
    out.0.push_str("]");
    out.whole("touch_points", environment.touch_points);
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

    fn flag(&mut self, name: &str, value: bool) {
        self.name(name);
        self.0.push_str(if value { "true" } else { "false" });
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

    /// `value` to the nearest 1/8: such numbers are short in decimal, and exact in binary.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; the edge checks ranges"
    )]
    fn eighths(&mut self, value: f32) {
        const FRACTIONS: [&str; 8] = ["", ".125", ".25", ".375", ".5", ".625", ".75", ".875"];
        let eighths = (value.abs() * 8.0).round_ties_even() as u32;
        if value < 0.0 && eighths > 0 {
            self.0.push_str("-");
        }
        self.digits(eighths / 8);
        self.0.push_str(FRACTIONS[eighths as usize % 8]);
    }

    fn finish(mut self) -> String {
        self.0.push_str("}");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parallax_captcha::wire::AnswerBehaviour;

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
        for input in [Input::Mouse, Input::Touch, Input::Pen, Input::Keyboard] {
            for samples in [
                vec![],
                vec![[0.0; 3], [10.125, -3.875, 1600.5], [-0.25, 7.0, 12_345.75]],
            ] {
                let trace = Trace {
                    version: Trace::VERSION,
                    input,
                    samples,
                    track: 234.375,
                };
                let environment = Environment {
                    webdriver: true,
                    languages: false,
                    user_agent: NASTY.into(),
                    platform: String::new(),
                    screen: [1920, 1080],
                    touch_points: 5,
                };
                let request = SlideRequest {
                    session: "s".into(),
                    trace,
                    environment,
                };
                assert_eq!(
                    serde_json::from_str::<SlideRequest>(&slide_request(&request)).unwrap(),
                    request
                );
            }
        }
    }

    #[test]
    fn numbers_are_rounded_to_eighths() {
        for (value, expected) in [
            (0.05, "0"),
            (-0.05, "0"),
            (1.07, "1.125"),
            (-2.3, "-2.25"),
            (f32::NAN, "0"),
        ] {
            let mut out = Writer(String::new());
            out.eighths(value);
            assert_eq!(out.0, expected, "{value}");
        }
    }
}
