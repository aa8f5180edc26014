//! Organisations, invitations, roles, and that nobody rises by themselves.

use footfall_api_access::{
    AccessError, Decision, Denial, Masks, Permission, PermissionSet, Place, Role, RoleContent, RowFilter, RowValue,
    Scope, Tokens, decide,
};

use crate::house::*;

on_both!(
    an_invited_stranger_becomes_a_member,
    an_invited_account_just_joins,
    nobody_rises_by_themselves,
    a_custom_role_above_ones_own_stays,
    an_owner_always_stays,
    two_owners_do_not_unseat_each_other,
    a_changed_role_holds_within_a_second,
    a_custom_role_is_checked,
    a_name_that_is_taken_is_a_conflict,
    projects_and_organisations_are_kept_apart,
    a_role_is_deleted_as_it_was_read_and_given_no_more,
    an_invitation_says_what_it_changed,
);

mod scenes {
    use footfall_api_access::Access;

    use super::*;
    use crate::stage::Stage;

    async fn join(access: &Access, stage: &Stage, owner: &Tokens, place: Place<'_>, email: &str, role: &str) -> Tokens {
        let owner = caller(access, owner).await;
        access.invite(&owner, place, email, role, &origin()).await.expect("invited");
        let secret = last_secret(access, stage, email).await;
        access.accept_invitation(&secret, Some(&new("Member")), &origin()).await.expect("accepted").expect("tokens")
    }

