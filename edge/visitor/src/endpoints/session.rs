//! `POST /v1/session`: a visitor has opened a page.

use parallax_captcha::{
    ticket::Purpose,
    wire::{ErrorCode, SessionReply, SessionRequest, Slider},
};
use parallax_edge_shared::claims::{Page, SESSION_SECONDS, Session};
use worker::{Request, Response};

use super::{Call, visit};
use crate::{body, failure::Failure, failure::log, refill, reply};

const BODY_LIMIT: usize = 4 * 1024;

/// The handle goes to the end of the track; it stops there by itself, so hardly anything is forgiven.
const SLIDER: Slider = Slider {
    target: 1.0,
    tolerance: 0.02,
};

/// Answers with a sealed session.
pub async fn post(request: &mut Request, call: &Call) -> Result<Response, Failure> {
    let asked: SessionRequest = body::json(request, BODY_LIMIT).await.map_err(|e| e.for_visitor())?;
    check(&asked)?;
    let Some(site) = call.deployment.sites.by_sitekey(&asked.sitekey, call.now()) else {
        return Err(Failure::refused(
            ErrorCode::InvalidSitekey,
            "There is no such site key.",
        ));
    };
    let hostname = visit::allowed_host(site, call)?;
    order_pictures(call);
    let page = Page {
        hostname,
        action: asked.action,
        cdata: asked.cdata,
    };
    let body = Session {
        page,
        target: SLIDER.target,
        tolerance: SLIDER.tolerance,
    };
    let session = visit::seal_ticket(site, SESSION_SECONDS, body, Purpose::Session, call)?;
    Ok(reply::json(
        200,
        &SessionReply {
            session,
            slider: SLIDER,
            expires_in: visit::seconds(SESSION_SECONDS),
        },
    )?)
}

/// `action` and `cdata` come back at siteverify, so they are held to what Turnstile takes.
fn check(asked: &SessionRequest) -> Result<(), Failure> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if asked
        .action
        .as_ref()
        .is_some_and(|action| action.len() > 32 || !action.chars().all(word))
    {
        return Err(Failure::refused(
            ErrorCode::BadRequest,
            "An action has at most 32 characters of A-Za-z0-9_-.",
        ));
    }
    if asked
        .cdata
        .as_ref()
        .is_some_and(|cdata| cdata.chars().count() > 255 || cdata.chars().any(char::is_control))
    {
        return Err(Failure::refused(
            ErrorCode::BadRequest,
            "cdata has at most 255 characters, none of them control.",
        ));
    }
    Ok(())
}

/// By the time this visitor has slid, the first pictures may be there.
fn order_pictures(call: &Call) {
    let (env, deployment, now_ms) = (call.env.clone(), call.deployment.clone(), call.now_ms);
    call.context.wait_until(async move {
        if let Err(failure) = refill::order_if_empty(&env, &deployment, now_ms).await {
            log(&failure);
        }
    });
}
