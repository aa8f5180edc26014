//! The door when the program stops: who is being answered has the answer, whoever comes is refused, and nobody holds it up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow_flight::Ticket;
use arrow_flight::sql::client::FlightSqlServiceClient;
use async_trait::async_trait;
use footfall_api_access::{
    Access, AccessSettings, Caller, Database, KeyKind, NewKey, Origin, PermissionSet, Scope, Vault,
};
use footfall_api_flight::{FlightDoor, FlightSettings};
use footfall_api_http::limit::{Limits, MemoryBuckets, Quotas};
use footfall_api_sql::{Desk, DeskSettings};
use footfall_ingest_activity::{Clock, FixedClock, Timestamp};
use footfall_pipelines_store::lake::ProjectSnapshot;
use footfall_pipelines_store::query::{Engine, EngineConfig, ExtraFunction, ExtraTable, Snapshots};
use futures::TryStreamExt;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

const PROJECT: &str = "one";
/// For what happens at once. A test waits so long for a fault alone.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

struct Nothing;

impl Snapshots for Nothing {
    fn snapshot(&self, _: &str) -> Option<Arc<ProjectSnapshot>> {
        None
    }
}

/// A table, and a function that gives it, whose rows wait while it is shut.
#[derive(Debug, Default)]
struct Gate {
    is_shut: watch::Sender<bool>,
    /// Somebody waits for its rows.
    waits: Notify,
}

#[derive(Debug, Clone, Default)]
struct Numbers(Arc<Gate>);

impl Numbers {
    fn columns() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("number", DataType::Int64, false)]))
    }
}

#[async_trait]
impl ExtraTable for Numbers {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn schema(&self) -> SchemaRef {
        Numbers::columns()
    }

    async fn rows(&self) -> Result<Vec<RecordBatch>, String> {
        let mut is_shut = self.0.is_shut.subscribe();
        if *is_shut.borrow() {
            self.0.waits.notify_one();
        }
        drop(is_shut.wait_for(|is_shut| !*is_shut).await);
        let numbers = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let rows = RecordBatch::try_new(Numbers::columns(), vec![numbers]);
        rows.map(|rows| vec![rows]).map_err(|error| error.to_string())
    }
}

impl ExtraFunction for Numbers {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn call(&self, _: &[String]) -> Result<Arc<dyn ExtraTable>, String> {
        Ok(Arc::new(self.clone()))
    }

    fn columns(&self, _: &[Option<&str>]) -> Option<SchemaRef> {
        Some(Numbers::columns())
    }
}

/// A door at work.
struct House {
    gate: Arc<Gate>,
    address: SocketAddr,
    key: String,
    stop: oneshot::Sender<()>,
    door: JoinHandle<()>,
    _folder: TempDir,
}

impl House {
    async fn open(shutdown_timeout: Duration) -> House {
        let folder = TempDir::new().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(Timestamp::from_millis(1_764_000_000_000)));
        let database = Database::open(&format!("sqlite:{}", folder.path().join("a.db").display())).await.unwrap();
        let settings = AccessSettings::new("http://localhost:8080", folder.path().join("mails"));
        let vault = Vault::open(folder.path()).unwrap();
        let access = Access::open(database, vault, settings, clock.clone()).await.unwrap();
        let organisation = access.home_of_project(PROJECT, &Origin::default()).await.unwrap();
        let scope = Scope::Project { organisation: &organisation, project: PROJECT };
        let new = NewKey { kind: KeyKind::Read, name: "Key".into(), scopes: PermissionSet::NONE, expires_at: None };
        let (_, key) = access.create_key(&Caller::operator(), scope, &new, &Origin::default()).await.unwrap();

        let config = EngineConfig { time_limit: LONG, ..EngineConfig::new(folder.path().join("spill")) };
        let engine = Arc::new(Engine::new(Arc::new(Nothing), config).unwrap());
        let quotas = Quotas { address: None, account: None, key: None };
        let limits = Limits::new(quotas, Arc::new(MemoryBuckets::default()), clock);
        let numbers = Numbers::default();
        let gate = numbers.0.clone();
        let functions = Arc::new(move |_: &Arc<str>| vec![Arc::new(numbers.clone()) as Arc<dyn ExtraFunction>]);
        let desk = Desk::new(access, engine, functions, limits, DeskSettings::default());

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let settings = FlightSettings { shutdown_timeout, ..FlightSettings::default() };
        let door = FlightDoor::new(desk, settings, None);
        let door = tokio::spawn(door.serve(listener, async move { drop(stopped.await) }));
        House { gate, address, key, stop, door, _folder: folder }
    }

    /// A client on a connection of its own.
    async fn client(&self) -> FlightSqlServiceClient<Channel> {
        let channel = Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap();
        let mut client = FlightSqlServiceClient::new(channel);
        client.set_token(self.key.clone());
        client
    }

    /// A question under way, whose rows wait.
    async fn asks(&self) -> JoinHandle<Vec<i64>> {
        let mut client = self.client().await;
        let info = client.execute("SELECT number FROM numbers() ORDER BY number".to_owned(), None).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        self.gate.is_shut.send_replace(true);
        let asking = tokio::spawn(numbers(client, ticket));
        tokio::time::timeout(PATIENCE, self.gate.waits.notified()).await.expect("it is asked");
        asking
    }
}

async fn numbers(mut client: FlightSqlServiceClient<Channel>, ticket: Ticket) -> Vec<i64> {
    let rows: Vec<RecordBatch> = client.do_get(ticket).await.unwrap().try_collect().await.unwrap();
    rows.iter().flat_map(|rows| rows.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_being_answered_has_the_answer_and_whoever_comes_is_refused() {
    let house = House::open(LONG).await;
    let asking = house.asks().await;
    let (mut later, address) = (house.client().await, house.address);
    assert!(later.execute("SELECT 1".to_owned(), None).await.is_ok(), "nobody has stopped it yet");
    house.stop.send(()).unwrap();
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        // Who has a connection already hears of it a moment later.
        while later.execute("SELECT 1".to_owned(), None).await.is_ok() {}
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("whoever comes is refused");
    assert!(!asking.is_finished() && !house.door.is_finished(), "the question is waited for");
    house.gate.is_shut.send_replace(false);
    assert_eq!(tokio::time::timeout(PATIENCE, asking).await.expect("in time").unwrap(), [1, 2, 3]);
    tokio::time::timeout(PATIENCE, house.door).await.expect("nothing is left to wait for").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_takes_too_long_holds_nobody_up() {
    let house = House::open(Duration::ZERO).await;
    let asking = house.asks().await;
    let silent = TcpStream::connect(house.address).await.expect("a connection");
    house.stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, house.door).await.expect("its time is up").unwrap();
    assert!(!asking.is_finished());
    house.gate.is_shut.send_replace(false);
    drop(silent);
}
