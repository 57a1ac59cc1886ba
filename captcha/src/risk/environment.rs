//! Rules on what a browser says of itself.
//!
//! None of it is proof: an attacker who writes requests by hand says what an honest browser says, and honest people use
//! privacy browsers, virtual machines and remote desktops. So what honest browsers do too is weak, and what has one
//! cause counts once. [`RiskConfig`](super::RiskConfig) says for each rule who else it meets.

use super::Reason;
use crate::wire::{ClientHints, Environment, Input, Signs, WebGl};

/// Parts of user agents and brands that only automated browsers have; plain HTTP clients fail [`is_complete`].
const AUTOMATED: [&str; 6] = ["Headless", "PhantomJS", "Playwright", "Puppeteer", "jsdom", "HappyDOM"];

/// A system, as the user agent and other sources name it.
struct System {
    agent: &'static str,
    /// How `navigator.platform` begins there.
    platforms: &'static [&'static str],
    /// `navigator.userAgentData.platform`.
    hints: &'static [&'static str],
}

/// The first that the user agent names decides, so that Android comes before Linux, which its user agent also names, and
/// ChromeOS before X11. Windows Phone is left undecided. "Request desktop site" makes a tablet of Apple's a Macintosh,
/// and an Android phone X11.
const SYSTEMS: [System; 7] = [
    System {
        agent: "Android",
        platforms: &["Linux", "Android", "arm", "aarch64"],
        hints: &["Android"],
    },
    System {
        agent: "iPhone",
        platforms: &["iPhone"],
        hints: &["iOS"],
    },
    System {
        agent: "iPad",
        platforms: &["iPad", "MacIntel"],
        hints: &["iOS", "iPadOS"],
    },
    System {
        agent: "Windows NT",
        platforms: &["Win"],
        hints: &["Windows"],
    },
    System {
        agent: "Macintosh",
        platforms: &["Mac", "iPad", "iPhone"],
        hints: &["macOS"],
    },
    System {
        agent: "CrOS",
        platforms: &["Linux"],
        hints: &["Chrome OS", "Chromium OS"],
    },
    System {
        agent: "X11; ",
        platforms: &["Linux", "X11", "FreeBSD", "OpenBSD", "NetBSD", "DragonFly", "SunOS"],
        hints: &["Linux", "FreeBSD", "OpenBSD", "Chrome OS", "Chromium OS", "Android"],
    },
];

/// Parts of renderers, and the systems of [`System::agent`] that have such. Remote desktops draw on the far side, which
/// is the side that the user agent speaks of too.
const RENDERERS: [(&str, &[&str]); 3] = [
    ("Direct3D", &["Windows NT"]),
    ("Metal", &["Macintosh", "iPhone", "iPad"]),
    ("Apple GPU", &["Macintosh", "iPhone", "iPad"]),
];

/// Parts of renderers that draw without a graphics card.
const SOFTWARE: [&str; 5] = [
    "SwiftShader",
    "llvmpipe",
    "softpipe",
    "Basic Render",
    "Software Rasterizer",
];

/// What a browser bent by a script, or by an extension that protects from fingerprinting, shows.
const TAMPERED: Signs = Signs::REPLACED_FUNCTIONS
    .with(Signs::SCREEN_DISAGREES)
    .with(Signs::CANVAS_DISAGREES)
    .with(Signs::TIME_ZONE_DISAGREES);

