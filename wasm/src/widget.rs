//! One widget on the page: joins machine, view, network and the page's callbacks.

use crate::dom::{self, Part};
use crate::gesture::Gesture;
use crate::language::Language;
use crate::machine::{Callback, Effect, Event, Machine, State};
use crate::net::{self, Request};
use crate::options::{Options, OptionsError};
use crate::view::View;
use parallax_captcha::wire::SessionRequest;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;

/// Events of the shadow tree that are listened for, at its root and before anybody else.
const EVENTS: [&str; 12] = [
    "pointerdown",
    "pointermove",
    "pointerup",
    "pointercancel",
    "lostpointercapture",
    "keydown",
    "click",
    "submit",
    "cancel",
    "close",
    "load",
    "error",
];
/// A deadline that comes while nobody looks, or while the handle is held, is put off by this, milliseconds.
const PUT_OFF_MS: u32 = 5_000;

/// One widget. It lives as long as JavaScript holds its listener.
#[derive(Debug)]
pub struct Widget {
    /// The edge's URL, with a slash at its end.
    base: String,
    /// Options and callbacks by their names; `environment`, see [`render`](crate::render).
    settings: JsValue,
    pub(crate) view: View,
    options: Options,
    machine: RefCell<Machine>,
    pub(crate) gesture: RefCell<Gesture>,
    timer: Cell<i32>,
    /// The function that hears everything: see [`Widget::hear`]. `undefined` once removed, so that it can be collected.
    listener: RefCell<JsValue>,
    this: Weak<Widget>,
}

impl Widget {
    /// Renders a widget into `container`; see [`render`](crate::render). Returns the function that takes the page's
    /// commands.
    ///
    /// # Errors
    /// When the edge would refuse the options for certain.
    pub fn render(base: String, container: &Part, settings: JsValue) -> Result<JsValue, OptionsError> {
        let options = Options::read(&|name| setting(&settings, name))?;
        let language = if matches!(options.language.as_str(), "" | "auto") {
            Language::of(&dom::text(&dom::global("navigator"), "language"))
        } else {
            Language::of(&options.language)
        };
        let view = View::build(container, &options, language);
        let widget = Rc::new_cyclic(|this: &Weak<Self>| Self {
            base,
            settings,
            view,
            machine: RefCell::new(Machine::new(options.policy)),
            options,
            gesture: RefCell::default(),
            timer: Cell::new(0),
            listener: RefCell::new(JsValue::UNDEFINED),
            this: this.clone(),
        });
        let that = widget.clone();
        let listener = Closure::<dyn Fn(JsValue) -> JsValue>::new(move |heard| that.hear(&heard)).into_js_value();
        with(&widget.listener, |place| *place = listener.clone());
        // Whoever takes the root away takes the listeners away.
        let root = widget.view.part("widget");
        for event in EVENTS {
            root.listen(event, &listener, true);
        }
        widget.draw();
        if !widget.options.policy.deferred {
            widget.dispatch(Event::Execute);
        }
        Ok(listener)
    }

    /// Hears a command of the page, as text; an event of the shadow tree; or, as `undefined`, that a deadline has come.
    fn hear(&self, heard: &JsValue) -> JsValue {
        let Some(command) = heard.as_string() else {
            if heard.is_undefined() {
                self.deadline();
            } else {
                self.on(heard);
            }
            return JsValue::UNDEFINED;
        };
        match command.as_str() {
            "execute" => self.dispatch(Event::Execute),
            "reset" => self.dispatch(Event::Reset),
            "remove" => self.remove(),
            "isExpired" => return (self.state() == State::Expired).into(),
            _ => {
                return with(&self.machine, |machine| {
                    machine.token().map_or(JsValue::UNDEFINED, Into::into)
                });
            }
        }
        JsValue::UNDEFINED
    }

    fn state(&self) -> State {
        with(&self.machine, |machine| machine.state())
    }

    fn remove(&self) {
        self.wait(None);
        self.view.remove();
        with(&self.listener, |listener| *listener = JsValue::UNDEFINED);
    }

    /// Hands an event to the machine and does what it says.
    pub fn dispatch(&self, event: Event) {
        self.perform(with(&self.machine, |machine| machine.handle(event)));
    }

