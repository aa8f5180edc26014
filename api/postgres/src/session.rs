//! One session: messages in, answers out, as the protocol's chapter «Message Flow» has it.

use std::collections::HashMap;
use std::sync::Arc;

use footfall_api_sql::{Ask, Desk};
use footfall_pipelines_store::query::{Dialect, ParameterValue};
use pgwire::messages::data::{NoData, ParameterDescription, RowDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use pgwire::messages::{PgWireBackendMessage as Out, PgWireFrontendMessage as In};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::commands::{Command, SetZone};
use crate::copy::{self, Copy};
use crate::copy_out;
use crate::cursors::Act;
use crate::fault::Fault;
use crate::parameters;
use crate::portal::{Open, Source, shown};
use crate::split::split;
use crate::startup::Begun;
use crate::stop::{Stop, no_portal, no_statement, within};
use crate::time_limit::TimeLimit;
use crate::type_ids;
use crate::waiting::Waiting;
use crate::wire::{Broken, Wire};
use crate::zone::{Clock, Zone, Zones};

/// Statements and portals that one session keeps, and their bytes together.
const KEPT_MAX: usize = 1_000;
const KEPT_BYTES_MAX: usize = 16 << 20;
const STATEMENT: u8 = b'S';
/// The setting as clients know it.
const ZONE: &str = "TimeZone";

/// A parsed statement.
pub(crate) struct Statement {
    pub sql: String,
    pub command: Option<Command>,
    pub oids: Vec<u32>,
}

/// A statement with its values.
pub(crate) struct Portal {
    pub statement: Arc<Statement>,
    pub values: Vec<ParameterValue>,
    pub formats: Vec<i16>,
    pub bytes: usize,
    pub open: Option<Open>,
    pub is_done: bool,
    /// DECLARE has made it.
    pub is_cursor: bool,
    /// It outlives its transaction.
    pub is_held: bool,
}

/// A session.
pub(crate) struct Session<S> {
    pub wire: Wire<S>,
    desk: Desk,
    begun: Begun,
    statements: HashMap<String, Arc<Statement>>,
    pub portals: HashMap<String, Portal>,
    pub status: TransactionStatus,
    time_limit: TimeLimit,
    pub zones: Zones,
    /// Messages are passed over until the next Sync.
    is_skipping: bool,
    /// It was told that it may ask, and has asked nothing since.
    is_between: bool,
    waiting: Waiting,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    pub fn new(wire: Wire<S>, desk: Desk, begun: Begun, waiting: Waiting) -> Session<S> {
        let (zones, time_limit) = (Zones::new(begun.zone.clone()), TimeLimit::new(begun.time_limit));
        Session {
            wire,
            desk,
            begun,
            statements: HashMap::new(),
            portals: HashMap::new(),
            status: TransactionStatus::Idle,
            time_limit,
            zones,
            is_skipping: false,
            is_between: true,
            waiting,
        }
    }

    /// Answers until the client has enough, or the program stops.
    pub async fn run(mut self) -> Result<(), Broken> {
        loop {
            let Some(message) = self.waiting.next(&mut self.wire, self.is_between).await? else { return Ok(()) };
            self.is_between = false;
            match message {
                In::Terminate(_) => return Ok(()),
                In::Query(query) => {
                    let told = self.query(&query.query).await;
                    if self.tell(told).await? {
                        return Ok(());
                    }
                    self.ready().await?;
                }
                In::Sync(_) => {
                    self.is_skipping = false;
                    if self.status == TransactionStatus::Idle {
                        // Without a transaction a portal lives as long as its message series.
                        self.portals.retain(|_, portal| portal.is_held);
                    }
                    self.ready().await?;
                }
                In::Flush(_) => self.wire.flush().await?,
                _ if self.is_skipping => {}
                message => {
                    let told = self.extended(message).await;
                    self.is_skipping = told.is_err();
                    if self.tell(told).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Tells the client of a fault; true when the session ends with it.
    async fn tell(&mut self, told: Result<(), Stop>) -> Result<bool, Broken> {
        let fault = match told {
            Ok(()) => return Ok(false),
            Err(Stop::Broken(broken)) => return Err(broken),
            Err(Stop::Fault(fault)) => fault,
        };
        if self.status == TransactionStatus::Transaction {
            self.status = TransactionStatus::Error;
        }
        self.wire.put(Out::ErrorResponse(fault.response()))?;
        if fault.is_fatal {
            self.wire.flush().await?;
        }
        Ok(fault.is_fatal)
    }

    async fn ready(&mut self) -> Result<(), Broken> {
        self.wire.put(Out::ReadyForQuery(ReadyForQuery::new(self.status)))?;
        self.is_between = true;
        self.wire.flush().await
    }

    /// The simple protocol: a text of one or more statements.
    async fn query(&mut self, text: &str) -> Result<(), Stop> {
        self.portals.remove("");
        let parts = split(text);
        if parts.is_empty() {
            return Ok(self.wire.put(Out::EmptyQueryResponse(EmptyQueryResponse::new()))?);
        }
        for part in parts {
            let before = part.as_ptr() as usize - text.as_ptr() as usize;
            self.statement(part).await.map_err(|stop| within(stop, &text[..before], part))?;
        }
        Ok(())
    }

    async fn statement(&mut self, sql: &str) -> Result<(), Stop> {
        let command = Command::of(sql);
        match &command {
            Command::Copy => return self.copy(sql, Vec::new()).await,
            Command::Cursor(act) => return self.act(act, Vec::new(), None).await,
            _ => {}
        }
        if let Some(source) = self.begin(sql, &command, Vec::new()).await? {
            let mut open = Open::new(source, &[], self.zones.now().clock)?;
            self.wire.put(open.description())?;
            let sent = open.send(&mut self.wire, 0).await?;
            self.complete(format!("{} {}", command.tag(), sent.rows))?;
        }
        Ok(())
    }

    /// All rows of a question as COPY writes them.
    async fn copy(&mut self, sql: &str, values: Vec<ParameterValue>) -> Result<(), Stop> {
        let copy: Copy = copy::read(sql)?;
        let begun = self.begin(&copy.sql, &Command::Question, values).await;
        let begun = begun.map_err(|stop| match (stop, copy.place) {
            (Stop::Fault(fault), Some(place)) => Stop::Fault(fault.within(&sql[..place], &copy.sql)),
            // Of a question that nobody wrote no place is told.
            (Stop::Fault(fault), None) => Stop::Fault(fault.without_place()),
            (broken, _) => broken,
        });
        if let Some(source) = begun? {
            let mut open = Open::new(source, &[], self.zones.now().clock)?;
            let rows = copy_out::send(&mut open, &copy, &mut self.wire).await?;
            self.complete(format!("COPY {rows}"))?;
        }
        Ok(())
    }

    /// Fails in a transaction that has.
    pub fn may_go_on(&self) -> Result<(), Fault> {
        match self.status {
            TransactionStatus::Error => Err(Fault::new("25P02", "the transaction has failed: end it with ROLLBACK")),
            _ => Ok(()),
        }
    }

    /// Begins a statement: rows, or `None` when all of it is done.
    pub async fn begin(
        &mut self,
        sql: &str,
        command: &Command,
        values: Vec<ParameterValue>,
    ) -> Result<Option<Source>, Stop> {
        if !matches!(command, Command::Commit | Command::Rollback | Command::RollbackTo) {
            self.may_go_on()?;
        }
        let done = match command {
            Command::Question => {
                let (time_limit, time_zone) = (self.time_limit.now(), self.zones.now().engine.clone());
                let ask = Ask { sql: sql.to_owned(), values, dialect: Dialect::Postgres, time_limit, time_zone };
                let answer = self.desk.ask(&self.begun.seat, ask, &self.begun.cancel);
                let rows = tokio::select! {
                    biased;
                    rows = answer => rows.map_err(Fault::from)?,
                    () = self.wire.gone() => return Err(Stop::Broken(Broken::Closed)),
                };
                return Ok(Some(Source::Engine(rows)));
            }
            Command::Show(name, value) => return Ok(Some(shown(name, value)?)),
            Command::ShowZone => return Ok(Some(shown(ZONE, &self.zones.now().name)?)),
            Command::ShowUnknown(name) => {
                return Err(Fault::new("42704", format!("there is no setting {name:?}")).into());
            }
            // They are begun where they are sent.
            Command::Copy | Command::Cursor(_) => return Ok(None),
            Command::Begin => {
                self.status = TransactionStatus::Transaction;
                self.zones.begin();
                self.time_limit.begin();
                "BEGIN"
            }
            Command::Commit if self.status == TransactionStatus::Error => self.end("ROLLBACK")?,
            Command::Commit => self.end("COMMIT")?,
            Command::Rollback => self.end("ROLLBACK")?,
            Command::RollbackTo if self.status == TransactionStatus::Idle => {
                return Err(Fault::new("25P01", "there is no transaction, and no savepoint").into());
            }
            Command::RollbackTo => {
                self.status = TransactionStatus::Transaction;
                "ROLLBACK"
            }
            Command::Nothing(tag) => tag,
            Command::TimeLimit { limit, is_local } => {
                if self.status == TransactionStatus::Transaction || !is_local {
                    self.time_limit.set(*limit, *is_local);
                }
                "SET"
            }
            Command::ResetTimeLimit => {
                self.time_limit.reset();
                "RESET"
            }
            Command::TimeZone(SetZone { value, is_local, tag }) => {
                let zone = value.as_deref().map(Zone::of).transpose()?;
                let in_transaction = self.status == TransactionStatus::Transaction;
                // Outside a transaction there is nothing that it could be local to.
                if in_transaction || !is_local {
                    self.zones.set(zone, *is_local);
                    self.tell_zone()?;
                }
                *tag
            }
            Command::Discard => {
                self.statements.clear();
                self.portals.clear();
                self.reset()?;
                "DISCARD ALL"
            }
            Command::Reset => {
                self.reset()?;
                "RESET"
            }
            Command::Forget(name) => {
                match name {
                    Some(name) => drop(self.statements.remove(name)),
                    None => self.statements.clear(),
                }
                "DEALLOCATE"
            }
        };
        self.complete(done.to_owned())?;
        Ok(None)
    }

    /// Every setting as the session began.
    fn reset(&mut self) -> Result<(), Broken> {
        self.time_limit.reset();
        self.zones.set(None, false);
        self.tell_zone()
    }

    fn end(&mut self, tag: &'static str) -> Result<&'static str, Broken> {
        self.status = TransactionStatus::Idle;
        self.portals.retain(|_, portal| portal.is_held && tag == "COMMIT");
        self.zones.end(tag == "COMMIT");
        self.time_limit.end(tag == "COMMIT");
        self.tell_zone()?;
        Ok(tag)
    }

    /// Tells the client of the zone, if it is another than it was told.
    fn tell_zone(&mut self) -> Result<(), Broken> {
        match self.zones.untold() {
            Some(name) => self.wire.put(Out::ParameterStatus(ParameterStatus::new(ZONE.to_owned(), name))),
            None => Ok(()),
        }
    }

    pub fn complete(&mut self, tag: String) -> Result<(), Broken> {
        self.wire.put(Out::CommandComplete(CommandComplete::new(tag)))
    }

    async fn extended(&mut self, message: In) -> Result<(), Stop> {
        match message {
            In::Parse(parse) => self.parse(parse),
            In::Bind(bind) => self.bind(bind),
            In::Describe(Describe { target_type: STATEMENT, name, .. }) => {
                self.describe_statement(&name.unwrap_or_default()).await
            }
            In::Describe(describe) => self.describe_portal(&describe.name.unwrap_or_default()).await,
            In::Execute(execute) => self.execute(execute).await,
            In::Close(close) => self.close(close),
            _ => Err(Fault::fatal("08P01", "a message that does not belong here").into()),
        }
    }

    pub fn kept(&self, more: usize) -> Result<(), Fault> {
        let statements = self.statements.values().map(|statement| statement.sql.len());
        let bytes: usize = statements.chain(self.portals.values().map(|portal| portal.bytes)).sum();
        match self.statements.len() + self.portals.len() < KEPT_MAX && bytes + more <= KEPT_BYTES_MAX {
            true => Ok(()),
            false => Err(Fault::new("53400", "the session keeps too many statements: close some")),
        }
    }

    fn parse(&mut self, parse: Parse) -> Result<(), Stop> {
        let name = parse.name.unwrap_or_default();
        if name.is_empty() {
            self.statements.remove("");
        } else if self.statements.contains_key(&name) {
            return Err(Fault::new("42P05", format!("there is a statement {name:?} already")).into());
        }
        self.kept(parse.query.len())?;
        let parts = split(&parse.query);
        if parts.len() > 1 {
            return Err(Fault::new("42601", "one statement at a time can be prepared").into());
        }
        let command = parts.first().map(|sql| Command::of(sql));
        let sql = parts.first().copied().unwrap_or_default().to_owned();
        self.statements.insert(name, Arc::new(Statement { sql, command, oids: parse.type_oids }));
        Ok(self.wire.put(Out::ParseComplete(ParseComplete::new()))?)
    }

    fn bind(&mut self, bind: Bind) -> Result<(), Stop> {
        let (name, of) = (bind.portal_name.unwrap_or_default(), bind.statement_name.unwrap_or_default());
        let statement = self.statements.get(&of).cloned().ok_or_else(|| no_statement(&of))?;
        self.portals.remove(&name);
        let bytes: usize = bind.parameters.iter().flatten().map(|value| value.len()).sum();
        self.kept(bytes)?;
        let values =
            parameters::bound(&statement.sql, &statement.oids, &bind.parameters, &bind.parameter_format_codes)?;
        let formats = bind.result_column_format_codes;
        let (is_cursor, is_held) = (false, false);
        self.portals
            .insert(name, Portal { statement, values, formats, bytes, open: None, is_done: false, is_cursor, is_held });
        Ok(self.wire.put(Out::BindComplete(BindComplete::new()))?)
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Stop> {
        let statement = self.statements.get(name).cloned().ok_or_else(|| no_statement(name))?;
        let described = match &statement.command {
            Some(Command::Question) => {
                let time_zone = self.zones.now().engine.clone();
                let sql = statement.sql.clone();
                let ask = Ask { sql, dialect: Dialect::Postgres, time_zone, ..Ask::default() };
                // A parameter whose type the client gives but the engine does not know is a text.
                let declared = statement.oids.iter().map(|oid| parameters::kind_of(*oid)).collect();
                let described = self.desk.describe(&self.begun.seat, ask, declared).await;
                Some(described.map_err(|refusal| Fault::from(refusal).within("", &statement.sql))?)
            }
            _ => None,
        };
        let inferred = described.as_ref().map(|described| described.parameters.as_slice()).unwrap_or_default();
        let count = statement.oids.len().max(inferred.len());
        let oid_of = |place: usize| match statement.oids.get(place) {
            Some(&oid) if oid != 0 => oid,
            _ => inferred.get(place).and_then(Option::as_ref).map_or(type_ids::TEXT, type_ids::of).oid,
        };
        self.wire.put(Out::ParameterDescription(ParameterDescription::new((0..count).map(oid_of).collect())))?;
        let row = match (&statement.command, described) {
            (_, Some(described)) => {
                let fields = described.schema.fields().iter().map(|field| type_ids::description(field, false));
                Out::RowDescription(RowDescription::new(fields.collect()))
            }
            (Some(Command::Show(name, value)), None) => Open::new(shown(name, value)?, &[], Clock::Utc)?.description(),
            (Some(Command::Cursor(Ok(Act::Fetch(fetch)))), None) => self.fetched(fetch, &[])?,
            (Some(Command::ShowZone), None) => Open::new(shown(ZONE, "")?, &[], Clock::Utc)?.description(),
            _ => Out::NoData(NoData::new()),
        };
        Ok(self.wire.put(row)?)
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), Stop> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        if let Some(Command::Cursor(Ok(Act::Fetch(fetch)))) = &portal.statement.command {
            let row = self.fetched(fetch, &portal.formats)?;
            self.portals.insert(name.to_owned(), portal);
            return Ok(self.wire.put(row)?);
        }
        let asks = matches!(portal.statement.command, Some(Command::Question | Command::Show(..) | Command::ShowZone));
        if asks && portal.open.is_none() && !portal.is_done {
            self.open(&mut portal).await?;
        }
        let row = portal.open.as_ref().map_or_else(|| Out::NoData(NoData::new()), Open::description);
        self.portals.insert(name.to_owned(), portal);
        Ok(self.wire.put(row)?)
    }

    /// Begins the question of a portal; its columns are known then.
    async fn open(&mut self, portal: &mut Portal) -> Result<(), Stop> {
        let Some(command) = &portal.statement.command else { return Ok(()) };
        let (sql, values) = (&portal.statement.sql, portal.values.clone());
        let source = self.begin(sql, command, values).await.map_err(|stop| within(stop, "", sql))?;
        let clock = self.zones.now().clock;
        portal.open = source.map(|source| Open::new(source, &portal.formats, clock)).transpose()?;
        portal.is_done = portal.open.is_none();
        Ok(())
    }

    async fn execute(&mut self, execute: Execute) -> Result<(), Stop> {
        let name = execute.name.unwrap_or_default();
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let Some(command) = portal.statement.command.clone() else {
            self.portals.insert(name, portal);
            return Ok(self.wire.put(Out::EmptyQueryResponse(EmptyQueryResponse::new()))?);
        };
        if command == Command::Copy && !portal.is_done {
            portal.is_done = true;
            let (statement, values) = (portal.statement.clone(), std::mem::take(&mut portal.values));
            self.portals.insert(name, portal);
            let copied = self.copy(&statement.sql, values).await;
            return copied.map_err(|stop| within(stop, "", &statement.sql));
        }
        if let Command::Cursor(act) = &command {
            let (values, formats) = (portal.values.clone(), portal.formats.clone());
            self.portals.insert(name, portal);
            return self.act(act, values, Some(&formats)).await;
        }
        if portal.open.is_none() && !portal.is_done {
            self.open(&mut portal).await?;
            if portal.is_done {
                self.portals.insert(name, portal);
                return Ok(());
            }
        }
        let rows_max = usize::try_from(execute.max_rows).unwrap_or(0);
        let sent = match &mut portal.open {
            Some(open) => open.send(&mut self.wire, rows_max).await?,
            None => crate::portal::Sent { rows: 0, is_whole: true },
        };
        if sent.is_whole {
            (portal.open, portal.is_done) = (None, true);
            self.complete(format!("{} {}", command.tag(), sent.rows))?;
        } else {
            self.wire.put(Out::PortalSuspended(PortalSuspended::new()))?;
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    fn close(&mut self, close: Close) -> Result<(), Stop> {
        let name = close.name.unwrap_or_default();
        match close.target_type {
            STATEMENT => drop(self.statements.remove(&name)),
            _ => drop(self.portals.remove(&name)),
        }
        Ok(self.wire.put(Out::CloseComplete(CloseComplete::new()))?)
    }
}
