//! Rules on what a browser says of itself.

use super::Reason;
use crate::wire::{Environment, Input};

/// Longest user agent and platform that the widget sends, bytes (the wire format counts characters; both are ASCII in
/// every browser).
const MAX_USER_AGENT: usize = 512;
const MAX_PLATFORM: usize = 64;

/// Parts of user agents that only automated browsers have; plain HTTP clients fail [`is_complete`].
const AUTOMATED: [&str; 2] = ["Headless", "PhantomJS"];

/// What a user agent names, and how `navigator.platform` begins there. The first match decides, so that Android comes
/// before Linux, which its user agent also names. Windows Phone and desktop modes of mobiles are left undecided.
const SYSTEMS: [(&str, &[&str]); 5] = [
    ("Android", &["Linux", "Android", "arm", "aarch64"]),
    ("iPhone", &["iPhone"]),
    ("iPad", &["iPad", "MacIntel"]),
    ("Windows NT", &["Win"]),
    ("Macintosh", &["Mac", "iPad", "iPhone"]),
];

/// Adds what `environment` gives away.
pub(super) fn judge(input: Input, environment: &Environment, reasons: &mut Vec<Reason>) {
    if environment.webdriver {
        reasons.push(Reason::WebDriver);
    }
    if AUTOMATED.iter().any(|part| environment.user_agent.contains(part)) {
        reasons.push(Reason::AutomatedAgent);
    }
    if !is_complete(environment) {
        reasons.push(Reason::IncompleteEnvironment);
    }
    let touch_without_screen = input == Input::Touch && environment.touch_points == 0;
    if touch_without_screen || contradicts(&environment.user_agent, &environment.platform) {
        reasons.push(Reason::ContradictoryEnvironment);
    }
}

fn is_complete(environment: &Environment) -> bool {
    let Environment {
        languages,
        user_agent,
        platform,
        screen,
        ..
    } = environment;
    // Every browser's user agent has begun with "Mozilla/5.0 (" for twenty years.
    let agent = user_agent.len() <= MAX_USER_AGENT && user_agent.starts_with("Mozilla/5.0 (");
    *languages && agent && platform.len() <= MAX_PLATFORM && screen.iter().all(|&side| side > 0)
}

/// An empty platform says nothing: the property is deprecated.
fn contradicts(user_agent: &str, platform: &str) -> bool {
    !platform.is_empty()
        && SYSTEMS
            .iter()
            .find(|(system, _)| user_agent.contains(system))
            .is_some_and(|(_, platforms)| !platforms.iter().any(|start| platform.starts_with(start)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn honest_browser() -> Environment {
        Environment {
            webdriver: false,
            languages: true,
            user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                         Safari/537.36"
                .to_owned(),
            platform: "Linux x86_64".to_owned(),
            screen: [1920, 1080],
            touch_points: 0,
        }
    }

    fn reasons(input: Input, environment: &Environment) -> Vec<Reason> {
        let mut reasons = Vec::new();
        judge(input, environment, &mut reasons);
        reasons
    }

    #[test]
    fn honest_browsers_give_no_reason() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/140.0",
                "Win32",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
                "MacIntel",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15",
                "iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile",
                "Linux armv81",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "",
            ),
        ];
        for (user_agent, platform) in cases {
            let environment = Environment {
                user_agent: user_agent.to_owned(),
                platform: platform.to_owned(),
                touch_points: 5,
                ..honest_browser()
            };
            assert_eq!(reasons(Input::Touch, &environment), [], "{user_agent}");
        }
    }

    #[test]
    fn each_rule_fires_alone() {
        let agent = |user_agent: &str| Environment {
            user_agent: user_agent.to_owned(),
            ..honest_browser()
        };
        let cases = [
            (
                Environment {
                    webdriver: true,
                    ..honest_browser()
                },
                Reason::WebDriver,
            ),
            (
                agent("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0"),
                Reason::AutomatedAgent,
            ),
            (
                Environment {
                    languages: false,
                    ..honest_browser()
                },
                Reason::IncompleteEnvironment,
            ),
            (
                Environment {
                    screen: [0, 1080],
                    ..honest_browser()
                },
                Reason::IncompleteEnvironment,
            ),
            (agent(""), Reason::IncompleteEnvironment),
            (
                agent(&format!("Mozilla/5.0 ({}", "x".repeat(600))),
                Reason::IncompleteEnvironment,
            ),
            (
                agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"),
                Reason::ContradictoryEnvironment,
            ),
        ];
        for (environment, reason) in cases {
            assert_eq!(reasons(Input::Mouse, &environment), [reason], "{environment:?}");
        }
        assert_eq!(
            reasons(Input::Touch, &honest_browser()),
            [Reason::ContradictoryEnvironment]
        );
    }
}
