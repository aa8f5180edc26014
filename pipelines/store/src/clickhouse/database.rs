//! Statements on their way to ClickHouse: on a runtime of their own, with an end, tried again where that is safe, and
//! with errors that say whether the database is away or has refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use clickhouse::error::Error as ClientError;
use clickhouse::{Client, Compression};
use tokio::runtime::{Builder, Handle, Runtime};

use super::address::Address;
use super::arrow_form::to_schema;
use super::breaker::Breaker;
use super::options::ClickHouseOptions;
use super::tls;
use crate::StoreError;
use crate::remote::{Rows, RowsSender};

/// Errors of the server that pass by themselves.
const PASSING: &[u32] = &[
    159, // TIMEOUT_EXCEEDED
    164, // READONLY, while it has lost its keeper
    202, // TOO_MANY_SIMULTANEOUS_QUERIES
    209, // SOCKET_TIMEOUT
    210, // NETWORK_ERROR
    241, // MEMORY_LIMIT_EXCEEDED
    242, // TABLE_IS_READ_ONLY
    243, // NOT_ENOUGH_SPACE
    252, // TOO_MANY_PARTS
    285, // TOO_FEW_LIVE_REPLICAS
    286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319, // UNKNOWN_STATUS_OF_INSERT
    439, // CANNOT_SCHEDULE_TASK
    999, // KEEPER_EXCEPTION
];
/// Settings of every statement that reads Arrow.
const ARROW: &[(&str, &str)] = &[
    ("output_format_arrow_compression_method", "none"),
    ("output_format_arrow_string_as_string", "1"),
    ("output_format_arrow_low_cardinality_as_dictionary", "0"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
];

/// A setting of one statement.
pub(super) type Setting = (&'static str, String);

/// A database; cheap to clone. The one that was opened first ends the runtime when it is dropped.
#[derive(Clone)]
pub(super) struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    /// The same without a database, to create it.
    server: Client,
    handle: Handle,
    /// Taken when it is dropped: a runtime must not be dropped inside another.
    runtime: Option<Runtime>,
    breaker: Breaker,
    options: ClickHouseOptions,
    address: Address,
    /// Bytes of rows that have come.
    bytes_read: AtomicU64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.shared.address).finish()
    }
}

