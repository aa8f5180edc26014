//! What one process of an installation does for all: mails and webhooks, schedules and alerts, what is planned for flags, tidying.
//!
//! Who does it is decided by a lock in the database. Each of them claims what it does besides, so that two leaders for a moment do
//! nothing twice.

use footfall_api_access::Access;
use footfall_api_boards::Boards;
use footfall_api_experiments::Experiments;
use tokio::sync::watch;

use crate::serve::stopped;

/// Works whenever this process leads, until the process stops.
pub async fn run(access: Access, experiments: Experiments, boards: Boards, stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        let lead = tokio::select! {
            lead = access.database().lead("chores") => lead,
            () = stopped(stopping.clone()) => return,
        };
        let (end, ended) = watch::channel(false);
        let over = async {
            tokio::select! {
                () = lead.lost() => {}
                () = stopped(stopping.clone()) => {}
            }
            end.send_replace(true);
        };
        let until = || stopped(ended.clone());
        tokio::join!(access.work(until()), experiments.work(until()), boards.run(until()), over);
    }
}
