//! The routing table: from method and path to an endpoint.

use parallax_edge_shared::siteverify::Dialect;
use worker::Method;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// `POST /v1/session`
    Session,
    /// `POST /v1/slide`
    Slide,
    /// `POST /v1/answer`
    Answer,
    /// `GET /v1/challenge/{id}/image`
    Picture {
        /// The sealed challenge.
        challenge: &'a str,
    },
    /// `POST /siteverify` and its aliases
    SiteVerify(Dialect),
    /// `GET /admin/v1/sets`
    Sets,
    /// `POST /admin/v1/sets/refresh`
    Refresh,
    /// `POST /admin/v1/sets/gradient`
    Gradient,
    /// `GET /admin/v1/sets/{id}/export`
    Export {
        /// Which set: its id, or `current`.
        set: &'a str,
    },
    /// `GET` and `POST /admin/v1/checkpoints`
    Checkpoints,
    /// `POST /admin/v1/checkpoints/{digest}/promote`
    Promote {
        /// Digest of its manifest.
        checkpoint: &'a str,
    },
    /// `GET` and `DELETE /admin/v1/queries`
    Queries,
    /// `GET /admin/v1/queries/{id}/image`
    QueryPicture {
        /// Id of the record.
        id: &'a str,
    },
    /// `POST /admin/v1/risk/score`
    Score,
    /// `GET /admin/v1/sites/{name}/risk`
    SiteRisk {
        /// Name of the site.
        site: &'a str,
    },
    /// `GET /admin/v1/sites/{name}/traces`
    SiteTraces {
        /// Name of the site.
        site: &'a str,
    },
    /// `GET /demo/config`
    DemoConfig,
    /// `POST /demo/signup`
    DemoSignup,
}

/// Whose words an error is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The browser protocol, also where no path fits.
    Visitor,
    /// `/siteverify` and its aliases.
    SiteVerify(Dialect),
    /// `/admin/v1`.
    Admin,
    /// `/demo`.
    Demo,
}

/// Why no endpoint fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoute {
    /// There is nothing at this path.
    Path,
    /// There is, but for another method.
    Method {
        /// Those it is for.
        allow: &'static str,
    },
}

impl<'a> Route<'a> {
    /// The endpoint at `path` for `method`.
    ///
    /// # Errors
    /// [`NoRoute`].
    pub fn of(method: &Method, path: &'a str) -> Result<Self, NoRoute> {
        let route = Self::at(path).ok_or(NoRoute::Path)?;
        let (methods, allow) = route.methods();
        if methods.contains(method) {
            Ok(route)
        } else {
            Err(NoRoute::Method { allow })
        }
    }

    fn at(path: &'a str) -> Option<Self> {
        Some(match path {
            "/v1/session" => Self::Session,
            "/v1/slide" => Self::Slide,
            "/v1/answer" => Self::Answer,
            "/siteverify" | "/turnstile/v0/siteverify" => Self::SiteVerify(Dialect::Turnstile),
            "/admin/v1/sets" => Self::Sets,
            "/admin/v1/sets/refresh" => Self::Refresh,
            "/admin/v1/sets/gradient" => Self::Gradient,
            "/admin/v1/checkpoints" => Self::Checkpoints,
            "/admin/v1/queries" => Self::Queries,
            "/admin/v1/risk/score" => Self::Score,
            "/demo/config" => Self::DemoConfig,
            "/demo/signup" => Self::DemoSignup,
            _ => return Self::with_segment(path),
        })
    }

