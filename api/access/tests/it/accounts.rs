//! Sign-up, sign-in, reset and changes; and that nobody learns who has an account.

use std::task::Poll;

use footfall_api_access::{Access, AccessError, Answer, NewAccount, SignIn};

use crate::house::*;

on_both!(
    an_account_is_made_by_its_address,
    a_link_is_good_once_for_many_at_once,
    a_sign_up_tells_nothing,
    a_sign_in_tells_nothing,
    a_reset_ends_all_sessions,
    a_link_runs_out_and_is_of_one_kind,
    the_address_changes_by_its_new_mailbox,
    a_disabled_account_is_out_at_once,
    the_first_owner_is_made_once,
    weak_passwords_do_not_cost_the_link,
    old_hashes_are_renewed,
    a_password_that_is_reset_meanwhile_signs_nobody_in,
);

mod scenes {
    use super::*;
    use crate::stage::Stage;

    pub async fn an_account_is_made_by_its_address(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "Ada@Example.org").await;
        let account = access.account(&tokens.account).await.expect("read");
        assert_eq!((account.email.as_str(), account.name.as_str()), ("Ada@Example.org", "Ada"));
        assert_eq!(sign_in(&access, "ada@EXAMPLE.org").await.account, tokens.account, "case does not matter");
        let wrong = access.sign_in("ada@example.org", "another password", &origin()).await;
        assert!(matches!(wrong, Err(AccessError::Credentials)));
        let expected = ["account.sign_up done", "account.create done", "session.create done", "session.create refused"];
        assert_eq!(acts(&access).await, expected);
    }

    pub async fn a_link_is_good_once_for_many_at_once(stage: &Stage) {
        let access = process(stage).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        let secret = last_secret(&access, stage, "ada@example.org").await;
        let results = at_once(12, |_| {
            let (access, secret) = (access.clone(), secret.clone());
            async move { access.finish_sign_up(&secret, &new("Ada"), &origin()).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(AccessError::Link))), "{results:?}");
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM accounts").await, 1);
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM sessions").await, 1);
    }

    pub async fn a_sign_up_tells_nothing(stage: &Stage) {
        let access = process(stage).await;
        sign_up(&access, stage, "ada@example.org").await;
        let runs = access.passwords().runs();
        access.sign_up("ada@example.org", &origin()).await.expect("the same answer");
        access.sign_up("bob@example.org", &origin()).await.expect("the same answer");
        access.ask_password_reset("ada@example.org", &origin()).await.expect("the same answer");
        access.ask_password_reset("nobody@example.org", &origin()).await.expect("the same answer");
        assert_eq!(access.passwords().runs(), runs, "strangers cost no password hash");
        let to_ada = mails(&access, stage, "ada@example.org").await;
        assert!(to_ada[1].contains("have an account already"), "{}", to_ada[1]);
        assert_eq!(mails(&access, stage, "nobody@example.org").await.len(), 0);
        // The same rows are written for both, but for the mail.
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM links WHERE purpose = 'reset-password'").await, 3);
        // The link that was made for the unknown address, had somebody got it, does nothing.
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM accounts").await, 1);
    }

    pub async fn a_sign_in_tells_nothing(stage: &Stage) {
        let access = process(stage).await;
        let ada = sign_up(&access, stage, "ada@example.org").await;
        sign_up(&access, stage, "off@example.org").await;
        let off = sign_in(&access, "off@example.org").await;
        access.set_disabled(&off.account, true, footfall_api_access::Actor::Operator, &origin()).await.expect("off");
        let mut work = Vec::new();
        for (email, password) in [
            ("ada@example.org", "wrong wrong wrong"),
            ("nobody@example.org", "wrong wrong wrong"),
            ("off@example.org", PASSWORD),
        ] {
            let before = (access.passwords().runs(), acts(&access).await.len());
            let error = access.sign_in(email, password, &origin()).await.expect_err("refused");
            let after = (access.passwords().runs(), acts(&access).await.len());
            work.push((error.to_string(), after.0 - before.0, after.1 - before.1));
        }
        assert_eq!(work[0], work[1], "unknown");
        assert_eq!(work[0], work[2], "disabled");
        assert_eq!((work[0].1, work[0].2), (1, 1), "one hash, one record");
        assert!(!ada.account.is_empty());
    }

    pub async fn a_reset_ends_all_sessions(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        access.ask_password_reset("ada@example.org", &origin()).await.expect("asked");
        let first = last_secret(&access, stage, "ada@example.org").await;
        access.ask_password_reset("ada@example.org", &origin()).await.expect("asked");
        let second = last_secret(&access, stage, "ada@example.org").await;
        access.reset_password(&second, "ein ganz anderes Wort", &origin()).await.expect("reset");
        assert!(matches!(access.authenticate(&tokens.access).await, Err(AccessError::Token)));
        assert!(matches!(access.refresh(&tokens.refresh, &origin()).await, Err(AccessError::Token)));
        assert!(matches!(access.sign_in("ada@example.org", PASSWORD, &origin()).await, Err(AccessError::Credentials)));
        let again = access.reset_password(&first, "noch ein anderes Wort", &origin()).await;
        assert!(matches!(again, Err(AccessError::Link)), "older links are void");
        let signed_in = access.sign_in("ada@example.org", "ein ganz anderes Wort", &origin()).await.expect("signed in");
        assert!(matches!(signed_in, SignIn::Done(_)));
        let told = mails(&access, stage, "ada@example.org").await;
        assert!(told.last().expect("a mail").contains("password of your account was changed"));
    }

    pub async fn a_link_runs_out_and_is_of_one_kind(stage: &Stage) {
        let access = process(stage).await;
        sign_up(&access, stage, "ada@example.org").await;
        access.ask_password_reset("ada@example.org", &origin()).await.expect("asked");
        let secret = last_secret(&access, stage, "ada@example.org").await;
        assert!(matches!(access.finish_sign_up(&secret, &new("Eve"), &origin()).await, Err(AccessError::Link)));
        assert!(matches!(access.finish_email_change(&secret, &origin()).await, Err(AccessError::Link)));
        assert!(matches!(access.accept_invitation(&secret, None, &origin()).await, Err(AccessError::Link)));
        stage.pass(60 * 60 * 1000);
        let late = access.reset_password(&secret, "ein ganz anderes Wort", &origin()).await;
        assert!(matches!(late, Err(AccessError::Link)));
        let guessed = access.reset_password("x", "ein ganz anderes Wort", &origin()).await;
        assert_eq!(late.expect_err("late").to_string(), guessed.expect_err("guessed").to_string());
    }

    pub async fn the_address_changes_by_its_new_mailbox(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        sign_up(&access, stage, "bob@example.org").await;
        let ask = async |password: &str, email: &str| {
            access.ask_email_change(&tokens.account, &tokens.session, password, email, &origin()).await
        };
        assert!(matches!(ask("wrong wrong wrong", "new@example.org").await, Err(AccessError::Credentials)));
        ask(PASSWORD, "bob@example.org").await.expect("the same answer for a taken one");
        assert_eq!(mails(&access, stage, "bob@example.org").await.len(), 1, "its sign-up's alone");
        ask(PASSWORD, "new@example.org").await.expect("asked");
        let secret = last_secret(&access, stage, "new@example.org").await;
        access.finish_email_change(&secret, &origin()).await.expect("changed");
        assert_eq!(sign_in(&access, "new@example.org").await.account, tokens.account);
        assert!(access.sign_in("ada@example.org", PASSWORD, &origin()).await.is_err());
        let told = mails(&access, stage, "ada@example.org").await;
        assert!(told.last().expect("a mail").contains("now uses new@example.org"));
        ask(PASSWORD, "New@Example.org").await.expect("asked");
        let secret = last_secret(&access, stage, "New@Example.org").await;
        access.finish_email_change(&secret, &origin()).await.expect("another spelling of one's own");
        assert_eq!(access.account(&tokens.account).await.expect("read").email, "New@Example.org");
    }

    pub async fn a_disabled_account_is_out_at_once(stage: &Stage) {
        let (access, other) = (process(stage).await, process(stage).await);
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        stage.pass(1_000);
        other.authenticate(&tokens.access).await.expect("known to the other process");
        access.set_disabled(&tokens.account, true, footfall_api_access::Actor::Operator, &origin()).await.expect("off");
        assert!(access.authenticate(&tokens.access).await.is_err());
        stage.pass(1_000);
        assert!(other.authenticate(&tokens.access).await.is_err(), "a second later, in the other process");
    }

    pub async fn the_first_owner_is_made_once(stage: &Stage) {
        let access = process(stage).await;
        let first = access.first_owner_link().await.expect("asked").expect("a link");
        let second = access.first_owner_link().await.expect("asked").expect("a link");
        let finish = |link: String, email: &'static str| {
            let access = access.clone();
            async move {
                access.finish_first_owner(secret_of(&link), email, &new("Olga"), "Example", PROJECT, &origin()).await
            }
        };
        assert!(matches!(finish(first, "a@example.org").await, Err(AccessError::Link)), "an older link is void");
        let results = at_once(8, |_| finish(second.clone(), "owner@example.org")).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(access.first_owner_link().await.expect("asked"), None);
    }

    pub async fn weak_passwords_do_not_cost_the_link(stage: &Stage) {
        let access = process(stage).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        let secret = last_secret(&access, stage, "ada@example.org").await;
        for password in ["short", "password123", "ada@example.org1"] {
            let weak = NewAccount { name: "Ada".into(), password: password.into() };
            let refused = access.finish_sign_up(&secret, &weak, &origin()).await;
            assert!(matches!(refused, Err(AccessError::Invalid { field: "password", .. })), "{password}");
        }
        access.finish_sign_up(&secret, &new("Ada"), &origin()).await.expect("made");
    }

    pub async fn old_hashes_are_renewed(stage: &Stage) {
        let access = process(stage).await;
        sign_up(&access, stage, "ada@example.org").await;
        let mut dearer = settings(stage);
        dearer.password_cost.passes = 2;
        let vault = footfall_api_access::Vault::open(stage.folder.path()).expect("a vault");
        let opened = footfall_api_access::Access::open(stage.open().await, vault, dearer, stage.clock.clone()).await;
        let dearer = opened.expect("opened");
        sign_in(&dearer, "ada@example.org").await;
        let sql = "SELECT COUNT(*) AS rows FROM accounts WHERE password_hash LIKE '%t=2,p=1%'";
        assert_eq!(count(&dearer, sql).await, 1);
        sign_in(&dearer, "ada@example.org").await;
    }

    /// Polls `asked` until so many hashes more are under way, and no further.
    async fn until_hashing<T>(access: &Access, asked: &mut Answer<'_, T>, more: u64) {
        let wanted = access.passwords().runs() + more;
        while access.passwords().runs() < wanted {
            let polled = std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context))).await;
            assert!(polled.is_pending(), "it came to its end before");
            tokio::task::yield_now().await;
        }
    }

    pub async fn a_password_that_is_reset_meanwhile_signs_nobody_in(stage: &Stage) {
        let access = process(stage).await;
        sign_up(&access, stage, "ada@example.org").await;
        let mut dearer = settings(stage);
        dearer.password_cost.passes = 2;
        let vault = footfall_api_access::Vault::open(stage.folder.path()).expect("a vault");
        let opened = Access::open(stage.open().await, vault, dearer, stage.clock.clone()).await;
        let dearer = opened.expect("opened");
        let reset = async |password: &str| {
            access.ask_password_reset("ada@example.org", &origin()).await.expect("asked");
            let secret = last_secret(&access, stage, "ada@example.org").await;
            access.reset_password(&secret, password, &origin()).await.expect("reset");
        };
        let (here, other) = (origin(), process(stage).await);
        // Once in the middle of a comparison, once while the hash is renewed: the second run after the comparison.
        for (process, runs, before, after) in [
            (&other, 1, PASSWORD, "ein ganz anderes Wort"),
            (&dearer, 2, "ein ganz anderes Wort", "noch ein anderes Wort"),
        ] {
            let mut signing_in = process.sign_in("ada@example.org", before, &here);
            until_hashing(process, &mut signing_in, runs).await;
            reset(after).await;
            let outcome = signing_in.await;
            assert!(matches!(outcome, Err(AccessError::Credentials)), "{runs}: {outcome:?}");
            let in_force = "SELECT COUNT(*) AS rows FROM sessions WHERE revoked_at IS NULL";
            assert_eq!(count(&access, in_force).await, 0, "{runs}: the reset ended all");
            let signed_in = access.sign_in("ada@example.org", after, &origin()).await.expect("the new one holds");
            assert!(matches!(signed_in, SignIn::Done(_)));
        }
    }
}
