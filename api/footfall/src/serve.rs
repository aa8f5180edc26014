//! `footfall`: binds first, opens what its role needs, serves until it is told to stop, and ends in order.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use footfall_api_access::{Access, MailRoute, Origin};
use footfall_api_app::{App, AppSettings, OperatorToken};
use footfall_api_boards::Boards;
use footfall_api_bus::{Bus, Opened};
use footfall_api_data::{ImportLedger, TrackingPlans};
use footfall_api_experiments::{Experiments, KeyEnvironments};
use footfall_api_http::Tls;
use footfall_api_http::limit::Limits;
use footfall_api_insights::{Cohorts, Desk};
use footfall_api_server::{Data, Live, LiveSettings, Probes, Telemetry};
use footfall_api_sql::Functions;
use footfall_ingest_activity::Clock;
use footfall_ingest_server::Doors;
use footfall_pipelines_insights_feed::AskLimits;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::boards::{Engines, embedded};
use crate::config::Settings;
use crate::error::AppError;
use crate::facts::Tables;
use crate::front::Front;
use crate::keys::DoorKeys;
use crate::news::Carrier;
use crate::operator::{Announced, Presence, reachable};
use crate::patience::Patience;
use crate::role::{Role, is_shared};
use crate::sql_doors::SqlDoors;
use crate::token::{OPERATOR_PREFIX, random_token};
use crate::upkeep::Upkeep;
use crate::wiring::{self, Stack};
use crate::{
    app, backup, banner, chores, erasures, import, live, migrate, part, persons, replay, sightings, sql_doors,
};

/// What a role needs to open its parts.
pub(crate) struct Start<'a> {
    pub role: Role,
    pub settings: &'a Settings,
    pub clock: Arc<dyn Clock>,
    pub telemetry: Telemetry,
    pub patience: Patience<'a>,
    /// Where the process listens.
    pub address: SocketAddr,
    pub tls: Option<Arc<Tls>>,
    pub stopping: watch::Receiver<bool>,
    /// Becomes true once nobody is answered any more.
    pub silent: watch::Receiver<bool>,
}

impl Start<'_> {
    /// Resolves when the process has stopped to answer: for what answers rely on, and leave something to do.
    pub fn silent(&self) -> impl Future<Output = ()> + Send + 'static {
        stopped(self.silent.clone())
    }
}

/// A process at work.
pub(crate) struct Running {
    pub router: Router,
    /// Doors beside the router. They end by themselves when the process stops.
    pub doors: Vec<JoinHandle<()>>,
    /// They end by themselves when the process has stopped to answer.
    pub tasks: Vec<JoinHandle<()>>,
    pub parts: Parts,
    pub announced: Option<Announced>,
}

/// What is closed last.
pub(crate) enum Parts {
    /// With the account of what goes through, where processes share it.
    Stack(Arc<Stack>, Option<Arc<ImportLedger>>),
    Part(part::Part),
}

