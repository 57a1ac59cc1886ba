//! Carrying out a refill: one pack a run, the set when all packs are there.

use std::time::Duration;

use parallax_captcha::{
    perturb::{Start, perturb},
    text::draw,
};
use parallax_edge_shared::{
    digest::Digest,
    image_set::{CURRENT_KEY, Current, SetIndex},
    job::{Job, Reason, Refill},
    pack::{Pack, PackBuilder, Perturbation},
};
use worker::{Bucket, Delay, Env, console_warn};

use crate::{
    checkpoint::{self, Solver},
    failure::Failure,
    png, publish,
    recipe::{self, Settings},
    store,
};

/// Name of the queue's binding.
const JOBS: &str = "JOBS";

/// Pictures of a pack where `PACK_SIZE` says nothing.
const DEFAULT_PACK_SIZE: u32 = 32;

/// While nothing is served, a set larger than [`FIRST_SET_FROM`] is preceded by one of this many pictures, which is
/// there within seconds.
const FIRST_SET: u32 = 8;

/// See [`FIRST_SET`].
const FIRST_SET_FROM: u32 = 16;

/// Makes the next pack of `refill`; orders the rest, or publishes the set. Returns what was done, for the log.
///
/// # Errors
/// [`Failure`]; what is served is then what was served before, and the same order may be carried out again.
pub async fn carry_out(mut refill: Refill, env: &Env) -> Result<String, Failure> {
    refill.check()?;
    let bucket = store::bucket(env)?;
    let begins = refill.packs.is_empty();
    let active = if begins {
        current(&bucket).await?.active
    } else {
        Vec::new()
    };
    let serves = !active.is_empty();
    // Delivered again because the rest could not be ordered, it finds its own first set: the rest is still to be made.
    if serves && refill.reason == Reason::Empty && !is_begun(&refill, &active, &bucket).await? {
        return Ok("refill: there is a set by now".to_owned());
    }
    let mut settings = Settings::of(env)?;
    let solver = checkpoint::solver(&bucket, env).await?;
    if settings.perturb.start == Start::Generator && !solver.has_generator() {
        console_warn!(
            "GENERATOR is on, but checkpoint {} has none: pictures begin with gradients",
            solver.checkpoint()
        );
        settings = settings.without_generator();
    }
    let recipe = settings.recipe(solver.checkpoint())?;
    let digest = recipe::digest(&recipe)?;
    if begins && !serves && refill.count > FIRST_SET_FROM {
        let pack = make_pack(&refill, 0..FIRST_SET, &solver, &settings, &bucket).await?;
        let set = publish::publish(&bucket, recipe, vec![pack]).await?;
        env.queue(JOBS)?
            .send(Job::Refill(Refill {
                reason: Reason::Schedule,
                ..refill
            }))
            .await?;
        return Ok(format!("refill: first set {} of {FIRST_SET} pictures", set.id));
    }
    if refill.recipe.is_some_and(|made_by| made_by != digest) {
        // Another checkpoint or another version since the set was begun: begin again.
        refill = Refill {
            levels: refill.levels,
            ..Refill::new(refill.seed, refill.count, refill.reason)
        };
    }
    refill.recipe = Some(digest);
    let next = refill.next_pack(pack_size(env)?);
    if !next.is_empty() {
        let end = next.end;
        let pack = make_pack(&refill, next, &solver, &settings, &bucket).await?;
        refill.packs.push(pack.id);
        refill.done = end;
    }
    if refill.done < refill.count {
        let said = format!("refill: {} of {} pictures", refill.done, refill.count);
        env.queue(JOBS)?.send(Job::Refill(refill)).await?;
        return Ok(said);
    }
    let mut packs = Vec::with_capacity(refill.packs.len());
    for id in &refill.packs {
        let json = store::read(&bucket, &Pack::index_key(*id)).await?;
        let json = json.ok_or_else(|| Failure::Platform(format!("pack {id} is gone")))?;
        packs.push(Pack::decode(&json)?);
    }
    let set = publish::publish(&bucket, recipe, packs).await?;
    Ok(format!("refill: set {} of {} pictures", set.id, set.count()))
}

/// Draws and perturbs the pictures `range` of a refill and writes them as a pack.
async fn make_pack(
    refill: &Refill,
    range: core::ops::Range<u32>,
    solver: &Solver,
    settings: &Settings,
    bucket: &Bucket,
) -> Result<Pack, Failure> {
    let mut builder = PackBuilder::default();
    for index in range {
        let seed = refill.seed_of(index);
        let failed = |reason: String| Failure::Captcha { index, reason };
        let captcha = draw(&settings.style, seed);
        let level = refill.level_of(index);
        let config = settings.perturb.clone().scaled(f32::from(level.percent()) / 100.0);
        let perturbed = solver
            .with(|model| perturb(model, &captcha.image, &captcha.mask, &captcha.label, &config))
            .map_err(|e| failed(e.to_string()))?;
        let image = png::encode(&perturbed.image).map_err(|e| failed(e.to_string()))?;
        let mask = png::encode(&captcha.mask).map_err(|e| failed(e.to_string()))?;
        let kept = Perturbation {
            level,
            strength: perturbed.strength,
        };
        builder.push(seed, &captcha.label, kept, &image, &mask)?;
        // Isolates of one process may share a thread: between two pictures, others get their turn.
        Delay::from(Duration::ZERO).await;
    }
    let (pack, bytes) = builder.finish()?;
    store::write(bucket, Pack::key(pack.id), bytes).await?;
    store::write(bucket, Pack::index_key(pack.id), serde_json::to_vec(&pack)?).await?;
    Ok(pack)
}

/// Whether what is served is no more than the first set of `refill`. A set that cannot be read is another one.
async fn is_begun(refill: &Refill, active: &[Digest], bucket: &Bucket) -> Result<bool, Failure> {
    for id in active {
        let json = store::read(bucket, &SetIndex::key(*id)).await?;
        let set = json.and_then(|json| SetIndex::decode(&json).ok());
        if !set.is_some_and(|set| refill.is_begun_by(&set)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn current(bucket: &Bucket) -> Result<Current, Failure> {
    let json = store::read(bucket, CURRENT_KEY).await?;
    Ok(json.and_then(|json| Current::decode(&json).ok()).unwrap_or_default())
}

fn pack_size(env: &Env) -> Result<u32, Failure> {
    Ok(recipe::number(env, "PACK_SIZE", "PACK_SIZE is no number")?.unwrap_or(DEFAULT_PACK_SIZE))
}
