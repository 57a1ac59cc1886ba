//! `POST /v1/slide`: a visitor has slid. Clear humans pass, others are challenged or blocked, as the site wants it.

use parallax_captcha::{
    risk::{self, join::join},
    ticket::{Purpose, Ticket},
    wire::{ErrorCode, Outcome, SlideRequest, Slider},
};
use parallax_edge_shared::{
    claims::{MAX_REASONS, Session, Suspicion},
    routing::Decision,
    site::{Policy, Site},
};
use worker::{Request, Response, console_log};

use super::{
    Call,
    visit::{self, TicketCodes, Tries},
};
use crate::{
    body,
    cluster::{self, Company},
    failure::{Failure, log},
    random, reply, single_use,
};

/// Five times what the longest trace that the widget sends takes, its numbers written at length: what is longer than any
/// trace should be gets a verdict too, not an error.
const BODY_LIMIT: usize = 512 * 1024;

const CODES: TicketCodes = TicketCodes {
    invalid: ErrorCode::SessionInvalid,
    expired: ErrorCode::SessionExpired,
};

/// Consumes the session and answers with what the visitor meets.
pub async fn post(request: &mut Request, call: &Call) -> Result<Response, Failure> {
    let slid: SlideRequest = body::json(request, BODY_LIMIT).await.map_err(|e| e.for_visitor())?;
    check(&slid)?;
    let (session, site) = visit::open_ticket(&slid.session, Purpose::Session, &CODES, call, |s: &Session| &s.page)?;
    // Decided before the session is consumed: where there is no picture, the visitor may come back with it.
    let outcome = outcome(&slid, &session, site, call).await?;
    if single_use::spend(&call.env, session.id, session.expires_at).await? {
        Ok(reply::json(200, &outcome)?)
    } else {
        Err(Failure::refused(
            ErrorCode::SessionUsed,
            "This session was used before: begin again.",
        ))
    }
}

/// Texts are held to their limits; a trace of whatever length or version is judged, and found impossible.
fn check(slid: &SlideRequest) -> Result<(), Failure> {
    if slid.environment.is_bounded() {
        Ok(())
    } else {
        Err(Failure::refused(ErrorCode::BadRequest, "A field is out of range."))
    }
}

async fn outcome(slid: &SlideRequest, session: &Ticket<Session>, site: &Site, call: &Call) -> Result<Outcome, Failure> {
    let page = session.body.page.clone();
    let settled = |decision| (decision, Tries::default());
    let (decision, tries) = match site.policy {
        Policy::AlwaysPass => settled(Decision::Pass),
        Policy::AlwaysBlock => settled(Decision::Block),
        Policy::AlwaysChallenge => settled(Decision::Challenge),
        Policy::Risk => judge(slid, session, site, call).await?,
    };
    match decision {
        Decision::Pass if tries.sampled => match visit::challenge(site, page.clone(), tries, call).await {
            Ok(challenge) => Ok(Outcome::Challenge { challenge }),
            // Who would pass is not lost to our having nothing to show.
            Err(failure) => {
                log(&failure);
                visit::pass(site, page, false, call)
            }
        },
        Decision::Pass => visit::pass(site, page, false, call),
        Decision::Block => Ok(visit::block()),
        Decision::Challenge => {
            let challenge = visit::challenge(site, page, tries, call).await?;
            Ok(Outcome::Challenge { challenge })
        }
    }
}

/// Scores the slide alone and among others, and routes it. In shadow mode everybody passes, and the log says what would
/// have been.
async fn judge(
    slid: &SlideRequest,
    session: &Ticket<Session>,
    site: &Site,
    call: &Call,
) -> Result<(Decision, Tries), Failure> {
    let Session {
        page,
        target,
        tolerance,
    } = &session.body;
    let slider = Slider {
        target: *target,
        tolerance: *tolerance,
    };
    let single = risk::score(&slid.trace, &slider, &slid.environment);
    let Company { evidence, level } = cluster::judge_slide(slid, session.id, page.cdata.as_deref(), site, call).await;
    let joined = join(&single, &evidence);
    let decision = site.routing.decide(joined.p_bot, &call.place);
    let alone = super::risk::names(&single.reasons).into_iter();
    let names = alone.chain(joined.signals.iter().map(|signal| signal.name().to_owned()));
    let suspicion = Suspicion {
        p_bot: joined.p_bot,
        reasons: names.take(MAX_REASONS).collect(),
    };
    let tries = Tries {
        suspicion,
        level,
        sampled: decision == Decision::Pass && site.routing.samples(joined.p_bot, random::unit()?),
        ..Tries::default()
    };
    if decision == Decision::Pass {
        return Ok((decision, tries));
    }
    // As integers: formatting numbers with a point takes code that nothing else here needs.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "probabilities")]
    let per_mille = |p: f32| (p * 1000.0).round() as u32;
    console_log!(
        "{}: {}{} p_bot={}/1000 alone={}/1000 {}",
        site.name,
        decision.name(),
        if site.routing.shadow { " (shadow: pass)" } else { "" },
        per_mille(joined.p_bot),
        per_mille(single.p_bot),
        tries.suspicion.reasons.join(",")
    );
    let met = if site.routing.shadow { Decision::Pass } else { decision };
    Ok((met, tries))
}
