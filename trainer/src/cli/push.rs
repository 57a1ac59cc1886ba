//! `parallax push`: signs a checkpoint and sends it to the edge.

use std::{fs, path::PathBuf};

use parallax_onnx::signature::SigningKey;

use super::{CommandError, Format, output};
use crate::{
    admin::{self, AdminError, AdminKey, Client, ClientConfig},
    files::io_error,
};

/// Options of `parallax push`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The checkpoint
    #[arg(value_name = "DIR")]
    checkpoint: PathBuf,
    /// Address of the edge; the admin key is taken from PARALLAX_ADMIN_KEY
    #[arg(long, value_name = "URL")]
    edge: String,
    /// A file that holds the admin key, instead of PARALLAX_ADMIN_KEY
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// The private key to sign with, from `parallax key`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Signs, sends, prints.
///
/// # Errors
/// [`CommandError`]; the edge then goes on with what it had.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let path = &options.key;
    let text = fs::read_to_string(path).map_err(io_error("read", path))?;
    let key = SigningKey::parse(&text).map_err(|reason| AdminError::SigningKey {
        path: path.clone(),
        reason,
    })?;
    let admin_key = AdminKey::find(options.admin_key_file.as_deref())?;
    let client = Client::new(&options.edge, admin_key, ClientConfig::default())?;
    let pushed = admin::push(&client, &options.checkpoint, &key)?;
    output::print(&pushed, format, |pushed| {
        format!(
            "checkpoint {} is taken: the next image set is made with it",
            pushed.digest
        )
    })?;
    Ok(())
}
