//! Why a message has no answer.

use crate::fault::Fault;
use crate::wire::Broken;

/// A fault that the client is told, or a connection that is none any more.
pub(crate) enum Stop {
    Fault(Fault),
    Broken(Broken),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Stop {
        Stop::Broken(broken)
    }
}

/// With its place in `sql`, which the client wrote behind `before`.
pub(crate) fn within(stop: Stop, before: &str, sql: &str) -> Stop {
    match stop {
        Stop::Fault(fault) => Stop::Fault(fault.within(before, sql)),
        broken => broken,
    }
}

pub(crate) fn no_statement(name: &str) -> Fault {
    Fault::new("26000", format!("there is no statement {name:?}"))
}

pub(crate) fn no_portal(name: &str) -> Fault {
    Fault::new("34000", format!("there is no portal {name:?}"))
}
