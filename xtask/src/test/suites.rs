//! The suites: what each runs and with which environment.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Error;

use super::tally::{Tally, counted};
use crate::setup::Everything;
use crate::workspace::Workspace;
use crate::{build, process, sizes};

/// What suites run with.
pub(super) struct Context<'a> {
    /// Folders.
    pub workspace: &'a Workspace,
    /// Tools.
    pub installed: Everything,
}

/// A suite's count; on failure with the reason.
type Outcome = Result<Tally, (Tally, Error)>;

/// One suite.
pub(super) struct Suite {
    /// For the command line.
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    /// Runs it.
    pub run: fn(&Context<'_>) -> Outcome,
}

/// All suites; cheap ones first.
pub(super) const SUITES: [Suite; 9] = [
    Suite {
        name: "format",
        what: "rustfmt",
        run: format,
    },
    Suite {
        name: "lint",
        what: "clippy, native and wasm, warnings denied",
        run: lint,
    },
    Suite {
        name: "deny",
        what: "licences, bans and sources of dependencies",
        run: deny,
    },
    Suite {
        name: "unit",
        what: "native unit tests",
        run: unit,
    },
    Suite {
        name: "runtime",
        what: "the trainer on ONNX Runtime",
        run: runtime,
    },
    Suite {
        name: "sizes",
        what: "build what ships, within its limits",
        run: shipped,
    },
    Suite {
        name: "edge",
        what: "end to end over HTTP against workerd",
        run: edge,
    },
    Suite {
        name: "browser",
        what: "the demo page in a browser",
        run: browser,
    },
    Suite {
        name: "models",
        what: "tract in wasm against ONNX Runtime; success rates of solvers, before and after learning",
        run: models,
    },
];

/// Packages that compile to wasm.
const WASM_PACKAGES: [&str; 3] = ["parallax-edge-visitor", "parallax-edge-precompute", "parallax-widget"];

fn format(context: &Context<'_>) -> Outcome {
    check(context.workspace.cargo().args(["fmt", "--all", "--check"]))
}

fn lint(context: &Context<'_>) -> Outcome {
    let deny = ["--", "--deny", "warnings"];
    let native = ["clippy", "--quiet", "--workspace", "--all-targets", "--all-features"];
    check(context.workspace.cargo().args(native).args(deny))?;
    let mut wasm = context.workspace.cargo();
    wasm.args(["clippy", "--quiet", "--lib", "--target", "wasm32-unknown-unknown"]);
    for package in WASM_PACKAGES {
        wasm.args(["--package", package]);
    }
    check(wasm.args(deny))?;
    Ok(Tally {
        passed: 2,
        ..Tally::default()
    })
}

fn deny(context: &Context<'_>) -> Outcome {
    let mut command = Command::new(&context.installed.cargo_deny);
    check(
        command
            .args(["check", "licenses", "bans", "sources"])
            .current_dir(&context.workspace.root),
    )
}

fn unit(context: &Context<'_>) -> Outcome {
    let mut tally = counted(context.workspace.cargo().args(["test", "--quiet", "--no-fail-fast"]))?;
    // No default member: `cargo test` alone need not compile the platform's bindings. The precompute path has no tests
    // of its own: a native tract takes minutes to compile, and the end to end suites see all it does.
    let visitor = ["--lib", "--package", "parallax-edge-visitor"];
    let mut command = context.workspace.cargo();
    tally.add(counted(
        command.args(["test", "--quiet", "--no-fail-fast"]).args(visitor),
    )?);
    Ok(tally)
}

fn runtime(context: &Context<'_>) -> Outcome {
    let arguments = [
        "test",
        "--quiet",
        "--no-fail-fast",
        "--package",
        "parallax-trainer",
        "--features",
        "runtime-tests",
    ];
    counted(
        context
            .workspace
            .cargo()
            .args(arguments)
            .env("ORT_DYLIB_PATH", &context.installed.onnxruntime),
    )
}

fn shipped(context: &Context<'_>) -> Outcome {
    let built = build::run(context.workspace).and_then(|_| sizes::run(context.workspace));
    built.map(|()| Tally::ONE).map_err(|error| (Tally::default(), error))
}

fn edge(context: &Context<'_>) -> Outcome {
    end_to_end(context, &["--test", "edge"])
}

fn browser(context: &Context<'_>) -> Outcome {
    end_to_end(context, &["--test", "browser"])
}

fn models(context: &Context<'_>) -> Outcome {
    end_to_end(
        context,
        &["--features", "models", "--test", "models", "--test", "learning"],
    )
}

/// One test binary of `tests/`, told where everything is.
fn end_to_end(context: &Context<'_>, target: &[&str]) -> Outcome {
    let Context { workspace, installed } = context;
    build::run(workspace).map_err(|error| (Tally::default(), error))?;
    let program = program(workspace).map_err(|error| (Tally::default(), error))?;
    let mut command = workspace.cargo();
    command
        .args(["test", "--quiet", "--no-fail-fast", "--package", "parallax-tests"])
        .args(target)
        .env("PARALLAX_NODE", &installed.tools.node)
        .env("PARALLAX_NODE_MODULES", &installed.tools.modules)
        .env("PARALLAX_CHROMIUM", &installed.browser)
        .env("PARALLAX_PROGRAM", program)
        .env("ORT_DYLIB_PATH", &installed.onnxruntime);
    counted(&mut command)
}

/// The trainer's program, optimised: the tests draw thousands of captchas with it.
///
/// # Errors
/// When it does not compile.
pub fn program(workspace: &Workspace) -> Result<PathBuf, Error> {
    let arguments = [
        "build",
        "--quiet",
        "--release",
        "--package",
        "parallax-trainer",
        "--bin",
        "parallax",
    ];
    process::run(workspace.cargo().args(arguments))?;
    Ok(workspace.target.join("release/parallax"))
}

fn check(command: &mut Command) -> Outcome {
    process::run(command)
        .map(|()| Tally::ONE)
        .map_err(|error| (Tally::default(), error))
}
