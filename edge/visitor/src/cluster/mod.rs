//! What many sessions of a site together show: one Durable Object a site counts, `captcha::risk::cluster` judges.
//!
//! One request a slide. Where the object cannot be reached the slide is judged alone, and the log says so: no visitor is
//! lost to it.

#[allow(missing_docs, reason = "the macro of Durable Objects writes methods without them")]
mod object;
mod tables;

pub use object::Cluster;

use parallax_captcha::{
    risk::{
        cluster::{Bin, ClusterConfig, Counts, Evidence, bin, judge, repeated_answer},
        similarity::Signature,
    },
    ticket::TicketId,
    wire::{SlideRequest, Trace},
};
use parallax_edge_shared::{
    admin::SiteRisk,
    pseudonym::{Kind, address_prefix},
    routing::AccountHint,
    site::Site,
    throttle::Level,
};
use serde::{Deserialize, Serialize};
use worker::{Env, console_error, console_log};

use crate::{
    durable,
    endpoints::Call,
    failure::{Failure, log},
};

/// Name of the binding.
const BINDING: &str = "CLUSTER";

/// A visitor waits no longer than this for what others did, milliseconds.
const LIMIT_MS: u64 = 2000;

/// What is asked of the object. Not tagged within: that would read every observation twice, with code of its own.
#[derive(Debug, Serialize, Deserialize)]
enum Ask {
    /// Count a slide and say what it has in common with others: [`Counts`].
    Slide(Box<Observation>),
    /// Count a wrong answer to a picture and say how often it was given: a number.
    Answer {
        /// Pseudonym of picture and answer.
        entity: u64,
    },
    /// Count whether a sampled visitor read the first picture, once an hour and network: [`Moved`], if it did.
    Sampled {
        /// Pseudonym of the visitor's network.
        network: u64,
        /// Whether the answer was right.
        read: bool,
        /// The picture's.
        level: Level,
    },
    /// How much is held: [`SiteRisk`] without the site's name.
    Read,
    /// Kept traces as NDJSON.
    Traces {
        /// Only those after this one.
        after: u64,
        /// At most so many.
        limit: u32,
    },
}

/// What is said of a slide.
#[derive(Debug, Serialize, Deserialize)]
struct SlideReply {
    counts: Counts,
    /// The site's.
    level: Level,
}

/// A level that a sampled visitor moved.
#[derive(Debug, Serialize, Deserialize)]
struct Moved {
    before: Level,
    now: Level,
}

/// What the site's other sessions have to do with this one.
#[derive(Debug, Default)]
pub struct Company {
    /// What they say against it.
    pub evidence: Vec<Evidence>,
    /// The site's.
    pub level: Level,
}

/// What of a slide is counted; nothing of it can be turned back into what a visitor sent, a kept trace aside.
#[derive(Debug, Serialize, Deserialize)]
struct Observation {
    /// So that a slide that is sent again is counted once; another slide of the same session is another slide.
    session: TicketId,
    address: Option<u64>,
    account: Option<u64>,
    device: Option<u64>,
    bin: Option<Bin>,
    signature: Option<Signature>,
    /// Where the site keeps traces.
    kept: Option<Trace>,
}

/// What the site's object knows; nothing, and the highest level, when it cannot be reached.
pub async fn judge_slide(
    slid: &SlideRequest,
    session: TicketId,
    cdata: Option<&str>,
    site: &Site,
    call: &Call,
) -> Company {
    let ask = Ask::Slide(Box::new(observe(slid, session, cdata, site, call)));
    let counted = durable::within(
        LIMIT_MS,
        durable::ask::<_, SlideReply>(&call.env, BINDING, &site.name, &ask),
    )
    .await;
    match counted {
        Ok(SlideReply { counts, level }) => Company {
            evidence: judge(&ClusterConfig::default(), &counts),
            level,
        },
        Err(failure) => {
            console_error!("{}: judged alone: {failure}", site.name);
            Company::default()
        }
    }
}

