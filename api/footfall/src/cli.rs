//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use footfall_ingest_activity::{Clock, SystemClock};

use crate::cases::CaseCommand;
use crate::config::{Config, Given, Settings};
use crate::console::{note, say};
use crate::dashboards::FileKind;
use crate::error::AppError;
use crate::keys::KeyCommand;
use crate::role::Role;
use crate::{
    admin, audit, backup, check, dashboards, demo, export, forgotten, identity, import, keys, migrate, replay, serve,
    telemetry, upkeep, wiring,
};

/// Product analytics on your own machine. Without a command it serves everything.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, about)]
struct Cli {
    #[command(flatten)]
    general: General,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct General {
    /// Settings file; else footfall.toml in the data folder
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder that holds everything Footfall keeps
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Address and port to serve on
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Project that the command is about
    #[arg(long, global = true, value_name = "NAME")]
    project: Option<String>,
    /// Any setting, as in `footfall config`
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve everything: the doors, the jobs, SQL and the first page (the default)
    All,
    /// Serve the doors alone, beside other processes: take activity in and put it into the log
    Ingest,
    /// Fill the tables alone, beside other processes; of several, one works and the others stand by
    Jobs,
    /// Serve what people and programs ask for alone, beside other processes: SQL, insights, flags, dashboards, pages
    Api,
    /// Print the settings in force, and where each came from
    Config,
    /// Create, list and revoke the keys of projects
    #[command(subcommand)]
    Keys(KeyCommand),
    /// Mend accounts from the shell
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Verify and export the audit
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Take in files: NDJSON, Segment batches, PostHog exports, CSV, Parquet; gzip or zstd; `-` is stdin
    Import(import::ImportArgs),
    /// Write a table, or an answer to SQL, to a file
    Export(export::ExportArgs),
    /// Stream the activity of a made-up city guide app
    Demo(demo::DemoArgs),
    /// Read everything on disk and say whether it is whole (the server must be stopped)
    Check,
    /// Join the small files of the tables
    Compact,
    /// Copy everything into a folder of backups, while the server runs or not
    Backup(backup::BackupArgs),
    /// Make an installation of a backup (into an empty folder, or a new topic and new databases)
    Restore(backup::RestoreArgs),
    /// Write who is forgotten, to keep it apart: what is restored later forgets them again
    Erasures(forgotten::ErasuresArgs),
    /// Move an installation onto other backends, and back
    Migrate(migrate::MigrateArgs),
    /// Read quarantined items again with the limits in force
    Replay(replay::ReplayArgs),
    /// Which ids were joined, and take a joining back
    #[command(subcommand)]
    Identity(identity::IdentityCommand),
    /// Dashboards as files: apply, export, list
    #[command(subcommand)]
    Dashboards(dashboards::FileCommand),
    /// Saved questions as files: apply, export, list
    #[command(subcommand)]
    Questions(dashboards::FileCommand),
    /// Check our statistics against cases with known answers
    #[command(subcommand)]
    Stats(CaseCommand),
    /// Check our assignment of flags against cases with known answers
    #[command(subcommand)]
    Flags(CaseCommand),
}

impl Command {
    /// For those that serve.
    fn role(&self) -> Option<Role> {
        match self {
            Command::All => Some(Role::All),
            Command::Ingest => Some(Role::Ingest),
            Command::Jobs => Some(Role::Jobs),
            Command::Api => Some(Role::Api),
            _ => None,
        }
    }
}

impl General {
    fn given(&self) -> Result<Given, AppError> {
        let mut flags = Vec::new();
        for text in &self.set {
            let (key, value) = text.split_once('=').ok_or_else(|| crate::config::ConfigError::Set(text.clone()))?;
            flags.push((key.trim().to_owned(), value.to_owned(), format!("--set {}", key.trim())));
        }
        let own = [
            ("data_dir", &self.data_dir, "--data-dir"),
            ("listen", &self.listen, "--listen"),
            ("project", &self.project, "--project"),
        ];
        for (key, value, flag) in own {
            flags.extend(value.clone().map(|value| (key.to_owned(), value, flag.to_owned())));
        }
        let file = self.config.clone().or_else(|| wiring::variable("FOOTFALL_CONFIG").map(PathBuf::from));
        Ok(Given { file, environment: wiring::environment(), flags })
    }
}

/// Runs the program with these arguments, the name first.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match begin(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has enough of it.
        Err(AppError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, AppError::Damaged) {
                note(format!("footfall: {error}"));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn begin(cli: Cli) -> Result<(), AppError> {
    let config = Config::load(&cli.general.given()?)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = config.settings.clone();
    match cli.command.unwrap_or(Command::All) {
        Command::Config => {
            say(config.to_toml().trim_end());
            Ok(())
        }
        Command::Stats(command) => command.statistics(),
        Command::Flags(command) => command.flags(),
        command => {
            let role = command.role();
            telemetry::start(&settings.tracing, role.is_none())?;
            match role {
                Some(role) => on_runtime(serve::run(role, settings, clock)),
                None => on_runtime(offline(command, settings, clock)),
            }
        }
    }
}

async fn offline(command: Command, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    match command {
        Command::Import(arguments) => import::run(arguments, settings, clock).await,
        Command::Export(arguments) => export::run(arguments, settings, clock).await,
        Command::Demo(arguments) => demo::run(arguments, settings, clock).await,
        Command::Check => check::run(settings).await,
        Command::Compact => upkeep::compact(settings, clock).await,
        Command::Backup(arguments) => backup::run(arguments, settings, clock).await,
        Command::Restore(arguments) => backup::restore(arguments, settings, clock).await,
        Command::Erasures(arguments) => forgotten::run(arguments, settings, clock).await,
        Command::Migrate(arguments) => migrate::run(arguments, clock).await,
        Command::Replay(arguments) => replay::run(arguments, settings, clock).await,
        Command::Identity(command) => identity::run(command, settings, clock).await,
        Command::Dashboards(command) => dashboards::run(command, FileKind::Dashboard, settings, clock).await,
        Command::Questions(command) => dashboards::run(command, FileKind::Question, settings, clock).await,
        Command::Keys(command) => keys::run(command, settings, clock).await,
        Command::Admin(command) => admin::run(command, settings, clock).await,
        Command::Audit(command) => audit::run(command, settings, clock).await,
        Command::All | Command::Ingest | Command::Jobs | Command::Api => Ok(()),
        Command::Config | Command::Stats(_) | Command::Flags(_) => Ok(()),
    }
}

fn on_runtime(work: impl Future<Output = Result<(), AppError>>) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AppError::Internal(error.to_string()))?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}
