use super::*;
use crate::{
    experiment::statistics::Share,
    scoreboard::{Cell, Entrant, Figure, Kind},
};

fn board() -> Scoreboard {
    let cell = |configuration: &str, solver: &str, is_attacked, raw, otsu| Cell {
        configuration: configuration.to_owned(),
        solver: solver.to_owned(),
        is_attacked,
        by_preprocess: [("none", raw), ("otsu", otsu)]
            .map(|(name, success)| (name.to_owned(), Share { success, count: 100 }))
            .to_vec(),
        three_tries: Share { success: 7, count: 33 },
        vote: Share { success: 1, count: 100 },
    };
    let cost = |configuration: &str, factor, without: Option<&str>, gradients| Cost {
        configuration: configuration.to_owned(),
        factor,
        without: without.map(str::to_owned),
        models: Vec::new(),
        generator: None,
        perturb: serde_json::Value::Null,
        gradients,
        milliseconds: 61.7,
        strengths: (gradients > 0).then_some(Strengths {
            full: 97,
            weakened: 2,
            plain: 1,
        }),
        legibility: Legibility {
            figures: vec![Figure {
                name: "ink lost".to_owned(),
                median: 0.125,
                worst: 0.5,
            }],
            passed: Share {
                success: 98,
                count: 100,
            },
        },
    };
    let entrant = |name: &str, kind| Entrant {
        name: name.to_owned(),
        kind,
        digest: "0123456789abcdef01".to_owned(),
        command: format!("makes {name}"),
    };
    Scoreboard {
        version: "0.1.0".to_owned(),
        count: 100,
        seed: 7,
        scheme_version: 5,
        solvers: vec![
            entrant("crnn", Kind::Model),
            entrant("resnet", Kind::Model),
            entrant("ocr", Kind::Program),
        ],
        costs: vec![
            cost("plain", Some(0.0), None, 0),
            cost("default", Some(1.0), None, 10),
            cost("without crnn", None, Some("crnn"), 10),
        ],
        cells: vec![
            cell("plain", "crnn", false, 99, 90),
            cell("plain", "resnet", false, 96, 65),
            cell("plain", "ocr", false, 60, 65),
            cell("default", "crnn", true, 1, 2),
            cell("default", "resnet", false, 3, 8),
            cell("default", "ocr", false, 3, 1),
            cell("without crnn", "crnn", false, 4, 6),
            cell("without crnn", "resnet", false, 9, 9),
            cell("without crnn", "ocr", false, 9, 9),
        ],
        adaptive: None,
    }
}

#[test]
fn models_that_are_not_attacked_count_with_their_best_filter() {
    let text = markdown(&board(), "parallax scoreboard");
    assert!(
        text.contains("| plain | 0 | 62 | 98.0 % | 96.0 % | 96.0 % | 96.0 % | 65.0 % |"),
        "{text}"
    );
    assert!(
        text.contains("| default | 10 | 62 | 97.0 % | 8.0 % | 8.0 % | 8.0 % | 3.0 % |"),
        "the attacked one is left out: {text}"
    );
    assert!(text.contains("| otsu | 21.2 % | 1.0 % | held out |"), "{text}");
    assert!(text.contains("| resnet | 3.0 | 8.0 |"), "{text}");
    assert!(
        text.contains("| captchas | ink lost | meet all |\n| --- | --- | --- |\n| plain | 0.12, 0.50 | 98.0 % |"),
        "{text}"
    );
    assert!(text.contains("- ocr (0123456789abcdef): `makes ocr`"), "{text}");
}

#[test]
fn each_model_is_measured_on_what_it_did_not_help_to_make() {
    let text = goals(&board());
    assert!(
        text.contains("not attacked: on the mean 8.0 % (goal: at most 5 %, missed)"),
        "{text}"
    );
    // Of crnn what was made without it, of the other what the product makes: (6 + 8) / 2.
    assert!(text.contains("did not help to make: on the mean 7.0 %"), "{text}");
    assert!(text.contains("  - crnn on *without crnn*: 6.0 %"), "{text}");
    assert!(text.contains("  - resnet on *default*: 8.0 %"), "{text}");
    assert!(
        text.contains("- ocr: 3.0 % (1.0 to 8.5) with its best filter, none"),
        "{text}"
    );
    let mut none_left_out = board();
    none_left_out.costs.truncate(2);
    assert!(none_left_out.leave_one_out().is_empty());
}

#[test]
fn a_table_between_markers_is_replaced() {
    let text = "a\n<!-- scoreboard -->\nold\n<!-- /scoreboard -->\nb\n";
    let unnamed = markers(None);
    let once = with_table(text, &unnamed, &board()).unwrap();
    assert!(once.starts_with("a\n<!-- scoreboard -->\n| captchas |"), "{once}");
    assert!(
        once.ends_with("9.0 % |\n<!-- /scoreboard -->\nb\n") && !once.contains("old"),
        "{once}"
    );
    assert_eq!(with_table(&once, &unnamed, &board()).unwrap(), once);
    let wrong_order = "<!-- /scoreboard --><!-- scoreboard -->";
    assert_eq!(with_table(wrong_order, &unnamed, &board()), None);

    let named = markers(Some("fast"));
    assert!(!has_place(&once, &named));
    let both = format!("{once}<!-- scoreboard fast -->old<!-- /scoreboard fast -->");
    let both = with_table(&both, &named, &board()).unwrap();
    assert!(both.starts_with(&once) && !both.contains("old"), "{both}");
}

#[test]
fn each_solver_is_a_line_of_points() {
    assert_eq!(svg(&board()).matches("<circle").count(), 6);
}