/// What it says that others gave this wrong answer to the same picture; nothing when the object cannot be reached.
pub async fn judge_answer(picture: &[u8], answer: &str, site: &Site, call: &Call) -> Option<Evidence> {
    let pseudonyms = call.deployment.sites.pseudonyms(site, call.now());
    let ask = Ask::Answer {
        entity: pseudonyms.entity(Kind::Answer, &[picture, answer.as_bytes()]),
    };
    match durable::within(LIMIT_MS, durable::ask::<_, u32>(&call.env, BINDING, &site.name, &ask)).await {
        Ok(answers) => repeated_answer(&ClusterConfig::default(), answers),
        Err(failure) => {
            console_error!("{}: an answer judged alone: {failure}", site.name);
            None
        }
    }
}

/// Counts whether a sampled visitor read the first picture, where the visitor's network is known. Nothing waits for it.
pub fn observe_sampled(read: bool, level: Level, site: &Site, call: &Call) {
    let Some(prefix) = call.address.as_deref().and_then(address_prefix) else {
        return;
    };
    let pseudonyms = call.deployment.sites.pseudonyms(site, call.now());
    let ask = Ask::Sampled {
        network: pseudonyms.entity(Kind::Sampled, &[&prefix]),
        read,
        level,
    };
    let (env, name) = (call.env.clone(), site.name.clone());
    call.context.wait_until(async move {
        match durable::ask::<_, Option<Moved>>(&env, BINDING, &name, &ask).await {
            Ok(Some(Moved { before, now })) => {
                console_log!("{name}: throttle {} % -> {} %", before.percent(), now.percent());
            }
            Ok(None) => {}
            Err(failure) => drop(log(&failure)),
        }
    });
}

/// The pseudonym of the network that asks, for records of answers; `None` where its address is not known.
pub fn source(site: &Site, call: &Call) -> Option<u64> {
    let prefix = call.address.as_deref().and_then(address_prefix)?;
    let pseudonyms = call.deployment.sites.pseudonyms(site, call.now());
    Some(pseudonyms.entity(Kind::Source, &[&prefix]))
}

/// How much the site's object holds.
///
/// # Errors
/// [`Failure::Internal`] when it cannot be reached.
pub async fn read(site: &Site, env: &Env) -> Result<SiteRisk, Failure> {
    durable::within(LIMIT_MS, durable::ask(env, BINDING, &site.name, &Ask::Read)).await
}

/// Kept traces of the site, NDJSON.
///
/// # Errors
/// [`Failure::Internal`] when the object cannot be reached.
pub async fn kept_traces(site: &Site, after: u64, limit: u32, call: &Call) -> Result<worker::Response, Failure> {
    let ask = serde_json::to_string(&Ask::Traces { after, limit }).map_err(|e| Failure::Internal(e.to_string()))?;
    durable::send(&call.env, BINDING, &site.name, "/", ask.into()).await
}

fn observe(slid: &SlideRequest, session: TicketId, cdata: Option<&str>, site: &Site, call: &Call) -> Observation {
    let pseudonyms = call.deployment.sites.pseudonyms(site, call.now());
    let prefix = call.address.as_deref().and_then(address_prefix);
    let account = match site.routing.account_hint {
        Some(AccountHint::Cdata) => cdata.filter(|text| !text.is_empty()),
        None => None,
    };
    // What a browser says of itself is common to thousands; at one address prefix it is nearly a device.
    let browser = serde_json::to_vec(&slid.environment).unwrap_or_default();
    let trace = &slid.trace;
    let duration = trace
        .samples
        .first()
        .zip(trace.samples.last())
        .map(|(a, b)| b[2] - a[2]);
    Observation {
        session,
        address: prefix.as_ref().map(|p| pseudonyms.entity(Kind::Address, &[p])),
        account: account.map(|text| pseudonyms.entity(Kind::Account, &[text.as_bytes()])),
        device: prefix.as_ref().map(|p| pseudonyms.entity(Kind::Device, &[p, &browser])),
        bin: duration.and_then(|ms| bin(trace.input, ms)),
        signature: Signature::of(trace),
        kept: (site.routing.keep_traces && trace.samples.len() <= Trace::MAX_SAMPLES).then(|| trace.clone()),
    }
}
