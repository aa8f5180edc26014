//! Who sends a call: a bearer token, or a user and a password at the handshake, of which the password is the token.

use std::net::IpAddr;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use footfall_api_sql::{Desk, Refusal, Seat};
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::connection::Peer;
use crate::status::status;

/// The header that names the project, where a key reads several.
const PROJECT: &str = "x-footfall-project";

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn text<'a>(metadata: &'a MetadataMap, name: &str) -> Option<&'a str> {
    metadata.get(name).and_then(|value| value.to_str().ok())
}

fn secret(metadata: &MetadataMap) -> Option<String> {
    let (scheme, value) = text(metadata, "authorization")?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    let pair = BASE64.decode(value.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = String::from_utf8(pair).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// Lets the sender of a call in; the secret is given back for the handshake.
pub(crate) async fn enter<T>(desk: &Desk, request: &Request<T>, plain: bool) -> Result<(Seat, String), Status> {
    let peer = request.extensions().get::<Peer>().cloned();
    let peer = peer.ok_or_else(|| Status::internal("the connection is not known"))?;
    if !peer.is_secure && !plain && !is_near(peer.address.ip()) {
        return Err(Status::failed_precondition(
            "a key comes over the network with TLS alone: connect with grpc+tls://",
        ));
    }
    let metadata = request.metadata();
    let secret = secret(metadata).ok_or_else(|| status(Refusal::Secret))?;
    let (project, agent) = (text(metadata, PROJECT), text(metadata, "user-agent"));
    let seat = desk.enter(&secret, project.unwrap_or_default(), peer.address.ip(), agent.unwrap_or_default()).await;
    let seat = seat.map_err(status)?;
    peer.know();
    Ok((seat, secret))
}

fn is_near(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
