//! `POST /v1/slide`: a visitor has slid. Clear humans pass, others are challenged.

use parallax_captcha::{
    risk,
    ticket::Purpose,
    wire::{ErrorCode, Outcome, SlideRequest, Slider, Trace},
};
use parallax_edge_shared::{
    claims::Session,
    site::{Policy, Site},
};
use worker::{Request, Response};

use super::{
    Call,
    visit::{self, TicketCodes, Tries},
};
use crate::{body, failure::Failure, reply, single_use};

/// A trace of [`Trace::MAX_SAMPLES`] samples, each three numbers written at length, and a session.
const BODY_LIMIT: usize = 160 * 1024;

/// From this probability of being a machine on, a visitor is challenged.
const CHALLENGE_FROM: f32 = 0.5;

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
    let outcome = outcome(&slid, &session.body, site, call).await?;
    if single_use::spend(&call.env, session.id, session.expires_at).await? {
        Ok(reply::json(200, &outcome)?)
    } else {
        Err(Failure::refused(
            ErrorCode::SessionUsed,
            "This session was used before: begin again.",
        ))
    }
}

fn check(slid: &SlideRequest) -> Result<(), Failure> {
    let environment = &slid.environment;
    let fits = slid.trace.version == Trace::VERSION
        && slid.trace.samples.len() <= Trace::MAX_SAMPLES
        && environment.user_agent.chars().count() <= 512
        && environment.platform.chars().count() <= 64;
    if fits {
        Ok(())
    } else {
        Err(Failure::refused(ErrorCode::BadRequest, "A field is out of range."))
    }
}

async fn outcome(slid: &SlideRequest, session: &Session, site: &Site, call: &Call) -> Result<Outcome, Failure> {
    let slider = Slider {
        target: session.target,
        tolerance: session.tolerance,
    };
    let passes = match site.policy {
        Policy::AlwaysPass => true,
        Policy::AlwaysBlock => return Ok(visit::block()),
        Policy::AlwaysChallenge => false,
        Policy::Risk => risk::score(&slid.trace, &slider, &slid.environment).p_bot < CHALLENGE_FROM,
    };
    if passes {
        return visit::pass(site, session.page.clone(), false, call);
    }
    let challenge = visit::challenge(site, session.page.clone(), Tries::default(), call).await?;
    Ok(Outcome::Challenge { challenge })
}
