//! What browsers of people and of programs say, and what the rules make of it.

use super::*;
use crate::risk::RiskConfig;

const LINUX: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                    Safari/537.36 Edg/140.0.0.0";
const CHROMEBOOK: &str =
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const PIXEL: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";
const TABLET: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const SAMSUNG: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                       SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36";
const WEBVIEW: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
                       Version/4.0 Chrome/140.0.7339.51 Mobile Safari/537.36";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.5 Mobile/15E148 Safari/604.1";
const IPHONE_CHROME: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                             (KHTML, like Gecko) CriOS/140.0.7339.39 Mobile/15E148 Safari/604.1";
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.5 Safari/605.1.15";
const FIREFOX_WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
const FIREFOX_LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const FIREFOX_MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0";
const FIREFOX_ANDROID: &str = "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
const OPERA: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 \
                     Safari/537.36 OPR/122.0.0.0";

const CHROME_BRANDS: &str = "Chromium 140, Not=A?Brand 24, Google Chrome 140";
const D3D: &str = "ANGLE (Intel, Intel(R) UHD Graphics 620 (0x00003EA0) Direct3D11 vs_5_0 ps_5_0, D3D11)";
const METAL: &str = "ANGLE (Apple, ANGLE Metal Renderer: Apple M1, Unspecified Version)";
const MESA: &str = "ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)";
const ADRENO: &str = "ANGLE (Qualcomm, Adreno (TM) 740, OpenGL ES 3.2)";
const SWIFTSHADER: &str =
    "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)";

fn browser(user_agent: &str, platform: &str, renderer: &str) -> Environment {
    Environment {
        version: Environment::VERSION,
        languages: true,
        language_count: 2,
        user_agent: user_agent.to_owned(),
        platform: platform.to_owned(),
        screen: [1920, 1080],
        webgl: (!renderer.is_empty()).then(|| WebGl {
            vendor: "Google Inc.".to_owned(),
            renderer: renderer.to_owned(),
        }),
        ..Environment::default()
    }
}

fn hinted(environment: Environment, brands: &str, platform: &str) -> Environment {
    let hints = ClientHints {
        brands: brands.to_owned(),
        mobile: environment.user_agent.contains(" Mobile"),
        platform: platform.to_owned(),
    };
    Environment {
        hints: Some(hints),
        ..environment
    }
}

fn touching(environment: Environment) -> Environment {
    Environment {
        touch_points: 5,
        ..environment
    }
}

fn showing(signs: Signs, environment: Environment) -> Environment {
    Environment { signs, ..environment }
}

/// Chrome on Linux, as most tests of other rules want it.
pub fn honest_browser() -> Environment {
    hinted(browser(LINUX, "Linux x86_64", MESA), CHROME_BRANDS, "Linux")
}

fn reasons(input: Input, environment: &Environment) -> Vec<Reason> {
    let mut reasons = Vec::new();
    judge(input, environment, &mut reasons);
    reasons
}

/// What the rules say of a slide that has nothing else against it.
fn p_bot(reasons: &[Reason]) -> f32 {
    let config = RiskConfig::default();
    let weights = reasons.iter().map(|reason| 1.0 - config.weight(*reason));
    1.0 - weights.fold(1.0 - config.prior, |human, weight| human * weight)
}

