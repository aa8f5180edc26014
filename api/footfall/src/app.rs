//! From settings to the access layer and the API of the app: database, mails, limits, addresses.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{Access, AccessSettings, Database, MailRoute, Origin, Vault};
use footfall_api_app::{AppSettings, DatabaseBuckets, OperatorToken, secret_of};
use footfall_api_bus::Counters;
use footfall_api_data::TrackingPlans;
use footfall_api_experiments::{DoorSettings, SeatLimits};
use footfall_api_http::limit::{Buckets, Limits, MemoryBuckets, Quota, Quotas};
use footfall_api_http::{
    AllowedOrigins, Certificate, Cors, ForwardedBy, Network, Proxies, ServeSettings, SessionSettings, Tls,
};
use footfall_ingest_activity::Clock;

use crate::config::Settings;
use crate::error::AppError;
use crate::role::is_shared;
use crate::wiring;

/// The key file of earlier versions, in the data folder; its keys move into the database.
const KEY_FILE: &str = "keys.json";

/// Opens the database, and makes the usual project where there is none.
pub async fn open(settings: &Settings, public_url: &str, clock: Arc<dyn Clock>) -> Result<Access, AppError> {
    let folder = &settings.data_dir;
    std::fs::create_dir_all(folder).map_err(AppError::file(folder))?;
    let mut database = Database::open(&settings.database.url).await?;
    if !settings.database.replica_url.is_empty() {
        database = database.with_replica(&settings.database.replica_url)?;
    }
    let access =
        Access::open(database, Vault::open(&settings.secrets_dir)?, access_settings(settings, public_url)?, clock)
            .await?;
    access.home_of_project(&settings.project, &Origin::default()).await?;
    take_over_key_file(&access, folder, &settings.project).await?;
    Ok(access)
}

