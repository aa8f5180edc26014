//! An answer over Flight SQL: the ticket, then the stream, whose pieces are counted and thrown away before Arrow is read.

use std::net::SocketAddr;

use arrow_flight::FlightDescriptor;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt};
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic::{Request, Status};

use super::Received;
use crate::error::BenchError;

fn refused(error: &Status) -> BenchError {
    BenchError::Answer { path: "Flight SQL".to_owned(), status: error.code() as u16, body: error.message().to_owned() }
}

/// Asks and counts what comes.
pub async fn receive(address: SocketAddr, key: &str, sql: &str) -> Result<Received, BenchError> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| BenchError::Shape("an address"))?;
    let endpoint = endpoint.initial_stream_window_size(16 << 20).initial_connection_window_size(16 << 20);
    let channel = endpoint.connect().await.map_err(|error| BenchError::Io(std::io::Error::other(error)))?;
    let mut client = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let bearer: MetadataValue<_> = format!("Bearer {key}").parse().map_err(|_| BenchError::Shape("a key"))?;
    let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    let mut request = Request::new(FlightDescriptor::new_cmd(command.as_any().encode_to_vec()));
    request.metadata_mut().insert("authorization", bearer.clone());
    let info = client.get_flight_info(request).await.map_err(|error| refused(&error))?.into_inner();
    let ticket = info.endpoint.into_iter().find_map(|endpoint| endpoint.ticket).ok_or(BenchError::Shape("a ticket"))?;
    let mut request = Request::new(ticket);
    request.metadata_mut().insert("authorization", bearer);
    let mut stream = client.do_get(request).await.map_err(|error| refused(&error))?.into_inner();
    let mut received = Received::default();
    while let Some(data) = stream.message().await.map_err(|error| refused(&error))? {
        received.bytes += (data.data_header.len() + data.data_body.len()) as u64;
        received.messages += 1;
    }
    Ok(received)
}
