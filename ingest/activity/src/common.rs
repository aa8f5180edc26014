//! The context that every dialect has in some spelling: the typed columns of the `activity` table.

use serde::{Deserialize, Serialize};

use crate::Text;

/// How many text columns there are.
pub const COMMON_TEXTS: usize = Common::<'static>::TEXT_COLUMNS.len();

macro_rules! common {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Context under one set of names. A dialect fills what it knows; the raw text stays beside it.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Common<'a> {
            $($(#[$doc])* #[serde(borrow, skip_serializing_if = "Option::is_none")] pub $field: Option<Text<'a>>,)+
            /// Money or value of the activity, in `currency`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub amount: Option<f64>,
            /// Degrees north, -90 to 90.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub latitude: Option<f64>,
            /// Degrees east, -180 to 180.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub longitude: Option<f64>,
        }

        impl<'a> Common<'a> {
            /// Names of the text columns, in table order.
            pub const TEXT_COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// Values of the text columns, in the order of [`Common::TEXT_COLUMNS`].
            pub fn texts(&self) -> [Option<&str>; COMMON_TEXTS] {
                [$(self.$field.as_ref().map(Text::as_str)),+]
            }

            /// The text column called `name`, to be filled.
            pub fn text_mut(&mut self, name: &str) -> Option<&mut Option<Text<'a>>> {
                match name {
                    $(stringify!($field) => Some(&mut self.$field),)+
                    _ => None,
                }
            }
        }
    };
}

common! {
    /// The client's own session id (not the 30-minute sessions of the `sessions` table).
    session_id,
    /// The device or installation.
    device_id,
    /// `Mobile`, `Desktop`, `Tablet` … as the client said.
    device_type,
    device_manufacturer,
    device_model,
    os,
    os_version,
    browser,
    browser_version,
    app_name,
    app_version,
    locale,
    timezone,
    /// ISO 3166-1 alpha-2 where the client sent it so, else its own word.
    country,
    region,
    city,
    ip,
    user_agent,
    page_url,
    page_path,
    page_title,
    referrer,
    referring_domain,
    screen,
    campaign_source,
    campaign_medium,
    campaign_name,
    campaign_term,
    campaign_content,
    library,
    library_version,
    /// ISO 4217 where the client sent it so.
    currency,
}
