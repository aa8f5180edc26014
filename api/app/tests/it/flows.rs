//! What a person does with an account.

use serde_json::{Value, json};

use crate::gear::*;

on_both!(
    an_account_comes_to_be_and_goes_on,
    a_second_factor_is_asked_for,
    passwords_are_reset_and_changed,
    addresses_are_changed_by_their_owner,
    sessions_end_at_once,
    recovery_codes_and_links_are_good_once,
);

mod scenes {
    use super::*;
    use crate::stage::Stage;

    pub async fn an_account_comes_to_be_and_goes_on(stage: &Stage) {
        let house = house(stage).await;
        let begun = house.sign_up("ada@example.org").await;
        let (token, refresh) = (begun.text("/access_token"), begun.text("/refresh_token"));
        let account = house.get(&token, "/v1/account").await.good();
        assert_eq!(account.text("/email"), "ada@example.org");
        assert_eq!(account.header("cache-control"), "no-store");
        let renewed = house.post("", "/v1/refresh", json!({"refresh_token": refresh})).await.good();
        house.get(&renewed.text("/access_token"), "/v1/account").await.good();
        let reused = house.post("", "/v1/refresh", json!({"refresh_token": refresh})).await;
        assert_eq!((reused.status.as_u16(), reused.code()), (401, "token_refused".into()));
        let ended = house.get(&renewed.text("/access_token"), "/v1/account").await;
        assert_eq!(ended.code(), "token_refused", "a reused token ends its session for both");
        let token = house.sign_in("ada@example.org").await;
        assert_eq!(house.post(&token, "/v1/sign-out", Value::Null).await.status, 204);
        assert_eq!(house.get(&token, "/v1/account").await.code(), "token_refused");
    }

    pub async fn a_second_factor_is_asked_for(stage: &Stage) {
        let house = house(stage).await;
        let token = house.sign_up("ada@example.org").await.text("/access_token");
        let (secret, codes) = house.enrol(&token).await;
        assert_eq!(codes.len(), 10);
        stage.pass(60_000);
        let body = json!({"email": "Ada@Example.org", "password": PASSWORD});
        let asked = house.post("", "/v1/sign-in", body).await.good();
        assert_eq!(asked.text("/status"), "factor_needed");
        assert_eq!(asked.json()["factors"], json!(["totp", "recovery_code"]));
        let challenge = asked.text("/challenge");
        let step = |code: &str| json!({"challenge": challenge, "proof": {"totp": code}});
        assert_eq!(house.post("", "/v1/sign-in/factor", step("000000")).await.code(), "factor_refused");
        let done = house.post("", "/v1/sign-in/factor", step(&house.code(&secret))).await.good();
        let again = house.post("", "/v1/sign-in/factor", step(&house.code(&secret))).await;
        assert_eq!(again.code(), "factor_refused", "code and challenge are spent");
        let token = done.text("/access_token");
        let factors = house.get(&token, "/v1/account/factors").await.good().json();
        assert_eq!(factors["items"].as_array().unwrap().len(), 2);
        // The factor was just given; ten minutes later it has to be given once more.
        stage.pass(11 * 60_000);
        let token = house.post("", "/v1/refresh", json!({"refresh_token": done.text("/refresh_token")})).await.good();
        let token = token.text("/access_token");
        let refused = house.delete(&token, "/v1/account/factors/totp").await;
        assert_eq!((refused.status.as_u16(), refused.code()), (403, "step_up_required".into()));
        let password = house.post(&token, "/v1/account/step-up", json!({"password": PASSWORD})).await.good();
        let refused = house.delete(&password.text("/access_token"), "/v1/account/factors/totp").await;
        assert_eq!(refused.code(), "step_up_required", "who has a factor gives the factor");
        let stepped = house.post(&token, "/v1/account/step-up", json!({"totp": house.code(&secret)})).await.good();
        let token = stepped.text("/access_token");
        assert_eq!(house.delete(&token, "/v1/account/factors/totp").await.status, 204);
    }

    pub async fn passwords_are_reset_and_changed(stage: &Stage) {
        let house = house(stage).await;
        let token = house.sign_up("ada@example.org").await.text("/access_token");
        house.post("", "/v1/password/reset-request", json!({"email": "ada@example.org"})).await.good();
        let secret = house.last_secret("ada@example.org").await;
        let weak = json!({"secret": secret, "password": "password123456"});
        let refused = house.post("", "/v1/password/reset", weak).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid".into()));
        assert_eq!(refused.text("/errors/0/pointer"), "/password");
        let other = "vier Räder sind ein Wagen";
        let answer = house.post("", "/v1/password/reset", json!({"secret": secret, "password": other})).await.good();
        assert!(answer.jar().starts_with("__Host-footfall_device="));
        assert_eq!(house.get(&token, "/v1/account").await.code(), "token_refused", "all sessions end");
        let body = json!({"email": "ada@example.org", "password": other});
        let token = house.post("", "/v1/sign-in", body).await.good().text("/session/access_token");
        let wrong = json!({"present_password": PASSWORD, "password": "fünf Räder sind zu viele"});
        assert_eq!(house.post(&token, "/v1/account/password", wrong).await.code(), "credentials_refused");
        let right = json!({"present_password": other, "password": "fünf Räder sind zu viele"});
        assert_eq!(house.post(&token, "/v1/account/password", right).await.status, 204);
        house.get(&token, "/v1/account").await.good();
    }

