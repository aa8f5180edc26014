//! The embedded files and their one version.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// A page: what an address shows.
pub(crate) struct Page(LazyLock<String>);

impl Page {
    pub(crate) fn text(&'static self) -> &'static str {
        &self.0
    }
}

/// A script, style or picture of the pages.
pub(crate) struct Asset {
    /// Its path below `/assets/`.
    pub path: &'static str,
    pub content_type: &'static str,
    source: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! assets {
    ($($content_type:ident $path:literal = $folder:literal / $name:literal;)*) => {
        const ASSETS: &[Asset] = &[$(Asset {
            path: $path,
            content_type: $content_type,
            source: include_str!(concat!("../../../dashboards/", $folder, "/assets/", $name)),
        }),*];
    };
}

assets! {
    SCRIPT "app.js" = "live" / "app.js";
    SCRIPT "ask.js" = "live" / "ask.js";
    SCRIPT "chart.js" = "live" / "chart.js";
    SCRIPT "dom.js" = "live" / "dom.js";
    SCRIPT "live.js" = "live" / "live.js";
    SCRIPT "sql.js" = "live" / "sql.js";
    STYLE "style.css" = "live" / "style.css";
    PICTURE "icon.svg" = "live" / "icon.svg";
    STYLE "account/account.css" = "account" / "account.css";
    SCRIPT "account/api.js" = "account" / "api.js";
    SCRIPT "account/app.js" = "account" / "app.js";
    SCRIPT "account/device.js" = "account" / "device.js";
    SCRIPT "account/dialog.js" = "account" / "dialog.js";
    SCRIPT "account/enrolment.js" = "account" / "enrolment.js";
    SCRIPT "account/entry.js" = "account" / "entry.js";
    SCRIPT "account/fields.js" = "account" / "fields.js";
    SCRIPT "account/form.js" = "account" / "form.js";
    SCRIPT "account/frame.js" = "account" / "frame.js";
    SCRIPT "account/key_draft.js" = "account" / "key_draft.js";
    SCRIPT "account/key_row.js" = "account" / "key_row.js";
    SCRIPT "account/mail.js" = "account" / "mail.js";
    SCRIPT "account/parts.js" = "account" / "parts.js";
    SCRIPT "account/passkey.js" = "account" / "passkey.js";
    SCRIPT "account/proof.js" = "account" / "proof.js";
    SCRIPT "account/role_editor.js" = "account" / "role_editor.js";
    SCRIPT "account/secret.js" = "account" / "secret.js";
    SCRIPT "account/session.js" = "account" / "session.js";
    SCRIPT "account/session_row.js" = "account" / "session_row.js";
    SCRIPT "account/step_up.js" = "account" / "step_up.js";
    SCRIPT "account/pages/alerts.js" = "account" / "pages/alerts.js";
    SCRIPT "account/pages/audit.js" = "account" / "pages/audit.js";
    SCRIPT "account/pages/change_email.js" = "account" / "pages/change_email.js";
    SCRIPT "account/pages/first_owner.js" = "account" / "pages/first_owner.js";
    SCRIPT "account/pages/invitation.js" = "account" / "pages/invitation.js";
    SCRIPT "account/pages/keys.js" = "account" / "pages/keys.js";
    SCRIPT "account/pages/members.js" = "account" / "pages/members.js";
    SCRIPT "account/pages/organisation.js" = "account" / "pages/organisation.js";
    SCRIPT "account/pages/organisations.js" = "account" / "pages/organisations.js";
    SCRIPT "account/pages/profile.js" = "account" / "pages/profile.js";
    SCRIPT "account/pages/projects.js" = "account" / "pages/projects.js";
    SCRIPT "account/pages/reset_password.js" = "account" / "pages/reset_password.js";
    SCRIPT "account/pages/roles.js" = "account" / "pages/roles.js";
    SCRIPT "account/pages/security.js" = "account" / "pages/security.js";
    SCRIPT "account/pages/sessions.js" = "account" / "pages/sessions.js";
    SCRIPT "account/pages/sign_in.js" = "account" / "pages/sign_in.js";
    SCRIPT "account/pages/sign_up.js" = "account" / "pages/sign_up.js";
    SCRIPT "account/pages/tokens.js" = "account" / "pages/tokens.js";
    SCRIPT "account/pages/webhooks.js" = "account" / "pages/webhooks.js";
}

const LIVE: &str = include_str!("../../../dashboards/live/index.html");
const ACCOUNT: &str = include_str!("../../../dashboards/account/index.html");

/// What arrives, live.
pub(crate) static LIVE_PAGE: Page = Page(LazyLock::new(|| versioned(LIVE)));
/// Signing in, the account, its organisations: the script shows what the address names.
pub(crate) static ACCOUNT_PAGE: Page = Page(LazyLock::new(|| versioned(ACCOUNT)));

/// One version for all files: the scripts import each other by it.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    [LIVE, ACCOUNT].hash(&mut hasher);
    ASSETS.iter().for_each(|asset| asset.source.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
});

/// `?v=1` in the files stands for the version, so that a browser may keep what it has for ever.
fn versioned(source: &str) -> String {
    source.replace("?v=1", &format!("?v={}", *VERSION))
}

/// The asset of `path` and its text.
pub(crate) fn asset(path: &str) -> Option<(&'static Asset, &'static str)> {
    static TEXTS: LazyLock<Vec<String>> =
        LazyLock::new(|| ASSETS.iter().map(|asset| versioned(asset.source)).collect());
    let at = ASSETS.iter().position(|asset| asset.path == path)?;
    Some((ASSETS.get(at)?, TEXTS.get(at)?))
}
