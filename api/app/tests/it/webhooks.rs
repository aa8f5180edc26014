//! Webhooks over HTTP: made, changed by revision, listed, and their secrets shown once.

use serde_json::{Value, json};

use crate::gear::*;
use crate::stage::Stage;

on_both!(webhooks_are_made_changed_and_removed);

mod scenes {
    use super::*;

    pub async fn webhooks_are_made_changed_and_removed(stage: &Stage) {
        let house = house(stage).await;
        let (owner, organisation) = house.owner().await;
        let all = format!("/v1/organisations/{organisation}/webhooks");
        let draft = json!({"name": "Watch", "url": "https://hooks.example.org/a?b=c"});
        let made = house.post(&owner, &all, draft.clone()).await.good();
        let (id, secret) = (made.text("/id"), made.text("/secret"));
        assert!(secret.starts_with("whsec_"));
        let one = format!("{all}/{id}");
        let shown = house.get(&owner, &one).await.good();
        assert!(!shown.text.contains("whsec_") && shown.text("/url") == "https://hooks.example.org/a?b=c");
        let revision = shown.header("etag").to_owned();
        let patch =
            async |body: Value, revision: &str| house.ask(&owner, "PATCH", &one, &[("if-match", revision)], body).await;
        let changed = patch(json!({"is_enabled": false}), &revision).await.good();
        assert_eq!(changed.json()["is_enabled"], json!(false));
        assert_eq!(patch(json!({"name": "Other"}), &revision).await.code(), "revision_stale");
        assert_eq!(house.post(&owner, &format!("{one}/test"), Value::Null).await.code(), "conflict");
        patch(json!({"is_enabled": true}), "*").await.good();
        house.post(&owner, &format!("{one}/test"), Value::Null).await.good();
        let sent = house.get(&owner, &format!("{one}/deliveries")).await.good();
        assert_eq!((sent.text("/items/0/kind"), sent.json()["items"][0]["tries"].clone()), ("test".into(), json!(0)));
        let renewed = house.post(&owner, &format!("{one}/secret"), Value::Null).await.good();
        assert_ne!(renewed.text("/secret"), secret);
        for url in ["https://127.0.0.1/", "http://hooks.example.org/", "https://[::1]/"] {
            let refused = house.post(&owner, &all, json!({"name": "Bad", "url": url})).await;
            assert_eq!((refused.code(), refused.text("/errors/0/pointer")), ("invalid".into(), "/url".into()), "{url}");
        }
        assert_eq!(house.post(&owner, &all, json!({"name": "Bad", "url": "ftp://x/"})).await.code(), "body_invalid");

        let stranger = house.sign_up("eve@example.org").await.text("/access_token");
        assert_eq!(house.get(&stranger, &one).await.code(), "not_found");
        let viewer = house.member(&owner, &organisation, "viewer@example.org", "viewer", None).await;
        assert_eq!(house.get(&viewer, &all).await.code(), "permission_missing");
        stage.pass(11 * 60 * 1000);
        let owner = house.sign_in(OWNER).await;
        stage.pass(11 * 60 * 1000);
        let refreshed = house.post(&owner, &all, draft).await;
        assert!(["token_refused", "step_up_required"].contains(&refreshed.code().as_str()), "not by an old sign-in");
        let owner = house.sign_in(OWNER).await;
        house.ask(&owner, "DELETE", &one, &[("if-match", "*")], Value::Null).await.good();
        assert_eq!(house.get(&owner, &one).await.code(), "not_found");
    }
}
