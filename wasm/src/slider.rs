//! The slider's geometry: where the handle is, what a key does to it, and whether it was let go in the right place.

use parallax_captcha::wire::Slider;

/// Share of the track that an arrow key moves the handle: with it, every target can be met within [`MIN_TOLERANCE`].
const STEP: f32 = 0.02;
/// The least tolerance the widget goes by.
const MIN_TOLERANCE: f32 = STEP / 2.0;
/// The same for Page Up and Page Down.
const PAGE: f32 = 0.2;

/// Keys of the ARIA slider pattern, as they act on a slider that fills in reading direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A step towards the end.
    More,
    /// A step back.
    Less,
    /// A large step towards the end.
    PageMore,
    /// A large step back.
    PageLess,
    /// To the start.
    Home,
    /// To the end.
    End,
}

impl Key {
    /// The key of a `KeyboardEvent.key`. Left and right swap on right-to-left pages, up and down do not.
    #[must_use]
    pub fn parse(name: &str, right_to_left: bool) -> Option<Self> {
        Some(match name {
            "ArrowUp" => Self::More,
            "ArrowDown" => Self::Less,
            "ArrowRight" if right_to_left => Self::Less,
            "ArrowRight" => Self::More,
            "ArrowLeft" if right_to_left => Self::More,
            "ArrowLeft" => Self::Less,
            "PageUp" => Self::PageMore,
            "PageDown" => Self::PageLess,
            "Home" => Self::Home,
            "End" => Self::End,
            _ => return None,
        })
    }

    /// Where the handle is after this key, both as shares of the track in `[0, 1]`.
    #[must_use]
    pub fn apply(self, share: f32) -> f32 {
        let moved = match self {
            Self::More => share + STEP,
            Self::Less => share - STEP,
            Self::PageMore => share + PAGE,
            Self::PageLess => share - PAGE,
            Self::Home => 0.0,
            Self::End => 1.0,
        };
        moved.clamp(0.0, 1.0)
    }
}

/// The handle's place for a pointer `distance` pixels from the start of a track of `track` pixels, in `[0, 1]`.
#[must_use]
pub fn share(distance: f32, track: f32) -> f32 {
    if track > 0.0 {
        (distance / track).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Whether the target is a mark on the track rather than its end.
#[must_use]
pub fn has_mark(slider: &Slider) -> bool {
    slider.target < 1.0
}

/// Whether a handle let go at `share` is on target. The edge decides for itself: this spares an honest visitor a session
/// spent on a slip of the finger.
#[must_use]
pub fn on_target(slider: &Slider, share: f32) -> bool {
    (share - slider.target.min(1.0)).abs() <= slider.tolerance.max(MIN_TOLERANCE)
}

/// A share in `[0, 1]` in thousandths, as the style sheet and ARIA take it.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in [0, 1000] by the clamp; NaN becomes 0"
)]
pub fn permille(share: f32) -> i32 {
    (share.clamp(0.0, 1.0) * 1000.0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_follow_reading_direction() {
        for (name, left_to_right, right_to_left) in [
            ("ArrowRight", Key::More, Key::Less),
            ("ArrowLeft", Key::Less, Key::More),
            ("ArrowUp", Key::More, Key::More),
            ("ArrowDown", Key::Less, Key::Less),
            ("PageUp", Key::PageMore, Key::PageMore),
            ("Home", Key::Home, Key::Home),
        ] {
            assert_eq!(Key::parse(name, false), Some(left_to_right), "{name}");
            assert_eq!(Key::parse(name, true), Some(right_to_left), "{name}, right to left");
        }
        assert_eq!(Key::parse("a", false), None);
    }

    #[test]
    fn keys_reach_both_ends_and_stay_there() {
        let presses = |key: Key, count: usize, from: f32| (0..count).fold(from, |share, _| key.apply(share));
        assert!(presses(Key::More, 50, 0.0) > 0.999);
        assert_eq!(presses(Key::More, 60, 0.0), 1.0);
        assert_eq!(presses(Key::PageLess, 9, 1.0), 0.0);
        assert_eq!((Key::Home.apply(0.4), Key::End.apply(0.4)), (0.0, 1.0));
    }

    #[test]
    fn shares_stay_in_range() {
        for (distance, track, expected) in [
            (50.0, 200.0, 0.25),
            (-3.0, 200.0, 0.0),
            (230.0, 200.0, 1.0),
            (9.0, 0.0, 0.0),
        ] {
            assert_eq!(share(distance, track), expected, "{distance} of {track}");
        }
        assert_eq!((permille(0.5), permille(7.0), permille(f32::NAN)), (500, 1000, 0));
    }

    #[test]
    fn the_target_is_an_end_or_a_mark() {
        let end = Slider {
            target: 1.0,
            tolerance: 0.03,
        };
        assert!(on_target(&end, 1.0) && on_target(&end, 0.98) && !on_target(&end, 0.9) && !has_mark(&end));
        let mark = Slider {
            target: 0.6,
            tolerance: 0.03,
        };
        assert!(on_target(&mark, 0.62) && !on_target(&mark, 1.0) && has_mark(&mark));
        // Whatever geometry a confused edge sends, a verdict comes out.
        assert!(on_target(
            &Slider {
                target: f32::NAN,
                tolerance: f32::NAN
            },
            1.0
        ));
        assert!(on_target(
            &Slider {
                target: 3.0,
                tolerance: -1.0
            },
            1.0
        ));
    }
}
