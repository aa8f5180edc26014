//! Mails: over a real SMTP conversation, retried with longer pauses, sent once, and not readable in the database.

use std::sync::{Arc, Mutex};

use footfall_api_access::{Access, AccessSettings, MailRoute, Vault, statement};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::house::*;

on_both!(
    a_mail_goes_out_over_smtp,
    a_mail_is_tried_again_and_given_up,
    a_mail_is_sent_once_by_many,
    who_was_taken_for_lost_sends_nothing_again,
    mails_lie_sealed,
    a_mail_that_cannot_be_read_holds_up_no_other,
);

/// A mail server as far as a client sees one (RFC 5321): keeps what it takes, and refuses as often as it is told.
#[derive(Clone, Default)]
struct Server {
    taken: Arc<Mutex<Vec<String>>>,
    refusals: Arc<Mutex<usize>>,
}

impl Server {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().converse(stream));
            }
        });
        url
    }

    async fn converse(self, stream: TcpStream) {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut say = async |text: &str| writer.write_all(format!("{text}\r\n").as_bytes()).await.is_ok();
        say("220 test").await;
        let (mut envelope, mut refused) = (String::new(), false);
        while let Ok(Some(line)) = lines.next_line().await {
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "RCPT" => {
                    let mut left = self.refusals.lock().expect("not poisoned");
                    refused = *left > 0;
                    *left = left.saturating_sub(1);
                }
                "DATA" => {
                    say("354 go on").await;
                    let mut text = std::mem::take(&mut envelope);
                    while let Ok(Some(line)) = lines.next_line().await {
                        if line == "." {
                            break;
                        }
                        text.push_str(&format!("{line}\n"));
                    }
                    self.taken.lock().expect("not poisoned").push(text);
                }
                _ => {}
            }
            envelope.push_str(&format!("{line}\n"));
            let answer = match verb.as_str() {
                "RCPT" if refused => "451 later",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            say(answer).await;
        }
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("not poisoned").clone()
    }
}

mod scenes {
    use super::*;
    use crate::stage::Stage;

    async fn with_route(stage: &Stage, route: MailRoute) -> Access {
        let settings = AccessSettings { mail_route: route, ..settings(stage) };
        let vault = Vault::open(stage.folder.path()).expect("a vault");
        Access::open(stage.open().await, vault, settings, stage.clock.clone()).await.expect("opened")
    }

    pub async fn a_mail_goes_out_over_smtp(stage: &Stage) {
        let server = Server::default();
        let access = with_route(stage, MailRoute::Smtp(server.start().await)).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        assert_eq!(access.send_mails().await.expect("sent"), 1);
        let taken = server.taken();
        for part in [
            "MAIL FROM:<footfall@localhost>",
            "RCPT TO:<ada@example.org>",
            "Subject: Confirm your address",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "Date: Tue, 24 Nov 2026 12:00:00 +0000",
        ] {
            assert!(taken[0].contains(part), "{part} is missing in\n{}", taken[0]);
        }
        assert_eq!(access.send_mails().await.expect("nothing to do"), 0);
    }

