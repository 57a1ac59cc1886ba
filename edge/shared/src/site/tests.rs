use super::*;

const DAY: u64 = 86_400;
const SITES: &str = r#"[
    {"name": "shop", "hostnames": ["shop.example"], "keys": {"sitekey": "0xSHOP", "secret": "0123456789abcdef"}},
    {"name": "demo", "hostnames": ["localhost"], "keys": {"rotate_seconds": 86400}}
]"#;

fn sites(test_keys: TestKeys) -> Sites {
    Sites::parse(SITES, &"5a".repeat(32), test_keys).unwrap()
}

fn name(site: Option<&Site>) -> Option<&str> {
    site.map(|s| &*s.name)
}

#[test]
fn fixed_keys_are_found_at_any_time() {
    let sites = sites(TestKeys::Refused);
    for now in [0, DAY, u64::MAX] {
        assert_eq!(name(sites.by_sitekey("0xSHOP", now)), Some("shop"));
        assert_eq!(name(sites.by_secret("0123456789abcdef", now)), Some("shop"));
        assert_eq!(name(sites.by_secret("0123456789abcdeF", now)), None);
        assert_eq!(name(sites.by_secret("", now)), None);
    }
}

#[test]
fn rotating_keys_live_for_two_periods() {
    let sites = sites(TestKeys::Refused);
    let demo = sites.by_name(DEMO).unwrap();
    let made = 1000 * DAY + 5;
    let pair = sites.current_keys(demo, made).unwrap();
    for (now, found) in [
        (made, true),
        (1001 * DAY, true),
        (1002 * DAY - 1, true),
        (1002 * DAY, false),
        (999 * DAY, false),
    ] {
        assert_eq!(
            sites.by_sitekey(&pair.sitekey, now).is_some(),
            found,
            "sitekey at {now}"
        );
        assert_eq!(sites.by_secret(&pair.secret, now).is_some(), found, "secret at {now}");
    }
    let other = Sites::parse(SITES, &"5b".repeat(32), TestKeys::Refused).unwrap();
    assert_eq!(name(other.by_sitekey(&pair.sitekey, made)), None);
    assert!((pair.sitekey.len(), pair.secret.len()) == (22, 45));
}

#[test]
fn test_keys_are_accepted_only_where_turned_on() {
    for (site_name, sitekey, policy) in TEST_SITEKEYS {
        assert_eq!(name(sites(TestKeys::Refused).by_sitekey(sitekey, 0)), None);
        let sites = sites(TestKeys::Accepted);
        let site = sites.by_sitekey(sitekey, 0).unwrap();
        assert_eq!((&*site.name, site.policy, site.is_test()), (site_name, policy, true));
        assert!(site.allows("anything.example") && !sites.any_names("anything.example"));
        assert_eq!(sites.current_keys(site, 0).map(|_| ()), None);
    }
}

#[test]
fn hosts_are_held_against_the_list() {
    let sites = sites(TestKeys::Refused);
    assert!(sites.by_name("shop").unwrap().allows("shop.example"));
    assert!(!sites.by_name("shop").unwrap().allows("localhost"));
    assert!(sites.any_names("localhost") && !sites.any_names("evil.example"));
}

#[test]
fn mistakes_are_named() {
    let parse = |json: &str| Sites::parse(json, &"5a".repeat(32), TestKeys::Refused).map(|_| ());
    let one = |name: &str, keys: &str| parse(&format!(r#"[{{"name":"{name}","hostnames":[],"keys":{keys}}}]"#));
    assert_eq!(
        one("test.pass", "{}"),
        Err(SitesError::Name {
            name: "test.pass".into()
        })
    );
    for keys in [
        "{}",
        r#"{"sitekey":"a"}"#,
        r#"{"sitekey":"a","secret":"short"}"#,
        r#"{"sitekey":"a b","secret":"0123456789abcdef"}"#,
        r#"{"rotate_seconds":1199}"#,
        r#"{"sitekey":"a","secret":"0123456789abcdef","rotate_seconds":86400}"#,
    ] {
        assert_eq!(one("a", keys), Err(SitesError::Keys { name: "a".into() }), "{keys}");
    }
    let same = r#"{"name":"a","hostnames":[],"keys":{"rotate_seconds":86400}}"#;
    assert_eq!(
        parse(&format!("[{same},{same}]")),
        Err(SitesError::Duplicate { name: "a".into() })
    );
    assert!(matches!(
        parse(r#"[{"name":"a","hostnames":["*"],"keys":{}}]"#),
        Err(SitesError::Json { .. })
    ));
    assert!(matches!(parse("{}"), Err(SitesError::Json { .. })));
    let risky = r#"[{"name":"a","hostnames":[],"keys":{"rotate_seconds":86400},"risk":{"block_from":2}}]"#;
    let error = parse(risky).unwrap_err().to_string();
    assert!(error.starts_with("SITES: a: risk: "), "{error}");
    assert_eq!(
        Sites::parse(SITES, "5a", TestKeys::Refused).map(|_| ()),
        Err(SitesError::SealKey)
    );
}

#[test]
fn keys_are_not_printed() {
    let printed = format!("{:?}", sites(TestKeys::Refused));
    assert!(
        !printed.contains("0123456789abcdef") && !printed.contains("90, 90"),
        "{printed}"
    );
}
