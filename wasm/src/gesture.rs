//! What the visitor's hands do: pointer and keys on the slider, typing and buttons in the dialog.

use crate::dom::{self, Part};
use crate::machine::Event;
use crate::slider::{self, Key};
use crate::trace::{Direction, Point, Recorder};
use crate::widget::{Widget, with};
use parallax_captcha::wire::{AnswerBehaviour, Input};
use wasm_bindgen::{JsCast, JsValue};

/// A movement under way, and how the present captcha is being answered.
#[derive(Debug, Default)]
pub struct Gesture {
    recorder: Option<Recorder>,
    /// Where keys have moved the handle, in `[0, 1]`.
    share: f32,
    /// The captcha in the dialog.
    shown: String,
    /// When its picture was there, on the page's clock.
    shown_at: f64,
    keys: u32,
}

impl Gesture {
    /// Whether the handle is being moved.
    #[must_use]
    pub fn moving(&self) -> bool {
        self.recorder.is_some()
    }

    /// Forgets a movement.
    pub fn abandon(&mut self) {
        self.recorder = None;
        self.share = 0.0;
    }

    /// Notes that captcha `id` is in the dialog; whether that is news.
    pub fn shows(&mut self, id: &str) -> bool {
        let news = self.shown != id;
        if news {
            self.shown = id.to_owned();
            self.keys = 0;
        }
        news
    }

    /// Takes a movement by pointer away.
    fn take_pointer(&mut self) -> Option<Recorder> {
        self.recorder.take_if(|recorder| recorder.input() != Input::Keyboard)
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, which is what is wanted"
    )]
    fn behaviour(&self, now: f64) -> AnswerBehaviour {
        AnswerBehaviour {
            elapsed_ms: (now - self.shown_at) as u32,
            keys: self.keys,
        }
    }
}

impl Widget {
    /// An event of the shadow tree.
    pub(crate) fn on(&self, event: &JsValue) {
        // What an icon hears is meant for the part around it.
        let target = dom::member(event, "target");
        let part = dom::text(&target.unchecked_ref::<Part>().closest("[part]"), "id");
        match (dom::text(event, "type").as_str(), part.as_str()) {
            ("pointerdown", "handle" | "arrow") => self.grasp(event),
            ("pointermove", _) => self.drag(event),
            ("pointerup", _) => self.release(event),
            ("pointercancel" | "lostpointercapture", _) => self.let_go(),
            ("keydown", "handle") => self.key(event),
            ("keydown", "answer") => with(&self.gesture, |gesture| gesture.keys += 1),
            ("load", "image") => {
                let now = dom::number(event, "timeStamp");
                with(&self.gesture, |gesture| gesture.shown_at = now);
            }
            ("submit", _) => {
                // The form is ours: it must not travel.
                dom::call(event, "preventDefault");
                let now = dom::number(event, "timeStamp");
                let behaviour = with(&self.gesture, |gesture| gesture.behaviour(now));
                self.dispatch(Event::Answered {
                    answer: dom::text(&self.view.part("answer"), "value"),
                    behaviour,
                });
            }
            ("cancel", _) => {
                dom::call(event, "preventDefault");
                self.dispatch(Event::Dismissed);
            }
            // Whoever insists on Escape is not asked again.
            ("close", "dialog") | ("click", "close") => self.dispatch(Event::Dismissed),
            ("click", "refresh") => self.dispatch(Event::Refreshed),
            ("click", "button") => self.dispatch(Event::Pressed),
            ("error", "image") => self.dispatch(Event::PictureFailed),
            _ => {}
        }
    }

    fn grasp(&self, event: &JsValue) {
        if !self.ready() || !dom::flag(event, "isPrimary") || dom::number(event, "button") != 0.0 {
            return;
        }
        let input = match dom::text(event, "pointerType").as_str() {
            "touch" => Input::Touch,
            "pen" => Input::Pen,
            _ => Input::Mouse,
        };
        let direction = if self.view.right_to_left() {
            Direction::Leftwards
        } else {
            Direction::Rightwards
        };
        self.witness(event);
        let recorder = Recorder::begin(input, self.view.travel(), direction, at(event));
        with(&self.gesture, |gesture| gesture.recorder = Some(recorder));
        self.view.place(0.0, true);
        self.view.part("handle").capture(dom::number(event, "pointerId"));
    }

    fn drag(&self, event: &JsValue) {
        let share = with(&self.gesture, |gesture| {
            let recorder = gesture
                .recorder
                .as_mut()
                .filter(|recorder| recorder.input() != Input::Keyboard)?;
            // What the pointer did since the last event: not every browser tells, and none does without TLS.
            let between = if dom::member(event, "getCoalescedEvents").is_function() {
                dom::call(event, "getCoalescedEvents")
            } else {
                dom::parse("[]")
            };
            let mut index = 0;
            loop {
                let point = dom::item(&between, index);
                if point.is_undefined() {
                    break;
                }
                recorder.push(at(&point));
                index += 1;
            }
            if index == 0 {
                recorder.push(at(event));
            }
            Some(slider::share(recorder.distance(), recorder.track()))
        });
        if let Some(share) = share {
            self.view.place(share, true);
        }
    }

    fn release(&self, event: &JsValue) {
        let recorder = with(&self.gesture, Gesture::take_pointer);
        if let Some(mut recorder) = recorder {
            recorder.push(at(event));
            self.finish(recorder);
        }
    }

    fn let_go(&self) {
        if with(&self.gesture, Gesture::take_pointer).is_some() {
            self.view.place(0.0, false);
        }
    }

    fn key(&self, event: &JsValue) {
        let name = dom::text(event, "key");
        let key = Key::parse(&name, self.view.right_to_left());
        let done = matches!(name.as_str(), "Enter" | " ");
        let modified = ["altKey", "ctrlKey", "metaKey"].iter().any(|key| dom::flag(event, key));
        if !self.ready() || modified || (key.is_none() && !done) {
            return;
        }
        dom::call(event, "preventDefault");
        self.witness(event);
        let t = dom::number(event, "timeStamp");
        let track = self.view.travel();
        let begin = || {
            Recorder::begin(
                Input::Keyboard,
                track,
                Direction::Rightwards,
                Point { x: 0.0, y: 0.0, t },
            )
        };
        let taken = with(&self.gesture, |gesture| gesture.recorder.take());
        let mut recorder = taken.unwrap_or_else(begin);
        let Some(key) = key else { return self.finish(recorder) };
        let share = with(&self.gesture, |gesture| {
            gesture.share = key.apply(gesture.share);
            recorder.push(Point {
                x: f64::from(gesture.share * track),
                y: 0.0,
                t,
            });
            gesture.recorder = Some(recorder);
            gesture.share
        });
        self.view.place(share, false);
    }

    /// The movement is over: tells the machine, and puts the handle back unless that was it.
    fn finish(&self, recorder: Recorder) {
        let share = slider::share(recorder.distance(), recorder.track());
        with(&self.gesture, Gesture::abandon);
        self.view.place(share, false);
        self.dispatch(Event::Released {
            share,
            trace: recorder.finish(),
        });
        if self.ready() {
            self.view.place(0.0, false);
        }
    }
}

fn at(event: &JsValue) -> Point {
    Point {
        x: dom::number(event, "clientX"),
        y: dom::number(event, "clientY"),
        t: dom::number(event, "timeStamp"),
    }
}