    pub async fn addresses_are_changed_by_their_owner(stage: &Stage) {
        let house = house(stage).await;
        let token = house.sign_up("ada@example.org").await.text("/access_token");
        let body = json!({"email": "ada@example.net", "password": PASSWORD});
        assert_eq!(house.post(&token, "/v1/account/email", body).await.status, 204);
        let secret = house.last_secret("ada@example.net").await;
        assert_eq!(house.post("", "/v1/email-confirmation", json!({"secret": secret})).await.status, 204);
        assert_eq!(house.post("", "/v1/email-confirmation", json!({"secret": secret})).await.code(), "link_refused");
        assert_eq!(house.get(&token, "/v1/account").await.good().text("/email"), "ada@example.net");
        assert!(
            house.mails("ada@example.org").await.last().unwrap().contains("ada@example.net"),
            "the old one is told"
        );
    }

    pub async fn sessions_end_at_once(stage: &Stage) {
        let house = house(stage).await;
        let first = house.sign_up("ada@example.org").await.text("/access_token");
        stage.pass(1000);
        let second = house.sign_in("ada@example.org").await;
        stage.pass(1000);
        let third = house.sign_in("ada@example.org").await;
        let listed = house.get(&third, "/v1/account/sessions?limit=2").await.good();
        assert_eq!(listed.json()["items"][0]["is_current"], true);
        let cursor = listed.text("/next_cursor");
        let rest = house.get(&third, &format!("/v1/account/sessions?limit=2&cursor={cursor}")).await.good();
        assert_eq!(rest.json()["items"].as_array().unwrap().len(), 1);
        let id = listed.text("/items/1/id");
        assert_eq!(house.delete(&third, &format!("/v1/account/sessions/{id}")).await.status, 204);
        assert_eq!(house.get(&second, "/v1/account").await.code(), "token_refused");
        let eve = house.sign_up("eve@example.org").await.text("/access_token");
        let own = rest.text("/items/0/id");
        assert_eq!(house.delete(&eve, &format!("/v1/account/sessions/{own}")).await.code(), "not_found");
        let ended = house.delete(&third, "/v1/account/sessions?keep_current=true").await.good();
        assert_eq!(ended.json()["ended"], 1);
        assert_eq!(house.get(&first, "/v1/account").await.code(), "token_refused");
        house.get(&third, "/v1/account").await.good();
        house.delete(&third, "/v1/account/sessions").await.good();
        assert_eq!(house.get(&third, "/v1/account").await.code(), "token_refused");
    }

    pub async fn recovery_codes_and_links_are_good_once(stage: &Stage) {
        let house = house(stage).await;
        let token = house.sign_up("ada@example.org").await.text("/access_token");
        let (_, codes) = house.enrol(&token).await;
        let mut steps = Vec::new();
        for _ in 0..4 {
            let body = json!({"email": "ada@example.org", "password": PASSWORD});
            let challenge = house.post("", "/v1/sign-in", body).await.good().text("/challenge");
            steps.push(json!({"challenge": challenge, "proof": {"recovery_code": codes[0]}}));
        }
        assert_eq!(at_once(&house, "/v1/sign-in/factor", steps).await, 1, "one recovery code, one session");
        house.post("", "/v1/sign-up", json!({"email": "bob@example.org"})).await.good();
        let secret = house.last_secret("bob@example.org").await;
        let body = json!({"secret": secret, "name": "Bob", "password": PASSWORD});
        assert_eq!(at_once(&house, "/v1/sign-up/confirmation", vec![body; 6]).await, 1, "one link, one account");
        let refresh = house.sign_up("eve@example.org").await.text("/refresh_token");
        let spent = at_once(&house, "/v1/refresh", vec![json!({"refresh_token": refresh}); 6]).await;
        assert_eq!(spent, 1, "one refresh token, one successor");
    }

    /// Sends all of them at once; how many were answered well.
    async fn at_once(house: &House<'_>, uri: &str, bodies: Vec<Value>) -> usize {
        let answers = bodies.into_iter().map(|body| house.post("", uri, body));
        let answers = futures::future::join_all(answers).await;
        assert!(answers.iter().all(|answer| answer.status.as_u16() < 500), "no failure");
        answers.iter().filter(|answer| answer.status.is_success()).count()
    }
}
