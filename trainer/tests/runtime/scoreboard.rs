//! `parallax scoreboard` from its command line, with models that have hardly learned anything: what is measured, what is kept,
//! what is refused.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use clap::ValueEnum;
use parallax_trainer::preprocess::Preprocess;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{misuse, names, printed, success};

/// A checkpoint that a few captchas made.
fn hardly_trained(root: &Path, model: &str, options: &str) -> Value {
    let train = "train --samples 32 --batch 16 --seed 3 --threads 2 --device cpu --unseen 20 --json";
    success(root, &format!("{train} --model {model} --out {model}{options}"))
}

fn cell<'a>(board: &'a Value, configuration: &str, solver: &str) -> &'a Value {
    let mut cells = board["cells"].as_array().unwrap().iter();
    cells
        .find(|cell| cell["configuration"] == configuration && cell["solver"] == solver)
        .unwrap()
}

#[test]
fn every_attack_meets_every_solver_and_one_that_retrains() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    hardly_trained(root, "lenet-ctc", "");
    hardly_trained(root, "inception-ctc", " --filtered --fonts rubik");
    let manifest = fs::read_to_string(root.join("inception-ctc/manifest.json")).unwrap();
    assert!(
        manifest.contains("--filtered") && manifest.contains("--fonts rubik"),
        "{manifest}"
    );
    let script = root.join("always");
    fs::write(
        &script,
        "#!/bin/sh\nwhile read file; do test -s \"$file\" && echo AAAA; done\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        root.join("page.md"),
        "before\n<!-- scoreboard -->\n<!-- /scoreboard -->\nafter\n",
    )
    .unwrap();

    let line = "scoreboard --checkpoint lenet-ctc --solver lenet-ctc --solver other=inception-ctc --solver-cmd always=./always \
                --budgets 0,1 --steps 2 --noise --uniform 0.3 --count 20 --adaptive inception-ctc --bought 20 --threads 2 --device cpu \
                --readme page.md --json";
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let board = success(root, &line);

    assert_eq!(board["count"], 20);
    let kinds: Vec<_> = board["solvers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["kind"])
        .collect();
    assert_eq!(kinds, ["model", "model", "program"]);
    let trained = board["solvers"][1]["command"].as_str().unwrap();
    assert!(trained.contains("--model inception-ctc"), "{trained}");
    let configurations = ["plain", "default", "2 gradients", "noise", "0.3 everywhere, no gate"];
    assert_eq!(board["cells"].as_array().unwrap().len(), 3 * configurations.len());
    for configuration in configurations {
        for solver in ["lenet-ctc", "other", "always"] {
            let filters = cell(&board, configuration, solver)["by_preprocess"].as_array().unwrap();
            assert_eq!(
                filters.len(),
                Preprocess::value_variants().len(),
                "{configuration}, {solver}"
            );
            for filter in filters {
                assert_eq!(filter[1]["count"], 20, "{configuration}, {solver}: {filter}");
            }
        }
    }
    assert_eq!(cell(&board, "default", "lenet-ctc")["is_attacked"], true);
    assert_eq!(cell(&board, "default", "other")["is_attacked"], false);
    assert_eq!(cell(&board, "noise", "lenet-ctc")["is_attacked"], false);
    let strengths = |index: usize| board["costs"][index]["strengths"].clone();
    assert_eq!(strengths(0), Value::Null, "what is not perturbed has no gate");
    let judged: u64 = strengths(1)
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(judged, 20);
    let readable = |index: usize| {
        board["costs"][index]["legibility"]["passed"]["success"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((readable(0), readable(1)), (20, 20), "what is served passes the gate");
    assert_eq!(readable(4), 0, "nobody reads what changed by 0.3 everywhere");

    let point = &board["adaptive"]["points"][0];
    assert_eq!(
        (point["bought"].as_u64(), board["adaptive"]["attacker"].as_str()),
        (Some(20), Some("inception-ctc"))
    );
    for stage in ["before", "retrained", "answered", "in_turns"] {
        assert_eq!(point[stage]["share"]["count"], 20, "{stage}");
    }

    assert_eq!(
        names(&root.join("scoreboard")),
        [
            "adaptive.svg",
            "cache",
            "scoreboard.json",
            "scoreboard.md",
            "scoreboard.svg"
        ]
    );
    let page = fs::read_to_string(root.join("page.md")).unwrap();
    assert!(
        page.starts_with("before\n<!-- scoreboard -->\n| captchas |") && page.ends_with("after\n"),
        "{page}"
    );

    let kept = fs::read_dir(root.join("scoreboard/cache")).unwrap().count();
    assert_eq!(success(root, &line)["cells"], board["cells"]);
    assert_eq!(
        fs::read_dir(root.join("scoreboard/cache")).unwrap().count(),
        kept,
        "a second run measures nothing"
    );

    fs::write(root.join("page.md"), "<!-- scoreboard -->\n<!-- /scoreboard -->\n").unwrap();
    printed(root, "scoreboard --from scoreboard/scoreboard.json --readme page.md");
    let table = |text: &str| text.split("<!-- ").nth(1).unwrap().to_owned();
    assert_eq!(table(&fs::read_to_string(root.join("page.md")).unwrap()), table(&page));
}

#[test]
fn what_cannot_be_measured_is_refused_before_any_work() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    hardly_trained(root, "lenet-ctc", "");
    hardly_trained(root, "inception-ctc", "");
    success(
        root,
        "ensemble --checkpoint lenet-ctc --checkpoint inception-ctc --out both --json",
    );
    fs::write(root.join("page.md"), "no place for a table\n").unwrap();
    for (line, reason) in [
        (
            "scoreboard --count 3 --adaptive both --bought 10",
            "an attacker is one model",
        ),
        (
            "scoreboard --count 3 --readme page.md",
            "page.md has no line <!-- scoreboard -->",
        ),
        ("scoreboard --count 3 --from page.md --readme page.md", "page.md"),
        (
            "scoreboard --count 3 --checkpoint lenet-ctc --leave-one-out",
            "the checkpoint has one model only",
        ),
        (
            "scoreboard --from page.md --readme page.md --noise",
            "cannot be used with",
        ),
        (
            "scoreboard --count 3 --budgets 1,1",
            "two configurations are named default",
        ),
        (
            "scoreboard --count 3 --solver x=lenet-ctc --solver x=inception-ctc",
            "two solvers are named x",
        ),
        ("experiment fig8 --setting both --base lenet-ctc", "name that --setting"),
        (
            "experiment fig8 --setting product --base both --base lenet-ctc",
            "another base model is a lenet-ctc",
        ),
        ("experiment clusters --substitute crnn", "two substitutes at least"),
        (
            "experiment rotation --substitute inception-ctc",
            "rotation changes to inception-ctc",
        ),
    ] {
        let error = misuse(root, line);
        assert!(error.contains(reason), "{line}: {error}");
    }
    let cache = |folder: &str| fs::read_dir(root.join(folder).join("cache")).map_or(0, Iterator::count);
    assert_eq!(
        (cache("scoreboard"), cache("experiments")),
        (0, 0),
        "something was measured"
    );
    assert!(!root.join("scoreboard").exists(), "what is refused leaves no folder");
}

#[test]
fn models_are_left_out_and_parts_of_the_attack() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    hardly_trained(root, "lenet-ctc", "");
    hardly_trained(root, "inception-ctc", "");
    let both = "ensemble --checkpoint lenet-ctc --checkpoint inception-ctc --out both --json";
    success(root, both);
    let line = "scoreboard --checkpoint both --budgets 1 --leave-one-out --ablations 0.5 --count 3 --fonts bitter,rubik --threads 2 --device cpu --json";
    let board = success(root, &line.replace("both --budgets", "both --solver both --budgets"));
    for (without, other) in [("lenet-ctc", "inception-ctc"), ("inception-ctc", "lenet-ctc")] {
        let configuration = format!("without {without}");
        assert_eq!(cell(&board, &configuration, without)["is_attacked"], false);
        assert_eq!(cell(&board, &configuration, other)["is_attacked"], true);
        assert_eq!(cell(&board, "default", without)["is_attacked"], true);
    }
    let costs = board["costs"].as_array().unwrap();
    let ablated: Vec<_> = costs
        .iter()
        .filter(|cost| cost["configuration"].as_str().unwrap().starts_with("0.5 times: "))
        .collect();
    assert_eq!((costs.len(), ablated.len()), (1 + 9 + 2, 9));
    let page = fs::read_to_string(root.join("scoreboard/scoreboard.md")).unwrap();
    assert!(page.contains(" --fonts bitter,rubik "), "{page}");
    assert!(
        ablated
            .iter()
            .all(|cost| cost["factor"].is_null() && cost["perturb"]["gate"].is_null())
    );
}

#[test]
fn an_experiment_takes_models_that_are_there() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    hardly_trained(root, "lenet-ctc", "");
    hardly_trained(root, "resnet-attention", "");
    let line = "experiment fig8 --setting product --scale 0.0000001 --seeds 1 --rounds 1 --measured 20 --substitute lenet-ctc \
                --base lenet-ctc --base resnet-attention --threads 2 --jobs 1 --device cpu --json";
    let made = success(root, &line.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(made["report"]["rows"].as_array().unwrap().len(), 3);
    let caches = names(&root.join("experiments/cache"));
    assert!(
        !caches.iter().any(|name| name.starts_with("base-")),
        "a base model was trained: {caches:?}"
    );
    let page = fs::read_to_string(root.join("experiments/fig8.md")).unwrap();
    assert!(page.contains("--base 'lenet-ctc' --base 'resnet-attention'"), "{page}");
}
