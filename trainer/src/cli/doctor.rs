//! `parallax doctor`: what there is to run models on, and what is missing.

use serde::Serialize;

use super::{CommandError, Format, output};
use crate::runtime::{Runtime, Source, cuda_missing};

#[derive(Debug, Serialize)]
struct Report {
    library: String,
    found_by: &'static str,
    version: Option<String>,
    devices: Vec<String>,
    cuda: bool,
    cuda_missing: Option<String>,
}

/// Looks and prints.
///
/// # Errors
/// [`CommandError::Runtime`] when nothing can be run here, saying what to install.
pub fn run(format: Format) -> Result<(), CommandError> {
    let runtime = Runtime::load()?;
    let library = runtime.library();
    let cuda_missing = cuda_missing();
    let report = Report {
        library: library.path.display().to_string(),
        found_by: match library.source {
            Source::Variable => "ORT_DYLIB_PATH",
            Source::Project => "the project's .parallax folder",
            Source::Cache => "the user's cache",
            Source::Python => "the Python package onnxruntime",
        },
        version: library.version(),
        devices: runtime.devices(),
        cuda: cuda_missing.is_none(),
        cuda_missing,
    };
    output::print(&report, format, text)?;
    Ok(())
}

fn text(report: &Report) -> String {
    let cuda = report.cuda_missing.as_deref().unwrap_or("yes");
    format!(
        "ONNX Runtime  {} ({})\nfound by      {}\ndevices       {}\nCUDA          {cuda}",
        report.version.as_deref().unwrap_or("version unknown"),
        report.library,
        report.found_by,
        report.devices.join("; "),
    )
}
