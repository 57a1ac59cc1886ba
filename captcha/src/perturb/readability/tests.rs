use image::Luma;

use super::*;
use crate::perturb::grid::{HEIGHT, WIDTH};

/// Two bars of ink, 60 darker than the ground of 160.
fn bars() -> (GrayImage, GrayImage) {
    let ink = |x: u32, y: u32| (12..48).contains(&y) && ((40..52).contains(&x) || (120..132).contains(&x));
    let of = |ink_level: u8, ground: u8| {
        GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([if ink(x, y) { ink_level } else { ground }]))
    };
    (of(100, 160), of(255, 0))
}

fn judge(change: impl Fn(u32, u32, u8) -> u8) -> Readability {
    let (plain, mask) = bars();
    let changed = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([change(x, y, plain.get_pixel(x, y).0[0])]));
    Readability::of(&plain, &changed, &mask, 2).unwrap()
}

#[test]
fn what_did_not_change_lost_nothing() {
    let found = judge(|_, _, level| level);
    assert_eq!((found.lost, found.color_difference, found.phantom), (0.0, 0.0, 0.0));
    assert!((found.similarity - 1.0).abs() < 1e-4, "{found:?}");
    assert!(found.wholeness > 0.8 && found.passes(&Gate::default()), "{found:?}");
}

#[test]
fn light_ink_is_judged_as_dark_ink_is() {
    let (plain, mask) = bars();
    let inverted =
        |image: &GrayImage| GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([255 - image.get_pixel(x, y).0[0]]));
    let changed = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        Luma([plain.get_pixel(x, y).0[0] + ((x / 7 + y / 5) % 2 * 8) as u8])
    });
    let dark = Readability::of(&plain, &changed, &mask, 2).unwrap();
    let light = Readability::of(&inverted(&plain), &inverted(&changed), &mask, 2).unwrap();
    assert!((dark.lost - light.lost).abs() < 1e-3, "{dark:?} {light:?}");
    assert!((dark.contrast - light.contrast).abs() < 1e-3, "{dark:?} {light:?}");
    assert!((dark.wholeness - light.wholeness).abs() < 1e-3, "{dark:?} {light:?}");
    assert!((dark.phantom - light.phantom).abs() < 1e-3, "{dark:?} {light:?}");
}

#[test]
fn one_faded_glyph_of_two_is_found() {
    let found = judge(|x, _, level| if x > 100 && level == 100 { 155 } else { level });
    assert!(found.contrast < 1.1, "{found:?}");
    assert!(!found.passes(&Gate::default()), "{found:?}");
}

/// Cut in two it is still found to be broken; what crumbles is not served.
#[test]
fn a_broken_glyph_is_found() {
    let cut_every = |rows: u32| {
        judge(|x, y, level| {
            if x < 100 && y % rows < 6 && level == 100 {
                160
            } else {
                level
            }
        })
    };
    let (halves, crumbs) = (cut_every(30), cut_every(12));
    assert!((0.3..0.6).contains(&halves.wholeness), "{halves:?}");
    assert!(crumbs.wholeness < 0.3 && !crumbs.passes(&Gate::default()), "{crumbs:?}");
}

#[test]
fn a_third_bar_is_a_phantom() {
    let found = judge(|x, y, level| {
        if (160..172).contains(&x) && (12..48).contains(&y) {
            100
        } else {
            level
        }
    });
    assert!(found.phantom > 0.8 && !found.passes(&Gate::default()), "{found:?}");
    assert_eq!(found.lost, 0.0, "{found:?}");
}

#[test]
fn what_cannot_be_judged_is_not() {
    let (plain, mask) = bars();
    let small = GrayImage::new(10, 10);
    let (nothing, all) = (
        GrayImage::new(WIDTH, HEIGHT),
        GrayImage::from_pixel(WIDTH, HEIGHT, Luma([255])),
    );
    for (plain, perturbed, mask) in [
        (&small, &plain, &mask),
        (&plain, &small, &mask),
        (&plain, &plain, &small),
        (&plain, &plain, &nothing),
        (&plain, &plain, &all),
    ] {
        assert_eq!(Readability::of(plain, perturbed, mask, 4), None);
    }
}

/// The gate weakens step by step, and to nothing at last.
#[test]
fn what_fails_is_weakened_until_it_passes() {
    let (plain, mask) = bars();
    let strokes: Vec<bool> = mask.iter().map(|level| *level > 127).collect();
    // Every stroke is lighter by `change` of the range; contrast is 60 / 255.
    let apply = |change: f32| {
        let original = to_unit(&plain);
        let pixels = original
            .iter()
            .zip(&strokes)
            .map(|(p, s)| if *s { p + change } else { *p });
        Gate::default().apply(&original, &pixels.collect::<Vec<_>>(), &strokes, 2)
    };
    let (image, strength) = apply(0.04);
    assert_eq!((strength, image.get_pixel(45, 30).0[0]), (Strength::Full, 110));
    let (image, strength) = apply(0.2);
    assert_eq!((strength, image.get_pixel(45, 30).0[0]), (Strength::Weakened, 126));
    let (image, strength) = apply(0.6);
    assert_eq!((strength, image), (Strength::Plain, plain.clone()));
}

/// What the limits were set by: of plain captchas at least 99 % pass, of those changed by 0.3 everywhere, in patches as
/// blurred gradients make them, at least 95 % fail.
#[cfg(feature = "text")]
#[test]
fn plain_captchas_pass_and_uniform_ones_fail() {
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{RngCore, SeedableRng},
    };

    use crate::text::{Style, draw};

    let count = 40;
    let (mut passed, mut failed) = (0, 0);
    for seed in 0..count {
        let captcha = draw(&Style::default(), seed);
        let judge = |image: &GrayImage| {
            let found = Readability::of(&captcha.image, image, &captcha.mask, captcha.label.as_str().len()).unwrap();
            found.passes(&Gate::default())
        };
        passed += u32::from(judge(&captcha.image));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut patches: Vec<f32> = (0..WIDTH * HEIGHT)
            .map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5)
            .collect();
        crate::perturb::blur::Gaussian::new(2.0).apply(&mut patches);
        let pixels = to_unit(&captcha.image)
            .into_iter()
            .zip(patches)
            .map(|(p, patch)| p + 0.3 * patch.signum());
        failed += u32::from(!judge(&to_image(&pixels.collect::<Vec<_>>())));
    }
    assert!(passed * 100 >= count as u32 * 99, "{passed} of {count} plain ones pass");
    assert!(
        failed * 100 >= count as u32 * 95,
        "{failed} of {count} uniform ones fail"
    );
}
