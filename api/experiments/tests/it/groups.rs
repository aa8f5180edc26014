//! Groups and cohorts of PostHog's filters: at `/flags`, in the definitions that SDKs evaluate, at OFREP's door, and what is refused.

use footfall_api_access::KeyKind;
use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::posthog::{Evaluator, Flags, Subject, bucket};
use serde_json::{Value, json};

use crate::gear::{House, house};
use crate::stage::{NOON, Stage};

const COMPANIES: u32 = 40;

/// Flags by company, for a list of companies, for cohorts of people (by ids, by country, of nobody), and one that depends on another.
pub async fn furnish_groups(house: &House) {
    house.make("attributes", "company", json!({"type": "string", "identifies": true, "group_type_index": 1})).await;
    house.make("saved-groups", "testers", json!({"attribute": "id", "values": ["user 3", "user 4", "user 5"]})).await;
    house.make("saved-groups", "7", json!({"attribute": "country", "values": ["DE", "AT"]})).await;
    house.make("saved-groups", "nobody", json!({"attribute": "id", "values": []})).await;
    house.make("saved-groups", "friends", json!({"attribute": "company", "values": ["company 1", "company 2"]})).await;
    let cohort =
        |value: Value, operator: &str| json!({"key": "id", "type": "cohort", "value": value, "operator": operator});
    let variants =
        json!({"variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]});
    let plan = json!({"key": "plan", "type": "group", "group_type_index": 1, "value": ["pro"], "operator": "exact"});
    let flags = [
        (
            "by-company",
            json!({"aggregation_group_type_index": 1, "multivariate": variants,
                "groups": [{"properties": [plan], "rollout_percentage": 60}]}),
        ),
        (
            "friends-alone",
            json!({"aggregation_group_type_index": 1,
                "groups": [{"properties": [cohort(json!("friends"), "in")], "rollout_percentage": 100}]}),
        ),
        (
            "for-testers",
            json!({"groups": [{"properties": [cohort(json!("testers"), "in")], "rollout_percentage": 100}]}),
        ),
        (
            "abroad",
            json!({"groups": [{"properties": [cohort(json!(7), "not_in")], "rollout_percentage": 50}],
                "multivariate": variants}),
        ),
        ("for-nobody", json!({"groups": [{"properties": [cohort(json!("nobody"), "in")], "rollout_percentage": 100}]})),
        (
            "after-testers",
            json!({"groups": [{"properties": [{"key": "for-testers", "type": "flag", "value": true,
                "operator": "flag_evaluates_to"}], "rollout_percentage": 100}]}),
        ),
    ];
    for (key, filters) in flags {
        let feature = json!({"value_type": "boolean", "default_value": false, "posthog_filters": filters});
        house.make("features", key, feature).await;
    }
}

/// What everybody gets of these flags, said once more: `company` has the plan `pro` if its number is even.
pub fn expected(user: u32) -> Value {
    let (id, number) = (format!("user {user}"), user % COMPANIES);
    let company = format!("company {number}");
    let variant = |flag: &str, id: &str| if bucket(flag, id, "variant") < 0.5 { json!("a") } else { json!("b") };
    let among = |flag: &str, id: &str, share: f64| bucket(flag, id, "") <= share;
    let by_company = number.is_multiple_of(2) && among("by-company", &company, 0.6);
    let is_abroad = user.is_multiple_of(3) && among("abroad", &id, 0.5);
    json!({
        "by-company": if by_company { variant("by-company", &company) } else { json!(false) },
        "friends-alone": number == 1 || number == 2,
        "for-testers": (3..=5).contains(&user),
        "abroad": if is_abroad { variant("abroad", &id) } else { json!(false) },
        "for-nobody": false,
        "after-testers": (3..=5).contains(&user),
    })
}

/// What an app says of a user.
fn request(user: u32) -> Value {
    let country = if user.is_multiple_of(3) { "FR" } else { "DE" };
    let company = user % COMPANIES;
    let plan = if company.is_multiple_of(2) { "pro" } else { "free" };
    json!({"distinct_id": format!("user {user}"), "person_properties": {"country": country},
        "groups": {"company": format!("company {company}")}, "group_properties": {"company": {"plan": plan}}})
}

#[tokio::test]
async fn groups_and_cohorts_give_the_same_at_the_door_and_by_the_definitions() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    furnish_groups(&house).await;
    let (_, key) = house.key(KeyKind::Write).await;
    let secret = format!("Bearer {}", house.key(KeyKind::Read).await.1);
    let path = format!("/flags/definitions?token={key}&send_cohorts");
    let definitions = house.raw("GET", &path, &[("authorization", &secret)], Value::Null).await.good().json();
    assert_eq!(definitions["group_type_mapping"], json!({"1": "company"}));
    let cohorts: Vec<&String> = definitions["cohorts"].as_object().unwrap().keys().collect();
    assert_eq!(cohorts, ["7", "friends", "nobody", "testers"]);
    let after = definitions["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == "after-testers").unwrap();
    assert_eq!(after["filters"]["groups"][0]["properties"][0]["dependency_chain"], json!(["for-testers"]));

    let flags = Flags::compile(&FlagValue::from(&definitions));
    let now = jiff::Timestamp::from_millisecond(NOON.millis()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for user in 0..120 {
        let mut asked = request(user);
        asked["token"] = json!(key);
        let answer = house.raw("POST", "/flags/?v=2", &[], asked.clone()).await.good().json();
        for (flag, wanted) in expected(user).as_object().unwrap() {
            let told = &answer["flags"][flag];
            let value = if told["variant"].is_null() { &told["enabled"] } else { &told["variant"] };
            assert_eq!(value, wanted, "user {user} {flag}: {answer}");
            // As SDKs do: they add the ids, and know nothing else.
            asked["person_properties"]["distinct_id"] = asked["distinct_id"].clone();
            asked["group_properties"]["company"]["$group_key"] = asked["groups"]["company"].clone();
            let subject = Subject::read(&FlagValue::from(&asked), false, now);
            let local = Evaluator::new(&flags, &subject).evaluate(flags.get(flag).unwrap());
            let local = local.expect("decided without the server").value.to_value();
            assert_eq!(json!(local), *wanted, "user {user} {flag}");
            seen.insert(format!("{flag} {wanted}"));
        }
    }
    assert_eq!(seen.len(), 3 + 2 + 2 + 3 + 1 + 2, "{seen:?}");

    // Without a group there is none, and the door says so.
    let alone = json!({"token": key, "distinct_id": "user 1"});
    let alone = house.raw("POST", "/flags/?v=2", &[], alone).await.good().json();
    let reason = &alone["flags"]["by-company"]["reason"]["code"];
    assert_eq!((reason, &alone["flags"]["by-company"]["enabled"]), (&json!("no_group_type"), &json!(false)));
    // A cohort follows its group.
    house.patch("saved-groups/testers", json!({"values": ["user 1"]})).await.good();
    let now_in = json!({"token": key, "distinct_id": "user 1"});
    let now_in = house.raw("POST", "/flags/?v=2", &[], now_in).await.good().json();
    assert_eq!(now_in["flags"]["for-testers"]["enabled"], true);
    assert_eq!(now_in["flags"]["after-testers"]["enabled"], true);
}

#[tokio::test]
async fn the_key_of_a_group_is_an_attribute_of_rules_and_of_openfeature() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    furnish_groups(&house).await;
    let rule =
        json!({"id": "r", "condition": {"company": {"$inGroup": "friends"}}, "serve": {"force": {"value": true}}});
    house.make("features", "ruled", json!({"value_type": "boolean", "default_value": false, "rules": [rule]})).await;
    let (_, key) = house.key(KeyKind::Write).await;
    for (company, is_friend) in [("company 1", true), ("company 4", false)] {
        let asked = json!({"token": key, "distinct_id": "ada", "groups": {"company": company}});
        let answer = house.raw("POST", "/flags/?v=2", &[], asked).await.good().json();
        assert_eq!(answer["flags"]["ruled"]["enabled"], is_friend, "{answer}");
        let context = json!({"context": {"targetingKey": "ada", "company": company}});
        let by = [("x-api-key", key.as_str())];
        for flag in ["friends-alone", "ruled"] {
            let path = format!("/ofrep/v1/evaluate/flags/{flag}");
            let answer = house.raw("POST", &path, &by, context.clone()).await.good().json();
            assert_eq!(answer["value"], is_friend, "{answer}");
        }
        let whom = json!({"id": "ada", "attributes": {"company": company}});
        let told = house.post("features/friends-alone/evaluation", whom).await.good().json();
        assert_eq!(told["value"], is_friend, "{told}");
    }
}

#[tokio::test]
async fn filters_that_nobody_could_evaluate_are_refused_and_what_they_name_stays() {
    let stage = Stage::sqlite().await.unwrap();
    let house = house(&stage).await;
    house.make("attributes", "country", json!({"type": "string"})).await;
    furnish_groups(&house).await;
    let refused = async |filters: Value| {
        let feature = json!({"value_type": "boolean", "default_value": false, "posthog_filters": filters});
        house.post("features", json!({"key": "new", "definition": feature})).await.refusal()
    };
    let cohort = |key: &str| json!([{"properties": [{"key": "id", "type": "cohort", "value": key, "operator": "in"}]}]);
    let place = "/definition/posthog_filters";
    let told = refused(json!({"groups": cohort("strangers")})).await;
    assert_eq!((told.0, told.2), (422, vec![format!("{place}/groups/0/properties/0/value")]));
    let told = refused(json!({"aggregation_group_type_index": 0, "groups": []})).await;
    assert_eq!(told.2, [format!("{place}/aggregation_group_type_index")]);
    assert_eq!(refused(json!({"groups": cohort("friends")})).await.2, [format!("{place}/groups/0/properties/0/value")]);
    let circle = json!({"groups": [{"properties": [{"key": "after-testers", "type": "flag", "value": true,
        "operator": "flag_evaluates_to"}]}]});
    let told = house.patch("features/for-testers", json!({"posthog_filters": circle})).await.refusal();
    assert_eq!(told.2, [place, "/definition"], "and who has it as a need is broken");

    let same = json!({"type": "string", "identifies": true, "group_type_index": 1});
    let told = house.post("attributes", json!({"key": "team", "definition": same})).await.refusal();
    assert_eq!(told.2, ["/definition/group_type_index"]);
    let moved = house.patch("attributes/company", json!({"group_type_index": 2})).await.refusal();
    assert!(moved.2.contains(&"/definition/group_type_index".to_owned()), "{moved:?}");
    for (path, user) in [
        ("attributes/company", "feature by-company"),
        ("saved-groups/testers", "feature for-testers"),
        ("features/for-testers", "feature after-testers"),
    ] {
        let kept = house.ask("DELETE", path, &[("if-match", "*")], Value::Null).await;
        assert!(kept.status == 409 && kept.text.contains(user), "{path}: {}", kept.text);
    }
}
