//! The commands of Flight SQL.

use std::pin::Pin;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::SqlInfoData;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, Ticket,
};
use footfall_api_sql::{Ask, Cancel, Desk, Seat};
use footfall_pipelines_store::query::{ParameterValue, plain_schema};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use crate::answers::{encoded, failed, foreign, nothing, number_and_statement, one, plain_rows, schema_bytes};
use crate::catalogue;
use crate::credentials::enter;
use crate::info::{info, types};
use crate::keys;
use crate::parameters::{uncompressed, values};
use crate::prepared::{Prepared, Statements};
use crate::running::Running;
use crate::status::{only_reads, status};

pub(crate) type Answered<T> = Result<Response<T>, Status>;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

/// Behind the door.
pub(crate) struct Service {
    desk: Desk,
    plain: bool,
    statements: Statements,
    running: Arc<Running>,
}

/// Bytes before the statement in a ticket: which question it is, by chance.
pub(crate) const NUMBER_BYTES: usize = 16;
const CANCEL: &str = "CancelFlightInfo";
/// The same word in the older action, whose names the library does not give out.
const CANCELLED: i32 = CancelStatus::Cancelled as i32;

impl Service {
    pub fn new(desk: Desk, plain: bool) -> Service {
        Service { desk, plain, statements: Statements::default(), running: Arc::default() }
    }

    async fn seat<T>(&self, request: &Request<T>) -> Result<Seat, Status> {
        Ok(enter(&self.desk, request, self.plain).await?.0)
    }

    /// Where the rows of `command` are to be had: here.
    fn info(
        &self,
        command: impl ProstMessageExt,
        schema: Option<&Schema>,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        let ticket = Ticket::new(command.as_any().encode_to_vec());
        let mut info = FlightInfo::new().with_endpoint(FlightEndpoint::new().with_ticket(ticket));
        if let Some(schema) = schema {
            info = info.try_with_schema(schema).map_err(failed)?;
        }
        Ok(Response::new(info.with_descriptor(request.into_inner())))
    }

    /// The rows of a question that `handle` ends.
    async fn rows(&self, seat: &Seat, handle: &[u8], sql: String, values: Vec<ParameterValue>) -> Answered<DoGet> {
        let (ask, cancel) = (Ask { sql, values, ..Ask::default() }, Cancel::default());
        let asked = self.desk.ask(seat, ask, &cancel);
        let entry = self.running.enter(&seat.project, handle, &cancel);
        let rows = asked.await.map_err(status)?;
        let schema = plain_schema(rows.schema());
        Ok(Response::new(encoded(schema.clone(), plain_rows(rows, schema, entry).boxed())))
    }

    /// Ends what was asked with the tickets of `info`.
    async fn cancel<T>(&self, info: FlightInfo, request: &Request<T>) -> Result<(), Status> {
        let seat = self.seat(request).await?;
        let mut found = false;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            let any = Any::decode(&*ticket.ticket).map_err(|_| foreign())?;
            let handle = match Command::try_from(any).map_err(|_| foreign())? {
                Command::TicketStatementQuery(ticket) => number_and_statement(&ticket)?.0.to_vec(),
                Command::CommandPreparedStatementQuery(query) => query.prepared_statement_handle.to_vec(),
                // What is said of the catalogue is said at once.
                _ => continue,
            };
            found |= self.running.cancel(&seat.project, &handle);
        }
        match found {
            true => Ok(()),
            false => Err(Status::not_found("no such question is under way")),
        }
    }

    fn prepared(&self, handle: &[u8], seat: &Seat) -> Result<Prepared, Status> {
        let statement = self.statements.get(handle, &seat.project);
        statement.ok_or_else(|| Status::not_found("there is no such prepared statement: prepare it again"))
    }
}

