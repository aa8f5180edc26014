//! The engine: takes questions, gives each one moment of its project, a share of memory and threads, and an end.

use std::sync::{Arc, OnceLock};

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_128;

use super::answer::{Answer, Piece, Work};
use super::config::{Bounds, Dialect, EngineConfig, Question};
use super::described::Described;
use super::driver_parameters::ParameterKind;
use super::error::QueryError;
use super::memory::QuestionPool;
use super::native;
use super::planner::{self, Parsed};
use super::postgres::Postgres;
use super::session;
use super::turns::{Stop, Turn, Turns};
use crate::StoreError;
use crate::lake::ProjectSnapshot;
use crate::tables::Table;

/// Planning recurses as deep as the SQL does; address space is cheap, it is used only where it is touched.
const STACK_BYTES: usize = 64 << 20;
/// Batches that wait for a slow reader.
const PIECES_WAITING: usize = 2;

/// Where the engine gets what questions see.
pub trait Snapshots: Send + Sync + 'static {
    /// The project as it is now; `None` when it has no rows yet.
    fn snapshot(&self, project: &str) -> Option<Arc<ProjectSnapshot>>;
}

/// Answers questions in SQL, on threads of its own.
pub struct Engine {
    shared: Arc<Shared>,
    /// Taken when the engine is dropped: a runtime must not be dropped inside another.
    runtime: Option<Runtime>,
}

struct Shared {
    snapshots: Arc<dyn Snapshots>,
    config: EngineConfig,
    environment: RuntimeEnv,
    memory: Arc<GreedyMemoryPool>,
    template: SessionState,
    /// Made for the first question about it.
    postgres: OnceLock<Postgres>,
    turns: Arc<Turns>,
}

impl Engine {
    /// Starts the engine's threads.
    pub fn new(snapshots: Arc<dyn Snapshots>, config: EngineConfig) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&config.spill_folder).map_err(StoreError::file("creating", &config.spill_folder))?;
        let spill = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![config.spill_folder.clone()]))
            .with_max_temp_directory_size(config.spill_bytes_max);
        let environment = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(config.metadata_cache_bytes)
            .build()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .max_blocking_threads(16)
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| StoreError::Task(format!("starting the query threads: {error}")))?;
        let template = session::template(&config)?;
        let shared = Shared {
            snapshots,
            environment,
            memory: Arc::new(GreedyMemoryPool::new(config.memory_bytes)),
            postgres: OnceLock::new(),
            template,
            turns: Turns::new(&config),
            config,
        };
        Ok(Engine { shared: Arc::new(shared), runtime: Some(runtime) })
    }

    /// Asks `question` of `project`. It returns when the answer's columns are known; the rows are worked out as they are
    /// taken. All of the answer is of one moment.
    pub async fn query(&self, project: &str, question: Question) -> Result<Answer, QueryError> {
        let turn = self.shared.turns.turn().await?;
        let bounds = Bounds::of(&self.shared.config, &question.limits);
        let deadline = Instant::now() + bounds.time_limit;
        let Some(runtime) = &self.runtime else { return Err(QueryError::Internal) };
        let (begun, beginning) = oneshot::channel();
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING);
        let (shared, project) = (self.shared.clone(), project.to_owned());
        let work = runtime.spawn(async move {
            let (snapshot, rows) = match shared.begin(&project, &question, bounds).await {
                Ok(begun) => begun,
                Err(error) => {
                    turn.end("failed");
                    // Nobody waits when the asker has gone.
                    return drop(begun.send(Err(error)));
                }
            };
            if begun.send(Ok(rows.schema())).is_err() {
                return;
            }
            let last = match tokio::time::timeout_at(deadline, hand_over(rows, turn, &pieces)).await {
                Ok(last) => last,
                Err(_) => Some(Piece::Failed(QueryError::TimeLimit { limit: bounds.time_limit })),
            };
            // The rows are read from files as they are taken: until here the snapshot kept those from being deleted. Whoever
            // reads nothing keeps no more than this word.
            drop(snapshot);
            if let Some(last) = last {
                drop(pieces.send(last).await);
            }
        });
        let work = Work(work.abort_handle());
        match tokio::time::timeout_at(deadline, beginning).await {
            Ok(Ok(Ok(schema))) => Ok(Answer::new(schema, waiting, work, bounds, deadline)),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(QueryError::internal(&"the planning of a question ended early")),
            Err(_) => Err(QueryError::TimeLimit { limit: bounds.time_limit }),
        }
    }
}

