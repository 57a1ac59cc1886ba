//! `GET /admin/v1/sets/{id}/export`: a set with its answers, as a tar archive laid out like `parallax dataset`.
//!
//! ```text
//! index.json        how it was made
//! labels.csv        file,label
//! 0000.png ...      the pictures as served
//! masks/0000.png    their stroke masks
//! ```

use std::rc::Rc;

use futures_util::{StreamExt, TryStreamExt, stream};
use parallax_edge_shared::{admin::AdminErrorCode, digest::Digest, image_set::SetIndex, pack::Pack, tar};
use worker::{Bucket, Response, ResponseBuilder};

use super::Call;
use crate::{failure::Failure, store};

/// Answers with the archive, one pack in memory at a time.
pub async fn get(set: &str, call: &Call) -> Result<Response, Failure> {
    let bucket = store::bucket(&call.env)?;
    let current = store::current(&bucket).await?;
    let id = match set {
        "current" => current.active.first().copied().ok_or(Failure::NoImages)?,
        text => Digest::parse(text).map_err(|_| not_found())?,
    };
    // Named sets only: an index without a name is half written or about to be deleted.
    if !current.active.iter().chain(&current.retired).any(|known| *known == id) {
        return Err(not_found());
    }
    let set = Rc::new(store::index(&bucket, id).await?.ok_or_else(not_found)?);
    let head = head(&set)?;
    let bucket = Rc::new(bucket);
    let packs = stream::iter(0..set.packs.len()).then(move |position| {
        let (bucket, set) = (Rc::clone(&bucket), Rc::clone(&set));
        async move {
            pack(&bucket, &set, position)
                .await
                .map_err(|f| worker::Error::RustError(f.to_string()))
        }
    });
    let archive = stream::iter([Ok(head)])
        .chain(packs)
        .chain(stream::iter([Ok(tar::END.to_vec())]));
    let builder = ResponseBuilder::new().with_header("cache-control", "no-store")?;
    let response = builder.from_stream(archive.into_stream())?;
    response.headers().set("content-type", "application/x-tar")?;
    response.headers().set(
        "content-disposition",
        &format!("attachment; filename=\"parallax-{id}.tar\""),
    )?;
    Ok(response)
}

fn not_found() -> Failure {
    Failure::admin(AdminErrorCode::NotFound, "There is no such set.")
}

/// File name of picture `position`.
fn name(position: usize) -> String {
    format!("{position:04}.png")
}

fn head(set: &SetIndex) -> Result<Vec<u8>, Failure> {
    let index = serde_json::to_vec(set).map_err(|e| Failure::Internal(e.to_string()))?;
    let rows = set
        .entries()
        .enumerate()
        .map(|(i, (_, entry))| format!("{},{}\n", name(i), entry.label));
    let labels: String = core::iter::once("file,label\n".to_owned()).chain(rows).collect();
    let mut archive = Vec::new();
    tar::append(&mut archive, "index.json", set.created, &index);
    tar::append(&mut archive, "labels.csv", set.created, labels.as_bytes());
    Ok(archive)
}

/// The entries of one pack.
async fn pack(bucket: &Bucket, set: &SetIndex, position: usize) -> Result<Vec<u8>, Failure> {
    let broken = |id: Digest| Failure::Internal(format!("pack {id} is not what its set says"));
    let first: usize = set.packs.iter().take(position).map(|p| p.images.len()).sum();
    let mut archive = Vec::new();
    for pack in set.packs.iter().skip(position).take(1) {
        let bytes = store::read(bucket, &Pack::key(pack.id))
            .await?
            .ok_or_else(|| broken(pack.id))?;
        if Digest::of(&bytes) != pack.id {
            return Err(broken(pack.id));
        }
        for (i, entry) in pack.images.iter().enumerate() {
            let (image, mask) = entry
                .image
                .of(&bytes)
                .zip(entry.mask.of(&bytes))
                .ok_or_else(|| broken(pack.id))?;
            let name = name(first + i);
            tar::append(&mut archive, &name, set.created, image);
            tar::append(&mut archive, &format!("masks/{name}"), set.created, mask);
        }
    }
    Ok(archive)
}
