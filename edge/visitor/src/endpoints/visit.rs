//! What slide and answer share: whom a ticket belongs to, drawing a picture from the set, giving out a token.

use parallax_captcha::{
    ticket::{Purpose, Ticket, TicketError, open, seal},
    wire::{Challenge, ChallengeKind, ErrorCode, Outcome},
};
use parallax_edge_shared::{
    claims::{self, CHALLENGE_SECONDS, Page, Suspicion},
    digest::Digest,
    pack::Span,
    site::Site,
    siteverify::{DUMMY_TOKEN, Dialect},
    throttle::Level,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{endpoints::Call, failure::Failure, random, refill, store};

/// Pictures are this large, pixels: width, height.
const PICTURE_SIZE: [u32; 2] = [200, 60];

/// Seconds a blocked visitor is asked to wait.
const BLOCK_SECONDS: u32 = 30;

/// The codes of one kind of ticket.
pub struct TicketCodes {
    /// Not a ticket of ours.
    pub invalid: ErrorCode,
    /// Too late.
    pub expired: ErrorCode,
}

/// Opens a ticket and finds its site.
///
/// # Errors
/// The given codes; `origin-not-allowed` when it is sent from another page than it was given to. Nothing is consumed.
pub fn open_ticket<'a, T: DeserializeOwned>(
    text: &str,
    purpose: Purpose,
    codes: &TicketCodes,
    call: &'a Call,
    page: fn(&T) -> &Page,
) -> Result<(Ticket<T>, &'a Site), Failure> {
    let ticket = open::<T>(text, purpose, &call.deployment.key, call.now()).map_err(|error| match error {
        TicketError::Expired { .. } => Failure::refused(codes.expired, "Too late: begin again."),
        _ => Failure::refused(codes.invalid, "Not given out here: begin again."),
    })?;
    let Some(site) = call.deployment.sites.by_name(&ticket.site) else {
        return Err(Failure::refused(codes.invalid, "Its site is no more: begin again."));
    };
    let host = allowed_host(site, call)?;
    if host != page(&ticket.body).hostname {
        return Err(origin_not_allowed());
    }
    Ok((ticket, site))
}

/// The host of the page that sent the request, if it may embed the site's key.
///
/// # Errors
/// `origin-not-allowed`; also without an `Origin` header, which every browser sends with a POST.
pub fn allowed_host(site: &Site, call: &Call) -> Result<String, Failure> {
    call.host()
        .filter(|host| site.allows(host))
        .ok_or_else(origin_not_allowed)
}

fn origin_not_allowed() -> Failure {
    Failure::refused(
        ErrorCode::OriginNotAllowed,
        "The page's origin is not on the site's list of host names.",
    )
}

/// What a visitor has tried before this challenge.
#[derive(Debug, Clone, Default)]
pub struct Tries {
    /// Wrong answers.
    pub wrong: u8,
    /// Pictures passed over.
    pub refreshed: u8,
    /// The picture just seen: another one is shown next.
    pub seen: Option<(Digest, Span)>,
    /// Why the visitor is challenged at all.
    pub suspicion: Suspicion,
    /// How much of the budget the next picture is to have.
    pub level: Level,
    /// Whether the visitor would have passed.
    pub sampled: bool,
}

/// A challenge about a picture drawn at random from the set that is served.
///
/// # Errors
/// [`Failure::NoImages`] while there is no set; one is then ordered.
pub async fn challenge(site: &Site, page: Page, tries: Tries, call: &Call) -> Result<Challenge, Failure> {
    let Some(set) = store::served(&call.env, call.now_ms).await? else {
        refill::order_if_empty(&call.env, &call.deployment, call.now_ms).await?;
        return Err(Failure::NoImages);
    };
    let mut choice = set.choice(tries.level, tries.seen);
    let position = random::below(choice.clone().count())?;
    // A set of one picture shows it again.
    let drawn = choice.nth(position).or_else(|| set.get(0));
    let (pack, entry) = drawn.ok_or(Failure::NoImages)?;
    let body = claims::Challenge {
        page,
        label: entry.label.clone(),
        set: set.id,
        checkpoint: set.recipe.checkpoint,
        pack,
        span: entry.image,
        wrong: tries.wrong,
        refreshed: tries.refreshed,
        suspicion: tries.suspicion,
        level: entry.level,
        sampled: tries.sampled,
    };
    let id = seal_ticket(site, CHALLENGE_SECONDS, body, Purpose::Challenge, call)?;
    Ok(Challenge {
        kind: ChallengeKind::Text,
        image: format!("/v1/challenge/{id}/image"),
        id,
        size: PICTURE_SIZE,
        expires_in: seconds(CHALLENGE_SECONDS),
    })
}

/// A pass, with the token for the site's server.
///
/// # Errors
/// [`Failure::Internal`].
pub fn pass(site: &Site, page: Page, interactive: bool, call: &Call) -> Result<Outcome, Failure> {
    let lifetime = Dialect::Turnstile.token_seconds();
    let token = if site.is_test() {
        DUMMY_TOKEN.to_owned()
    } else {
        seal_ticket(
            site,
            lifetime,
            claims::Token { page, interactive },
            Purpose::Token,
            call,
        )?
    };
    Ok(Outcome::Pass {
        token,
        expires_in: seconds(lifetime),
    })
}

/// No pass, and no challenge either.
#[must_use]
pub fn block() -> Outcome {
    Outcome::Block {
        retry_after: BLOCK_SECONDS,
    }
}

/// Seals a fresh ticket of `site` that lives for `lifetime` seconds.
///
/// # Errors
/// [`Failure::Internal`].
pub fn seal_ticket<T: Serialize>(
    site: &Site,
    lifetime: u64,
    body: T,
    purpose: Purpose,
    call: &Call,
) -> Result<String, Failure> {
    let issued_at = call.now();
    let ticket = Ticket {
        id: random::ticket_id()?,
        site: site.name.clone(),
        issued_at,
        expires_at: issued_at + lifetime,
        body,
    };
    seal(&ticket, purpose, &call.deployment.key, random::bytes()?).map_err(|e| Failure::Internal(e.to_string()))
}

/// Seconds as the wire has them.
#[must_use]
pub fn seconds(lifetime: u64) -> u32 {
    u32::try_from(lifetime).unwrap_or(u32::MAX)
}
