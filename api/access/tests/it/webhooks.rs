//! Webhooks: signed, sent once by many, retried with longer pauses, and never to where only this machine could reach.

use std::sync::{Arc, Mutex};

use footfall_api_access::{
    Access, AccessError, AccessSettings, Caller, MailRoute, NewWebhook, Vault, Webhook, WebhookSettings, sign_webhook,
    statement,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::*;

on_both!(
    a_webhook_arrives_signed,
    it_is_tried_again_and_given_up,
    it_is_sent_once_by_many,
    who_was_taken_for_lost_undoes_nothing,
    a_mail_server_that_answers_nobody_holds_up_no_webhook,
    a_receiver_that_is_gone_switches_it_off,
    a_secret_that_cannot_be_read_holds_up_no_other,
    redirects_are_not_followed,
    private_places_are_not_reached,
    webhooks_are_the_organisations_own,
);

/// A receiver as far as HTTP/1.1 needs one: keeps what it gets, answers with the status it was told.
#[derive(Clone)]
struct Receiver {
    got: Arc<Mutex<Vec<String>>>,
    status: Arc<Mutex<&'static str>>,
}

impl Receiver {
    async fn start() -> (Receiver, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook?of=ours", listener.local_addr().expect("an address"));
        let receiver = Receiver { got: Arc::default(), status: Arc::new(Mutex::new("204 No Content")) };
        let own = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(own.clone().take(stream));
            }
        });
        (receiver, url)
    }

    async fn take(self, mut stream: TcpStream) {
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    self.got.lock().expect("not poisoned").push(text);
                    break;
                }
            }
            match stream.read(&mut piece).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
                _ => return,
            }
        }
        let status = *self.status.lock().expect("not poisoned");
        let answer = format!("HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: 6\r\n\r\nsecret");
        drop(stream.write_all(answer.as_bytes()).await);
    }

    fn says(&self, status: &'static str) {
        *self.status.lock().expect("not poisoned") = status;
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().expect("not poisoned").clone()
    }
}

mod scenes {
    use super::*;
    use crate::stage::Stage;

    async fn with_private(stage: &Stage) -> Access {
        let settings = AccessSettings { webhooks: WebhookSettings { private_addresses: true }, ..settings(stage) };
        let vault = Vault::open(stage.folder.path()).expect("a vault");
        Access::open(stage.open().await, vault, settings, stage.clock.clone()).await.expect("opened")
    }

    /// A caller, its organisation, and a webhook there with its secret.
    async fn hooked(access: &Access, url: &str) -> (Caller, String, Webhook, String) {
        let (tokens, organisation) = owner(access).await;
        let caller = caller(access, &tokens).await;
        let new = NewWebhook { name: "Ours".into(), url: url.to_owned() };
        let (webhook, secret) = access.create_webhook(&caller, &organisation, &new, &origin()).await.expect("made");
        (caller, organisation, webhook, secret)
    }

