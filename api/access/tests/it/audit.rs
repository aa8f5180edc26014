//! The audit in the database: no forks, append-only, tampering located.

use footfall_api_access::{Act, Actor, AuditFault, NewWebhook, statement};

use crate::house::*;

on_both!(
    parallel_acts_make_one_chain,
    the_table_is_append_only,
    tampering_by_the_database_s_owner_is_located,
    alerts_are_raised_once,
    a_stolen_token_is_told_where_the_account_belongs,
);

mod scenes {
    use super::*;
    use crate::stage::Stage;

    pub async fn parallel_acts_make_one_chain(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        at_once(30, |at| {
            let access = if at % 2 == 0 { here.clone() } else { there.clone() };
            async move {
                let act = Act::new(Actor::System, "test.act", &origin()).on("number", at.to_string());
                access.record_alone(act).await.expect("recorded");
            }
        })
        .await;
        let report = here.verify_audit().await.expect("walked");
        assert_eq!((report.records, report.end.0, report.faults), (30, 30, vec![]));
    }

    pub async fn the_table_is_append_only(stage: &Stage) {
        let access = process(stage).await;
        access.record_alone(Act::new(Actor::System, "test.act", &origin())).await.expect("recorded");
        for sql in ["UPDATE audit SET outcome = 'done'", "DELETE FROM audit"] {
            let error = access.database().execute(statement(sql)).await.expect_err("refused").to_string();
            assert!(error.contains("append-only"), "{error}");
        }
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM audit").await, 1);
    }

    pub async fn tampering_by_the_database_s_owner_is_located(stage: &Stage) {
        let access = process(stage).await;
        for _ in 0..6 {
            access.record_alone(Act::new(Actor::System, "test.act", &origin())).await.expect("recorded");
        }
        let drop: &[&'static str] = if stage.url.starts_with("sqlite") {
            &["DROP TRIGGER audit_is_not_updated", "DROP TRIGGER audit_is_not_deleted"]
        } else {
            &["DROP TRIGGER audit_is_not_changed ON audit"]
        };
        for sql in drop.iter().copied().chain([
            "UPDATE audit SET actor = 'somebody else' WHERE sequence = 2",
            "DELETE FROM audit WHERE sequence = 4",
        ]) {
            access.database().execute(statement(sql)).await.expect("the owner may");
        }
        let faults = access.verify_audit().await.expect("walked").faults;
        assert_eq!(faults, [AuditFault::Removed { first: 4, last: 4 }, AuditFault::Changed(2)]);
        access.database().execute(statement("DELETE FROM audit WHERE sequence > 4")).await.expect("the owner may");
        let faults = access.verify_audit().await.expect("walked").faults;
        assert!(faults.contains(&AuditFault::End { noted: 6, last: 3 }), "{faults:?}");
    }

    pub async fn alerts_are_raised_once(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        // Whoever makes an organisation of their own learns nothing of others.
        let eve = sign_up(&access, stage, "eve@example.org").await;
        let caller = caller(&access, &eve).await;
        let other = access.create_organisation(&caller, &eve.account, "Eve & Co", &origin()).await.expect("made");
        let url = "https://hooks.example.org/".to_owned();
        let new = NewWebhook { name: "Watch".into(), url };
        let owner = crate::house::caller(&access, &tokens).await;
        access.create_webhook(&owner, &organisation, &new, &origin()).await.expect("made");
        for at in 0..12 {
            let email = format!("victim{at}@example.org");
            access.sign_in(&email, "guess guess guess", &origin()).await.expect_err("refused");
        }
        let (first, second) = (access.watch().await.expect("watched"), access.watch().await.expect("watched"));
        assert_eq!((first, second), (1, 0));
        let alerts = access.alerts(&organisation, 10).await.expect("listed");
        assert!(access.alerts(&other.id, 10).await.expect("listed").is_empty());
        assert_eq!(
            count(&access, "SELECT COUNT(*) AS rows FROM webhook_deliveries WHERE kind = 'alert.raised'").await,
            1
        );
        assert_eq!((alerts[0].kind.as_str(), alerts[0].subject.as_str()), ("credential_stuffing", "192.0.2.7"));
        let told = mails(&access, stage, "owner@example.org").await;
        assert!(told.last().expect("a mail").contains("Alert: credential stuffing"));
        assert!(mails(&access, stage, "eve@example.org").await.iter().all(|mail| !mail.contains("Alert")));
        let (here, by) = (origin(), Actor::Account(tokens.account.clone()));
        let see = async |organisation: &str| {
            access.acknowledge_alert(organisation, &alerts[0].id, "owner", by.clone(), &here).await
        };
        assert!(see(&other.id).await.is_err(), "another's");
        let turn = async |back: &'static str| access.database().execute(statement(back)).await.expect("turned");
        turn("UPDATE audit_head SET sequence = sequence - 1").await;
        assert!(see(&organisation).await.is_err(), "the audit takes no record");
        turn("UPDATE audit_head SET sequence = sequence + 1").await;
        let still = access.alerts(&organisation, 10).await.expect("listed");
        assert_eq!(still[0].acknowledged_at, None, "no act without its record");
        see(&organisation).await.expect("seen");
        assert!(see(&organisation).await.is_err());
        assert_eq!(acts(&access).await.last().expect("a record"), "alert.acknowledge done");
    }

    pub async fn a_stolen_token_is_told_where_the_account_belongs(stage: &Stage) {
        let access = process(stage).await;
        let (_, first) = owner(&access).await;
        let eve = sign_up(&access, stage, "eve@example.org").await;
        let caller = caller(&access, &eve).await;
        let own = access.create_organisation(&caller, &eve.account, "Eve & Co", &origin()).await.expect("made");
        access.refresh(&eve.refresh, &origin()).await.expect("once");
        access.refresh(&eve.refresh, &origin()).await.expect_err("twice");
        access.watch().await.expect("watched");
        let kinds = async |organisation: &str| {
            let alerts = access.alerts(organisation, 10).await.expect("listed");
            alerts.into_iter().map(|alert| alert.kind).collect::<Vec<_>>()
        };
        assert_eq!((kinds(&own.id).await, kinds(&first).await), (vec!["token_reuse".to_owned()], vec![]));
    }
}
