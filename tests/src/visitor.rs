//! One visitor's way through the browser protocol.

use parallax_captcha::wire::{
    AnswerBehaviour, AnswerRequest, Challenge, Environment, Outcome, SessionReply, SessionRequest, SlideRequest, Trace,
};

use crate::client::{Call, Client, Reply};
use crate::edge::{Edge, Site};
use crate::slides;

/// A visitor on a page of a site.
#[derive(Debug, Clone)]
pub struct Visitor {
    client: Client,
    site: Site,
    address: String,
}

impl Visitor {
    /// Opens a page of `site`, from an address of their own.
    ///
    /// # Panics
    /// When the system has no randomness.
    #[must_use]
    pub fn of(edge: &Edge, site: Site) -> Self {
        let mut bytes = [0; 3];
        getrandom::fill(&mut bytes).expect("the system has randomness");
        let [a, b, c] = bytes;
        Self {
            client: edge.client.clone(),
            site,
            address: format!("10.{a}.{b}.{c}"),
        }
    }

    /// Comes from `address` instead.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..self
        }
    }

    /// `POST path` from a page of the site.
    #[must_use]
    pub fn post(&self, path: &str) -> Call {
        let call = self.client.post(path).from(self.site.origin);
        // The platform's header; the local one passes on what is there.
        call.header("cf-connecting-ip", &self.address)
    }

    /// Asks for a session.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn session(&self) -> SessionReply {
        let request = SessionRequest {
            sitekey: self.site.sitekey.to_owned(),
            action: Some("login".into()),
            cdata: Some("42".into()),
        };
        success(&self.post("/v1/session").json(&request).send()).json()
    }

    /// Slides in an ordinary browser; any answer is taken.
    #[must_use]
    pub fn try_slide(&self, session: &SessionReply, trace: Trace) -> Reply {
        self.try_slide_in(session, trace, slides::browser())
    }

    /// Slides in a browser that says `environment` of itself; any answer is taken.
    #[must_use]
    pub fn try_slide_in(&self, session: &SessionReply, trace: Trace, environment: Environment) -> Reply {
        let request = SlideRequest {
            session: session.session.clone(),
            trace,
            environment,
        };
        self.post("/v1/slide").json(&request).send()
    }

    /// A new session, then a slide.
    ///
    /// # Panics
    /// When the edge refuses either.
    #[must_use]
    pub fn slide(&self, trace: impl Fn(&parallax_captcha::wire::Slider) -> Trace) -> Outcome {
        let session = self.session();
        success(&self.try_slide(&session, trace(&session.slider))).json()
    }

    /// Slides like a program.
    ///
    /// # Panics
    /// When that is no reason for a challenge.
    #[must_use]
    pub fn challenged(&self) -> Challenge {
        match self.slide(slides::straight) {
            Outcome::Challenge { challenge } => challenge,
            other => panic!("a straight slide got {other:?}"),
        }
    }

    /// Slides like a hand, on a site that asks everybody for a captcha.
    ///
    /// # Panics
    /// When the site does not.
    #[must_use]
    pub fn asked(&self) -> Challenge {
        match self.slide(slides::hand) {
            Outcome::Challenge { challenge } => challenge,
            other => panic!("everybody is asked, this one got {other:?}"),
        }
    }

    /// Looks at the picture of `challenge`.
    ///
    /// # Panics
    /// When it cannot be seen.
    #[must_use]
    pub fn picture(&self, challenge: &Challenge) -> Vec<u8> {
        let reply = self.client.get(&challenge.image).from(self.site.origin).send();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body
    }

    /// Answers; any reply is taken.
    #[must_use]
    pub fn try_answer(&self, challenge: &str, answer: &str) -> Reply {
        let behaviour = AnswerBehaviour {
            elapsed_ms: 4200,
            keys: 5,
        };
        let request = AnswerRequest {
            challenge: challenge.to_owned(),
            answer: answer.to_owned(),
            behaviour,
        };
        self.post("/v1/answer").json(&request).send()
    }

    /// Answers.
    ///
    /// # Panics
    /// When the edge refuses the request.
    #[must_use]
    pub fn answer(&self, challenge: &Challenge, answer: &str) -> Outcome {
        success(&self.try_answer(&challenge.id, answer)).json()
    }

    /// Passes by sliding like a hand; the token.
    ///
    /// # Panics
    /// When that is not enough.
    #[must_use]
    pub fn token(&self) -> String {
        match self.slide(slides::hand) {
            Outcome::Pass { token, .. } => token,
            other => panic!("a hand's slide got {other:?}"),
        }
    }

    /// The site's server asks about `token`; any reply is taken.
    #[must_use]
    pub fn verify(&self, token: &str) -> Reply {
        verify(&self.client, self.site.secret, token)
    }
}

/// A site's server asks about `token` with `secret`.
#[must_use]
pub fn verify(client: &Client, secret: &str, token: &str) -> Reply {
    client
        .post("/siteverify")
        .form(&[("secret", secret), ("response", token)])
        .send()
}

fn success(reply: &Reply) -> &Reply {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply
}
