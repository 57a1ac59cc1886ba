//! Draws a [`Face`] into a shadow tree. Holds elements, no state.

use crate::dom::{self, CSSStyleSheet, Part};
use crate::language::{Language, Text};
use crate::machine::{Face, State};
use crate::options::Options;
use crate::slider;
use crate::template;
use wasm_bindgen::JsCast;

/// `src/widget.css` without comments and layout; see `build.rs`.
const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/widget.css"));

/// The elements of one widget.
#[derive(Debug)]
pub struct View {
    host: Part,
    shadow: Part,
    language: &'static Language,
    field: Option<Part>,
    inserted: Option<Part>,
}

impl View {
    /// Builds the shadow tree in `container`, in place of an earlier one.
    #[must_use]
    pub fn build(container: &Part, options: &Options, language: &'static Language) -> Self {
        let (host, inserted) = host_of(container);
        let shadow = shadow_of(&host);
        let sheet = CSSStyleSheet::new();
        sheet.replace(STYLE);
        let sheets = dom::parse("[0]");
        dom::set_member(&sheets, "0", &sheet);
        dom::set_member(&shadow, "adoptedStyleSheets", &sheets);
        build_tree(&shadow);

        let field = options.response_field.as_ref().map(|name| {
            let field = dom::create("input");
            field.set("type", "hidden");
            field.set("name", name);
            host.append(&field);
            field
        });
        let view = Self {
            host,
            shadow,
            language,
            field,
            inserted,
        };
        view.dress(options);
        view
    }

    /// What never changes: language, theme, size, labels.
    fn dress(&self, options: &Options) {
        let widget = self.part("widget");
        widget.set("lang", self.language.tag);
        widget.set("dir", if self.language.right_to_left { "rtl" } else { "ltr" });
        widget.set("data-theme", options.theme);
        widget.set("data-size", options.size);
        dom::set_text(&self.part("name"), "textContent", "Parallax");
        self.part("handle").set_number("tabindex", options.tabindex);
        for (part, text) in [
            ("hint", Text::KeyHint),
            ("title", Text::TypeCharacters),
            ("submit", Text::Submit),
        ] {
            self.say(part, Some(text));
        }
        for (part, name, text) in [
            ("close", "aria-label", Text::Close),
            ("refresh", "aria-label", Text::Refresh),
            ("refresh", "title", Text::Refresh),
            ("image", "alt", Text::Picture),
        ] {
            self.part(part).set(name, self.language.text(text));
        }
    }

    /// Whether the widget reads from right to left.
    #[must_use]
    pub fn right_to_left(&self) -> bool {
        self.language.right_to_left
    }

    /// The element of a part.
    #[must_use]
    pub fn part(&self, part: &str) -> Part {
        self.shadow.part(part)
    }

    /// Puts the token into the page's form.
    pub fn respond(&self, token: Option<&str>) {
        if let Some(field) = &self.field {
            dom::set_text(field, "value", token.unwrap_or_default());
        }
    }

    /// Pixels that the handle can travel.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "pixels of an element")]
    pub fn travel(&self) -> f32 {
        let width = |part| dom::number(&dom::call(&self.part(part), "getBoundingClientRect"), "width");
        (width("track") - width("handle")) as f32
    }

    /// Puts the handle at a share of the track, in `[0, 1]`. `moving`: a pointer holds it.
    pub fn place(&self, share: f32, moving: bool) {
        let permille = slider::permille(share);
        self.style("--at", permille);
        self.part("track").toggle("data-moving", moving);
        self.part("handle").set_number("aria-valuenow", permille / 10);
    }

    /// Draws everything that depends on the state.
    pub fn draw(&self, face: &Face<'_>, hidden: bool) {
        self.host.set("data-state", face.state.name());
        self.part("widget").toggle("hidden", hidden);

        // No slider to be seen: a message, and perhaps a button.
        let plain = face.button.is_some() || matches!(face.state, State::Blocked | State::Error);
        let mark = face.slider.filter(|slider| slider::has_mark(slider));
        self.say("message", Some(face.message));
        self.say("button", face.button);
        self.say(
            "label",
            Some(if mark.is_some() {
                Text::SlideToMark
            } else {
                Text::SlideToEnd
            }),
        );
        self.part("track").toggle("data-plain", plain);
        self.part("track").toggle("data-marked", mark.is_some());
        for (part, hidden) in [
            ("button", face.button.is_none()),
            ("handle", plain),
            ("fill", plain),
            ("mark", mark.is_none()),
        ] {
            self.part(part).toggle("hidden", hidden);
        }
        if let Some(slider) = mark {
            self.style("--target", slider::permille(slider.target));
        }
        self.part("handle")
            .set("aria-disabled", if face.slider.is_some() { "false" } else { "true" });

        self.part("form").toggle("data-busy", face.busy);
        self.say("notice", face.notice);
        let dialog = self.part("dialog");
        let open = face.challenge.is_some();
        if open != dom::flag(&dialog, "open") {
            dom::call(&dialog, if open { "showModal" } else { "close" });
            // Whoever works by keyboard goes on where the widget does.
            let next = match face.button {
                _ if open => "answer",
                Some(_) => "button",
                None => "handle",
            };
            dom::call(&self.part(next), "focus");
        }
    }

    /// Shows a picture, empties the input.
    pub fn show_picture(&self, url: &str) {
        self.part("image").set("src", url);
        let answer = self.part("answer");
        dom::set_text(&answer, "value", "");
        dom::call(&answer, "focus");
    }

    /// Takes everything out of the page again, but for the shadow root: an element keeps it for life.
    pub fn remove(&self) {
        dom::set_text(&self.shadow, "textContent", "");
        self.host.toggle("data-state", false);
        for added in self.field.iter().chain(&self.inserted) {
            dom::call(added, "remove");
        }
    }

    /// Changes a text only if it differs, so that live regions do not repeat themselves.
    fn say(&self, part: &str, text: Option<Text>) {
        let element = self.part(part);
        let text = text.map_or("", |text| self.language.text(text));
        if dom::text(&element, "textContent") != text {
            dom::set_text(&element, "textContent", text);
        }
    }

    /// Sets a custom property for the style sheet.
    fn style(&self, property: &str, value: i32) {
        dom::member(&self.part("track"), "style")
            .unchecked_ref::<Part>()
            .set_property(property, value);
    }
}

/// The element that carries the shadow tree, and that again if it was inserted for it: not every element can carry one,
/// so containers other than `<div>` get a child.
fn host_of(container: &Part) -> (Part, Option<Part>) {
    if dom::text(container, "localName") == "div" {
        return (container.clone(), None);
    }
    let host = dom::create("div");
    container.append(&host);
    (host.clone(), Some(host))
}

/// The shadow root of an element, empty.
fn shadow_of(host: &Part) -> Part {
    let shadow = dom::member(host, "shadowRoot");
    let shadow = if shadow.is_null() {
        host.attach_shadow(&dom::parse(r#"{"mode":"open"}"#))
    } else {
        shadow.unchecked_into()
    };
    dom::set_text(&shadow, "textContent", "");
    shadow
}

fn build_tree(shadow: &Part) {
    let mut path = vec![shadow.clone()];
    for node in template::nodes() {
        let element = dom::create(node.tag);
        if !node.part.is_empty() {
            element.set("id", node.part);
            element.set("part", node.part);
        }
        for (name, value) in node.attributes() {
            element.set(name, value);
        }
        path.truncate(node.depth + 1);
        if let Some(parent) = path.last() {
            parent.append(&element);
        }
        path.push(element);
    }
}