/// Resolves when the process stops.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(role: Role, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    role.check(&settings)?;
    // Bound before the slow work, so that whoever comes early waits instead of being refused.
    let listener = bind(&settings.listen).await?;
    let address = listener.local_addr().map_err(|error| AppError::Listen(settings.listen.clone(), error))?;
    let doors = if role.has_api() { Some(sql_doors::bind_all(&settings).await?) } else { None };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut told = async || {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
        }
    };

    let telemetry = Telemetry::install().map_err(|error| AppError::Internal(error.to_string()))?;
    let tls = app::tls(&settings).await?;
    let (front, (stop, stopping), (end, silent)) = (Front::new(), watch::channel(false), watch::channel(false));
    let connections = app::serve_settings(&settings);
    let serve = |listener, tls| {
        tokio::spawn(footfall_api_http::serve(listener, front.router(), connections, tls, stopped(stopping.clone())))
    };
    let mut serving = vec![serve(listener, tls.clone())];
    // Commands speak no TLS: they have a port of their own then, on this machine alone.
    let inside = if tls.is_some() { Some(bind("127.0.0.1:0").await?) } else { None };
    let own = inside.as_ref().map(TcpListener::local_addr).transpose()?;
    serving.extend(inside.map(|inside| serve(inside, None)));
    let start = Start {
        role,
        settings: &settings,
        clock,
        telemetry,
        patience: Patience::new(&front, settings.server.start_timeout.0),
        address,
        tls,
        stopping: stopping.clone(),
        silent,
    };
    let opening = async {
        match doors {
            Some(doors) => everything(&start, own.unwrap_or(reachable(address)), doors).await,
            None => part::open(&start).await,
        }
    };
    let opened = tokio::select! {
        opened = opening => opened?,
        () = told() => return Ok(()),
    };
    front.open(opened.router);
    told().await;
    front.leave();
    tokio::select! {
        () = tokio::time::sleep(settings.server.drain.0) => {}
        () = told() => {}
    }
    stop.send_replace(true);
    for task in serving.into_iter().chain(opened.doors) {
        drop(task.await);
    }
    end.send_replace(true);
    for task in opened.tasks {
        drop(task.await);
    }
    drop(opened.announced);
    let patience = settings.server.shutdown_timeout.0;
    let ended = match opened.parts {
        Parts::Stack(stack, ledger) => {
            let ended = stack.close(patience).await;
            if let Some(ledger) = ledger {
                import::ledger::note(&ledger, &stack.imports).await;
            }
            ended
        }
        Parts::Part(part) => part.close(patience).await,
    };
    tracing::info!("stopped");
    ended
}

/// The API with everything behind it; with the job and the doors where the role has them.
async fn everything(start: &Start<'_>, own: SocketAddr, doors: SqlDoors) -> Result<Running, AppError> {
    let Start { role, settings, clock, patience, .. } = start;
    backup::refuse_unfinished(settings)?;
    migrate::refuse_moved(settings)?;
    std::fs::create_dir_all(&settings.data_dir).map_err(AppError::file(&settings.data_dir))?;
    let log = patience.open("log", || wiring::open_log(settings, clock.clone())).await?;
    // Once more, now that the log is ours: whoever reads it to its end leaves the mark before it lets go of it.
    if let Err(moved) = migrate::refuse_moved(settings) {
        log.close().await;
        return Err(moved.into());
    }
    let tables = patience.open("store", || wiring::open_tables(settings, clock.clone())).await?;
    let public_url = app::public_url(settings, Some(start.address));
    let access = patience.open("database", || app::open(settings, &public_url, clock.clone())).await?;
    let doors_log = match role {
        Role::All => wiring::doors_log(settings, log.clone(), clock.clone()).await?,
        _ => log.clone(),
    };
    let stack = Arc::new(Stack::of(*role, settings, log, tables, clock.clone()).await?.with_doors(doors_log));
    let token = random_token(OPERATOR_PREFIX)?;
    let cohorts = Cohorts::open(access.clone(), stack.clock.clone()).await;
    let cohorts = cohorts.map_err(|error| AppError::Internal(error.to_string()))?;
    let (engine, insights) = (stack.engine.clone(), stack.insights.clone());
    let desk = Desk::new(access.clone(), insights.clone(), engine.clone(), cohorts, &settings.project);
    let desk = desk.with_limits(limits(settings));
    let tables =
        Tables { engine: engine.clone(), insights: insights.clone(), desk: desk.clone(), limits: limits(settings) };
    let experiments = Experiments::open(access.clone(), clock.clone(), Some(Arc::new(tables))).await?;
    let (teller, told) = sightings::open(stack.log.clone(), wiring::limits(settings), clock.clone());
    experiments.tell(Arc::new(teller));
    let engines = Engines { engine, insights, desk: desk.clone(), limits: limits(settings) };
    let Opened { bus, counters } = wiring::open_bus(settings)?;
    let api = app::api_settings(settings, &token, &access, counters.as_ref())?;
    let limit = app::flag_limit(settings, counters.as_ref(), clock.clone());
    let (secret, buckets) = (api.secret.clone(), api.buckets.clone());
    let boards = Boards::open(access.clone(), clock.clone(), Arc::new(engines), secret, buckets).await?;
    let plans = app::open_plans(&access, clock.clone()).await?;
    let of_insights = functions(&desk);
    let resources = Resources {
        experiments: experiments.clone(),
        boards: boards.clone(),
        desk,
        plans: plans.clone(),
        bus: bus.clone(),
        limit,
        environments: KeyEnvironments::open(access.database().clone()).await,
    };
    let sql_desk = sql_doors::desk(&stack, &access, of_insights, &api, clock.clone());
    let router = router(start, &stack, &access, resources, &token, api)?;
    let announced = Presence { address: own, pid: std::process::id(), token }.announce(&settings.data_dir)?;
    banner::show(settings, start.address, &access).await?;

    let mut tasks =
        vec![tokio::spawn(chores::run(access.clone(), experiments.clone(), boards, start.stopping.clone()))];
    if !settings.bus.url.is_empty() {
        let carrier = Carrier { bus, access: access.clone(), experiments: Some(experiments.clone()) };
        tasks.push(tokio::spawn(carrier.carry(start.silent())));
    }
    tasks.push(tokio::spawn(told.carry(start.silent())));
    let ledger = match role.has_job() && is_shared(settings) {
        true => Some(Arc::new(import::ledger::open(&access, clock.clone()).await?)),
        false => None,
    };
    if let Some(ledger) = ledger.clone() {
        tasks.push(tokio::spawn(import::ledger::tell(ledger, stack.imports.clone(), start.silent())));
    }
    tasks.push(tokio::spawn({
        let silent = start.silent();
        async move { access.keep_fresh(silent).await }
    }));
    tasks.push(tokio::spawn({
        let silent = start.silent();
        async move { experiments.listen(silent).await }
    }));
    tasks.push(tokio::spawn({
        let silent = start.silent();
        async move { plans.run(silent).await }
    }));
    let doors = doors.open(sql_desk, settings, start.tls.clone(), &start.stopping);
    Ok(Running { router, doors, tasks, parts: Parts::Stack(stack, ledger), announced: Some(announced) })
}

