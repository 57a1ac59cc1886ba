//! `--fonts`: what captchas are drawn in.

use parallax_captcha::text::{Font, Style};

/// The option, of commands that draw.
#[derive(Debug, Clone, clap::Args)]
pub struct Fonts {
    /// Fonts to draw in [default: the style's]
    #[arg(long, value_name = "FONT,FONT", value_delimiter = ',', value_parser = font)]
    fonts: Vec<Font>,
}

impl Fonts {
    /// `style`, in these fonts if there are any.
    #[must_use]
    pub fn of(&self, style: Style) -> Style {
        match self.fonts.as_slice() {
            [] => style,
            fonts => Style {
                fonts: fonts.to_vec(),
                ..style
            },
        }
    }

    /// The option as it was given, after a space; nothing if it was not.
    #[must_use]
    pub fn option(&self) -> String {
        let fonts: Vec<String> = self.fonts.iter().map(ToString::to_string).collect();
        match fonts.is_empty() {
            true => String::new(),
            false => format!(" --fonts {}", fonts.join(",")),
        }
    }
}

fn font(name: &str) -> Result<Font, String> {
    let known = || Font::ALL.map(|font| font.to_string()).join(", ");
    serde_json::from_value(name.into()).map_err(|_| format!("not one of {}", known()))
}