    /// A process hangs in the middle of a mail, another sends it, and the first one goes on and fails.
    pub async fn who_was_taken_for_lost_sends_nothing_again(stage: &Stage) {
        let (silent, server) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), Server::default());
        let address = silent.local_addr().expect("an address");
        let hangs = with_route(stage, MailRoute::Smtp(format!("smtp://{address}"))).await;
        let other = with_route(stage, MailRoute::Smtp(server.start().await)).await;
        hangs.sign_up("ada@example.org", &origin()).await.expect("asked");
        let sending = tokio::spawn({
            let hangs = hangs.clone();
            async move { hangs.send_mails().await }
        });
        let (held, _) = silent.accept().await.expect("it is about to send");
        stage.pass(6 * 60_000);
        assert_eq!(other.send_mails().await.expect("sent"), 1);
        drop(held);
        assert_eq!(sending.await.expect("no panic").expect("noted"), 0);
        stage.pass(24 * 3_600_000);
        assert_eq!(other.send_mails().await.expect("nothing to do"), 0);
        assert_eq!(server.taken().len(), 1);
    }

    pub async fn a_mail_is_tried_again_and_given_up(stage: &Stage) {
        let server = Server::default();
        *server.refusals.lock().expect("not poisoned") = 2;
        let access = with_route(stage, MailRoute::Smtp(server.start().await)).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        assert_eq!(access.send_mails().await.expect("refused"), 0);
        assert_eq!(access.send_mails().await.expect("not due"), 0);
        stage.pass(60_000);
        assert_eq!(access.send_mails().await.expect("refused again"), 0);
        stage.pass(60_000);
        assert_eq!(access.send_mails().await.expect("not due"), 0, "the pause has grown");
        stage.pass(60_000);
        assert_eq!(access.send_mails().await.expect("sent"), 1);

        *server.refusals.lock().expect("not poisoned") = 1_000;
        access.sign_up("bob@example.org", &origin()).await.expect("asked");
        for _ in 0..50 {
            assert_eq!(access.send_mails().await.expect("refused"), 0);
            stage.pass(60 * 60_000);
        }
        let given_up =
            "SELECT COUNT(*) AS rows FROM mails WHERE next_try_at IS NULL AND failure LIKE '%later%' AND tries = 11";
        assert_eq!(count(&access, given_up).await, 1);
        access.prune().await.expect("pruned");
        assert_eq!(count(&access, given_up).await, 1, "for a week it can be looked up");
        stage.pass(7 * 24 * 60 * 60_000);
        access.prune().await.expect("pruned");
        assert_eq!(count(&access, "SELECT COUNT(*) AS rows FROM mails").await, 0, "then nobody's address is kept");
    }

    pub async fn a_mail_that_cannot_be_read_holds_up_no_other(stage: &Stage) {
        let server = Server::default();
        let access = with_route(stage, MailRoute::Smtp(server.start().await)).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        let damage = "UPDATE mails SET sealed = 'v1.of.another'";
        access.database().execute(statement(damage)).await.expect("damaged");
        stage.pass(1);
        access.sign_up("bob@example.org", &origin()).await.expect("asked");
        assert_eq!(access.send_mails().await.expect("the other one"), 1);
        assert!(server.taken()[0].contains("RCPT TO:<bob@example.org>"));
        for _ in 0..50 {
            stage.pass(60 * 60_000);
            assert_eq!(access.send_mails().await.expect("no reason to stop"), 0);
        }
        let given_up = "SELECT COUNT(*) AS rows FROM mails WHERE next_try_at IS NULL AND tries = 11";
        assert_eq!(count(&access, given_up).await, 1);
    }

    pub async fn a_mail_is_sent_once_by_many(stage: &Stage) {
        let server = Server::default();
        let url = server.start().await;
        let (here, there) =
            (with_route(stage, MailRoute::Smtp(url.clone())).await, with_route(stage, MailRoute::Smtp(url)).await);
        for at in 0..5 {
            here.sign_up(&format!("a{at}@example.org"), &origin()).await.expect("asked");
        }
        let sent = at_once(4, |at| {
            let access = if at % 2 == 0 { here.clone() } else { there.clone() };
            async move { access.send_mails().await.expect("sent") }
        })
        .await;
        assert_eq!((sent.iter().sum::<usize>(), server.taken().len()), (5, 5));
    }

    pub async fn mails_lie_sealed(stage: &Stage) {
        let access = process(stage).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        let read = async || {
            let row = access.database().read_one(statement("SELECT sealed FROM mails")).await.expect("read");
            row.expect("a row").get::<String>("sealed").expect("text")
        };
        let sealed = read().await;
        assert!(sealed.starts_with("v1.") && !sealed.contains("footfall.example"), "{sealed}");
        assert_eq!(access.send_mails().await.expect("sent"), 1);
        assert_eq!(read().await, "", "what was sent is not kept");
    }
}