impl Engine {
    /// Plans `question` without asking it. Its parameters may be open; `declared` are the types that the asker gives them.
    pub async fn describe(
        &self,
        project: &str,
        question: Question,
        declared: Vec<Option<ParameterKind>>,
    ) -> Result<Described, QueryError> {
        let turn = self.shared.turns.turn().await?;
        let bounds = Bounds::of(&self.shared.config, &question.limits);
        let Some(runtime) = &self.runtime else { return Err(QueryError::Internal) };
        let (shared, project) = (self.shared.clone(), project.to_owned());
        let mut work = tokio::task::JoinSet::new();
        work.spawn_on(
            async move {
                let described = shared.describe(&project, &question, &declared, bounds).await;
                turn.end(if described.is_ok() { "whole" } else { "failed" });
                described
            },
            runtime.handle(),
        );
        match tokio::time::timeout(bounds.time_limit, work.join_next()).await {
            Ok(Some(Ok(described))) => described,
            Ok(_) => Err(QueryError::internal(&"the planning of a question ended early")),
            Err(_) => Err(QueryError::TimeLimit { limit: bounds.time_limit }),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    async fn describe(
        &self,
        project: &str,
        question: &Question,
        declared: &[Option<ParameterKind>],
        bounds: Bounds,
    ) -> Result<Described, QueryError> {
        let parsed = planner::read(question, self.config.sql_bytes_max)?;
        let (_, state) = self.session(project, question, &parsed, bounds).await?;
        planner::describe(&state, &parsed.statement, declared).await
    }

    async fn begin(
        &self,
        project: &str,
        question: &Question,
        bounds: Bounds,
    ) -> Result<(Arc<ProjectSnapshot>, SendableRecordBatchStream), QueryError> {
        if question.dialect == Dialect::ClickHouse {
            let snapshot = self.snapshot(project);
            let rows = native::run(&snapshot, question, bounds).await?;
            return Ok((snapshot, rows));
        }
        let parsed = planner::parse(question, self.config.sql_bytes_max)?;
        let (snapshot, state) = self.session(project, question, &parsed, bounds).await?;
        Ok((snapshot, planner::run(&state, parsed.statement).await?))
    }

    /// The catalogue for clients of PostgreSQL. Whoever comes while the first one is made may make another, which is dropped.
    fn postgres(&self) -> Result<&Postgres, QueryError> {
        match self.postgres.get() {
            Some(made) => Ok(made),
            None => {
                let made = Postgres::new(&self.template)?;
                Ok(self.postgres.get_or_init(|| made))
            }
        }
    }

    fn snapshot(&self, project: &str) -> Arc<ProjectSnapshot> {
        self.snapshots.snapshot(project).unwrap_or_else(|| Arc::new(ProjectSnapshot::empty()))
    }

    /// What the question runs in, and the moment that it sees.
    async fn session(
        &self,
        project: &str,
        question: &Question,
        parsed: &Parsed,
        bounds: Bounds,
    ) -> Result<(Arc<ProjectSnapshot>, SessionState), QueryError> {
        let snapshot = self.snapshot(project);
        let store = self.store_of(&snapshot)?;
        let pool = QuestionPool::new(bounds.memory_bytes_max, self.memory.clone());
        let environment = RuntimeEnv { memory_pool: Arc::new(pool), ..self.environment.clone() };
        let ingredients = session::Ingredients {
            template: &self.template,
            postgres: if parsed.about_catalogue { Some(self.postgres()?) } else { None },
            project,
            snapshot: snapshot.clone(),
            store,
            environment,
            bounds,
        };
        let state = session::of(ingredients, question).await?;
        Ok((snapshot, state))
    }

    /// The store rooted where the snapshot's files are.
    fn store_of(&self, snapshot: &ProjectSnapshot) -> Result<ObjectStoreUrl, QueryError> {
        let name = xxh3_128(snapshot.root.as_os_str().as_encoded_bytes());
        let url = ObjectStoreUrl::parse(format!("lake://{name:032x}"))?;
        let has_files = Table::ALL.iter().any(|&table| !snapshot.table(table).files.is_empty());
        if has_files && self.environment.object_store(&url).is_err() {
            let store = LocalFileSystem::new_with_prefix(&snapshot.root).map_err(|e| QueryError::internal(&e))?;
            self.environment.register_object_store(url.as_ref(), Arc::new(store));
        }
        Ok(url)
    }
}

/// Rows as they come, until the end, an error, or the asker's leaving; what the asker hears last.
async fn hand_over(mut rows: SendableRecordBatchStream, mut turn: Turn, pieces: &mpsc::Sender<Piece>) -> Option<Piece> {
    while let Some(batch) = rows.next().await {
        let stop = match batch {
            Ok(batch) if batch.num_rows() == 0 => continue,
            Ok(batch) => turn.hand_over(Piece::Rows(batch), pieces).await,
            Err(error) => {
                turn.end("failed");
                return Some(Piece::Failed(error.into()));
            }
        };
        match stop {
            Ok(()) => {}
            Err(Stop::Left) => return None,
            Err(Stop::Slow) => {
                turn.end("slow");
                return Some(Piece::Failed(QueryError::NotTaken));
            }
        }
    }
    turn.end("whole");
    Some(Piece::End)
}
