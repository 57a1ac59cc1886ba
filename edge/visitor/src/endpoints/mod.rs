//! One file an endpoint, and the way from a request to it.

mod admin;
mod answer;
mod checkpoints;
mod demo;
mod export;
mod picture;
mod precompute;
mod queries;
mod risk;
mod session;
mod siteverify;
mod slide;
mod visit;

use std::rc::Rc;

use parallax_captcha::wire::ErrorCode;
use parallax_edge_shared::{admin::AdminErrorCode, hostname::host_of_origin, routing::Origin};
use worker::{Context, Date, Env, Method, Request, Response};

use crate::{
    deployment::Deployment,
    failure::Failure,
    reply,
    route::{Area, NoRoute, Route},
};

/// What every endpoint is given beside the request.
pub struct Call {
    /// Bindings.
    pub env: Env,
    /// For work that goes on after the answer.
    pub context: Context,
    /// What the operator configured.
    pub deployment: Rc<Deployment>,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// Where the visitor's address is, as the platform says.
    pub place: Origin,
    /// The visitor's address, as the platform says: never a header that a visitor could write there.
    pub address: Option<String>,
}

impl Call {
    /// Unix seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now_ms / 1000
    }

    /// The host of the page that sent this request; none for a caller that is no browser.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        host_of_origin(self.origin.as_deref()?)
    }
}

/// Answers `request`.
///
/// # Errors
/// Those of the platform while a response is put together; everything else is a response.
pub async fn answer(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let path = request.path();
    let area = Area::of(&path);
    let deployment = match Deployment::of(&env) {
        Ok(deployment) => deployment,
        Err(failure) => return reply::harden(reply::failure(area, &failure)?),
    };
    let origin = request.headers().get("origin")?;
    let call = Call {
        env,
        context,
        deployment,
        now_ms: Date::now().as_millis(),
        origin,
        place: Origin {
            country: request.cf().and_then(worker::Cf::country),
            asn: request.cf().and_then(worker::Cf::asn),
        },
        address: request.headers().get("cf-connecting-ip")?,
    };
    let allowed_origin = match area {
        Area::Visitor => call
            .origin
            .clone()
            .filter(|_| call.host().is_some_and(|h| call.deployment.sites.any_names(&h))),
        _ => None,
    };
    if let (Method::Options, Some(origin)) = (request.method(), &allowed_origin) {
        return reply::harden(reply::preflight(origin)?);
    }
    let response = match endpoint(request, &path, area, &call).await {
        Ok(response) => response,
        Err(failure) => reply::failure(area, &failure)?,
    };
    if let Some(origin) = &allowed_origin {
        reply::allow_origin(&response, origin)?;
    }
    reply::harden(response)
}

async fn endpoint(mut request: Request, path: &str, area: Area, call: &Call) -> Result<Response, Failure> {
    let route = match Route::of(&request.method(), path) {
        Ok(route) => route,
        Err(no_route) => return Ok(unrouted(area, no_route)?),
    };
    if area == Area::Admin {
        admin::authorise(&request, &call.deployment)?;
    }
    match route {
        Route::Session => session::post(&mut request, call).await,
        Route::Slide => slide::post(&mut request, call).await,
        Route::Answer => answer::post(&mut request, call).await,
        Route::Picture { challenge } => picture::get(challenge, call).await,
        Route::SiteVerify(dialect) => siteverify::post(&mut request, dialect, call).await,
        Route::Sets => admin::list(call).await,
        Route::Refresh => admin::refresh(&mut request, call).await,
        Route::Gradient => admin::gradient(&mut request, call).await,
        Route::Export { set } => export::get(set, call).await,
        Route::Checkpoints if request.method() == Method::Post => checkpoints::push(&request, call).await,
        Route::Checkpoints => checkpoints::list(call).await,
        Route::Promote { checkpoint } => checkpoints::promote(checkpoint, call).await,
        Route::Queries if request.method() == Method::Delete => queries::delete(&request, call).await,
        Route::Queries => queries::list(&request, call).await,
        Route::QueryPicture { id } => queries::picture(id, call).await,
        Route::Score => risk::score(&mut request, call).await,
        Route::SiteRisk { site } => risk::held(site, call).await,
        Route::SiteTraces { site } => risk::traces(site, &request, call).await,
        Route::DemoConfig => demo::config(call),
        Route::DemoSignup => demo::signup(&mut request, call).await,
    }
}

/// The answer where no endpoint fits.
fn unrouted(area: Area, no_route: NoRoute) -> worker::Result<Response> {
    let (visitor, admin, message) = match no_route {
        NoRoute::Path => (
            ErrorCode::NotFound,
            AdminErrorCode::NotFound,
            "There is nothing at this path.",
        ),
        NoRoute::Method { .. } => (
            ErrorCode::MethodNotAllowed,
            AdminErrorCode::MethodNotAllowed,
            "This path takes another method.",
        ),
    };
    let failure = match area {
        Area::Admin => Failure::admin(admin, message),
        _ => Failure::refused(visitor, message),
    };
    let response = reply::failure(area, &failure)?.with_status(visitor.status());
    if let NoRoute::Method { allow } = no_route {
        response.headers().set("allow", allow)?;
    }
    Ok(response)
}
