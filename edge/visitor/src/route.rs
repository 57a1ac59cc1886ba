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
        /// The one it is for.
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
        if *method == route.method() {
            Ok(route)
        } else {
            Err(NoRoute::Method { allow: route.allow() })
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
            "/demo/config" => Self::DemoConfig,
            "/demo/signup" => Self::DemoSignup,
            _ => {
                if let Some(challenge) = between(path, "/v1/challenge/", "/image") {
                    Self::Picture { challenge }
                } else {
                    Self::Export {
                        set: between(path, "/admin/v1/sets/", "/export")?,
                    }
                }
            }
        })
    }

    fn method(self) -> Method {
        match self {
            Self::Picture { .. } | Self::Sets | Self::Export { .. } | Self::DemoConfig => Method::Get,
            _ => Method::Post,
        }
    }

    fn allow(self) -> &'static str {
        if self.method() == Method::Get { "GET" } else { "POST" }
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
