//! Keys: made, used, rotated, revoked; taken over from the key file of earlier versions.

use std::sync::Arc;

use footfall_api_access::{
    AccessError, Decision, Denial, KeyKind, Masks, NewKey, Permission, PermissionSet, Place, RoleContent, RowFilter,
    Scope, decide, statement,
};

use crate::house::*;

on_both!(
    a_key_opens_its_project_alone,
    a_key_is_shown_once_and_kept_hashed,
    a_revoked_key_is_out_everywhere_within_a_second,
    a_change_that_is_gone_before_it_is_read_is_made_up_for,
    rotation_overlaps_and_happens_once,
    a_personal_token_follows_its_owner,
    a_service_key_has_its_scopes,
    nobody_gives_a_key_more_than_they_hold,
    the_last_use_is_noted,
    the_key_file_is_taken_over,
);

fn new_key(kind: KeyKind, scopes: &[Permission]) -> NewKey {
    NewKey { kind, name: "Robot".into(), scopes: PermissionSet::of(scopes), expires_at: None }
}

mod scenes {
    use footfall_ingest_activity::{Clock, Timestamp};

    use super::*;
    use crate::stage::Stage;

    pub async fn a_key_opens_its_project_alone(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let (_, write) =
            access.create_key(&owner, scope, &new_key(KeyKind::Write, &[]), &origin()).await.expect("made");
        assert!(write.starts_with("ffw_"));
        assert_eq!(access.keys().project(&write, KeyKind::Write), Some(Arc::from(PROJECT)));
        assert_eq!(access.keys().project(&write, KeyKind::Read), None);
        let robot = access.authenticate(&write).await.expect("in force");
        let may = |permission, scope| decide(&robot.subject, permission, scope);
        assert!(may(Permission::ActivitySend, scope).is_allowed());
        assert_eq!(may(Permission::ActivityRead, scope), Decision::Deny(Denial::Permission));
        let other = Scope::Project { organisation: &organisation, project: "other" };
        assert_eq!(may(Permission::ActivitySend, other), Decision::Deny(Denial::NotMember));
        assert_eq!(
            may(Permission::ActivitySend, Scope::Organisation(&organisation)),
            Decision::Deny(Denial::NotMember)
        );
        for wrong in ["ffw_", "", &write[..write.len() - 1], &format!("{write}x"), &write.replace("ffw_", "ffr_")] {
            assert!(matches!(access.authenticate(wrong).await, Err(AccessError::Token)), "{wrong}");
        }
    }

    pub async fn a_key_is_shown_once_and_kept_hashed(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let (id, text) = access.create_key(&owner, scope, &new_key(KeyKind::Read, &[]), &origin()).await.expect("made");
        let listed = access.organisation_keys(&organisation).await.expect("listed");
        assert_eq!((listed[0].id.as_str(), listed[0].hint.as_str()), (id.as_str(), &text[text.len() - 4..]));
        let json = serde_json::to_string(&listed).expect("written");
        assert!(!json.contains(&text) && !json.contains("hash"));
        let everything = access.audit_after(None, 0, 1000).await.expect("read");
        assert!(!serde_json::to_string(&everything).expect("written").contains(&text[..20]));
    }

    pub async fn a_revoked_key_is_out_everywhere_within_a_second(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        let (tokens, organisation) = owner(&here).await;
        let owner = caller(&here, &tokens).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let (id, text) = here.create_key(&owner, scope, &new_key(KeyKind::Write, &[]), &origin()).await.expect("made");
        stage.pass(950);
        there.authenticate(&text).await.expect("known there");
        here.revoke_key(&owner, &id, &origin()).await.expect("revoked");
        assert_eq!(here.keys().project(&text, KeyKind::Write), None, "at once here");
        stage.pass(950);
        assert!(there.authenticate(&text).await.is_err(), "there within a second");
        let again = here.rotate_key(&owner, &id, 0, &origin()).await;
        assert!(matches!(again, Err(AccessError::Conflict(_))));
    }

