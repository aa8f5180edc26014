//! What must hold for any subject, and the matrix of built-in roles.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::policy::{BuiltInRole, RowValue};

const ORGANISATIONS: [&str; 2] = ["org-a", "org-b"];
const PROJECTS: [&str; 2] = ["one", "two"];

fn session(authenticated_ago_millis: i64, factor_ago_millis: Option<i64>, has_factor: bool) -> Who {
    let facts = SessionFacts {
        account: "me".into(),
        session: "s".into(),
        authenticated_ago_millis,
        factor_ago_millis,
        has_factor,
    };
    Who::Session(facts)
}

fn grant(organisation: &str, project: Option<&str>, role: RoleContent) -> Grant {
    Grant { organisation: organisation.into(), project: project.map(Into::into), role, factor_required: false }
}

fn subject(who: Who, grants: Vec<Grant>) -> Subject {
    Subject { who, grants: grants.into(), ceiling: None }
}

fn project(organisation: &'static str, project: &'static str) -> Scope<'static> {
    Scope::Project { organisation, project }
}

fn any_role() -> impl Strategy<Value = RoleContent> {
    let country = |codes: Vec<String>| RowFilter::Is { value: RowValue::Column("country".into()), one_of: codes };
    let rows = prop_oneof![
        Just(RowFilter::Everything),
        proptest::collection::vec("[A-C]", 0..3).prop_map(country),
        Just(RowFilter::Nothing),
    ];
    let masks = proptest::collection::vec(prop_oneof!["email", "ip", "phone"], 0..3)
        .prop_map(|names| names.into_iter().collect::<Masks>());
    let permissions = proptest::collection::vec(proptest::sample::select(Permission::ALL), 0..20)
        .prop_map(|list| list.into_iter().collect::<PermissionSet>());
    (permissions, rows, masks).prop_map(|(permissions, rows, masks)| RoleContent { permissions, rows, masks })
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let place = (proptest::sample::select(&ORGANISATIONS), proptest::option::of(proptest::sample::select(&PROJECTS)));
    (place, any_role(), any::<bool>()).prop_map(|((organisation, project), role, factor_required)| Grant {
        factor_required,
        ..grant(organisation, project, role)
    })
}

fn any_who() -> impl Strategy<Value = Who> {
    prop_oneof![
        (0..2 * RECENT_MILLIS, proptest::option::of(0..2 * RECENT_MILLIS), any::<bool>())
            .prop_map(|(ago, factor, has)| session(ago, factor, has)),
        Just(Who::Key { key: "k".into() }),
        Just(Who::PersonalToken { account: "me".into(), key: "k".into() }),
        Just(Who::Anonymous),
    ]
}

fn any_subject() -> impl Strategy<Value = Subject> {
    let ceiling = proptest::option::of(any_role().prop_map(|role| role.permissions));
    (any_who(), proptest::collection::vec(any_grant(), 0..4), ceiling).prop_map(|(who, grants, ceiling)| Subject {
        who,
        grants: grants.into(),
        ceiling,
    })
}