impl Database {
    /// Gets ready to ask; nothing is sent yet.
    pub fn new(address: Address, options: ClickHouseOptions) -> Result<Database, StoreError> {
        // Before there is a runtime: one must not be dropped where another runs.
        let client = if address.tls { tls::client(address.authority.as_deref())? } else { Client::default() };
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("clickhouse").enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Task(format!("starting the ClickHouse threads: {error}")))?;
        let mut server = client
            .with_url(&address.http)
            .with_compression(Compression::None)
            .with_product_info("footfall", env!("CARGO_PKG_VERSION"));
        if let Some(user) = &address.user {
            server = server.with_user(user);
        }
        if let Some(password) = &address.password {
            server = server.with_password(password);
        }
        let mut client = server.clone().with_database(&address.database);
        if address.cluster.is_some() {
            tracing::warn!("the layout for a cluster of ClickHouse is generated, and has not been run");
            // What was acknowledged is on a majority, and what is read is all of it: sequential consistency needs quorums one after the
            // other. Mutations ask other tables who is forgotten, which is the same on every replica.
            for (name, value) in [
                ("insert_quorum", "auto"),
                ("insert_quorum_parallel", "0"),
                ("allow_nondeterministic_mutations", "1"),
                ("select_sequential_consistency", "1"),
                ("distributed_foreground_insert", "1"),
            ] {
                client = client.with_setting(name, value);
            }
        }
        let breaker = Breaker::new(options.failures_before_break, options.break_max);
        let handle = runtime.handle().clone();
        let runtime = Some(runtime);
        let bytes_read = AtomicU64::default();
        let shared = Shared { client, server, handle, runtime, breaker, options, address, bytes_read };
        Ok(Database { shared: Arc::new(shared) })
    }

    pub fn options(&self) -> &ClickHouseOptions {
        &self.shared.options
    }

    pub fn name(&self) -> &str {
        &self.shared.address.database
    }

    /// Why the last statement failed, if it did.
    pub fn failing(&self) -> Option<String> {
        self.shared.breaker.failing()
    }

    /// Bytes of rows that have come so far.
    pub fn bytes_read(&self) -> u64 {
        self.shared.bytes_read.load(Ordering::Relaxed)
    }

    /// Runs work that asks on the database's own threads.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.shared.handle.spawn(work)
    }

    /// Creates a database, its own or another.
    pub async fn create(&self, name: &str, on_cluster: &str) -> Result<(), StoreError> {
        let sql = format!("CREATE DATABASE IF NOT EXISTS `{name}`{on_cluster}");
        let query = self.shared.server.query_raw(&sql);
        self.judged(self.shared.options.statement_timeout, query.execute()).await
    }

    /// Runs a statement that may be repeated, until it goes through or has failed so often.
    pub async fn execute(&self, sql: &str, settings: &[Setting]) -> Result<(), StoreError> {
        self.again(|| {
            let mut query = self.shared.client.query_raw(sql);
            for (name, value) in settings {
                query = query.with_setting(*name, value);
            }
            query.execute()
        })
        .await
    }

    /// Inserts an Arrow stream. `token` names it: the same rows under the same token are taken once.
    pub async fn insert(&self, table: &str, token: &str, stream: Bytes) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO `{table}` FORMAT ArrowStream");
        self.again(|| {
            let insert = self.shared.client.insert_formatted_with(sql.clone());
            let mut insert = insert
                .with_setting("insert_deduplication_token", token)
                .with_setting("insert_deduplicate", "1")
                .with_setting("async_insert", "0");
            let stream = stream.clone();
            async move {
                insert.send(stream).await?;
                insert.end().await
            }
        })
        .await
    }

    /// Reads a small answer as Arrow, whole.
    pub async fn batches(&self, sql: &str, schema: &SchemaRef) -> Result<Vec<RecordBatch>, StoreError> {
        let bytes = self.again(|| self.fetch(sql, &[])).await?;
        let mut decoder = Decoder::new(schema.clone());
        let batches = decoder.take(bytes)?;
        decoder.end().map_err(|error| self.failed(error))?;
        Ok(batches)
    }

    async fn fetch(&self, sql: &str, settings: &[Setting]) -> Result<Bytes, ClientError> {
        let mut query = self.shared.client.query_raw(sql);
        for (name, value) in ARROW {
            query = query.with_setting(*name, *value);
        }
        for (name, value) in settings {
            query = query.with_setting(*name, value);
        }
        query.fetch_bytes("ArrowStream")?.collect().await
    }

    /// Reads rows as they come, with the types of a schema.
    pub fn rows(&self, sql: String, schema: SchemaRef) -> Rows {
        self.begin(self.shared.client.clone(), sql, Some(schema), Vec::new())
    }

    /// Reads rows as they come, in another database, as that gives them. The first batch has no rows.
    pub fn rows_in(&self, name: &str, sql: String, settings: Vec<Setting>) -> Rows {
        self.begin(self.shared.client.clone().with_database(name), sql, None, settings)
    }

    fn begin(&self, client: Client, sql: String, schema: Option<SchemaRef>, settings: Vec<Setting>) -> Rows {
        let (sender, rows) = Rows::channel();
        let database = self.clone();
        self.spawn(async move {
            let gone = sender.clone();
            tokio::select! {
                () = gone.closed() => {}
                result = database.send_rows(&client, &sql, schema, &settings, &sender) => {
                    // The reader may have gone.
                    let _ = sender.send(result.map(|()| None)).await;
                }
            }
        });
        rows
    }

    async fn send_rows(
        &self,
        client: &Client,
        sql: &str,
        schema: Option<SchemaRef>,
        settings: &[Setting],
        sender: &RowsSender,
    ) -> Result<(), StoreError> {
        let timeout = self.shared.options.read_timeout;
        let mut query = client.query_raw(sql);
        for (name, value) in ARROW {
            query = query.with_setting(*name, *value);
        }
        for (name, value) in settings {
            query = query.with_setting(*name, value);
        }
        self.may_ask()?;
        let mut cursor = query.fetch_bytes("ArrowStream").map_err(|error| self.failed(error))?;
        let mut tells_columns = schema.is_none();
        let mut decoder = Decoder { schema, inner: StreamDecoder::new() };
        loop {
            let piece = match tokio::time::timeout(timeout, cursor.next()).await {
                Ok(piece) => piece,
                Err(_) => Err(ClientError::TimedOut),
            };
            let Some(bytes) = piece.map_err(|error| self.failed(error))? else { break };
            self.shared.bytes_read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            let batches = decoder.take(bytes)?;
            let columns = decoder.inner.schema().filter(|_| tells_columns).map(RecordBatch::new_empty);
            tells_columns &= columns.is_none();
            for batch in columns.into_iter().chain(batches) {
                if sender.send(Ok(Some(batch))).await.is_err() {
                    return Ok(());
                }
            }
        }
        decoder.end().map_err(|error| self.failed(error))?;
        self.shared.breaker.passed();
        Ok(())
    }

    /// One try after the other, with growing pauses, while the error is one that passes.
    async fn again<T, F: Future<Output = Result<T, ClientError>>>(&self, ask: impl Fn() -> F) -> Result<T, StoreError> {
        let mut pause = Duration::from_millis(50);
        let mut tried = 1;
        loop {
            match self.judged(self.shared.options.statement_timeout, ask()).await {
                Err(error) if error.is_passing() && tried < self.shared.options.tries => {
                    tracing::debug!(%error, tried, "a statement is tried again");
                    metrics::counter!("footfall_clickhouse_retries_total").increment(1);
                    tokio::time::sleep(pause).await;
                    pause *= 3;
                    tried += 1;
                }
                other => return other,
            }
        }
    }

    fn may_ask(&self) -> Result<(), StoreError> {
        match self.shared.breaker.wait(Instant::now()) {
            None => Ok(()),
            Some(_) => Err(StoreError::Away {
                what: self.shared.address.shown(),
                detail: self.failing().unwrap_or_else(|| "it has failed several times".to_owned()),
            }),
        }
    }

    async fn judged<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, StoreError> {
        self.may_ask()?;
        let begun = Instant::now();
        let result = match tokio::time::timeout(timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(ClientError::TimedOut),
        };
        metrics::histogram!("footfall_clickhouse_seconds").record(begun.elapsed().as_secs_f64());
        match result {
            Ok(value) => {
                self.shared.breaker.passed();
                Ok(value)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The error in our words. Only those of the way there count for the breaker.
    fn failed(&self, error: ClientError) -> StoreError {
        let away = |detail: String| {
            self.shared.breaker.failed(Instant::now(), detail.clone());
            StoreError::Away { what: self.shared.address.shown(), detail }
        };
        match error {
            ClientError::BadResponse(text) => match code_of(&text) {
                Some(code) => {
                    self.shared.breaker.passed();
                    StoreError::Refused { code, detail: first_line(&text) }
                }
                // No answer of ClickHouse: somebody on the way.
                None => away(first_line(&text)),
            },
            ClientError::TimedOut => away("no answer in time".to_owned()),
            other => away(with_sources(&other)),
        }
    }
}

impl StoreError {
    /// True for what may go away by itself: trying again is worth it.
    pub fn is_passing(&self) -> bool {
        match self {
            StoreError::Away { .. } => true,
            StoreError::Refused { code, .. } => PASSING.contains(code),
            _ => false,
        }
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    text
}

/// `Code: 60. DB::Exception: …`
fn code_of(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn first_line(text: &str) -> String {
    const CHARS_MAX: usize = 600;
    text.trim().lines().next().unwrap_or_default().chars().take(CHARS_MAX).collect()
}

/// Bytes of an Arrow stream to batches.
struct Decoder {
    schema: Option<SchemaRef>,
    inner: StreamDecoder,
}

impl Decoder {
    fn new(schema: SchemaRef) -> Decoder {
        Decoder { schema: Some(schema), inner: StreamDecoder::new() }
    }

    fn take(&mut self, bytes: Bytes) -> Result<Vec<RecordBatch>, StoreError> {
        let mut buffer = Buffer::from(bytes);
        let mut batches = Vec::new();
        while !buffer.is_empty() {
            let Some(batch) = self.inner.decode(&mut buffer)? else { continue };
            batches.push(match &self.schema {
                Some(schema) => to_schema(&batch, schema)?,
                None => batch,
            });
        }
        Ok(batches)
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// The answer ends in the middle. Where its length was not said before, whoever carries it tells that to nobody; and what the
    /// database says of a failure in the middle looks like more of it when it comes in two pieces.
    fn end(&mut self) -> Result<(), ClientError> {
        self.inner.finish().map_err(|_| ClientError::Other("the answer ended in the middle".into()))
    }
}
