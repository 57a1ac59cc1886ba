//! `POST /v1/answer`: a visitor has typed what the picture says, or asks for another one.

use parallax_captcha::{
    alphabet::normalise,
    risk::join::noisy_or,
    ticket::{Purpose, Ticket},
    wire::{AnswerBehaviour, AnswerRequest, ErrorCode, Outcome},
};
use parallax_edge_shared::{
    claims::{Challenge, MAX_REASONS, Page, Suspicion},
    query::Record,
    site::Site,
};
use worker::{Request, Response};

use super::{
    Call,
    visit::{self, TicketCodes, Tries},
};
use crate::{
    body, cluster,
    failure::{Failure, log},
    query_log, reply, single_use,
};

const BODY_LIMIT: usize = 8 * 1024;

/// The longest answer that is looked at, characters.
const MAX_ANSWER: usize = 64;

/// This many wrong answers end a visit.
const MAX_WRONG: u8 = 3;

/// More pictures than this are not passed over in one visit.
const MAX_REFRESHED: u8 = 5;

const CODES: TicketCodes = TicketCodes {
    invalid: ErrorCode::ChallengeInvalid,
    expired: ErrorCode::ChallengeExpired,
};

/// Consumes the challenge, whatever the answer, and says how it went.
pub async fn post(request: &mut Request, call: &Call) -> Result<Response, Failure> {
    let given: AnswerRequest = body::json(request, BODY_LIMIT).await.map_err(|e| e.for_visitor())?;
    if given.answer.chars().count() > MAX_ANSWER {
        return Err(Failure::refused(
            ErrorCode::BadRequest,
            "An answer has at most 64 characters.",
        ));
    }
    let (challenge, site) = visit::open_ticket(&given.challenge, Purpose::Challenge, &CODES, call, page_of)?;
    let answer = normalise(&given.answer);
    let is_first = (challenge.body.wrong, challenge.body.refreshed) == (0, 0);
    let outcome = if answer.is_empty() {
        pass_over(&challenge, site, call).await?
    } else {
        judge(&answer, &given.behaviour, &challenge, site, call).await?
    };
    // Consumed by now: nobody counts twice by one challenge.
    if is_first && challenge.body.sampled {
        cluster::observe_sampled(answer == challenge.body.label, challenge.body.level, site, call);
    }
    Ok(reply::json(200, &outcome)?)
}

/// Another picture. It is found before this one is consumed: a visitor keeps what cannot be replaced.
async fn pass_over(challenge: &Ticket<Challenge>, site: &Site, call: &Call) -> Result<Outcome, Failure> {
    let mut tries = tries_before(&challenge.body);
    tries.refreshed = tries.refreshed.saturating_add(1);
    let outcome = if tries.refreshed > MAX_REFRESHED {
        visit::block()
    } else {
        let page = challenge.body.page.clone();
        Outcome::Retry {
            challenge: visit::challenge(site, page, tries, call).await?,
        }
    };
    consume(challenge, call).await?;
    Ok(outcome)
}

/// The challenge is consumed before the answer is looked at: whoever sends two answers at once learns about one.
async fn judge(
    answer: &str,
    behaviour: &AnswerBehaviour,
    challenge: &Ticket<Challenge>,
    site: &Site,
    call: &Call,
) -> Result<Outcome, Failure> {
    consume(challenge, call).await?;
    let page = challenge.body.page.clone();
    if answer == challenge.body.label {
        record(
            answer,
            behaviour,
            &challenge.body,
            challenge.body.suspicion.clone(),
            site,
            call,
        );
        return visit::pass(site, page, true, call);
    }
    let mut tries = tries_before(&challenge.body);
    tries.suspicion = suspicion_after(answer, &challenge.body, site, call).await;
    record(answer, behaviour, &challenge.body, tries.suspicion.clone(), site, call);
    tries.wrong = tries.wrong.saturating_add(1);
    if tries.wrong >= MAX_WRONG {
        return Ok(visit::block());
    }
    match visit::challenge(site, page, tries, call).await {
        Ok(challenge) => Ok(Outcome::Retry { challenge }),
        Err(Failure::NoImages) => Ok(visit::block()),
        Err(failure) => Err(failure),
    }
}

/// What is suspected once it is known who else gave this wrong answer to this picture.
async fn suspicion_after(answer: &str, challenge: &Challenge, site: &Site, call: &Call) -> Suspicion {
    let mut suspicion = challenge.suspicion.clone();
    let picture = format!("{} {}", challenge.pack, challenge.span.offset);
    if let Some(evidence) = cluster::judge_answer(picture.as_bytes(), answer, site, call).await {
        suspicion.p_bot = noisy_or([suspicion.p_bot, evidence.p_bot]);
        let name = evidence.signal.name();
        if suspicion.reasons.len() < MAX_REASONS && suspicion.reasons.iter().all(|known| known != name) {
            suspicion.reasons.push(name.to_owned());
        }
    }
    suspicion
}

/// Records the answer for the trainer, after the visitor has been answered. Test sites have no attackers.
fn record(
    answer: &str,
    behaviour: &AnswerBehaviour,
    challenge: &Challenge,
    suspicion: Suspicion,
    site: &Site,
    call: &Call,
) {
    if site.is_test() {
        return;
    }
    let record = Record {
        time: call.now(),
        site: site.name.clone(),
        set: challenge.set,
        checkpoint: challenge.checkpoint,
        pack: challenge.pack,
        span: challenge.span,
        source: cluster::source(site, call),
        // Upper case can be longer than what was typed.
        answer: answer.chars().take(MAX_ANSWER).collect(),
        right: answer == challenge.label,
        p_bot: suspicion.p_bot,
        reasons: suspicion.reasons,
        elapsed_ms: behaviour.elapsed_ms,
        keys: behaviour.keys,
    };
    let env = call.env.clone();
    call.context.wait_until(async move {
        if let Err(failure) = query_log::append(&env, record).await {
            log(&failure);
        }
    });
}

fn tries_before(challenge: &Challenge) -> Tries {
    let Challenge {
        wrong,
        refreshed,
        pack,
        span,
        suspicion,
        level,
        sampled,
        ..
    } = challenge;
    Tries {
        wrong: *wrong,
        refreshed: *refreshed,
        seen: Some((*pack, *span)),
        suspicion: suspicion.clone(),
        level: *level,
        sampled: *sampled,
    }
}

fn page_of(challenge: &Challenge) -> &Page {
    &challenge.page
}

async fn consume(challenge: &Ticket<Challenge>, call: &Call) -> Result<(), Failure> {
    if single_use::spend(&call.env, challenge.id, challenge.expires_at).await? {
        Ok(())
    } else {
        Err(Failure::refused(
            ErrorCode::ChallengeUsed,
            "This challenge was answered before: begin again.",
        ))
    }
}