#[test]
fn honest_browsers_give_no_reason() {
    let windows = |agent: &str, brands: &str| hinted(browser(agent, "Win32", D3D), brands, "Windows");
    let cases = [
        ("Chrome, Linux", honest_browser()),
        ("Chrome, Windows", windows(WINDOWS, CHROME_BRANDS)),
        (
            "Chrome, Mac",
            hinted(browser(MAC, "MacIntel", METAL), CHROME_BRANDS, "macOS"),
        ),
        ("Chrome over HTTP", browser(WINDOWS, "Win32", D3D)),
        (
            "Edge",
            windows(EDGE, "Not;A=Brand 99, Microsoft Edge 140, Chromium 140"),
        ),
        ("Opera", windows(OPERA, "Not)A;Brand 8, Chromium 138, Opera 122")),
        (
            "Chromebook",
            hinted(browser(CHROMEBOOK, "Linux x86_64", MESA), CHROME_BRANDS, "Chrome OS"),
        ),
        (
            "Chrome, Android phone",
            touching(hinted(browser(PIXEL, "Linux armv81", ADRENO), CHROME_BRANDS, "Android")),
        ),
        (
            "Chrome, Android tablet",
            touching(hinted(
                browser(TABLET, "Linux aarch64", ADRENO),
                CHROME_BRANDS,
                "Android",
            )),
        ),
        (
            "Chrome, Android phone asking for the desktop site",
            touching(hinted(browser(LINUX, "Linux armv81", ADRENO), CHROME_BRANDS, "Linux")),
        ),
        (
            "Samsung Internet",
            touching(hinted(
                browser(SAMSUNG, "Linux armv81", "Mali-G78"),
                "Chromium 130, Samsung Internet 28.0",
                "Android",
            )),
        ),
        (
            "Android view in an app",
            touching(browser(WEBVIEW, "Linux aarch64", ADRENO)),
        ),
        ("Safari, iPhone", touching(browser(IPHONE, "iPhone", "Apple GPU"))),
        (
            "Chrome, iPhone",
            touching(browser(IPHONE_CHROME, "iPhone", "Apple GPU")),
        ),
        (
            "Safari, iPad as a Mac",
            touching(browser(SAFARI, "MacIntel", "Apple GPU")),
        ),
        ("Safari, Mac", browser(SAFARI, "MacIntel", "Apple GPU")),
        (
            "Firefox, Windows",
            browser(
                FIREFOX_WINDOWS,
                "Win32",
                "ANGLE (NVIDIA, NVIDIA GeForce GTX 980 Direct3D11 vs_5_0 ps_5_0), or similar",
            ),
        ),
        ("Firefox, Mac", browser(FIREFOX_MAC, "MacIntel", "Apple M1, or similar")),
        (
            "Firefox, Linux on a Mac",
            browser(FIREFOX_LINUX, "Linux aarch64", "Apple M1 (G13G B1)"),
        ),
        (
            "Firefox, Linux",
            browser(FIREFOX_LINUX, "", "Intel(R) HD Graphics, or similar"),
        ),
        (
            "Firefox, Android",
            touching(browser(FIREFOX_ANDROID, "Linux aarch64", "Adreno (TM) 650, or similar")),
        ),
        (
            "a phone whose page is wider than its screen",
            touching(showing(
                Signs::FRAMELESS_WINDOW,
                hinted(browser(PIXEL, "Linux armv81", ADRENO), CHROME_BRANDS, "Android"),
            )),
        ),
    ];
    for (name, environment) in cases {
        let input = if environment.touch_points > 0 {
            Input::Touch
        } else {
            Input::Mouse
        };
        assert_eq!(reasons(input, &environment), [], "{name}");
    }
}

