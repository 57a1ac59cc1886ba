//! Frame weights that reward blanks where no letter is, so that no phantom letter pays.
//!
//! A frame of the recogniser sees 8 columns of the picture (and some context). Left and right of the text every frame
//! is rewarded for the blank; within the text those that were blank before the perturbation are. Substitutions, and
//! deletions in place, stay free.

use super::FRAMES;
use super::config::InsertionPenalty;
use super::grid::COLUMNS;
use super::hull::TextBox;
use crate::alphabet::CLASSES;

/// Columns of the picture that a frame stands for.
const FRAME_COLUMNS: usize = COLUMNS / FRAMES;

/// Weights before anything is known of the model: `[FRAMES * CLASSES]`, `outside` for the blank of each frame that has
/// no column of the text. Without a text nothing is rewarded.
pub(super) fn outside_text(penalty: &InsertionPenalty, text: Option<TextBox>) -> Vec<f32> {
    let mut weights = vec![0.0; FRAMES * CLASSES];
    let Some(text) = text else { return weights };
    for (frame, left) in weights.chunks_exact_mut(CLASSES).zip((0..).step_by(FRAME_COLUMNS)) {
        let right = left + FRAME_COLUMNS as i32 - 1;
        if (right < text.left || left > text.right)
            && let Some(blank) = frame.first_mut()
        {
            *blank = penalty.outside;
        }
    }
    weights
}

/// Adds `between` for the blank of each other frame where the blank is the largest of `logits: [FRAMES * CLASSES]`,
/// a model's reply to the picture as it was, or nearly was.
pub(super) fn add_blank_frames(penalty: &InsertionPenalty, logits: &[f32], weights: &mut [f32]) {
    for (frame, logits) in weights.chunks_exact_mut(CLASSES).zip(logits.chunks_exact(CLASSES)) {
        let (Some(weight), Some((blank, letters))) = (frame.first_mut(), logits.split_first()) else {
            continue;
        };
        if *weight == 0.0 && letters.iter().all(|letter| letter <= blank) {
            *weight = penalty.between;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PENALTY: InsertionPenalty = InsertionPenalty {
        outside: 1.0,
        between: 0.25,
    };

    #[test]
    fn frames_outside_the_text_are_rewarded_for_blank() {
        let text = TextBox {
            left: 16,
            right: 175,
            top: 10,
            bottom: 50,
        };
        let weights = outside_text(&PENALTY, Some(text));
        for (frame, weights) in weights.chunks(CLASSES).enumerate() {
            // Frame 2 begins at column 16, frame 21 ends at column 175.
            let expected = if (2..=21).contains(&frame) { 0.0 } else { 1.0 };
            assert_eq!(weights[0], expected, "frame {frame}");
            assert!(weights[1..].iter().all(|w| *w == 0.0), "frame {frame}");
        }
        assert!(outside_text(&PENALTY, None).iter().all(|w| *w == 0.0));
    }

    #[test]
    fn frames_that_were_blank_are_kept_so() {
        let mut weights = outside_text(
            &PENALTY,
            Some(TextBox {
                left: 8,
                right: 199,
                top: 0,
                bottom: 59,
            }),
        );
        let mut logits = vec![0.0; FRAMES * CLASSES];
        logits[3 * CLASSES + 5] = 2.0;
        add_blank_frames(&PENALTY, &logits, &mut weights);
        let blanks: Vec<f32> = weights.chunks(CLASSES).map(|frame| frame[0]).collect();
        assert_eq!(blanks[..5], [1.0, 0.25, 0.25, 0.0, 0.25]);
    }
}