/// The same, for a command that sends no links.
pub async fn open_for_command(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Access, AppError> {
    let address = settings.listen.parse().ok();
    open(settings, &public_url(settings, address), clock).await
}

/// Opens the tracking plans.
pub async fn open_plans(access: &Access, clock: Arc<dyn Clock>) -> Result<TrackingPlans, AppError> {
    let opened = TrackingPlans::open(access.clone(), clock).await;
    opened.map_err(|error| AppError::Internal(error.to_string()))
}

async fn take_over_key_file(access: &Access, folder: &Path, project: &str) -> Result<(), AppError> {
    let file = folder.join(KEY_FILE);
    let Ok(json) = std::fs::read(&file) else { return Ok(()) };
    let organisation = access.home_of_project(project, &Origin::default()).await?;
    let taken = access.import_key_file(&organisation, &json, &Origin::default()).await?;
    let kept = folder.join("keys.json.taken");
    std::fs::rename(&file, &kept).map_err(AppError::file(&kept))?;
    tracing::info!(taken, "the keys of keys.json are in the database now");
    Ok(())
}

/// Where people reach this installation: as it is set, else by the address that it listens on.
pub fn public_url(settings: &Settings, address: Option<SocketAddr>) -> String {
    if !settings.server.public_url.is_empty() {
        return settings.server.public_url.clone();
    }
    let scheme = if settings.server.tls_certificate.is_empty() { "http" } else { "https" };
    match address {
        // Passkeys are bound to names, not to addresses.
        Some(address) if address.ip().is_loopback() || address.ip().is_unspecified() => {
            format!("{scheme}://localhost:{}", address.port())
        }
        Some(address) => format!("{scheme}://{address}"),
        None => format!("{scheme}://{}", settings.listen),
    }
}

fn access_settings(settings: &Settings, public_url: &str) -> Result<AccessSettings, AppError> {
    let accounts = &settings.accounts;
    let mails = settings.data_dir.join("mails");
    let mail_route = match settings.mail.url.strip_prefix("folder:") {
        Some(folder) => MailRoute::Folder(folder.into()),
        None if ["smtp://", "smtps://"].iter().any(|scheme| settings.mail.url.starts_with(scheme)) => {
            MailRoute::Smtp(settings.mail.url.clone())
        }
        None => return Err(AppError::Usage("mail.url: write folder:PATH, smtp://… or smtps://…".to_owned())),
    };
    Ok(AccessSettings {
        sign_up_is_open: accounts.sign_up_open,
        access_token_millis: accounts.token_life.millis(),
        session_idle_millis: accounts.session_idle.millis(),
        session_millis: accounts.session.millis(),
        password_length_min: accounts.password_length,
        mail_from: settings.mail.from.clone(),
        mail_route,
        ..AccessSettings::new(public_url, mails)
    })
}

/// Settings of the API. Limits count together in all processes that share counters, or else a database.
pub fn api_settings(
    settings: &Settings,
    operator: &str,
    access: &Access,
    counters: Option<&Counters>,
) -> Result<AppSettings, AppError> {
    let server = &settings.server;
    let secret = secret_of(&settings.secrets_dir).map_err(|error| AppError::Internal(error.to_string()))?;
    let origins: Vec<String> = listed(&server.cors_origins);
    let trusted = listed(&server.trusted_proxies).iter().map(|text| text.parse::<Network>()).collect::<Result<_, _>>();
    let trusted = trusted.map_err(|error| AppError::Usage(format!("server.trusted_proxies: {error}")))?;
    let http = footfall_api_http::Settings {
        body_bytes_max: server.body_bytes.bytes(),
        quotas: quotas(settings),
        session: SessionSettings { origins: origins.clone(), ..SessionSettings::default() },
        cors: Cors { credentials: !origins.is_empty(), origins: AllowedOrigins::These(origins), ..Cors::default() },
        proxies: Proxies { trusted, told_by: ForwardedBy::XForwardedFor },
        ..footfall_api_http::Settings::default()
    };
    let mut api = AppSettings { http, operator: OperatorToken::new(operator), ..AppSettings::new(secret) };
    if is_shared(settings) {
        api.buckets = Arc::new(DatabaseBuckets::new(access.database().clone()).by_server_clock());
    }
    if let Some(counters) = counters {
        api.buckets = counters.or_else(api.buckets);
    }
    Ok(api)
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn quotas(settings: &Settings) -> Quotas {
    let minute = Duration::from_secs(60);
    let quota = |requests: u32| (requests > 0).then(|| Quota::new(requests, minute));
    let limits = &settings.limits;
    Quotas { address: quota(limits.address), account: quota(limits.account), key: quota(limits.key) }
}

/// How often one address may ask the doors of flags; without shared counters each process counts for itself.
pub fn flag_limit(settings: &Settings, counters: Option<&Counters>, clock: Arc<dyn Clock>) -> Option<Limits> {
    let requests = settings.limits.flags;
    let quota = (requests > 0).then(|| Quota::new(requests, Duration::from_secs(60)))?;
    let quotas = Quotas { address: Some(quota), account: None, key: None };
    let own: Arc<dyn Buckets> = Arc::new(MemoryBuckets::default());
    let buckets = counters.map_or(own.clone(), |counters| counters.or_else(own));
    Some(Limits::new(quotas, buckets, clock))
}

/// What the doors of flags bear.
pub fn flag_doors(settings: &Settings, api: &AppSettings) -> DoorSettings {
    let limits = &settings.limits;
    let limit = |streams: u32| (streams > 0).then_some(streams as usize);
    let seats = SeatLimits {
        all: limit(limits.flag_streams),
        key: limit(limits.flag_streams_key),
        address: limit(limits.flag_streams_address),
    };
    DoorSettings { seats, proxies: api.http.proxies.clone(), ..DoorSettings::default() }
}

/// Settings of connections.
pub fn serve_settings(settings: &Settings) -> ServeSettings {
    let server = &settings.server;
    ServeSettings {
        connections: server.connections,
        header_timeout: server.header_timeout.0,
        headers: server.headers,
        shutdown_timeout: server.shutdown_timeout.0,
        ..ServeSettings::default()
    }
}

/// TLS, where a certificate is set. Its files are read again when they change.
pub async fn tls(settings: &Settings) -> Result<Option<Arc<Tls>>, AppError> {
    let server = &settings.server;
    match (server.tls_certificate.as_str(), server.tls_key_file.as_str()) {
        ("", "") => Ok(None),
        (chain, key) if !chain.is_empty() && !key.is_empty() => {
            let certificate = Certificate { chain: chain.into(), key: key.into() };
            let tls = Tls::load(certificate).await.map_err(|error| AppError::Usage(error.to_string()))?;
            let tls = Arc::new(tls);
            let fresh = tls.clone();
            tokio::spawn(async move {
                if let Err(error) = fresh.keep_fresh(wiring::CERTIFICATE_LOOK).await {
                    tracing::warn!(%error, "a renewed TLS certificate will not be noticed");
                }
            });
            Ok(Some(tls))
        }
        _ => Err(AppError::Usage("server.tls_certificate and server.tls_key_file go together".to_owned())),
    }
}
