//! Placeholders of paths.

use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! places {
    ($($(#[$about:meta])* $name:ident { $($place:ident),+ })+) => {$(
        $(#[$about])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(#[schemars(length(min = 1, max = 64))] pub $place: String,)+
        }
    )+};
}

places! {
    InOrganisation { organisation }
    InProject { project }
    InvitationPlace { organisation, invitation }
    MemberPlace { organisation, account }
    MemberSessionPlace { organisation, account, session }
    RolePlace { organisation, role }
    OrganisationKeyPlace { organisation, key }
    ProjectKeyPlace { project, key }
    AlertPlace { organisation, alert }
    WebhookPlace { organisation, webhook }
    SessionPlace { session }
    TokenPlace { token }
}