pub(crate) type DoGet = <Service as FlightService>::DoGetStream;
type DoAction = <Service as FlightService>::DoActionStream;

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Service;

    async fn do_handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Answered<Handshakes> {
        let (_, secret) = enter(&self.desk, &request, self.plain).await?;
        let bearer = format!("Bearer {secret}").parse().map_err(failed)?;
        let answer = HandshakeResponse { protocol_version: 0, payload: secret.into() };
        let mut response: Response<Handshakes> = Response::new(stream::iter([Ok(answer)]).boxed());
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        let seat = self.seat(&request).await?;
        let ask = Ask { sql: query.query.clone(), ..Ask::default() };
        let described = self.desk.describe(&seat, ask, Vec::new()).await.map_err(status)?;
        let mut handle = vec![0; NUMBER_BYTES];
        getrandom::fill(&mut handle).map_err(failed)?;
        handle.extend_from_slice(query.query.as_bytes());
        let ticket = TicketStatementQuery { statement_handle: handle.into() };
        self.info(ticket, Some(&plain_schema(&described.schema)), request)
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Answered<DoGet> {
        let seat = self.seat(&request).await?;
        let (number, sql) = number_and_statement(&ticket)?;
        self.rows(&seat, number, sql.to_owned(), Vec::new()).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let seat = self.seat(&request).await?;
        let ask = Ask { sql: query.query.clone(), ..Ask::default() };
        let described = self.desk.describe(&seat, ask, Vec::new()).await.map_err(status)?;
        let parameters = described.parameters.iter().enumerate().map(|(place, data_type)| {
            Field::new(format!("${}", place + 1), data_type.clone().unwrap_or(DataType::Utf8), true)
        });
        let parameters = plain_schema(&Schema::new(parameters.collect::<Vec<_>>()));
        let handle = self.statements.keep(seat.project.clone(), query.query).map_err(failed)?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.into(),
            dataset_schema: schema_bytes(&plain_schema(&described.schema))?.into(),
            parameter_schema: schema_bytes(&parameters)?.into(),
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let seat = self.seat(&request).await?;
        self.statements.close(&query.prepared_statement_handle, &seat.project);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let seat = self.seat(&request).await?;
        let handle = query.prepared_statement_handle;
        self.prepared(&handle, &seat)?;
        let messages = request.into_inner().map_err(FlightError::from);
        let messages = messages.and_then(|message| std::future::ready(uncompressed(message)));
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let wrong = |error: FlightError| Status::invalid_argument(format!("the values cannot be read: {error}"));
        let (mut bound, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = batches.try_next().await.map_err(wrong)? {
            if batch.num_rows() > 0 {
                if !bound.is_empty() {
                    return Err(Status::unimplemented("one row of values can be bound at a time"));
                }
                bytes = batch.get_array_memory_size();
                bound = values(&batch)?;
            }
        }
        if !self.statements.bind(&handle, &seat.project, bound, bytes) {
            return Err(Status::not_found("there is no such prepared statement: prepare it again"));
        }
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        let seat = self.seat(&request).await?;
        self.prepared(&query.prepared_statement_handle, &seat)?;
        // The rows say their columns: values may give them other types than the statement alone.
        self.info(query, None, request)
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Answered<DoGet> {
        let seat = self.seat(&request).await?;
        let statement = self.prepared(&query.prepared_statement_handle, &seat)?;
        self.rows(&seat, &query.prepared_statement_handle, statement.sql, statement.values).await
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        let schema = query.into_builder().schema();
        self.info(query, Some(&schema), request)
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, request: Request<Ticket>) -> Answered<DoGet> {
        let seat = self.seat(&request).await?;
        let mut catalogs = query.into_builder();
        catalogs.append(seat.project.to_string());
        one(catalogs.schema(), catalogs.build())
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        let schema = query.clone().into_builder().schema();
        self.info(query, Some(&schema), request)
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, request: Request<Ticket>) -> Answered<DoGet> {
        let seat = self.seat(&request).await?;
        let mut schemas = query.into_builder();
        schemas.append(&seat.project, catalogue::SCHEMA);
        one(schemas.schema(), schemas.build())
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        let schema = query.clone().into_builder().schema();
        self.info(query, Some(&schema), request)
    }

    async fn do_get_tables(&self, query: CommandGetTables, request: Request<Ticket>) -> Answered<DoGet> {
        let seat = self.seat(&request).await?;
        let includes_schema = query.include_schema;
        let mut tables = query.into_builder();
        for name in catalogue::names(&self.desk, &seat).await? {
            let columns = match includes_schema {
                true => catalogue::columns(&self.desk, &seat, &name).await?,
                false => Arc::new(Schema::empty()),
            };
            let row = tables.append(&seat.project, catalogue::SCHEMA, &name, catalogue::TABLE, &columns);
            row.map_err(failed)?;
        }
        one(tables.schema(), tables.build())
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        let schema = query.into_builder().schema();
        self.info(query, Some(&schema), request)
    }

    async fn do_get_table_types(&self, query: CommandGetTableTypes, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        let mut types = query.into_builder();
        types.append(catalogue::TABLE);
        one(types.schema(), types.build())
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        let about: SqlInfoData = info().map_err(failed)?;
        self.info(query, Some(&about.schema()), request)
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        let about: SqlInfoData = info().map_err(failed)?;
        one(about.schema(), query.into_builder(&about).build())
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        self.info(query, Some(&keys::primary()), request)
    }

    async fn do_get_primary_keys(&self, _: CommandGetPrimaryKeys, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        nothing(keys::primary())
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        self.info(query, Some(&keys::foreign()), request)
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        nothing(keys::foreign())
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        self.info(query, Some(&keys::foreign()), request)
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        nothing(keys::foreign())
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        self.info(query, Some(&keys::foreign()), request)
    }

    async fn do_get_cross_reference(&self, _: CommandGetCrossReference, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        nothing(keys::foreign())
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Answered<FlightInfo> {
        self.seat(&request).await?;
        let types = types().map_err(failed)?;
        self.info(query, Some(&types.schema()), request)
    }

    async fn do_get_xdbc_type_info(&self, query: CommandGetXdbcTypeInfo, request: Request<Ticket>) -> Answered<DoGet> {
        self.seat(&request).await?;
        let types = types().map_err(failed)?;
        one(types.schema(), query.into_builder(&types).build())
    }

    async fn do_put_statement_update(
        &self,
        _: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.seat(&request).await?;
        Err(only_reads())
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.seat(&request).await?;
        Err(only_reads())
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.seat(&request).await?;
        Err(only_reads())
    }

    async fn do_action_cancel_query(
        &self,
        query: ActionCancelQueryRequest,
        request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let info = FlightInfo::decode(query.info).map_err(|_| foreign())?;
        self.cancel(info, &request).await?;
        Ok(ActionCancelQueryResult { result: CANCELLED })
    }

    async fn do_action_fallback(&self, request: Request<Action>) -> Answered<DoAction> {
        let kind = &request.get_ref().r#type;
        if kind != CANCEL {
            let known = kind.chars().take(64).collect::<String>();
            return Err(Status::unimplemented(format!("there is no action {known:?}")));
        }
        let asked = CancelFlightInfoRequest::decode(request.get_ref().body.clone()).map_err(|_| foreign())?;
        self.cancel(asked.info.unwrap_or_default(), &request).await?;
        let body = CancelFlightInfoResult::new(CancelStatus::Cancelled).encode_to_vec().into();
        Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body })]).boxed()))
    }

    async fn list_custom_actions(&self) -> Option<Vec<Result<ActionType, Status>>> {
        let description = "Ends a question: CancelFlightInfoRequest to CancelFlightInfoResult.".to_owned();
        Some(vec![Ok(ActionType { r#type: CANCEL.to_owned(), description })])
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}