    fn header<'a>(message: &'a str, name: &str) -> &'a str {
        let lines = message.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    pub async fn a_webhook_arrives_signed(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        let access = with_private(stage).await;
        let (caller, organisation, webhook, secret) = hooked(&access, &url).await;
        assert!(secret.starts_with("whsec_"));
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        assert_eq!(access.send_webhooks().await.expect("sent"), 1);
        let got = receiver.got();
        assert!(got[0].starts_with("POST /hook?of=ours HTTP/1.1\r\n"), "{}", got[0]);
        let body = got[0].split_once("\r\n\r\n").expect("a body").1;
        let told: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(
            (told["type"].as_str(), told["timestamp"].as_str()),
            (Some("test"), Some("2026-11-24T12:00:00.000Z"))
        );
        assert_eq!(header(&got[0], "webhook-timestamp"), "1795521600");
        let id = header(&got[0], "webhook-id");
        let expected = sign_webhook(&secret, id, 1_795_521_600, body);
        assert_eq!(Some(header(&got[0], "webhook-signature")), expected.as_deref());
        let deliveries = access.webhook_deliveries(&organisation, &webhook.id, 10).await.expect("listed");
        assert_eq!((deliveries[0].id.as_str(), deliveries[0].status, deliveries[0].tries), (id, Some(204), 1));
        assert_eq!(access.send_webhooks().await.expect("nothing to do"), 0);
        let kept = "SELECT COUNT(*) AS rows FROM webhooks WHERE sealed LIKE '%whsec_%'";
        assert_eq!(count(&access, kept).await, 0, "the secret lies sealed");

        let renewed =
            access.renew_webhook_secret(&caller, &organisation, &webhook.id, &origin()).await.expect("renewed");
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        access.send_webhooks().await.expect("sent");
        let last = receiver.got().pop().expect("a message");
        let body = last.split_once("\r\n\r\n").expect("a body").1;
        let expected = sign_webhook(&renewed, header(&last, "webhook-id"), 1_795_521_600, body);
        assert_eq!(Some(header(&last, "webhook-signature")), expected.as_deref());
    }

    pub async fn it_is_tried_again_and_given_up(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        receiver.says("503 Service Unavailable");
        let access = with_private(stage).await;
        let (caller, organisation, webhook, _) = hooked(&access, &url).await;
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        assert_eq!(access.send_webhooks().await.expect("refused"), 0);
        assert_eq!(access.send_webhooks().await.expect("not due"), 0);
        stage.pass(5_000);
        assert_eq!(access.send_webhooks().await.expect("refused"), 0);
        stage.pass(5_000);
        assert_eq!(access.send_webhooks().await.expect("not due"), 0, "the pause has grown");
        assert_eq!(receiver.got().len(), 2);
        receiver.says("200 OK");
        stage.pass(5 * 60_000);
        assert_eq!(access.send_webhooks().await.expect("sent"), 1);
        let ids: std::collections::BTreeSet<String> =
            receiver.got().iter().map(|message| header(message, "webhook-id").to_owned()).collect();
        assert_eq!(ids.len(), 1, "every try has the same id");

        receiver.says("500 Internal Server Error");
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        for _ in 0..15 {
            access.send_webhooks().await.expect("refused");
            stage.pass(24 * 3_600_000);
        }
        let deliveries = access.webhook_deliveries(&organisation, &webhook.id, 10).await.expect("listed");
        assert_eq!((deliveries[0].tries, deliveries[0].next_try_at, deliveries[0].status), (10, None, Some(500)));
        let failure = deliveries[0].failure.as_deref().expect("a reason");
        assert!(!failure.contains("secret"), "nothing of the answer's body: {failure}");
    }

    pub async fn it_is_sent_once_by_many(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        let (here, there) = (with_private(stage).await, with_private(stage).await);
        let (caller, organisation, webhook, _) = hooked(&here, &url).await;
        for _ in 0..5 {
            here.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        }
        let sent = at_once(4, |at| {
            let access = if at % 2 == 0 { here.clone() } else { there.clone() };
            async move { access.send_webhooks().await.expect("sent") }
        })
        .await;
        assert_eq!((sent.iter().sum::<usize>(), receiver.got().len()), (5, 5));
    }

    /// A process hangs in the middle of a delivery, another makes it, and the first one goes on and fails.
    pub async fn who_was_taken_for_lost_undoes_nothing(stage: &Stage) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (hangs, other) = (with_private(stage).await, with_private(stage).await);
        let (caller, organisation, webhook, _) = hooked(&hangs, &url).await;
        hangs.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        let sending = tokio::spawn({
            let hangs = hangs.clone();
            async move { hangs.send_webhooks().await }
        });
        let (held, _) = listener.accept().await.expect("it is about to send");
        stage.pass(61_000);
        let (receiver, _) = Receiver::start().await;
        let takes = async {
            let (stream, _) = listener.accept().await.expect("another sends it");
            receiver.clone().take(stream).await;
        };
        let (sent, ()) = tokio::join!(other.send_webhooks(), takes);
        assert_eq!(sent.expect("sent"), 1);
        drop(held);
        assert_eq!(sending.await.expect("no panic").expect("noted"), 0);
        let deliveries = other.webhook_deliveries(&organisation, &webhook.id, 10).await.expect("listed");
        assert_eq!((deliveries[0].status, deliveries[0].tries), (Some(204), 2), "it has arrived");
        assert_eq!(receiver.got().len(), 1);
    }

    pub async fn a_mail_server_that_answers_nobody_holds_up_no_webhook(stage: &Stage) {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("an address");
        let webhooks = WebhookSettings { private_addresses: true };
        let settings =
            AccessSettings { webhooks, mail_route: MailRoute::Smtp(format!("smtp://{address}")), ..settings(stage) };
        let vault = Vault::open(stage.folder.path()).expect("a vault");
        let opened = Access::open(stage.open().await, vault, settings, stage.clock.clone()).await;
        let access = opened.expect("opened");
        let (receiver, url) = Receiver::start().await;
        let (caller, organisation, webhook, _) = hooked(&access, &url).await;
        access.sign_up("ada@example.org", &origin()).await.expect("asked");
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        let work = tokio::spawn({
            let access = access.clone();
            async move { access.work(std::future::pending()).await }
        });
        let arrived = async {
            while receiver.got().is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), arrived).await.expect("it arrives");
        let failed = count(&access, "SELECT COUNT(*) AS rows FROM mails WHERE failure IS NOT NULL").await;
        assert_eq!(failed, 0, "the mail still waits for its server");
        work.abort();
    }

    pub async fn a_receiver_that_is_gone_switches_it_off(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        receiver.says("410 Gone");
        let access = with_private(stage).await;
        let (caller, organisation, webhook, _) = hooked(&access, &url).await;
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        access.send_webhooks().await.expect("refused");
        let now = access.webhook(&organisation, &webhook.id).await.expect("there");
        assert!(!now.is_enabled);
        let tested = access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await;
        assert!(matches!(tested, Err(AccessError::Conflict(_))));
        let stale = Webhook { is_enabled: true, ..webhook };
        let refused = access.change_webhook(&caller, &stale, &origin()).await;
        assert!(matches!(refused, Err(AccessError::Conflict(_))), "the version has moved on");
        let on = access.change_webhook(&caller, &Webhook { is_enabled: true, ..now }, &origin()).await.expect("on");
        assert!(on.is_enabled);
    }

    pub async fn a_secret_that_cannot_be_read_holds_up_no_other(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        let access = with_private(stage).await;
        let (caller, organisation, damaged, _) = hooked(&access, &url).await;
        let damage = statement("UPDATE webhooks SET sealed = 'v1.of.another'");
        access.database().execute(damage).await.expect("damaged");
        let new = NewWebhook { name: "Other".into(), url };
        let (other, _) = access.create_webhook(&caller, &organisation, &new, &origin()).await.expect("made");
        for webhook in [&damaged, &other] {
            access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        }
        assert_eq!(access.send_webhooks().await.expect("the other one"), 1);
        stage.pass(61_000);
        assert_eq!(access.send_webhooks().await.expect("nothing else"), 0);
        assert_eq!(receiver.got().len(), 1, "once");
        let kept = access.webhook_deliveries(&organisation, &damaged.id, 1).await.expect("listed");
        assert!(kept[0].failure.as_deref().expect("a reason").contains("cannot be read"), "{kept:?}");
        assert_eq!(kept[0].tries, 2, "with longer pauses");
    }

    pub async fn redirects_are_not_followed(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        receiver.says("307 Temporary Redirect");
        let access = with_private(stage).await;
        let (caller, organisation, webhook, _) = hooked(&access, &url).await;
        access.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        assert_eq!(access.send_webhooks().await.expect("refused"), 0);
        assert_eq!(receiver.got().len(), 1);
    }

    pub async fn private_places_are_not_reached(stage: &Stage) {
        let (receiver, url) = Receiver::start().await;
        let (open, strict) = (with_private(stage).await, process(stage).await);
        // Made while it was allowed; since then the rule has become stricter.
        let (caller, organisation, webhook, _) = hooked(&open, &url).await;
        open.test_webhook(&caller, &organisation, &webhook.id, &origin()).await.expect("queued");
        assert_eq!(strict.send_webhooks().await.expect("refused"), 0);
        // A name is public until it is looked up.
        let port = url.split(':').nth(2).and_then(|rest| rest.split('/').next()).expect("a port");
        let named = NewWebhook { name: "Named".into(), url: format!("https://localhost:{port}/") };
        let (named, _) = strict.create_webhook(&caller, &organisation, &named, &origin()).await.expect("made");
        strict.test_webhook(&caller, &organisation, &named.id, &origin()).await.expect("queued");
        assert_eq!(strict.send_webhooks().await.expect("refused"), 0);
        let deliveries = strict.webhook_deliveries(&organisation, &named.id, 10).await.expect("listed");
        assert_eq!(deliveries[0].failure.as_deref(), Some("the host leads into a private network"));
        assert!(receiver.got().is_empty());
        let made = strict.webhooks(&organisation).await.expect("listed").into_iter().find(|one| one.url == url);
        let off = Webhook { is_enabled: false, ..made.expect("it is there") };
        let off = strict.change_webhook(&caller, &off, &origin()).await.expect("its address stays as it is");
        let moved = Webhook { url: format!("{url}&more"), ..off };
        let refused = strict.change_webhook(&caller, &moved, &origin()).await;
        assert!(matches!(refused, Err(AccessError::Invalid { field: "url", .. })), "{refused:?}");
        for url in [url.as_str(), "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "ftp://x.org/"] {
            let new = NewWebhook { name: "Bad".into(), url: url.into() };
            let refused = strict.create_webhook(&caller, &organisation, &new, &origin()).await;
            assert!(matches!(refused, Err(AccessError::Invalid { field: "url", .. })), "{url}");
        }
    }

    pub async fn webhooks_are_the_organisations_own(stage: &Stage) {
        let access = with_private(stage).await;
        let (owner_of_one, one, webhook, _) = hooked(&access, "https://hooks.example.org/").await;
        let eve = sign_up(&access, stage, "eve@example.org").await;
        let eve_caller = caller(&access, &eve).await;
        let other = access.create_organisation(&eve_caller, &eve.account, "Eve & Co", &origin()).await.expect("made");
        let eve_caller = caller(&access, &eve).await;
        assert!(access.webhook(&other.id, &webhook.id).await.is_err());
        assert!(access.webhook_deliveries(&other.id, &webhook.id, 1).await.is_err());
        for organisation in [&one, &other.id] {
            assert!(access.delete_webhook(&eve_caller, organisation, &webhook.id, None, &origin()).await.is_err());
            assert!(access.test_webhook(&eve_caller, organisation, &webhook.id, &origin()).await.is_err());
            assert!(access.renew_webhook_secret(&eve_caller, organisation, &webhook.id, &origin()).await.is_err());
            let taken =
                Webhook { organisation: organisation.clone(), url: "https://eve.example/".into(), ..webhook.clone() };
            assert!(access.change_webhook(&eve_caller, &taken, &origin()).await.is_err());
        }
        assert_eq!(access.webhook(&one, &webhook.id).await.expect("as it was"), webhook);
        for at in 1..20 {
            let new = NewWebhook { name: format!("Number {at}"), url: "https://hooks.example.org/".into() };
            access.create_webhook(&owner_of_one, &one, &new, &origin()).await.expect("made");
        }
        let new = NewWebhook { name: "Too many".into(), url: "https://hooks.example.org/".into() };
        let full = access.create_webhook(&owner_of_one, &one, &new, &origin()).await;
        assert!(matches!(full, Err(AccessError::Conflict(_))));
        access.renew_webhook_secret(&owner_of_one, &one, &webhook.id, &origin()).await.expect("renewed");
        let read = Some(webhook.version);
        let stale = access.delete_webhook(&owner_of_one, &one, &webhook.id, read, &origin()).await;
        assert!(matches!(stale, Err(AccessError::Conflict(_))), "{stale:?}");
        access.delete_webhook(&owner_of_one, &one, &webhook.id, None, &origin()).await.expect("removed");
        let gone = access.delete_webhook(&owner_of_one, &one, &webhook.id, None, &origin()).await;
        assert!(matches!(gone, Err(AccessError::NotFound("webhook"))), "{gone:?}");
        access.create_webhook(&owner_of_one, &one, &new, &origin()).await.expect("room again");
    }
}
