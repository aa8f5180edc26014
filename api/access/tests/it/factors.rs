//! TOTP, recovery codes, step-up and the organisation's rule.

use footfall_api_access::{AccessError, Decision, Denial, FactorKind, FactorProof, Permission, Scope, SignIn, decide};
use footfall_ingest_activity::Clock;

use crate::house::*;

on_both!(
    an_authenticator_counts_once_confirmed,
    a_code_is_good_once_for_many_at_once,
    a_recovery_code_is_good_once_for_many_at_once,
    a_challenge_takes_five_guesses,
    a_parallel_guesser_gets_no_more,
    a_step_up_opens_what_is_dangerous,
    a_borrowed_session_does_not_guess_on,
    an_organisation_asks_for_a_factor,
    secrets_lie_sealed,
    a_half_done_sign_in_ends_with_the_password,
);

/// What an authenticator does, written apart from the code under test.
pub fn code(secret: &str, millis: i64) -> String {
    let bits: String = secret
        .bytes()
        .map(|c| {
            format!("{:05b}", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == c).expect("base32"))
        })
        .collect();
    let key: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).expect("digits"), 2).expect("a byte"))
        .collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = ring::hmac::sign(&key, &u64::try_from(millis / 30_000).expect("after 1970").to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let word: [u8; 4] = tag.as_ref()[offset..offset + 4].try_into().expect("four");
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

mod scenes {
    use footfall_api_access::{Access, Tokens};

    use super::*;
    use crate::stage::Stage;

    /// Ada with an authenticator: her first tokens, its secret, her recovery codes. The code of this moment is spent.
    async fn enrolled(access: &Access, stage: &Stage) -> (Tokens, String, Vec<String>) {
        let tokens = sign_up(access, stage, "ada@example.org").await;
        let enrolment = access.begin_totp(&tokens.account).await.expect("begun");
        let first = code(&enrolment.secret, stage.clock.now().millis());
        let codes = access.confirm_totp(&tokens.account, &first, &origin()).await.expect("confirmed");
        (tokens, enrolment.secret, codes)
    }

    async fn challenge(access: &Access) -> String {
        match access.sign_in("ada@example.org", PASSWORD, &origin()).await.expect("the password fits") {
            SignIn::FactorNeeded { challenge, .. } => challenge,
            SignIn::Done(_) => panic!("no factor was asked for"),
        }
    }

    pub async fn an_authenticator_counts_once_confirmed(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        let enrolment = access.begin_totp(&tokens.account).await.expect("begun");
        assert!(enrolment.qr_svg.starts_with("<svg ") && enrolment.otpauth_url.contains(&enrolment.secret));
        assert!(matches!(access.confirm_totp(&tokens.account, "000000", &origin()).await, Err(AccessError::Factor)));
        sign_in(&access, "ada@example.org").await;
        let second = access.begin_totp(&tokens.account).await.expect("begun anew");
        let now = stage.clock.now().millis();
        let old = access.confirm_totp(&tokens.account, &code(&enrolment.secret, now), &origin()).await;
        assert!(matches!(old, Err(AccessError::Factor)), "the first secret is gone");
        let codes =
            access.confirm_totp(&tokens.account, &code(&second.secret, now), &origin()).await.expect("confirmed");
        assert_eq!(codes.len(), 10);
        assert!(matches!(access.begin_totp(&tokens.account).await, Err(AccessError::Conflict(_))), "it is not swapped");

        let SignIn::FactorNeeded { challenge, factors } =
            access.sign_in("ada@example.org", PASSWORD, &origin()).await.expect("the password fits")
        else {
            panic!("no factor was asked for")
        };
        assert_eq!(factors, [FactorKind::Totp, FactorKind::RecoveryCode]);
        let replayed = FactorProof::Totp(code(&second.secret, now));
        let refused = access.finish_sign_in(&challenge, &replayed, &origin()).await;
        assert!(matches!(refused, Err(AccessError::Factor)), "the code that confirmed it is spent");
        stage.pass(30_000);
        let fresh = FactorProof::Totp(code(&second.secret, now + 30_000));
        access.finish_sign_in(&challenge, &fresh, &origin()).await.expect("signed in");
        let again = access.finish_sign_in(&challenge, &fresh, &origin()).await;
        assert!(matches!(again, Err(AccessError::Factor)), "the challenge is spent");
        access.remove_totp(&tokens.account, &origin()).await.expect("removed");
        sign_in(&access, "ada@example.org").await;
    }

    pub async fn a_code_is_good_once_for_many_at_once(stage: &Stage) {
        let access = process(stage).await;
        let (_, secret, _) = enrolled(&access, stage).await;
        stage.pass(60_000);
        let code = code(&secret, stage.clock.now().millis());
        let mut challenges = Vec::new();
        for _ in 0..8 {
            challenges.push(challenge(&access).await);
        }
        let results = at_once(8, |at| {
            let (access, challenge, proof) = (access.clone(), challenges[at].clone(), FactorProof::Totp(code.clone()));
            async move { access.finish_sign_in(&challenge, &proof, &origin()).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(AccessError::Factor))), "{results:?}");
    }

    pub async fn a_recovery_code_is_good_once_for_many_at_once(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, _, codes) = enrolled(&access, stage).await;
        let mut challenges = Vec::new();
        for _ in 0..8 {
            challenges.push(challenge(&access).await);
        }
        // As people type it.
        let typed = codes[3].to_uppercase().replace('-', " ");
        let results = at_once(8, |at| {
            let (access, challenge, proof) =
                (access.clone(), challenges[at].clone(), FactorProof::RecoveryCode(typed.clone()));
            async move { access.finish_sign_in(&challenge, &proof, &origin()).await }
        })
        .await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let left = "SELECT COUNT(*) AS rows FROM recovery_codes WHERE used_at IS NULL";
        assert_eq!(count(&access, left).await, 9);
        let renewed = access.renew_recovery_codes(&tokens.account, &origin()).await.expect("renewed");
        assert_eq!(count(&access, left).await, 10);
        let challenge = challenge(&access).await;
        let old = access.finish_sign_in(&challenge, &FactorProof::RecoveryCode(codes[0].clone()), &origin()).await;
        assert!(matches!(old, Err(AccessError::Factor)), "old codes are worthless");
        let new = FactorProof::RecoveryCode(renewed[0].clone());
        access.finish_sign_in(&challenge, &new, &origin()).await.expect("signed in");
    }

    pub async fn a_challenge_takes_five_guesses(stage: &Stage) {
        let access = process(stage).await;
        let (_, secret, _) = enrolled(&access, stage).await;
        stage.pass(60_000);
        let right = code(&secret, stage.clock.now().millis());
        let wrong = if right == "000000" { "000001" } else { "000000" };
        let first = challenge(&access).await;
        for _ in 0..5 {
            let guess = access.finish_sign_in(&first, &FactorProof::Totp(wrong.into()), &origin()).await;
            assert!(matches!(guess, Err(AccessError::Factor)));
        }
        let sixth = access.finish_sign_in(&first, &FactorProof::Totp(right.clone()), &origin()).await;
        assert!(matches!(sixth, Err(AccessError::Factor)), "right, and too late");
        let late = challenge(&access).await;
        stage.pass(5 * 60_000);
        let code = FactorProof::Totp(code(&secret, stage.clock.now().millis()));
        assert!(access.finish_sign_in(&late, &code, &origin()).await.is_err(), "five minutes are over");
        let fresh = challenge(&access).await;
        access.finish_sign_in(&fresh, &code, &origin()).await.expect("nobody was locked out");
    }

    pub async fn a_parallel_guesser_gets_no_more(stage: &Stage) {
        let access = process(stage).await;
        enrolled(&access, stage).await;
        let challenge = challenge(&access).await;
        at_once(20, |at| {
            let (access, challenge) = (access.clone(), challenge.clone());
            async move { access.finish_sign_in(&challenge, &FactorProof::RecoveryCode(at.to_string()), &origin()).await }
        })
        .await;
        assert_eq!(count(&access, "SELECT CAST(SUM(attempts) AS BIGINT) AS rows FROM challenges").await, 5);
    }

    pub async fn a_step_up_opens_what_is_dangerous(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let allowed = async |token: &str| {
            let caller = access.authenticate(token).await.expect("in force");
            decide(&caller.subject, Permission::KeysWrite, Scope::Organisation(&organisation))
        };
        assert!(allowed(&tokens.access).await.is_allowed(), "just signed in");
        stage.pass(9 * 60_000);
        let tokens = access.refresh(&tokens.refresh, &origin()).await.expect("rotated");
        stage.pass(2 * 60_000);
        assert_eq!(allowed(&tokens.access).await, Decision::Deny(Denial::StepUp));
        let wrong = access.confirm_password(&tokens.account, &tokens.session, "wrong wrong wrong", &origin()).await;
        assert!(matches!(wrong, Err(AccessError::Credentials)));
        let (renewed, _) =
            access.confirm_password(&tokens.account, &tokens.session, PASSWORD, &origin()).await.expect("confirmed");
        assert!(allowed(&renewed).await.is_allowed());

        let enrolment = access.begin_totp(&tokens.account).await.expect("begun");
        let now = stage.clock.now().millis();
        access.confirm_totp(&tokens.account, &code(&enrolment.secret, now), &origin()).await.expect("confirmed");
        assert_eq!(allowed(&renewed).await, Decision::Deny(Denial::StepUp), "now the factor counts");
        stage.pass(60_000);
        let proof = FactorProof::Totp(code(&enrolment.secret, now + 60_000));
        let (stepped, _) =
            access.step_up(&tokens.account, &tokens.session, &proof, &origin()).await.expect("stepped up");
        assert!(allowed(&stepped).await.is_allowed());
        assert!(matches!(
            access.step_up(&tokens.account, &tokens.session, &proof, &origin()).await,
            Err(AccessError::Factor)
        ));
    }

    pub async fn a_borrowed_session_does_not_guess_on(stage: &Stage) {
        let access = process(stage).await;
        let tokens = sign_up(&access, stage, "ada@example.org").await;
        for at in 0..11 {
            let guess = format!("wrong wrong {at}");
            let result = access.confirm_password(&tokens.account, &tokens.session, &guess, &origin()).await;
            assert_eq!(matches!(result, Err(AccessError::Credentials)), at < 10, "{at}: {result:?}");
        }
        assert!(access.authenticate(&tokens.access).await.is_err(), "the session has ended");
        sign_in(&access, "ada@example.org").await;
    }

    pub async fn an_organisation_asks_for_a_factor(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let changed = access.change_organisation(&owner, &organisation, "Example", true, 1, &origin()).await;
        assert!(changed.expect("changed").factor_required);
        let caller = caller(&access, &tokens).await;
        let scope = Scope::Organisation(&organisation);
        let denied = decide(&caller.subject, Permission::OrganisationRead, scope);
        assert_eq!(denied, Decision::Deny(Denial::FactorRequired));
        let own = decide(&caller.subject, Permission::AccountManage, Scope::Account(&tokens.account));
        assert!(own.is_allowed(), "so that one can be set up");
        let enrolment = access.begin_totp(&tokens.account).await.expect("begun");
        let now = stage.clock.now().millis();
        access.confirm_totp(&tokens.account, &code(&enrolment.secret, now), &origin()).await.expect("confirmed");
        stage.pass(60_000);
        let proof = FactorProof::Totp(code(&enrolment.secret, now + 60_000));
        let (token, _) = access.step_up(&tokens.account, &tokens.session, &proof, &origin()).await.expect("stepped up");
        let caller = access.authenticate(&token).await.expect("in force");
        assert!(decide(&caller.subject, Permission::OrganisationRead, scope).is_allowed());
    }

    pub async fn secrets_lie_sealed(stage: &Stage) {
        let access = process(stage).await;
        let (_, secret, codes) = enrolled(&access, stage).await;
        let row = access.database().read_one(footfall_api_access::statement("SELECT sealed FROM totp_factors")).await;
        let sealed: String = row.expect("read").expect("a row").get("sealed").expect("text");
        assert!(sealed.starts_with("v1.") && !sealed.contains(&secret));
        let rows = access.database().read(footfall_api_access::statement("SELECT hash FROM recovery_codes")).await;
        for row in rows.expect("read") {
            assert!(!codes.contains(&row.get::<String>("hash").expect("text")));
        }
    }

    pub async fn a_half_done_sign_in_ends_with_the_password(stage: &Stage) {
        use footfall_api_access::Actor;
        let access = process(stage).await;
        let (tokens, _, codes) = enrolled(&access, stage).await;
        let finish = async |challenge: &str, code: &str| {
            access.finish_sign_in(challenge, &FactorProof::RecoveryCode(code.to_owned()), &origin()).await
        };
        let before_disabling = challenge(&access).await;
        access.set_disabled(&tokens.account, true, Actor::Operator, &origin()).await.expect("off");
        assert!(matches!(finish(&before_disabling, &codes[0]).await, Err(AccessError::Factor)));
        access.set_disabled(&tokens.account, false, Actor::Operator, &origin()).await.expect("on");
        assert!(matches!(finish(&before_disabling, &codes[0]).await, Err(AccessError::Factor)));
        let before_reset = challenge(&access).await;
        access.ask_password_reset("ada@example.org", &origin()).await.expect("asked");
        let secret = last_secret(&access, stage, "ada@example.org").await;
        access.reset_password(&secret, "ein ganz anderes Wort", &origin()).await.expect("reset");
        assert!(matches!(finish(&before_reset, &codes[0]).await, Err(AccessError::Factor)));
        let signed_in = access.sign_in("ada@example.org", "ein ganz anderes Wort", &origin()).await.expect("fits");
        let SignIn::FactorNeeded { challenge, .. } = signed_in else {
            panic!("a reset does not switch the factor off")
        };
        finish(&challenge, &codes[0]).await.expect("the code was not spent by the refused ones");
    }
}