pub(crate) async fn bind(listen: &str) -> Result<TcpListener, AppError> {
    let failed = |error| AppError::Listen(listen.to_owned(), error);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(listen).await.map_err(failed)?.collect();
    let first = addresses.first().copied();
    let address = first.ok_or_else(|| AppError::Usage(format!("listen: {listen:?} is no address")))?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(4096).map_err(failed)
}

/// What the API is made of besides access and tables.
struct Resources {
    experiments: Experiments,
    boards: Boards,
    desk: Desk,
    plans: TrackingPlans,
    bus: Arc<dyn Bus>,
    /// Of the doors of flags.
    limit: Option<Limits>,
    environments: Arc<KeyEnvironments>,
}

/// The table functions that SQL has through every door.
fn functions(desk: &Desk) -> Functions {
    let desk = desk.clone();
    Arc::new(move |project: &Arc<str>| desk.functions(project))
}

fn limits(settings: &Settings) -> AskLimits {
    AskLimits { time: settings.insights.time_max.0, ..AskLimits::default() }
}

fn router(
    start: &Start<'_>,
    stack: &Arc<Stack>,
    access: &Access,
    Resources { experiments, boards, desk, plans, bus, limit, environments }: Resources,
    token: &str,
    api: AppSettings,
) -> Result<Router, AppError> {
    let settings = start.settings;
    let live = Arc::new(Live::new(LiveSettings::default()));
    tokio::spawn(live::hear(bus.clone(), live.clone()));
    tokio::spawn(live::tell(stack.live.clone(), bus.clone()));
    let upkeep = start.telemetry.clone();
    tokio::spawn(async move { upkeep.upkeep().await });
    tokio::spawn(measure(Arc::downgrade(stack)));
    tokio::spawn(adopt_projects(Arc::downgrade(stack), access.clone()));
    let hears_nobody = !start.role.has_job() && settings.bus.url.is_empty();
    let writes_mails = matches!(access.settings().mail_route, MailRoute::Folder(_));
    let health = Arc::new(Upkeep { stack: stack.clone(), bus: bus.clone(), hears_nobody, writes_mails });
    let metrics_private = settings.server.metrics_private;
    let data = Data {
        engine: stack.engine.clone(),
        census: stack.census.clone(),
        functions: functions(&desk),
        access: access.clone(),
        project: settings.project.as_str().into(),
        live,
        operations: health.clone(),
        probes: Probes { health, telemetry: start.telemetry.clone(), metrics_private },
    };
    let flags = app::flag_doors(settings, &api);
    let limits = Limits::new(api.http.quotas, api.buckets.clone(), stack.clock.clone());
    let embedded = embedded(&boards, limits, api.http.proxies.clone());
    let built = App::build_with(api, access.clone(), stack.clock.clone(), |site, _| {
        let site = footfall_api_server::add(site, &data);
        let site = footfall_api_experiments::add(site, &experiments);
        let site = footfall_api_boards::add(site, &boards);
        let site = footfall_api_insights::add(site, desk.clone());
        let site = footfall_api_data::add(site, &plans);
        let site = persons::add(site, stack.clone(), access.clone(), wiring::limits(settings), plans.clone());
        let site = backup::add(site, stack.clone(), settings.clone());
        let site = migrate::add(site, stack.clone());
        let site = erasures::add(site, stack.clone(), access.clone());
        replay::add(site, stack.clone(), wiring::limits(settings), plans.clone())
    });
    let built = built.map_err(|error| AppError::Internal(error.to_string()))?;
    let doors = match start.role {
        Role::All => footfall_ingest_server::router(doors((settings, token), stack, access, &plans, environments)),
        // Its path lies among those of the API, and not every proxy can tell it apart.
        _ => {
            let keys = DoorKeys::new(access, None, &settings.project, environments);
            footfall_ingest_server::settings_router(Arc::new(keys))
        }
    };
    let flags = footfall_api_experiments::doors(&experiments, flags, limit);
    let routes = footfall_api_pages::router().merge(embedded).merge(doors).merge(flags);
    Ok(routes.fallback_service(built.router))
}

