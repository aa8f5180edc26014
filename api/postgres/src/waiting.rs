//! Between two questions: the next one, or the end of the program.

use std::time::Duration;

use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::wire::{Broken, Wire};

/// For what a session waits.
pub(crate) struct Waiting {
    /// Longest time in which it asks nothing.
    pub idle_timeout: Duration,
    /// Becomes true when the program stops.
    pub stopping: watch::Receiver<bool>,
}

/// Resolves when the program stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stop| *stop).await);
}

impl Waiting {
    /// The next message; `None` when the program stops between two questions, and the client has been told. One that has come by then
    /// is answered first.
    pub async fn next<S>(
        &mut self,
        wire: &mut Wire<S>,
        is_between: bool,
    ) -> Result<Option<PgWireFrontendMessage>, Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::select! {
            biased;
            message = tokio::time::timeout(self.idle_timeout, wire.message()) => {
                return message.map_err(|_| Broken::Slow)?.map(Some);
            }
            () = stopped(&mut self.stopping), if is_between => {}
        }
        // Clients know it, and connect again.
        let fault = Fault::fatal("57P01", "the server is about to stop: connect again");
        wire.put(PgWireBackendMessage::ErrorResponse(fault.response()))?;
        wire.flush().await?;
        Ok(None)
    }
}