    /// Keeps the event that begins or ends a movement, for `environment` to look at.
    pub(crate) fn witness(&self, event: &JsValue) {
        dom::set_member(&self.settings, "event", event);
    }

    /// Whether the slider can be moved.
    pub(crate) fn ready(&self) -> bool {
        with(&self.machine, |machine| machine.face().slider.is_some())
    }

    fn deadline(&self) {
        let needed = matches!(self.state(), State::Passed | State::Challenge);
        let unattended = !needed && dom::flag(&dom::global("document"), "hidden");
        if unattended || with(&self.gesture, |gesture| gesture.moving()) {
            self.wait(Some(PUT_OFF_MS));
        } else {
            self.dispatch(Event::Deadline);
        }
    }

    fn perform(&self, effects: Vec<Effect>) {
        self.draw();
        for effect in effects {
            match effect {
                Effect::OpenSession => {
                    with(&self.gesture, Gesture::abandon);
                    self.view.place(0.0, false);
                    self.send(Request::Session(SessionRequest {
                        sitekey: self.options.sitekey.clone(),
                        action: self.options.action.clone(),
                        cdata: self.options.cdata.clone(),
                    }));
                }
                Effect::SendSlide { session, trace } => {
                    let environment = dom::call(&self.settings, "environment");
                    self.send(Request::Slide {
                        session,
                        trace,
                        environment: environment.as_string().unwrap_or_default(),
                    });
                }
                Effect::SendAnswer(answer) => self.send(Request::Answer(answer)),
                Effect::Wait(pause) => self.wait(pause),
                Effect::Respond(token) => self.view.respond(token.as_deref()),
                Effect::Notify(callback, argument) => self.notify(callback, &argument),
            }
        }
    }

    fn send(&self, request: Request) {
        let round = with(&self.machine, |machine| machine.round());
        let this = self.this.clone();
        net::send(&self.base, &request, move |reply| {
            let Some(widget) = this.upgrade() else { return };
            if !widget.listener().is_undefined() {
                widget.perform(with(&widget.machine, |machine| {
                    machine.reply(round, reply, dom::jitter())
                }));
            }
        });
    }

    fn listener(&self) -> JsValue {
        with(&self.listener, |listener| listener.clone())
    }

    fn wait(&self, pause: Option<u32>) {
        dom::clear_timeout(self.timer.take());
        if let Some(pause) = pause {
            let pause = i32::try_from(pause).unwrap_or(i32::MAX);
            self.timer.set(dom::set_timeout(&self.listener(), pause));
        }
    }

    /// Shows the present state.
    fn draw(&self) {
        with(&self.machine, |machine| {
            let face = machine.face();
            if face.state == State::Passed {
                self.view.place(1.0, false);
            }
            self.view
                .draw(&face, self.options.hidden_until_executed && face.dormant);
            if let Some(challenge) = face.challenge
                && with(&self.gesture, |gesture| gesture.shows(&challenge.id))
            {
                let mut url = self.base.clone();
                url.push_str(challenge.image.strip_prefix('/').unwrap_or(&challenge.image));
                self.view.show_picture(&url);
            }
        });
    }

    /// Calls the page back, from the event loop: what the page throws is its own, and what it does meets a widget at rest.
    fn notify(&self, callback: Callback, argument: &str) {
        let mut function = dom::member(&self.settings, callback.name());
        if !function.is_function() {
            function = dom::global(&setting(&self.settings, callback.name()));
        }
        if function.is_function() {
            dom::call_soon(&function, 0, argument);
        } else if callback == Callback::Error {
            dom::warn("Parallax:", argument);
        }
    }
}

/// Works on what is in a cell. Nothing here works on one cell twice at a time; did anything, the inner one would be left
/// out, where a plain borrow would bring down the widget.
pub(crate) fn with<T, R: Default>(cell: &RefCell<T>, work: impl FnOnce(&mut T) -> R) -> R {
    cell.try_borrow_mut()
        .map_or_else(|_| R::default(), |mut content| work(&mut content))
}

/// A setting as text; empty if it is not given.
fn setting(settings: &JsValue, name: &str) -> String {
    let given = dom::member(settings, name);
    if given.is_undefined() {
        String::new()
    } else {
        dom::to_text(&given)
    }
}