fn doors(
    (settings, token): (&Settings, &str),
    stack: &Stack,
    access: &Access,
    plans: &TrackingPlans,
    environments: Arc<KeyEnvironments>,
) -> Doors {
    let keys = Arc::new(DoorKeys::new(access, OperatorToken::new(token), &settings.project, environments));
    let doors = Doors::new(stack.doors.clone(), keys, stack.clock.clone(), wiring::doors(settings));
    let doors = doors.planned(Arc::new(plans.clone()));
    match stack.backlog(settings.doors.visible_goal.0) {
        Some(backlog) => doors.behind(backlog),
        None => doors,
    }
}

/// Projects that an import of the operator has made become known to the database, so that they can get keys and members.
async fn adopt_projects(stack: Weak<Stack>, access: Access) {
    let mut look = tokio::time::interval(Duration::from_secs(2));
    loop {
        look.tick().await;
        let Some(projects) = stack.upgrade().map(|stack| stack.projects()) else { return };
        for project in projects.iter().filter(|project| access.organisation_of(project).is_none()) {
            if let Err(error) = access.home_of_project(project, &Origin::default()).await {
                tracing::warn!(%error, %project, "a project of the tables is not in the database");
            }
        }
    }
}

/// Keeps the gauges of the lake current while the program runs, and looks how far answers are behind.
async fn measure(watched: Weak<Stack>) {
    let mut look = tokio::time::interval(Duration::from_secs(2));
    loop {
        look.tick().await;
        let Some(stack) = watched.upgrade() else { return };
        stack.lag();
        let status = stack.store_status();
        drop(stack);
        for (table, (files, bytes)) in status.tables {
            metrics::gauge!("footfall_lake_files", "table" => table.name()).set(files as f64);
            metrics::gauge!("footfall_lake_bytes", "table" => table.name()).set(bytes as f64);
        }
        metrics::gauge!("footfall_lake_fresh_activities").set(status.fresh_activities as f64);
        metrics::gauge!("footfall_lake_message_keys").set(status.message_keys as f64);
    }
}
