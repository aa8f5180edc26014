//! A process that is one part of an installation: `footfall ingest` or `footfall jobs`. It has no API, only its doors and what it
//! tells of itself.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use footfall_api_access::Access;
use footfall_api_app::App;
use footfall_api_bus::{Bus, Counters, Opened};
use footfall_api_data::{ImportLedger, TrackingPlans};
use footfall_api_experiments::KeyEnvironments;
use footfall_api_server::{Check, Health, Probes, add_probes};
use footfall_ingest_log::{ActivityLog, LogStatus};
use footfall_ingest_server::Doors;
use footfall_pipelines_store::Backend;

use crate::error::AppError;
use crate::job::Job;
use crate::keys::DoorKeys;
use crate::news::Carrier;
use crate::role::Role;
use crate::serve::{Parts, Running, Start};
use crate::{app, import, live, news, wiring};

/// What such a process has open.
pub(crate) struct Part {
    log: Arc<dyn ActivityLog>,
    work: Option<Arc<Work>>,
}

/// A job and the tables that it fills.
struct Work {
    job: Job,
    tables: Backend,
    ledger: Arc<ImportLedger>,
}

impl Part {
    /// Ends in order. What is not in the tables yet is the next one's.
    pub async fn close(self, patience: Duration) -> Result<(), AppError> {
        if let Some(work) = &self.work {
            work.job.stop(patience).await;
            import::ledger::note(&work.ledger, &work.job.imports).await;
            let tables = work.tables.clone();
            wiring::blocking(move || tables.close()).await?;
        }
        self.log.close().await;
        Ok(())
    }
}

/// Opens what the role needs.
pub(crate) async fn open(start: &Start<'_>) -> Result<Running, AppError> {
    let Start { role, settings, clock, patience, .. } = start;
    std::fs::create_dir_all(&settings.data_dir).map_err(AppError::file(&settings.data_dir))?;
    let mut log = patience.open("log", || wiring::open_log(settings, clock.clone())).await?;
    if *role == Role::Ingest {
        log = wiring::doors_log(settings, log, clock.clone()).await?;
    }
    let public_url = app::public_url(settings, Some(start.address));
    let access = patience.open("database", || app::open(settings, &public_url, clock.clone())).await?;
    let work = match role {
        Role::Jobs => {
            let tables = patience.open("store", || wiring::open_tables(settings, clock.clone())).await?;
            let job = Job::start(settings, log.clone(), tables.store(), clock.clone())?;
            let ledger = Arc::new(import::ledger::open(&access, clock.clone()).await?);
            Some(Arc::new(Work { job, tables, ledger }))
        }
        _ => None,
    };
    let Opened { bus, counters } = wiring::open_bus(settings)?;
    let mut tasks = Vec::new();
    if let Some(work) = &work {
        tokio::spawn(live::tell(work.job.live.clone(), bus.clone()));
        let (ledger, imports) = (work.ledger.clone(), work.job.imports.clone());
        tasks.push(tokio::spawn(import::ledger::tell(ledger, imports, start.silent())));
    }
    let plans = match role {
        Role::Jobs => None,
        _ => Some(patience.open("database", || app::open_plans(&access, clock.clone())).await?),
    };
    let environments = KeyEnvironments::open(access.database().clone()).await;
    let doors = plans.clone().map(|plans| (plans, environments));
    let router = router(start, &log, work.clone(), &access, (&bus, counters.as_ref()), doors)?;
    if !settings.bus.url.is_empty() {
        let carrier = Carrier { bus, access: access.clone(), experiments: None };
        tasks.push(tokio::spawn(carrier.carry(start.silent())));
    }
    let upkeep = start.telemetry.clone();
    tokio::spawn(async move { upkeep.upkeep().await });
    let silent = start.silent();
    tasks.push(tokio::spawn(async move { access.keep_fresh(silent).await }));
    if let Some(plans) = plans {
        let silent = start.silent();
        tasks.push(tokio::spawn(async move { plans.run(silent).await }));
    }
    tracing::info!(address = %start.address, role = role.name(), "at work");
    Ok(Running { router, doors: Vec::new(), tasks, parts: Parts::Part(Part { log, work }), announced: None })
}

fn router(
    start: &Start<'_>,
    log: &Arc<dyn ActivityLog>,
    work: Option<Arc<Work>>,
    access: &Access,
    (bus, counters): (&Arc<dyn Bus>, Option<&Counters>),
    doors: Option<(TrackingPlans, Arc<KeyEnvironments>)>,
) -> Result<Router, AppError> {
    let settings = start.settings;
    let mut routes = Router::new();
    if let Some((plans, environments)) = doors {
        let keys = Arc::new(DoorKeys::new(access, None, &settings.project, environments));
        let doors =
            Doors::new(log.clone(), keys, start.clock.clone(), wiring::doors(settings)).planned(Arc::new(plans));
        routes = routes.merge(footfall_ingest_server::router(doors));
    }
    let health = Arc::new(State { log: log.clone(), work, bus: bus.clone() });
    let metrics_private = settings.server.metrics_private;
    let probes = Probes { health, telemetry: start.telemetry.clone(), metrics_private };
    // Nobody is the operator here: commands find a process with the API.
    let api = app::api_settings(settings, "", access, counters)?;
    let built = App::build_plain(api, access.clone(), start.clock.clone(), |site| add_probes(site, &probes));
    let built = built.map_err(|error| AppError::Internal(error.to_string()))?;
    Ok(routes.fallback_service(built.router))
}

/// How the log does, for `/readyz`. It can do its work while a part of it is away.
pub(crate) fn log_check(log: &dyn ActivityLog) -> Check {
    let LogStatus { degraded, impaired, .. } = log.status();
    Check { name: "log", ok: degraded.is_none(), detail: degraded.or(impaired) }
}

struct State {
    log: Arc<dyn ActivityLog>,
    work: Option<Arc<Work>>,
    bus: Arc<dyn Bus>,
}

impl Health for State {
    fn checks(&self) -> Vec<Check> {
        let mut checks = vec![log_check(&*self.log)];
        if let Some(Work { job, tables, .. }) = self.work.as_deref() {
            let failing = tables.status().failing;
            checks.push(Check { name: "store", ok: failing.is_none(), detail: failing });
            checks.push(job.check());
        }
        checks.push(news::check(&*self.bus));
        checks
    }
}
