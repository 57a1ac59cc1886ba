//! `parallax pull`: fetches suspects' answers from the edge.

use std::path::PathBuf;

use super::{CommandError, Format, output, progress};
use crate::admin::{self, AdminError, AdminKey, Client, ClientConfig, Fetched, PullConfig};

/// Options of `parallax pull`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Address of the edge; the admin key is taken from PARALLAX_ADMIN_KEY
    #[arg(long, value_name = "URL")]
    edge: String,
    /// A file that holds the admin key, instead of PARALLAX_ADMIN_KEY
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// The folder for queries.ndjson and images/; what is there already is gone on with
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Delete at the edge what is safely here
    #[arg(long)]
    delete: bool,
}

/// Fetches, prints.
///
/// # Errors
/// [`CommandError`]; what was fetched until then is there, and the same command goes on after it.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let key = AdminKey::find(options.admin_key_file.as_deref())?;
    let client = Client::new(&options.edge, key, ClientConfig::default())?;
    let fetched = if options.delete {
        Fetched::Deleted
    } else {
        Fetched::Kept
    };
    let config = PullConfig {
        out: options.out.clone(),
        fetched,
    };
    let bar = progress::counter("answers");
    let pulled = admin::pull(&client, &config, |pulled| {
        bar.set_position(pulled.added);
        bar.set_message(format!("({} without picture)", pulled.skipped));
    });
    bar.finish_and_clear();
    let pulled = pulled.map_err(|error| match error {
        AdminError::Interrupted => CommandError::Interrupted(Some("the same command goes on from here".to_owned())),
        error => error.into(),
    })?;
    output::print(&pulled, format, |pulled| {
        format!(
            "{} answers added, {} left out because their picture is gone, {} in {}; {} deleted at the edge",
            pulled.added,
            pulled.skipped,
            pulled.total,
            options.out.display(),
            pulled.deleted
        )
    })?;
    Ok(())
}
