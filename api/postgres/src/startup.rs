//! From a new connection to a session: TLS, the protocol's version, the password.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use footfall_api_sql::{Cancel, Desk, Seat};
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, Startup};
use pgwire::messages::{DecodeContext, Message, PgWireBackendMessage as Out, PgWireFrontendMessage, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cancel::{Entry, Sessions};
use crate::fault::Fault;
use crate::time_limit::span;
use crate::wire::{Broken, Wire, guarded};
use crate::zone::Zone;

const TLS_CODE: i32 = 80_877_103;
const GSS_CODE: i32 = 80_877_104;
const CANCEL_CODE: i32 = 80_877_102;
/// What else the version field may ask, at most this often.
const REQUESTS_MAX: usize = 3;

/// What the first messages of a connection want.
pub(crate) enum Wants {
    Tls,
    Session(Startup),
    Nothing,
}

/// Reads as far as the start of TLS or of a session. `may_tls`: there is a certificate, and TLS has not begun.
pub(crate) async fn first<S>(wire: &mut Wire<S>, may_tls: bool, sessions: &Sessions) -> Result<Wants, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..REQUESTS_MAX {
        let mut frame = wire.first().await?;
        let code = frame.get(4..8).map_or(0, |mut code| code.get_i32());
        match code {
            TLS_CODE if may_tls => {
                wire.output.extend_from_slice(b"S");
                wire.flush().await?;
                return Ok(Wants::Tls);
            }
            TLS_CODE | GSS_CODE => {
                wire.output.extend_from_slice(b"N");
                wire.flush().await?;
            }
            CANCEL_CODE => {
                if let Some(request) = guarded(|| CancelRequest::decode(&mut frame, &DecodeContext::default()))? {
                    sessions.cancel(request.pid, &request.secret_key);
                }
                return Ok(Wants::Nothing);
            }
            _ => {
                let startup = guarded(|| Startup::decode(&mut frame, &DecodeContext::default()))?;
                return Ok(startup.map_or(Wants::Nothing, Wants::Session));
            }
        }
    }
    Ok(Wants::Nothing)
}

/// A session that has begun.
pub(crate) struct Begun {
    pub seat: Seat,
    /// The zone that the client asked for.
    pub zone: Zone,
    /// … and its own limit of time for each question.
    pub time_limit: Option<Duration>,
    pub cancel: Cancel,
    /// Kept for as long as the session lasts.
    pub _entry: Entry,
    /// Likewise.
    pub _place: OwnedSemaphorePermit,
}

/// Asks for the password and lets the client in, or tells it why not. Nobody has one of the `places` before: strangers would keep them from
/// those who have a key.
pub(crate) async fn sign_in<S>(
    wire: &mut Wire<S>,
    startup: &Startup,
    desk: &Desk,
    sessions: &Arc<Sessions>,
    places: &Arc<Semaphore>,
    address: IpAddr,
    must_not: Option<Fault>,
) -> Result<Option<Begun>, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Some(fault) = must_not {
        return refuse(wire, &fault).await;
    }
    if startup.protocol_number_major != 3 {
        return refuse(wire, &Fault::fatal("0A000", "this door speaks protocol 3")).await;
    }
    let unknown: Vec<String> = startup.parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
    wire.version = match startup.protocol_number_minor {
        0 => ProtocolVersion::PROTOCOL3_0,
        _ => ProtocolVersion::PROTOCOL3_2,
    };
    if startup.protocol_number_minor > 2 || startup.protocol_number_minor == 1 || !unknown.is_empty() {
        let newest = wire.version.into();
        wire.put(Out::NegotiateProtocolVersion(NegotiateProtocolVersion::new(newest, unknown)))?;
    }
    wire.put(Out::Authentication(Authentication::CleartextPassword))?;
    wire.flush().await?;
    let password = match wire.message().await? {
        PgWireFrontendMessage::PasswordMessageFamily(password) => password.into_password()?.password,
        _ => return refuse(wire, &Fault::fatal("08P01", "a password was expected")).await,
    };
    let parameter = |name: &str| startup.parameters.get(name).map(String::as_str).unwrap_or_default();
    // A client that names no database means one that is called as its user.
    let (user, database) = (parameter("user"), parameter("database"));
    let project = if database == user && desk.knows(database).is_none() { "" } else { database };
    let zone = match zone_of(startup) {
        Ok(zone) => zone,
        Err(fault) => return refuse(wire, &fault.ending()).await,
    };
    let seat = match desk.enter(&password, project, address, parameter("application_name")).await {
        Ok(seat) => seat,
        Err(refusal) => return refuse(wire, &Fault::from(refusal).ending()).await,
    };
    let Ok(place) = places.clone().try_acquire_owned() else {
        return refuse(wire, &Fault::fatal("53300", "there are too many sessions")).await;
    };
    let cancel = Cancel::default();
    let is_long = wire.version == ProtocolVersion::PROTOCOL3_2;
    let Ok(entry) = sessions.enter(&cancel, is_long) else {
        return refuse(wire, &Fault::fatal("XX000", "there is no randomness")).await;
    };
    wire.put(Out::Authentication(Authentication::Ok))?;
    let told = [
        ("server_version", "16.6"),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", &*zone.name),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
        ("is_superuser", "off"),
        ("default_transaction_read_only", "on"),
        ("in_hot_standby", "off"),
        ("session_authorization", user),
        ("application_name", parameter("application_name")),
    ];
    for (name, value) in told {
        wire.put(Out::ParameterStatus(ParameterStatus::new(name.to_owned(), value.to_owned())))?;
    }
    wire.put(Out::BackendKeyData(BackendKeyData::new(entry.number, entry.secret.clone())))?;
    wire.put(Out::ReadyForQuery(ReadyForQuery::new(TransactionStatus::Idle)))?;
    wire.flush().await?;
    let time_limit = setting(startup, "statement_timeout").and_then(span);
    Ok(Some(Begun { seat, zone, time_limit, cancel, _entry: entry, _place: place }))
}

/// What the first message says of a setting, as a parameter (JDBC) or among `options` (`-c timezone=…` of libpq).
fn setting<'a>(startup: &'a Startup, setting: &str) -> Option<&'a str> {
    let named = startup.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(setting));
    let options = startup.parameters.get("options").map(String::as_str).unwrap_or_default();
    let mut assigned = options.split_whitespace().filter_map(|word| {
        let (name, value) = word.trim_start_matches("--").trim_start_matches("-c").split_once('=')?;
        name.eq_ignore_ascii_case(setting).then_some(value)
    });
    named.map(|(_, value)| value.as_str()).or(assigned.next_back())
}

fn zone_of(startup: &Startup) -> Result<Zone, Fault> {
    setting(startup, "timezone").map_or_else(|| Ok(Zone::default()), Zone::of)
}

async fn refuse<S, T>(wire: &mut Wire<S>, fault: &Fault) -> Result<Option<T>, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.put(Out::ErrorResponse(fault.response()))?;
    wire.flush().await?;
    Ok(None)
}
