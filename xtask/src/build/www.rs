//! What a browser loads: the pages and scripts of `www/`, minified, and the widget beside them. The widget's files ship
//! twice, under stable names and under names of their content, which caches may keep forever; the loader asks for the
//! latter.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::dist::{Dist, files_below};
use super::glue::{self, Glued};
use super::stamp;
use crate::setup::Tools;
use crate::workspace::Workspace;

/// What loads the widget into a page.
const LOADER: &str = "www/api.js";

/// Response headers of static files, as the platform reads them.
const HEADERS: &str = "www/_headers";

/// Adds `www/` and the widget to `dist`.
pub(super) fn collect(workspace: &Workspace, tools: &Tools, widget: &Glued, dist: &mut Dist) -> Result<()> {
    let source = workspace.root.join("www");
    let minified = workspace.work().join("www");
    for file in files_below(&source)? {
        let relative = file.strip_prefix(&source).unwrap_or(&file);
        let content = if is_code(&file) {
            let small = minified.join(relative);
            glue::minify(tools, &file, &small)?;
            std::fs::read(&small)
        } else {
            std::fs::read(&file)
        };
        let content = content.with_context(|| format!("cannot read {}", file.display()))?;
        dist.add(&format!("www/{}", relative.to_string_lossy()), content);
    }
    let mut headers = dist.text(HEADERS).unwrap_or_default();
    let mut loader = dist.text(LOADER).with_context(|| format!("www/ has no {LOADER}"))?;
    for (extension, content) in [("js", &widget.javascript), ("wasm", &widget.wasm)] {
        let stable = format!("widget/widget.{extension}");
        let hashed = format!("widget/widget.{}.{extension}", stamp::content_name(content));
        if !loader.contains(&stable) {
            bail!("{LOADER} does not load {stable}");
        }
        loader = loader.replace(&stable, &hashed);
        dist.add(&format!("www/{stable}"), content.clone());
        dist.add(&format!("www/{hashed}"), content.clone());
        headers += &format!("/{hashed}\n  Cache-Control: public, max-age=31536000, immutable\n");
    }
    dist.add(LOADER, loader.into_bytes());
    dist.add(HEADERS, headers.into_bytes());
    Ok(())
}

fn is_code(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "js" || extension == "css")
}