    /// Changes are removed by age, and the clocks of processes may be hours apart.
    pub async fn a_change_that_is_gone_before_it_is_read_is_made_up_for(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        let (tokens, organisation) = owner(&here).await;
        let owner = caller(&here, &tokens).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        for gone in 0..3 {
            let mut keys = Vec::new();
            for _ in 0..3 {
                let new = new_key(KeyKind::Write, &[]);
                keys.push(here.create_key(&owner, scope, &new, &origin()).await.expect("made"));
            }
            there.catch_up().await.expect("read");
            for (id, text) in &keys {
                assert!(there.keys().project(text, KeyKind::Write).is_some());
                here.revoke_key(&owner, id, &origin()).await.expect("revoked");
            }
            let remove = statement("DELETE FROM changes WHERE id = $1").bind(&keys[gone].0);
            here.database().execute(remove).await.expect("removed");
            there.catch_up().await.expect("read");
            for (number, (_, text)) in keys.iter().enumerate() {
                assert_eq!(there.keys().project(text, KeyKind::Write), None, "{number} of which {gone} is gone");
            }
        }
    }

    pub async fn rotation_overlaps_and_happens_once(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let (id, old) = access.create_key(&owner, scope, &new_key(KeyKind::Write, &[]), &origin()).await.expect("made");
        let results = at_once(6, |_| {
            let (access, owner, id) = (access.clone(), owner.clone(), id.clone());
            async move { access.rotate_key(&owner, &id, 60_000, &origin()).await }
        })
        .await;
        let made: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert_eq!(made.len(), 1, "{results:?}");
        let works = |key: &str| access.keys().project(key, KeyKind::Write).is_some();
        assert!(works(&old) && works(&made[0].1));
        stage.pass(60_000);
        assert!(!works(&old) && works(&made[0].1));
    }

    pub async fn a_personal_token_follows_its_owner(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let expires = Some(stage.clock.now().plus_millis(3_600_000));
        let wanted = NewKey { expires_at: expires, ..new_key(KeyKind::Personal, &[Permission::SqlRun]) };
        let (_, text) = access.create_personal_token(&owner, &wanted, &origin()).await.expect("made");
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let token = access.authenticate(&text).await.expect("in force");
        assert!(decide(&token.subject, Permission::SqlRun, scope).is_allowed());
        assert_eq!(decide(&token.subject, Permission::InsightsRead, scope), Decision::Deny(Denial::Ceiling));
        let own = decide(&token.subject, Permission::AccountManage, Scope::Account(&tokens.account));
        assert_eq!(own, Decision::Deny(Denial::NotMember), "a token makes no further tokens");
        assert!(access.create_personal_token(&token, &wanted, &origin()).await.is_err());
        let dangerous = new_key(KeyKind::Personal, &[Permission::KeysWrite]);
        assert!(access.create_personal_token(&owner, &dangerous, &origin()).await.is_err());
        access.set_disabled(&tokens.account, true, footfall_api_access::Actor::Operator, &origin()).await.expect("off");
        assert!(access.authenticate(&text).await.is_err(), "with its owner");
        access.set_disabled(&tokens.account, false, footfall_api_access::Actor::Operator, &origin()).await.expect("on");
        stage.pass(3_600_000);
        assert!(access.authenticate(&text).await.is_err(), "expired");
    }

    pub async fn a_service_key_has_its_scopes(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let wanted = new_key(KeyKind::Service, &[Permission::MembersRead, Permission::ActivityExport]);
        let scope = Scope::Organisation(&organisation);
        let (_, text) = access.create_key(&owner, scope, &wanted, &origin()).await.expect("made");
        let robot = access.authenticate(&text).await.expect("in force");
        assert!(decide(&robot.subject, Permission::MembersRead, scope).is_allowed());
        let project = Scope::Project { organisation: &organisation, project: PROJECT };
        assert!(decide(&robot.subject, Permission::ActivityExport, project).is_allowed(), "named, by who stepped up");
        assert_eq!(decide(&robot.subject, Permission::MembersWrite, scope), Decision::Deny(Denial::Permission));
        let empty = access.create_key(&owner, scope, &new_key(KeyKind::Service, &[]), &origin()).await;
        assert!(matches!(empty, Err(AccessError::Invalid { field: "scopes", .. })));
    }