    fn whole(organisation: &str) -> Place<'_> {
        Place { organisation, project: None }
    }

    pub async fn an_invited_stranger_becomes_a_member(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let place = Place { organisation: &organisation, project: Some(PROJECT) };
        let ada = join(&access, stage, &tokens, place, "ada@example.org", "analyst").await;
        let ada = caller(&access, &ada).await;
        let project = Scope::Project { organisation: &organisation, project: PROJECT };
        assert!(decide(&ada.subject, Permission::SqlRun, project).is_allowed());
        let all = decide(&ada.subject, Permission::OrganisationRead, Scope::Organisation(&organisation));
        assert_eq!(all, Decision::Deny(Denial::NotMember));
        let members = access.members(&organisation).await.expect("listed");
        let roles: Vec<_> = members.iter().map(|member| (member.email.as_str(), member.role.as_str())).collect();
        assert_eq!(roles, [("ada@example.org", "analyst"), ("owner@example.org", "owner")]);
    }

    pub async fn an_invited_account_just_joins(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let ada = sign_up(&access, stage, "ada@example.org").await;
        let owner = caller(&access, &tokens).await;
        access.invite(&owner, whole(&organisation), "ADA@example.org", "viewer", &origin()).await.expect("invited");
        let secret = last_secret(&access, stage, "ADA@example.org").await;
        let joined = access.accept_invitation(&secret, None, &origin()).await.expect("accepted");
        assert_eq!(joined, None, "a mailbox is no sign-in");
        assert!(matches!(access.accept_invitation(&secret, None, &origin()).await, Err(AccessError::Link)));
        let ada = caller(&access, &ada).await;
        assert!(decide(&ada.subject, Permission::ProjectsRead, Scope::Organisation(&organisation)).is_allowed());
        access.invite(&owner, whole(&organisation), "new@example.org", "viewer", &origin()).await.expect("invited");
        let secret = last_secret(&access, stage, "new@example.org").await;
        assert!(access.accept_invitation(&secret, None, &origin()).await.is_err(), "a new account needs a password");
        access.accept_invitation(&secret, Some(&new("New")), &origin()).await.expect("the link is still good");
    }

    pub async fn nobody_rises_by_themselves(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let admin = join(&access, stage, &tokens, whole(&organisation), "admin@example.org", "admin").await;
        let viewer = join(&access, stage, &tokens, whole(&organisation), "viewer@example.org", "viewer").await;
        let (admin_caller, viewer_caller) = (caller(&access, &admin).await, caller(&access, &viewer).await);
        let place = whole(&organisation);
        let own = access.set_member_role(&admin_caller, place, &admin.account, "owner", &origin()).await;
        assert!(matches!(own, Err(AccessError::Denied(Denial::Permission))));
        let friend = access.invite(&admin_caller, place, "friend@example.org", "owner", &origin()).await;
        assert!(matches!(friend, Err(AccessError::Denied(Denial::Permission))));
        let unseat = access.set_member_role(&admin_caller, place, &tokens.account, "viewer", &origin()).await;
        assert!(matches!(unseat, Err(AccessError::Denied(Denial::Permission))));
        assert!(access.remove_member(&admin_caller, place, &tokens.account, &origin()).await.is_err());
        let by_viewer = access.set_member_role(&viewer_caller, place, &viewer.account, "admin", &origin()).await;
        assert!(matches!(by_viewer, Err(AccessError::Denied(Denial::Permission))));
        assert!(acts(&access).await.contains(&"permission.use refused".to_owned()), "and it is on record");
        access
            .set_member_role(&admin_caller, place, &viewer.account, "analyst", &origin())
            .await
            .expect("below oneself");
        access.remove_member(&viewer_caller, place, &viewer.account, &origin()).await.expect("one may leave");
    }

    pub async fn a_custom_role_above_ones_own_stays(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let content = |permissions: &[Permission]| RoleContent {
            permissions: PermissionSet::of(permissions),
            rows: RowFilter::Everything,
            masks: Masks::default(),
        };
        let (low, high) = (
            content(&[Permission::MembersRead, Permission::MembersWrite]),
            content(&[Permission::MembersRead, Permission::MembersWrite, Permission::SqlRun]),
        );
        let low = access.create_role(&owner, &organisation, "Low", &low, &origin()).await.expect("made");
        let high = access.create_role(&owner, &organisation, "High", &high, &origin()).await.expect("made");
        let place = whole(&organisation);
        let ada = join(&access, stage, &tokens, place, "ada@example.org", &high).await;
        let bea = join(&access, stage, &tokens, place, "bea@example.org", &low).await;
        let (above, below) = (caller(&access, &ada).await, caller(&access, &bea).await);
        let refused = |outcome| matches!(outcome, Err(AccessError::Denied(Denial::Permission)));
        assert!(refused(access.set_member_role(&below, place, &ada.account, &low, &origin()).await));
        assert!(refused(access.remove_member(&below, place, &ada.account, &origin()).await));
        let ended = access.end_member_sessions(&below, &organisation, &ada.account, &origin()).await;
        assert!(refused(ended.map(drop)));
        access.end_member_sessions(&above, &organisation, &bea.account, &origin()).await.expect("below oneself");
        access.set_member_role(&above, place, &bea.account, &high, &origin()).await.expect("as high as oneself");
        access.remove_member(&above, place, &bea.account, &origin()).await.expect("as high as oneself");
    }

    pub async fn an_owner_always_stays(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let place = whole(&organisation);
        let leave = access.remove_member(&owner, place, &tokens.account, &origin()).await;
        assert!(matches!(leave, Err(AccessError::Conflict(_))));
        let lower = access.set_member_role(&owner, place, &tokens.account, "admin", &origin()).await;
        assert!(matches!(lower, Err(AccessError::Conflict(_))));
        assert_eq!(access.members(&organisation).await.expect("listed")[0].role, "owner");
    }

    pub async fn two_owners_do_not_unseat_each_other(stage: &Stage) {
        let access = process(stage).await;
        let (first, organisation) = owner(&access).await;
        let second = join(&access, stage, &first, whole(&organisation), "second@example.org", "owner").await;
        let callers = [caller(&access, &first).await, caller(&access, &second).await];
        let results = at_once(2, |at| {
            let (access, caller, organisation) = (access.clone(), callers[at].clone(), organisation.clone());
            let other = if at == 0 { second.account.clone() } else { first.account.clone() };
            async move { access.set_member_role(&caller, whole(&organisation), &other, "viewer", &origin()).await }
        })
        .await;
        assert!(results.iter().any(Result::is_ok), "{results:?}");
        let owners = "SELECT COUNT(*) AS rows FROM members WHERE role = 'owner'";
        assert_eq!(count(&access, owners).await, 1, "{results:?}");
    }

    pub async fn a_changed_role_holds_within_a_second(stage: &Stage) {
        let (here, there) = (process(stage).await, process(stage).await);
        let (tokens, organisation) = owner(&here).await;
        let ada = join(&here, stage, &tokens, whole(&organisation), "ada@example.org", "analyst").await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let may = async |access: &Access| {
            let ada = caller(access, &ada).await;
            decide(&ada.subject, Permission::SqlRun, scope).is_allowed()
        };
        stage.pass(950);
        assert!(may(&here).await && may(&there).await);
        let owner = caller(&here, &tokens).await;
        here.set_member_role(&owner, whole(&organisation), &ada.account, "viewer", &origin()).await.expect("lowered");
        assert!(!may(&here).await, "at once here");
        stage.pass(950);
        assert!(!may(&there).await, "there within a second");
    }

    pub async fn a_custom_role_is_checked(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let content = |permissions: &[Permission], rows| RoleContent {
            permissions: PermissionSet::of(permissions),
            rows,
            masks: ["Email"].into_iter().collect::<Masks>(),
        };
        let german = RowFilter::Is { value: RowValue::Column("country".into()), one_of: vec!["DE".into()] };
        let fine = content(&[Permission::SqlRun, Permission::ActivityRead], german.clone());
        let id = access.create_role(&owner, &organisation, "German", &fine, &origin()).await.expect("made");
        let ada = join(&access, stage, &tokens, whole(&organisation), "ada@example.org", &id).await;
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let sees = async || {
            let ada = caller(&access, &ada).await;
            decide(&ada.subject, Permission::SqlRun, scope)
        };
        let Decision::Allow(view) = sees().await else { panic!("not allowed") };
        assert!(view.rows == german && view.masks.hides("email") && view.masks.hides("EMAIL"));

        let refused = [
            ("viewer", content(&[Permission::SqlRun], RowFilter::Everything)),
            ("", content(&[Permission::SqlRun], RowFilter::Everything)),
            ("Installer", content(&[Permission::InstallationManage], RowFilter::Everything)),
            ("Odd", content(&[], RowFilter::Is { value: RowValue::Column("1; --".into()), one_of: vec![] })),
            ("German", content(&[], RowFilter::Everything)),
        ];
        for (name, content) in refused {
            assert!(access.create_role(&owner, &organisation, name, &content, &origin()).await.is_err(), "{name}");
        }
        assert!(access.delete_role(&owner, &organisation, &id, None, &origin()).await.is_err(), "somebody holds it");
        let changed = Role { id: id.clone(), name: "Nothing".into(), content: content(&[], german), version: 1 };
        access.change_role(&owner, &organisation, &changed, &origin()).await.expect("changed");
        assert_eq!(sees().await, Decision::Deny(Denial::Permission));
        let stale = access.change_role(&owner, &organisation, &changed, &origin()).await;
        assert!(matches!(stale, Err(AccessError::Conflict(_))), "the version has moved on");
    }

    pub async fn a_name_that_is_taken_is_a_conflict(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let content = RoleContent {
            permissions: PermissionSet::of(&[Permission::SqlRun]),
            rows: RowFilter::Everything,
            masks: Masks::default(),
        };
        access.create_role(&owner, &organisation, "First", &content, &origin()).await.expect("made");
        let twice = access.create_role(&owner, &organisation, " First ", &content, &origin()).await;
        assert!(matches!(twice, Err(AccessError::Conflict(_))), "{twice:?}");
        let id = access.create_role(&owner, &organisation, "Second", &content, &origin()).await.expect("made");
        let renamed =
            |name: &str, version| Role { id: id.clone(), name: name.into(), content: content.clone(), version };
        for name in ["First", " First ", "viewer"] {
            let taken = access.change_role(&owner, &organisation, &renamed(name, 1), &origin()).await;
            assert!(matches!(taken, Err(AccessError::Conflict(_))), "{name}: {taken:?}");
        }
        access.change_role(&owner, &organisation, &renamed("Second", 1), &origin()).await.expect("its own name");
        let others = access.create_organisation(&owner, &tokens.account, "Other", &origin()).await.expect("made");
        let owner = caller(&access, &tokens).await;
        access
            .create_role(&owner, &others.id, "First", &content, &origin())
            .await
            .expect("names are an organisation's");
    }

    pub async fn a_role_is_deleted_as_it_was_read_and_given_no_more(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let content = RoleContent {
            permissions: PermissionSet::of(&[Permission::SqlRun]),
            rows: RowFilter::Everything,
            masks: Masks::default(),
        };
        let id = access.create_role(&owner, &organisation, "Asker", &content, &origin()).await.expect("made");
        access.invite(&owner, whole(&organisation), "bob@example.org", &id, &origin()).await.expect("invited");
        let renamed = Role { id: id.clone(), name: "Other".into(), content, version: 1 };
        access.change_role(&owner, &organisation, &renamed, &origin()).await.expect("changed");
        let stale = access.delete_role(&owner, &organisation, &id, Some(1), &origin()).await;
        assert!(matches!(stale, Err(AccessError::Conflict(_))), "{stale:?}");
        assert_eq!(access.role(&organisation, &id).await.expect("still there").name, "Other");
        assert_eq!(access.invitations(&organisation).await.expect("listed").len(), 1, "nothing is done by halves");
        access.delete_role(&owner, &organisation, &id, Some(2), &origin()).await.expect("as it was read");
        assert_eq!(access.invitations(&organisation).await.expect("listed"), []);
        let secret = last_secret(&access, stage, "bob@example.org").await;
        let accepted = access.accept_invitation(&secret, Some(&new("Bob")), &origin()).await;
        assert!(matches!(accepted, Err(AccessError::Link)), "{accepted:?}");
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM accounts").await, 1, "nobody who may nothing");
        let set = access.set_member_role(&owner, whole(&organisation), &tokens.account, &id, &origin()).await;
        assert!(matches!(set, Err(AccessError::NotFound("role"))), "{set:?}");
    }

    pub async fn an_invitation_says_what_it_changed(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        join(&access, stage, &tokens, whole(&organisation), "ada@example.org", "viewer").await;
        let owner = caller(&access, &tokens).await;
        access.invite(&owner, whole(&organisation), "ada@example.org", "admin", &origin()).await.expect("invited");
        let secret = last_secret(&access, stage, "ada@example.org").await;
        access.accept_invitation(&secret, None, &origin()).await.expect("accepted");
        let members = access.members(&organisation).await.expect("listed");
        assert_eq!(members[0].role, "viewer", "it raises nobody");
        let last = access.audit_after(None, 0, 1000).await.expect("read").pop().expect("a record");
        assert_eq!((last.action.as_str(), last.after_state.as_str()), ("member.accept", "{\"role\":\"viewer\"}"));
        assert_eq!(access.watch().await.expect("watched"), 0, "nobody became an admin");
    }

    pub async fn projects_and_organisations_are_kept_apart(stage: &Stage) {
        let access = process(stage).await;
        let (tokens, organisation) = owner(&access).await;
        let owner = caller(&access, &tokens).await;
        let eve = sign_up(&access, stage, "eve@example.org").await;
        let eve_caller = caller(&access, &eve).await;
        let own = access.create_organisation(&eve_caller, &eve.account, "Eve & Co", &origin()).await.expect("made");
        assert!(access.create_organisation(&eve_caller, &tokens.account, "Not hers", &origin()).await.is_err());
        let eve_caller = caller(&access, &eve).await;
        let taken = access.create_project(&eve_caller, &own.id, PROJECT, "Shop", &origin()).await;
        assert!(matches!(taken, Err(AccessError::Conflict(_))), "a project's id is one in the installation");
        let foreign = access.create_project(&eve_caller, &organisation, "evil", "Evil", &origin()).await;
        assert!(matches!(foreign, Err(AccessError::Denied(Denial::NotMember))));
        for id in ["", "a b", "../x", "a/b", &"x".repeat(65)] {
            assert!(access.create_project(&owner, &organisation, id, "X", &origin()).await.is_err(), "{id}");
        }
        access.create_project(&owner, &organisation, "second", "Second", &origin()).await.expect("made");
        assert_eq!(access.organisation_of("second").as_deref(), Some(organisation.as_str()));
        let place = Place { organisation: &own.id, project: Some(PROJECT) };
        let crossed = access.invite(&eve_caller, place, "x@example.org", "viewer", &origin()).await;
        assert!(matches!(crossed, Err(AccessError::NotFound("project"))), "another's project");
    }
}