    /// Paths with a name in the middle.
    fn with_segment(path: &'a str) -> Option<Self> {
        type Pattern<'a> = (&'static str, &'static str, fn(&'a str) -> Route<'a>);
        let patterns: [Pattern<'a>; 6] = [
            ("/v1/challenge/", "/image", |challenge| Self::Picture { challenge }),
            ("/admin/v1/sets/", "/export", |set| Self::Export { set }),
            ("/admin/v1/checkpoints/", "/promote", |checkpoint| Self::Promote {
                checkpoint,
            }),
            ("/admin/v1/queries/", "/image", |id| Self::QueryPicture { id }),
            ("/admin/v1/sites/", "/risk", |site| Self::SiteRisk { site }),
            ("/admin/v1/sites/", "/traces", |site| Self::SiteTraces { site }),
        ];
        patterns
            .iter()
            .find_map(|(before, after, route)| between(path, before, after).map(route))
    }

    /// What it may be asked with, also as the header `Allow` has it.
    fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::Queries => (&[Method::Get, Method::Delete], "GET, DELETE"),
            Self::Checkpoints => (&[Method::Get, Method::Post], "GET, POST"),
            Self::Picture { .. }
            | Self::Sets
            | Self::Export { .. }
            | Self::QueryPicture { .. }
            | Self::SiteRisk { .. }
            | Self::SiteTraces { .. }
            | Self::DemoConfig => (&[Method::Get], "GET"),
            _ => (&[Method::Post], "POST"),
        }
    }
}

impl Area {
    /// Whose words are spoken at `path`.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match Route::at(path) {
            Some(Route::SiteVerify(dialect)) => Self::SiteVerify(dialect),
            _ if path.starts_with("/admin/") => Self::Admin,
            _ if path.starts_with("/demo/") => Self::Demo,
            _ => Self::Visitor,
        }
    }
}

/// What stands between `before` and `after` in `path`: one segment, not empty.
fn between<'a>(path: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let middle = path.strip_prefix(before)?.strip_suffix(after)?;
    (!middle.is_empty() && !middle.contains('/')).then_some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_by_method_and_path() {
        for (method, path, route) in [
            (Method::Post, "/v1/session", Route::Session),
            (
                Method::Get,
                "/v1/challenge/abc_-9/image",
                Route::Picture { challenge: "abc_-9" },
            ),
            (
                Method::Post,
                "/turnstile/v0/siteverify",
                Route::SiteVerify(Dialect::Turnstile),
            ),
            (Method::Post, "/admin/v1/sets/refresh", Route::Refresh),
            (
                Method::Get,
                "/admin/v1/sets/current/export",
                Route::Export { set: "current" },
            ),
            (Method::Post, "/admin/v1/checkpoints", Route::Checkpoints),
            (
                Method::Post,
                "/admin/v1/checkpoints/ab/promote",
                Route::Promote { checkpoint: "ab" },
            ),
            (Method::Get, "/admin/v1/queries", Route::Queries),
            (Method::Delete, "/admin/v1/queries", Route::Queries),
            (
                Method::Get,
                "/admin/v1/queries/7/image",
                Route::QueryPicture { id: "7" },
            ),
            (
                Method::Get,
                "/admin/v1/sites/shop/risk",
                Route::SiteRisk { site: "shop" },
            ),
            (Method::Get, "/demo/config", Route::DemoConfig),
        ] {
            assert_eq!(Route::of(&method, path), Ok(route), "{path}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for path in [
            "",
            "/",
            "/v1",
            "/v1/session/",
            "/v1/challenge//image",
            "/v1/challenge/a/b/image",
            "/admin/v1/sets//export",
        ] {
            assert_eq!(Route::of(&Method::Get, path), Err(NoRoute::Path), "{path}");
        }
        assert_eq!(
            Route::of(&Method::Get, "/v1/session"),
            Err(NoRoute::Method { allow: "POST" })
        );
        assert_eq!(
            Route::of(&Method::Post, "/admin/v1/sets"),
            Err(NoRoute::Method { allow: "GET" })
        );
        assert_eq!(
            Route::of(&Method::Post, "/admin/v1/queries"),
            Err(NoRoute::Method { allow: "GET, DELETE" })
        );
    }

    #[test]
    fn errors_are_told_in_the_words_of_the_area() {
        for (path, area) in [
            ("/v1/x", Area::Visitor),
            ("/x", Area::Visitor),
            ("/siteverify", Area::SiteVerify(Dialect::Turnstile)),
            ("/admin/x", Area::Admin),
            ("/demo/x", Area::Demo),
        ] {
            assert_eq!(Area::of(path), area, "{path}");
        }
    }
}