    pub async fn nobody_gives_a_key_more_than_they_hold(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let content = RoleContent {
            permissions: PermissionSet::of(&[Permission::KeysWrite, Permission::ActivityRead, Permission::SqlRun]),
            rows: RowFilter::Everything,
            masks: ["email"].into_iter().collect::<Masks>(),
        };
        let role = access.create_role(&owner, &organisation, "Masked", &content, &origin()).await.expect("made");
        let place = Place { organisation: &organisation, project: None };
        access.invite(&owner, place, "ada@example.org", &role, &origin()).await.expect("invited");
        let secret = last_secret(&access, stage, "ada@example.org").await;
        let ada =
            access.accept_invitation(&secret, Some(&new("Ada")), &origin()).await.expect("accepted").expect("tokens");
        let ada = caller(&access, &ada).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let scoped = new_key(KeyKind::Service, &[Permission::SqlRun]);
        let unmasked = access.create_key(&ada, scope, &scoped, &origin()).await;
        assert!(matches!(unmasked, Err(AccessError::Denied(Denial::Permission))), "a key would see e-mails");
        let beyond = access.create_key(&ada, scope, &new_key(KeyKind::Write, &[]), &origin()).await;
        assert!(matches!(beyond, Err(AccessError::Denied(Denial::Permission))), "she does not send");
        // Nor does she get at one that is there.
        let (id, _) = access.create_key(&owner, scope, &scoped, &origin()).await.expect("made");
        assert!(access.rotate_key(&ada, &id, 0, &origin()).await.is_err());
    }

    pub async fn the_last_use_is_noted(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let (_, text) = access.create_key(&owner, scope, &new_key(KeyKind::Write, &[]), &origin()).await.expect("made");
        assert_eq!(access.note_key_uses().await.expect("noted"), 0);
        for _ in 0..100 {
            access.keys().project(&text, KeyKind::Write).expect("in force");
        }
        assert_eq!(access.note_key_uses().await.expect("noted"), 1);
        assert_eq!(access.note_key_uses().await.expect("noted"), 0);
        let listed = access.organisation_keys(&organisation).await.expect("listed");
        assert_eq!(listed[0].last_used_at, Some(stage.clock.now()));
    }

    pub async fn the_key_file_is_taken_over(stage: &Stage) {
        let access = process(stage).await;
        let (_, organisation) = owner(&access).await;
        // As `footfall keys create` of version 0.1 made it: SHA-256 of the whole key.
        let text = "ffw_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_";
        let hash = "a4f88ab28d12a3a1de4ab0c1ac0ad2c2b13ab8a1c5b5be1f6bd8f8d8c9fd9b07";
        let hash_of = |text: &str| -> String {
            let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
            digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let revoked = "ffr_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_";
        let file = serde_json::json!([
            { "id": "k1", "kind": "write", "project": "app", "name": "Web", "hash": hash_of(text), "hint": "NO-_", "created_at": 1000 },
            { "id": "k2", "kind": "read", "project": PROJECT, "hash": hash_of(revoked), "hint": "NO-_", "created_at": 1000, "revoked_at": 2000 },
            { "id": "k3", "kind": "read", "project": PROJECT, "hash": hash, "hint": "0000", "created_at": 1000 },
        ]);
        let file = file.to_string();
        assert_eq!(access.import_key_file(&organisation, file.as_bytes(), &origin()).await.expect("taken over"), 3);
        assert_eq!(access.import_key_file(&organisation, file.as_bytes(), &origin()).await.expect("again"), 0);
        assert_eq!(access.keys().project(text, KeyKind::Write), Some(Arc::from("app")));
        assert_eq!(access.keys().project(revoked, KeyKind::Read), None);
        assert_eq!(access.organisation_of("app").as_deref(), Some(organisation.as_str()));
        let keys = access.organisation_keys(&organisation).await.expect("listed");
        assert!(keys.iter().any(|key| key.id == "k1" && key.created_at == Timestamp::from_millis(1000)));
        for wrong in ["{}", r#"[{"id":"x","kind":"service","project":"p","hash":"","hint":"","created_at":1}]"#] {
            assert!(matches!(
                access.import_key_file(&organisation, wrong.as_bytes(), &origin()).await,
                Err(AccessError::Invalid { field: "keys.json", .. })
            ));
        }
    }
}