proptest! {
    /// Whatever is allowed in a project is allowed by a role that reaches it, within the ceiling.
    #[test]
    fn nothing_without_a_grant(subject in any_subject(), at in 0..Permission::ALL.len(), o in 0..2usize, p in 0..2usize) {
        let permission = Permission::ALL[at];
        if decide(&subject, permission, project(ORGANISATIONS[o], PROJECTS[p])).is_allowed() {
            prop_assert!(subject.ceiling.is_none_or(|ceiling| ceiling.contains(permission)));
            prop_assert!(subject.who != Who::Anonymous);
            let granted = subject.grants.iter().any(|grant| {
                *grant.organisation == *ORGANISATIONS[o]
                    && grant.project.as_deref().is_none_or(|own| own == PROJECTS[p])
                    && grant.role.permissions.contains(permission)
            });
            prop_assert!(granted);
        }
    }

    /// A cell (row, property) is shown only if one allowing role shows it alone.
    #[test]
    fn roles_together_show_no_cell_that_none_shows(
        subject in any_subject(), at in 0..Permission::ALL.len(), country in proptest::option::of("[A-D]"), name in "email|ip|phone|plan",
    ) {
        let permission = Permission::ALL[at];
        let Decision::Allow(view) = decide(&subject, permission, project("org-a", "one")) else { return Ok(()) };
        let read = |value: &RowValue| (*value == RowValue::Column("country".into())).then_some(country.as_deref()).flatten();
        if view.rows.admits(&read) && !view.masks.hides(&name) {
            let shown_by_one = subject.grants.iter().any(|grant| {
                grant.reaches(project("org-a", "one"))
                    && grant.role.permissions.contains(permission)
                    && grant.role.rows.admits(&read)
                    && !grant.role.masks.hides(&name)
            });
            prop_assert!(shown_by_one);
        }
    }

    /// Another organisation's roles change nothing here, beside making a stranger a stranger.
    #[test]
    fn foreign_grants_do_not_matter(subject in any_subject(), at in 0..Permission::ALL.len()) {
        let own: Vec<Grant> = subject.grants.iter().filter(|grant| &*grant.organisation == "org-a").cloned().collect();
        let reduced = Subject { grants: own.into(), ..subject.clone() };
        let scope = project("org-a", "two");
        prop_assert_eq!(decide(&subject, Permission::ALL[at], scope), decide(&reduced, Permission::ALL[at], scope));
    }

    /// Dangerous acts of a session need what is recent; of a personal token they are never allowed.
    #[test]
    fn danger_needs_a_step_up(subject in any_subject(), at in 0..Permission::ALL.len()) {
        let permission = Permission::ALL[at];
        let allowed = decide(&subject, permission, project("org-a", "one")).is_allowed();
        if !(allowed && permission.is_dangerous()) {
            return Ok(());
        }
        match &subject.who {
            Who::Session(facts) if facts.has_factor => {
                let recent = facts.factor_ago_millis.is_some_and(|ago| ago <= RECENT_MILLIS);
                prop_assert!(recent);
            }
            Who::Session(facts) => prop_assert!(facts.authenticated_ago_millis <= RECENT_MILLIS),
            Who::Key { .. } => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn the_matrix_of_built_in_roles() {
    let count = |role: BuiltInRole| role.permissions().iter().count();
    let counts: Vec<_> = BuiltInRole::ALL.iter().map(|role| (role.name(), count(*role))).collect();
    let expected =
        [("owner", 38), ("admin", 36), ("analyst", 17), ("experimenter", 18), ("developer", 23), ("viewer", 8)];
    assert_eq!(counts, expected);
    let of = |role: BuiltInRole, permission| role.permissions().contains(permission);
    for role in BuiltInRole::ALL.iter().copied() {
        assert!(!of(role, Permission::InstallationManage) && !of(role, Permission::AccountManage), "{role:?}");
        assert_eq!(of(role, Permission::OrganisationDelete), role == BuiltInRole::Owner);
        let admins = [BuiltInRole::Owner, BuiltInRole::Admin].contains(&role);
        assert_eq!(of(role, Permission::MembersWrite), admins);
        assert_eq!(of(role, Permission::AuditRead), admins);
        assert_eq!(of(role, Permission::ActivityRead), role != BuiltInRole::Viewer);
        assert!(BuiltInRole::Owner.permissions().covers(role.permissions()));
    }
}

#[test]
fn strangers_see_nothing_and_are_told_nothing() {
    let stranger = subject(session(0, None, false), vec![grant("org-b", None, BuiltInRole::Owner.into())]);
    for permission in Permission::ALL.iter().copied() {
        assert_eq!(decide(&stranger, permission, project("org-a", "one")), Decision::Deny(Denial::NotMember));
        assert_eq!(decide(&stranger, permission, Scope::Installation), Decision::Deny(Denial::NotMember));
        assert_eq!(decide(&stranger, permission, Scope::Account("you")), Decision::Deny(Denial::NotMember));
    }
}

#[test]
fn a_role_in_one_project_is_none_in_the_organisation() {
    let guest = subject(session(0, None, false), vec![grant("org-a", Some("one"), BuiltInRole::Admin.into())]);
    assert!(decide(&guest, Permission::SqlRun, project("org-a", "one")).is_allowed());
    assert_eq!(decide(&guest, Permission::SqlRun, project("org-a", "two")), Decision::Deny(Denial::NotMember));
    assert_eq!(
        decide(&guest, Permission::MembersRead, Scope::Organisation("org-a")),
        Decision::Deny(Denial::NotMember)
    );
}

#[test]
fn a_required_factor_is_asked_for_before_anything_is_shown() {
    let mut required = grant("org-a", None, BuiltInRole::Viewer.into());
    required.factor_required = true;
    let without = subject(session(0, None, false), vec![required.clone()]);
    let read = |subject: &Subject| decide(subject, Permission::InsightsRead, project("org-a", "one"));
    assert_eq!(read(&without), Decision::Deny(Denial::FactorRequired));
    assert!(
        decide(&without, Permission::AccountManage, Scope::Account("me")).is_allowed(),
        "else nobody could set one up"
    );
    assert!(read(&subject(session(0, Some(RECENT_MILLIS * 50), true), vec![required])).is_allowed());
}

#[test]
fn nobody_gives_what_they_do_not_have() {
    let admin = RoleContent::from(BuiltInRole::Admin);
    assert!(!RoleContent::from(BuiltInRole::Owner).may_be_given_by(&admin));
    assert!(RoleContent::from(BuiltInRole::Viewer).may_be_given_by(&admin));
    let masked = RoleContent { masks: ["email"].into_iter().collect(), ..admin.clone() };
    assert!(masked.may_be_given_by(&admin) && !admin.may_be_given_by(&masked));
    let narrow = RoleContent { rows: RowFilter::Nothing, ..admin.clone() };
    assert!(narrow.may_be_given_by(&admin) && !admin.may_be_given_by(&narrow));
}

#[test]
fn names_are_stable_and_read_back() {
    for permission in Permission::ALL.iter().copied() {
        assert_eq!(permission.name().parse::<Permission>(), Ok(permission));
    }
    let text = serde_json::to_string(&BuiltInRole::Viewer.permissions()).expect("written");
    assert_eq!(serde_json::from_str::<PermissionSet>(&text).expect("read"), BuiltInRole::Viewer.permissions());
    assert!(serde_json::from_str::<PermissionSet>(r#"["sql.run","sql.drop"]"#).is_err());
}

#[test]
fn what_is_unknown_is_not_shown() {
    let value = || RowValue::Property("plan".into());
    let is_not = RowFilter::IsNot { value: value(), none_of: vec!["free".into()] };
    assert!(!is_not.admits(&|_| None) && is_not.admits(&|_| Some("paid")) && !is_not.admits(&|_| Some("free")));
    assert!(RowFilter::All(vec![]).admits(&|_| None) && !RowFilter::Any(vec![]).admits(&|_| None));
    let column = RowFilter::Is { value: RowValue::Column("message_id; DROP".into()), one_of: vec![] };
    assert!(column.check().is_err());
    let deep = (0..20).fold(RowFilter::Everything, |inner, _| RowFilter::All(vec![inner]));
    assert!(deep.check().is_err());
    let wide = RowFilter::Any(vec![RowFilter::Is { value: value(), one_of: vec!["x".into(); 300] }; 2]);
    assert!(wide.check().is_err());
}