/// The exceptions that [`RiskConfig`] names: each is found by some rule and stays below a challenge.
#[test]
fn unusual_but_honest_browsers_stay_below_a_half() {
    let tor = showing(
        Signs::CANVAS_DISAGREES
            .with(Signs::TIME_ZONE_DISAGREES)
            .with(Signs::FRAMELESS_WINDOW),
        browser(FIREFOX_WINDOWS, "Win32", "Mozilla"),
    );
    let cases = [
        (
            "Linux in a virtual machine",
            hinted(
                browser(
                    LINUX,
                    "Linux x86_64",
                    "ANGLE (Mesa, llvmpipe (LLVM 15.0.7 256 bits), OpenGL 4.5)",
                ),
                CHROME_BRANDS,
                "Linux",
            ),
        ),
        (
            "Windows through a remote desktop",
            hinted(
                browser(
                    WINDOWS,
                    "Win32",
                    "ANGLE (Microsoft, Microsoft Basic Render Driver (0x0000008C) Direct3D11 vs_5_0 ps_5_0, D3D11)",
                ),
                CHROME_BRANDS,
                "Windows",
            ),
        ),
        ("Tor Browser", tor.clone()),
        ("Tor Browser, safest", Environment { webgl: None, ..tor }),
        (
            "Brave",
            showing(
                Signs::CANVAS_DISAGREES,
                hinted(browser(MAC, "MacIntel", METAL), "Brave 140, Chromium 140", "macOS"),
            ),
        ),
        (
            "a switched user agent",
            showing(
                Signs::REPLACED_FUNCTIONS,
                hinted(browser(FIREFOX_WINDOWS, "Linux x86_64", MESA), CHROME_BRANDS, "Linux"),
            ),
        ),
        (
            "full screen in a virtual machine",
            showing(Signs::FRAMELESS_WINDOW, browser(WINDOWS, "Win32", SWIFTSHADER)),
        ),
        (
            "WebGL turned off",
            Environment {
                webgl: None,
                ..honest_browser()
            },
        ),
    ];
    for (name, environment) in cases {
        let found = reasons(Input::Mouse, &environment);
        assert!(!found.is_empty() && p_bot(&found) < 0.5, "{name}: {found:?}");
    }
}

#[test]
fn automation_is_challenged() {
    let headless = LINUX.replace("Chrome/", "HeadlessChrome/");
    let cases = [
        (
            "Selenium",
            Environment {
                webdriver: true,
                ..honest_browser()
            },
        ),
        (
            "headless, as it comes",
            hinted(
                browser(&headless, "Linux x86_64", SWIFTSHADER),
                "HeadlessChrome 140, Chromium 140",
                "Linux",
            ),
        ),
        (
            "headless, user agent corrected, client hints forgotten",
            hinted(
                browser(LINUX, "Linux x86_64", SWIFTSHADER),
                "HeadlessChrome 140, Chromium 140",
                "Linux",
            ),
        ),
        (
            "driven, the flag overwritten",
            showing(
                Signs::HIDDEN_WEB_DRIVER.with(Signs::REPLACED_FUNCTIONS),
                honest_browser(),
            ),
        ),
        (
            "chromedriver's marks",
            showing(Signs::AUTOMATION_PROPERTIES, honest_browser()),
        ),
        ("a script in the page", showing(Signs::SCRIPTED_INPUT, honest_browser())),
        (
            "a debugging interface",
            showing(Signs::INJECTED_INPUT, honest_browser()),
        ),
        (
            "a server that plays a desktop",
            showing(
                Signs::NO_WINDOW,
                hinted(browser(WINDOWS, "Linux x86_64", SWIFTSHADER), "", "Linux"),
            ),
        ),
        (
            "jsdom",
            browser(
                "Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/26.1.0",
                "",
                "",
            ),
        ),
        ("an HTTP client", browser("curl/8.14.1", "", "")),
        ("nothing at all", Environment::default()),
    ];
    for (name, environment) in cases {
        let found = reasons(Input::Mouse, &environment);
        assert!(p_bot(&found) >= 0.5, "{name}: {found:?}");
    }
}

