//! Who may do what: accounts, sessions, second factors, roles, keys, the audit, and the database below them.
//!
//! [`Access`] is the whole layer: open it on a [`Database`] and a [`Vault`], call [`Access::authenticate`] with what a request
//! carries, [`Access::authorise`] with what its route needs, then the act itself. [`decide`] is the one policy behind all doors.
//! `docs/security/access.md` tells what is kept where and why.

mod access;
mod account;
mod audit;
mod changes;
mod database;
mod error;
mod factor;
mod key;
mod mail;
mod migrations;
mod news;
mod organisation;
mod password;
mod policy;
mod secret;
mod session;
mod vault;
mod watch;
mod webhook;

pub use access::{Access, AccessSettings};
pub use account::{Account, Email, NewAccount, SignIn};
pub use audit::{Act, Actor, AuditFault, AuditRecord, AuditReport, AuditWalk, AuditWanted, Origin, Outcome};
pub use database::{
    Cell, Database, DatabaseError, Lead, Migration, Row, Statement, TableSum, Transaction, Value, statement,
};
pub use error::{AccessError, AccessErrorKind, Answer};
pub use factor::{Factor, FactorKind, FactorProof, PasskeyRegistration, PasskeyResponse, TotpEnrolment};
pub use key::{Key, KeyKind, KeyRing, NewKey};
pub use mail::{Letter, Mail, MailError, MailFile, MailRoute};
pub use migrations::MIGRATIONS;
pub use organisation::{Member, OpenInvitation, Organisation, Place, Project, Role};
pub use password::{PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN, PasswordCost, Passwords, check_password};
pub use policy::{
    BuiltInRole, Decision, Denial, Grant, Masks, Permission, PermissionSet, RECENT_MILLIS, ROW_COLUMNS, RoleContent,
    RowFilter, RowFilterError, RowValue, Scope, SessionFacts, Subject, UnknownPermission, View, Who, decide,
};
pub use secret::NoRandomness;
pub use session::{Caller, Claims, REFRESH_PREFIX, Session, TokenFault, Tokens};
pub use vault::{Vault, VaultError};
pub use watch::{Alert, Finding, FindingKind, Thresholds, detect};
pub use webhook::{Delivery, NewWebhook, Webhook, WebhookSettings, sign_webhook};
