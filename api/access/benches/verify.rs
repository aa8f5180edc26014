//! What a request pays before its handler: a token or key checked, and the policy asked.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use footfall_api_access::{
    Access, AccessSettings, Caller, Database, KeyKind, NewAccount, NewKey, Origin, Permission, PermissionSet, Scope,
    Tokens, Vault, decide,
};
use footfall_ingest_activity::SystemClock;

/// An installation with an owner, a token of theirs, and a write key.
async fn house(folder: &std::path::Path) -> (Access, Tokens, String, String) {
    let database = Database::open(&format!("sqlite:{}", folder.join("footfall.db").display())).await.unwrap();
    let settings = AccessSettings::new("http://localhost:8080", folder.join("mails"));
    let access = Access::open(database, Vault::open(folder).unwrap(), settings, Arc::new(SystemClock)).await.unwrap();
    let link = access.first_owner_link().await.unwrap().unwrap();
    let secret = link.rsplit_once('#').unwrap().1;
    let new = NewAccount { name: "Olga".into(), password: "mein Rad hat drei Räder".into() };
    let origin = Origin::default();
    let owner = access.finish_first_owner(secret, "o@example.org", &new, "Example", "shop", &origin);
    let tokens = owner.await.unwrap();
    let organisation = access.organisation_of("shop").unwrap().to_string();
    let caller = access.authenticate(&tokens.access).await.unwrap();
    let scope = Scope::Project { organisation: &organisation, project: "shop" };
    let new = NewKey { kind: KeyKind::Write, name: "k".into(), scopes: PermissionSet::NONE, expires_at: None };
    let (_, key) = access.create_key(&caller, scope, &new, &Origin::default()).await.unwrap();
    (access, tokens, key, organisation)
}

fn verification(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (access, tokens, key, organisation) = runtime.block_on(house(folder.path()));
    let scope = Scope::Project { organisation: &organisation, project: "shop" };
    let keys = access.keys();
    criterion.bench_function("write key", |b| b.iter(|| keys.project(black_box(&key), KeyKind::Write)));
    criterion.bench_function("unknown key", |b| b.iter(|| keys.project(black_box("ffw_0"), KeyKind::Write)));
    let caller: Caller = runtime.block_on(access.authenticate(&tokens.access)).unwrap();
    criterion.bench_function("decide", |b| b.iter(|| decide(black_box(&caller.subject), Permission::SqlRun, scope)));
    criterion.bench_function("token and policy", |b| {
        b.iter(|| {
            let caller = runtime.block_on(access.authenticate(black_box(&tokens.access))).unwrap();
            decide(&caller.subject, Permission::SqlRun, scope)
        });
    });
    criterion.bench_function("password hash", |b| {
        b.iter(|| runtime.block_on(access.passwords().verify("wrong", None)).unwrap());
    });
}

criterion_group!(benches, verification);
criterion_main!(benches);
