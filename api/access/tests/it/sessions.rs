//! Tokens: rotation, reuse, revocation in every process, key rotation that logs nobody out.

use footfall_api_access::{AccessError, Actor, Vault};

use crate::house::*;

on_both!(
    a_refresh_token_is_good_once,
    a_race_of_refreshes_ends_the_session,
    a_revoked_session_is_out_everywhere_within_a_second,
    sessions_are_listed_and_ended,
    tokens_and_sessions_run_out,
    rotating_keys_logs_nobody_out,
    another_vault_is_noticed,
    verification_fails_closed,
    a_missed_hour_is_made_up_for,
);

mod scenes {
    use super::*;
    use crate::stage::Stage;

    pub async fn a_refresh_token_is_good_once(stage: &Stage) {
        let access = process(stage).await;
        let first = sign_up(&access, stage, "ada@example.org").await;
        stage.pass(60_000);
        let second = access.refresh(&first.refresh, &origin()).await.expect("rotated");
        assert_eq!(second.session, first.session);
        assert_ne!(second.refresh, first.refresh);
        access.authenticate(&second.access).await.expect("in force");
        // Somebody has the old one too.
        assert!(matches!(access.refresh(&first.refresh, &origin()).await, Err(AccessError::Token)));
        assert!(access.refresh(&second.refresh, &origin()).await.is_err(), "the family is revoked");
        assert!(access.authenticate(&second.access).await.is_err(), "and its access tokens");
        assert!(acts(&access).await.contains(&"refresh_token.reuse refused".to_owned()));
        assert_eq!(access.watch().await.expect("watched"), 1);
        assert!(matches!(access.refresh("ffx_unknown", &origin()).await, Err(AccessError::Token)));
    }

    pub async fn a_race_of_refreshes_ends_the_session(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        let results = at_once(16, |_| {
            let (access, refresh) = (access.clone(), tokens.refresh.clone());
            async move { access.refresh(&refresh, &origin()).await }
        })
        .await;
        let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(won.len(), 1);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(AccessError::Token))), "{results:?}");
        assert!(access.refresh(&won[0].refresh, &origin()).await.is_err());
        let unused = "SELECT COUNT(*) AS rows FROM refresh_tokens";
        assert_eq!(count(&access, unused).await, 2, "one successor was made");
    }

    pub async fn a_revoked_session_is_out_everywhere_within_a_second(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        let tokens = sign_up(&here, stage, "ada@example.org").await;
        there.authenticate(&tokens.access).await.expect("in force");
        here.revoke_session(&tokens.account, &tokens.session, Actor::Operator, &origin()).await.expect("revoked");
        assert!(here.authenticate(&tokens.access).await.is_err(), "at once here");
        stage.pass(950);
        assert!(there.authenticate(&tokens.access).await.is_err(), "there within a second");
    }

    pub async fn sessions_are_listed_and_ended(stage: &Stage) {
        let access = process(stage).await;
        let first = sign_up(&access, stage, "ada@example.org").await;
        stage.pass(1_000);
        let second = sign_in(&access, "ada@example.org").await;
        let bob = sign_up(&access, stage, "bob@example.org").await;
        let sessions = access.sessions(&first.account).await.expect("listed");
        let ids: Vec<_> = sessions.iter().map(|session| session.id.as_str()).collect();
        assert_eq!(ids, [second.session.as_str(), &first.session]);
        assert_eq!((sessions[0].device.as_str(), sessions[0].address.as_str()), ("Test/1.0", "192.0.2.7"));
        let actor = || Actor::Account(first.account.clone());
        let foreign = access.revoke_session(&first.account, &bob.session, actor(), &origin()).await;
        assert!(matches!(foreign, Err(AccessError::NotFound(_))), "nobody else's");
        let ended = access.revoke_sessions(&first.account, Some(&second.session), actor(), &origin()).await;
        assert_eq!(ended.expect("ended"), 1);
        assert!(access.authenticate(&first.access).await.is_err());
        access.authenticate(&second.access).await.expect("kept");
        access.authenticate(&bob.access).await.expect("another's");
    }

    pub async fn tokens_and_sessions_run_out(stage: &Stage) {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        stage.pass(10 * 60 * 1000 - 1_000);
        access.authenticate(&tokens.access).await.expect("in force");
        stage.pass(1_000);
        assert!(access.authenticate(&tokens.access).await.is_err());
        let mut tokens = access.refresh(&tokens.refresh, &origin()).await.expect("rotated");
        for _ in 0..8 {
            stage.pass(11 * DAY);
            tokens = access.refresh(&tokens.refresh, &origin()).await.expect("rotated");
        }
        stage.pass(2 * DAY);
        assert!(access.refresh(&tokens.refresh, &origin()).await.is_err(), "90 days are over");
        let idle = sign_in(&access, "ada@example.org").await;
        stage.pass(14 * DAY);
        assert!(access.refresh(&idle.refresh, &origin()).await.is_err(), "14 days idle");
        assert_eq!(access.sessions(&idle.account).await.expect("listed"), []);
        stage.pass(200 * DAY);
        access.prune().await.expect("pruned");
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM refresh_tokens").await, 0);
    }

    pub async fn rotating_keys_logs_nobody_out(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        let old = sign_up(&here, stage, "ada@example.org").await;
        here.rotate_signing_keys(Actor::Operator, &origin()).await.expect("rotated");
        assert_eq!(here.jwks()["keys"].as_array().expect("keys").len(), 2);
        stage.pass(2_500);
        let new = sign_in(&here, "ada@example.org").await;
        let kid = |token: &str| token.split('.').next().expect("a header").to_owned();
        assert_ne!(kid(&old.access), kid(&new.access));
        for process in [&here, &there] {
            process.authenticate(&old.access).await.expect("the old key's");
            process.authenticate(&new.access).await.expect("the new key's");
        }
        here.refresh(&old.refresh, &origin()).await.expect("rotated");
        stage.pass(60 * 60 * 1000);
        assert_eq!(process(stage).await.jwks()["keys"].as_array().expect("keys").len(), 1, "the old key goes");
    }

    pub async fn another_vault_is_noticed(stage: &Stage) {
        process(stage).await;
        let other = Vault::with_secret(&[9; 32]).expect("a vault");
        let opened =
            footfall_api_access::Access::open(stage.open().await, other, settings(stage), stage.clock.clone()).await;
        let error = opened.err().expect("refused").to_string();
        assert!(error.contains("vault.key"), "{error}");
    }

    pub async fn verification_fails_closed(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        access.authenticate(&tokens.access).await.expect("in force");
        access.database().close().await;
        stage.pass(500);
        access.authenticate(&tokens.access).await.expect("a moment without the database");
        stage.pass(1_000);
        assert!(access.authenticate(&tokens.access).await.is_err(), "it may have been revoked");
    }

    pub async fn a_missed_hour_is_made_up_for(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        let tokens = sign_up(&here, stage, "ada@example.org").await;
        there.authenticate(&tokens.access).await.expect("in force");
        here.set_disabled(&tokens.account, true, Actor::Operator, &origin()).await.expect("off");
        here.set_disabled(&tokens.account, false, Actor::Operator, &origin()).await.expect("on");
        stage.pass(2 * 60 * 60 * 1000);
        here.prune().await.expect("pruned");
        assert_eq!(count(&here, "SELECT COUNT(*) AS rows FROM changes").await, 0);
        let fresh = sign_in(&here, "ada@example.org").await;
        here.revoke_session(&fresh.account, &fresh.session, Actor::Operator, &origin()).await.expect("revoked");
        assert!(there.authenticate(&fresh.access).await.is_err());
    }
}