#[test]
fn each_rule_fires_alone() {
    let good = honest_browser;
    let sign = |sign: Signs| showing(sign, good());
    let agent = |user_agent: &str| Environment {
        user_agent: user_agent.to_owned(),
        hints: None,
        ..good()
    };
    let hints = |change: fn(&mut ClientHints)| {
        let mut environment = good();
        environment.hints.iter_mut().for_each(change);
        environment
    };
    let cases = [
        (
            Environment {
                webdriver: true,
                ..good()
            },
            Reason::WebDriver,
        ),
        (
            agent(&LINUX.replace("Chrome/", "HeadlessChrome/")),
            Reason::AutomatedAgent,
        ),
        (hints(|h| h.brands += ", HeadlessChrome 140"), Reason::AutomatedAgent),
        (
            Environment {
                languages: false,
                ..good()
            },
            Reason::IncompleteEnvironment,
        ),
        (Environment { version: 2, ..good() }, Reason::IncompleteEnvironment),
        (
            Environment {
                screen: [0, 1080],
                ..good()
            },
            Reason::IncompleteEnvironment,
        ),
        (agent(""), Reason::IncompleteEnvironment),
        (
            agent(&format!("Mozilla/5.0 ({}", "x".repeat(600))),
            Reason::IncompleteEnvironment,
        ),
        (agent(WINDOWS), Reason::ContradictoryEnvironment),
        (
            hints(|h| h.platform = "Windows".to_owned()),
            Reason::ContradictoryEnvironment,
        ),
        (
            hints(|h| h.brands = "Chromium 139".to_owned()),
            Reason::ContradictoryEnvironment,
        ),
        (hints(|h| h.brands.clear()), Reason::ContradictoryEnvironment),
        (hints(|h| h.mobile = true), Reason::ContradictoryEnvironment),
        (
            hinted(browser(FIREFOX_LINUX, "Linux x86_64", MESA), CHROME_BRANDS, "Linux"),
            Reason::ContradictoryEnvironment,
        ),
        (browser(LINUX, "Linux x86_64", D3D), Reason::ContradictoryEnvironment),
        (browser(WINDOWS, "Win32", METAL), Reason::ContradictoryEnvironment),
        (sign(Signs::LANGUAGE_DISAGREES), Reason::ContradictoryEnvironment),
        (sign(Signs::AUTOMATION_PROPERTIES), Reason::AutomationProperties),
        (sign(Signs::HIDDEN_WEB_DRIVER), Reason::HiddenWebDriver),
        (sign(Signs::SCRIPTED_INPUT), Reason::ScriptedInput),
        (sign(Signs::INJECTED_INPUT), Reason::InjectedInput),
        (sign(Signs::REPLACED_FUNCTIONS), Reason::TamperedBrowser),
        (sign(Signs::SCREEN_DISAGREES), Reason::TamperedBrowser),
        (sign(Signs::CANVAS_DISAGREES), Reason::TamperedBrowser),
        (sign(Signs::TIME_ZONE_DISAGREES), Reason::TamperedBrowser),
        (Environment { webgl: None, ..good() }, Reason::SoftwareGraphics),
        (browser(LINUX, "Linux x86_64", SWIFTSHADER), Reason::SoftwareGraphics),
        (sign(Signs::NO_WINDOW), Reason::OddWindow),
        (sign(Signs::FRAMELESS_WINDOW), Reason::OddWindow),
    ];
    for (environment, reason) in cases {
        assert_eq!(reasons(Input::Mouse, &environment), [reason], "{environment:?}");
    }
    assert_eq!(reasons(Input::Touch, &good()), [Reason::ContradictoryEnvironment]);
}

#[test]
fn a_widget_from_before_versions_is_not_held_to_what_it_did_not_send() {
    let old = Environment {
        languages: true,
        user_agent: LINUX.to_owned(),
        platform: "Linux x86_64".to_owned(),
        screen: [1920, 1080],
        ..Environment::default()
    };
    assert_eq!(reasons(Input::Mouse, &old), []);
}

#[test]
fn unknown_signs_mean_nothing() {
    assert_eq!(reasons(Input::Mouse, &showing(Signs(1 << 31), honest_browser())), []);
}

#[test]
fn odd_user_agents_have_a_verdict() {
    for agent in [
        "Chrome/",
        "Mozilla/5.0 (X11; é) Chrome/1é",
        "Chromium Chrome/140",
        "\u{202e}Mozilla",
    ] {
        let environment = hinted(browser(agent, agent, agent), agent, agent);
        assert!(p_bot(&reasons(Input::Keyboard, &environment)) <= 1.0, "{agent}");
    }
}
