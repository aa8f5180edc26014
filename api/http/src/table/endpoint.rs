//! Handlers whose types say what they take and give.

use std::future::Future;

use axum::handler::Handler;

use super::operation::{Answer, Describe, Operation};
use crate::problem::Problem;

/// An async function of described extractors that returns `Result<impl Answer, Problem>`.
pub trait Endpoint<M, S>: Handler<M, S> {
    fn describe(operation: &mut Operation<'_>);
}

impl<F, Fut, R, S> Endpoint<((),), S> for F
where
    F: Handler<((),), S> + FnOnce() -> Fut,
    Fut: Future<Output = Result<R, Problem>>,
    R: Answer,
{
    fn describe(operation: &mut Operation<'_>) {
        R::describe(operation);
    }
}

macro_rules! endpoint {
    ($($taken:ident),+) => {
        impl<F, Fut, R, M, S, $($taken),+> Endpoint<(M, $($taken,)+), S> for F
        where
            F: Handler<(M, $($taken,)+), S> + FnOnce($($taken),+) -> Fut,
            Fut: Future<Output = Result<R, Problem>>,
            R: Answer,
            $($taken: Describe,)+
        {
            fn describe(operation: &mut Operation<'_>) {
                $($taken::describe(operation);)+
                R::describe(operation);
            }
        }
    };
}

endpoint!(T1);
endpoint!(T1, T2);
endpoint!(T1, T2, T3);
endpoint!(T1, T2, T3, T4);
endpoint!(T1, T2, T3, T4, T5);
endpoint!(T1, T2, T3, T4, T5, T6);
endpoint!(T1, T2, T3, T4, T5, T6, T7);
