//! From packs to a set that is served: its index, then `current.json`, then the end of what it replaced.

use std::collections::HashSet;

use parallax_edge_shared::{
    digest::Digest,
    image_set::{CURRENT_KEY, Current, Recipe, SetIndex},
    pack::Pack,
};
use worker::{Bucket, Date, console_error};

use crate::{failure::Failure, store};

/// Serves `packs`, all of them in the bucket, in place of what is served now.
///
/// # Errors
/// [`Failure`]; what was served before then still is.
pub async fn publish(bucket: &Bucket, recipe: Recipe, packs: Vec<Pack>) -> Result<SetIndex, Failure> {
    let set = SetIndex::new(Date::now().as_millis() / 1000, recipe, packs)?;
    store::write(bucket, SetIndex::key(set.id), serde_json::to_vec(&set)?).await?;
    let (current, dropped) = name(bucket, set.id).await?;
    // From here on the set is served; what cannot be deleted is a few megabytes, not a failure.
    if let Err(failure) = delete(bucket, &current, &dropped).await {
        console_error!("old sets were not deleted: {failure}");
    }
    Ok(set)
}

/// Writes `current.json`, with `id` in it.
async fn name(bucket: &Bucket, id: Digest) -> Result<(Current, Vec<Digest>), Failure> {
    store::update(bucket, CURRENT_KEY, |json| {
        // Something else under this key is replaced: nothing can be served from it.
        let mut current = json.and_then(|json| Current::decode(&json).ok()).unwrap_or_default();
        let dropped = current.replace(id);
        Ok((serde_json::to_vec(&current)?, (current, dropped)))
    })
    .await
}

/// Deletes sets, but no pack that a kept set holds too.
async fn delete(bucket: &Bucket, current: &Current, dropped: &[Digest]) -> Result<(), Failure> {
    if dropped.is_empty() {
        return Ok(());
    }
    let mut kept = HashSet::new();
    for id in current.active.iter().chain(&current.retired) {
        kept.extend(packs_of(bucket, *id).await?);
    }
    for id in dropped {
        let packs = packs_of(bucket, *id).await?;
        bucket.delete(SetIndex::key(*id)).await?;
        for pack in packs.into_iter().filter(|pack| !kept.contains(pack)) {
            bucket.delete(Pack::index_key(pack)).await?;
            bucket.delete(Pack::key(pack)).await?;
        }
    }
    Ok(())
}

async fn packs_of(bucket: &Bucket, id: Digest) -> Result<Vec<Digest>, Failure> {
    Ok(match store::read(bucket, &SetIndex::key(id)).await? {
        Some(json) => SetIndex::decode(&json)?.packs.into_iter().map(|pack| pack.id).collect(),
        None => Vec::new(),
    })
}