/// Adds what `environment` gives away.
pub(super) fn judge(input: Input, environment: &Environment, reasons: &mut Vec<Reason>) {
    let signs = environment.signs;
    let contradictory = contradicts(input, environment);
    let found = [
        (environment.webdriver, Reason::WebDriver),
        (is_automated(environment), Reason::AutomatedAgent),
        (!is_complete(environment), Reason::IncompleteEnvironment),
        (contradictory, Reason::ContradictoryEnvironment),
        (signs.any(Signs::AUTOMATION_PROPERTIES), Reason::AutomationProperties),
        (signs.any(Signs::HIDDEN_WEB_DRIVER), Reason::HiddenWebDriver),
        (signs.any(Signs::SCRIPTED_INPUT), Reason::ScriptedInput),
        (signs.any(Signs::INJECTED_INPUT), Reason::InjectedInput),
        // Whoever bends the browser to say another user agent is found contradictory; once is enough.
        (signs.any(TAMPERED) && !contradictory, Reason::TamperedBrowser),
        (lacks_graphics(environment), Reason::SoftwareGraphics),
        (has_odd_window(environment), Reason::OddWindow),
    ];
    reasons.extend(found.iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| *reason));
}

/// Whether user agent or brands name a tool.
fn is_automated(environment: &Environment) -> bool {
    let brands = environment.hints.as_ref().map_or("", |hints| hints.brands.as_str());
    AUTOMATED
        .iter()
        .any(|part| environment.user_agent.contains(part) || brands.contains(part))
}

/// Whether a widget of ours sent this, from a browser that has what all have.
fn is_complete(environment: &Environment) -> bool {
    environment.version <= Environment::VERSION
        && environment.is_bounded()
        && environment.languages
        // Every browser's user agent has begun like this for twenty years.
        && environment.user_agent.starts_with("Mozilla/5.0 (")
        && environment.screen.iter().all(|&side| side > 0)
}

/// Whether two sources that one browser feeds say different things.
fn contradicts(input: Input, environment: &Environment) -> bool {
    let Environment {
        user_agent, platform, ..
    } = environment;
    let system = SYSTEMS.iter().find(|system| user_agent.contains(system.agent));
    // An empty platform says nothing: the property is deprecated.
    let platform_differs = !platform.is_empty()
        && system.is_some_and(|system| !system.platforms.iter().any(|start| platform.starts_with(start)));
    let hints_differ = environment
        .hints
        .as_ref()
        .is_some_and(|hints| hints_contradict(user_agent, system, hints));
    let renderer_differs = environment
        .webgl
        .as_ref()
        .is_some_and(|webgl| renderer_contradicts(system, webgl));
    (input == Input::Touch && environment.touch_points == 0)
        || platform_differs
        || hints_differ
        || renderer_differs
        || environment.signs.any(Signs::LANGUAGE_DISAGREES)
}

/// Client hints are Chromium's: its engine writes them and the user agent from one table.
fn hints_contradict(user_agent: &str, system: Option<&System>, hints: &ClientHints) -> bool {
    let Some(version) = major_version(user_agent, "Chrome/") else {
        return true;
    };
    let system_differs = system.is_some_and(|system| !system.hints.contains(&hints.platform.as_str()));
    major_version(&hints.brands, "Chromium ") != Some(version)
        || (!hints.platform.is_empty() && system_differs)
        || user_agent.contains(" Mobile") != hints.mobile
}

fn renderer_contradicts(system: Option<&System>, webgl: &WebGl) -> bool {
    let Some(system) = system else { return false };
    RENDERERS
        .iter()
        .any(|(part, systems)| webgl.renderer.contains(part) && !systems.contains(&system.agent))
}

/// The digits that follow on `name`.
fn major_version<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(name)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end).filter(|digits| !digits.is_empty())
}

/// Whether WebGL is absent or drawn without a graphics card; a widget from before versions did not look.
fn lacks_graphics(environment: &Environment) -> bool {
    environment.version > 0
        && environment
            .webgl
            .as_ref()
            .is_none_or(|webgl| SOFTWARE.iter().any(|part| webgl.renderer.contains(part)))
}

/// On devices with touch, browsers draw no window, and pages may be wider than the screen.
fn has_odd_window(environment: &Environment) -> bool {
    environment.touch_points == 0 && environment.signs.any(Signs::NO_WINDOW.with(Signs::FRAMELESS_WINDOW))
}

#[cfg(test)]
pub(super) mod tests;
