//! The demo's server side: a sign-up that trusts a token no more than any site should.

use parallax_captcha::wire::ErrorCode;
use parallax_edge_shared::{
    site::{DEMO, Site},
    siteverify::Reply,
};
use serde::{Deserialize, Serialize};
use worker::{Headers, Method, Request, RequestInit, Response, ResponseBuilder};

use super::Call;
use crate::{
    body,
    failure::{Failure, log},
    reply,
};

const BODY_LIMIT: usize = 16 * 1024;

/// Name of the service binding to this Worker itself: the demo calls `/siteverify` as any other site's server would.
const SELF: &str = "SELF";

/// What the sign-up answers, as JSON.
#[derive(Debug, Serialize)]
struct Verdict {
    ok: bool,
    #[serde(rename = "error-codes")]
    error_codes: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Form {
    email: String,
    #[serde(rename = "parallax-response")]
    response: String,
}

/// `GET /demo/config`: the site key that is current.
pub fn config(call: &Call) -> Result<Response, Failure> {
    let keys = call.deployment.sites.current_keys(demo(call)?, call.now());
    let sitekey = keys.map(|pair| pair.sitekey).ok_or_else(no_demo)?;
    Ok(reply::json(200, &serde_json::json!({ "sitekey": sitekey }))?)
}

/// `POST /demo/signup`: an address is taken only with a token that siteverify accepts.
pub async fn signup(request: &mut Request, call: &Call) -> Result<Response, Failure> {
    let wants_json = request
        .headers()
        .get("accept")?
        .is_some_and(|accept| accept.contains("application/json"));
    let form = read(request).await?;
    let verdict = if plausible(&form.email) {
        let error_codes = verify(&form.response, call).await?;
        Verdict {
            ok: error_codes.is_empty(),
            error_codes,
        }
    } else {
        Verdict {
            ok: false,
            error_codes: vec!["invalid-email".to_owned()],
        }
    };
    let status = if verdict.ok { 200 } else { 400 };
    if wants_json {
        Ok(reply::json(status, &verdict)?)
    } else {
        page(status, &verdict)
    }
}

fn demo(call: &Call) -> Result<&Site, Failure> {
    call.deployment.sites.by_name(DEMO).ok_or_else(no_demo)
}

fn no_demo() -> Failure {
    Failure::refused(ErrorCode::NotFound, "This deployment has no demo.")
}

async fn read(request: &mut Request) -> Result<Form, Failure> {
    if body::media_type(request) == "application/json" {
        return body::json(request, BODY_LIMIT).await.map_err(|e| e.for_visitor());
    }
    let form = body::form(request, BODY_LIMIT).await.map_err(|e| e.for_visitor())?;
    let field = |name: &str| form.get_field(name).unwrap_or_default();
    Ok(Form {
        email: field("email"),
        response: field("parallax-response"),
    })
}

/// Enough for a demo: something, an at sign, something.
fn plausible(email: &str) -> bool {
    email.len() <= 254
        && email
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
}

/// What siteverify has against the token; nothing when it accepts it.
async fn verify(token: &str, call: &Call) -> Result<Vec<String>, Failure> {
    let keys = call
        .deployment
        .sites
        .current_keys(demo(call)?, call.now())
        .ok_or_else(no_demo)?;
    let asked = serde_json::json!({ "secret": keys.secret, "response": token });
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(Some(asked.to_string().into()));
    let request = Request::new_with_init("http://self/siteverify", &init)?;
    let mut response = call.env.service(SELF)?.fetch_request(request).await?;
    let reply: Reply = match serde_json::from_slice(&response.bytes().await?) {
        Ok(reply) => reply,
        Err(error) => {
            log(&Failure::Internal(format!(
                "siteverify answers {}: {error}",
                response.status_code()
            )));
            return Ok(vec!["internal-error".to_owned()]);
        }
    };
    Ok(if reply.success { Vec::new() } else { reply.error_codes })
}

/// The answer for a form sent without script. Only our own words are in it, so nothing needs escaping.
fn page(status: u16, verdict: &Verdict) -> Result<Response, Failure> {
    let (title, text) = if verdict.ok {
        ("Signed up", "Thank you: siteverify accepted the token.".to_owned())
    } else {
        (
            "Not signed up",
            format!("The form was refused: {}.", verdict.error_codes.join(", ")),
        )
    };
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <h1>{title}</h1><p role=\"status\">{text}</p><p><a href=\"/\">Back</a></p></html>"
    );
    let builder = ResponseBuilder::new()
        .with_status(status)
        .with_header("cache-control", "no-store")?;
    Ok(builder.from_html(html)?)
}
