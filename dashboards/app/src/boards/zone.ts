// The zone of whoever looks: their days are the days of what they make.

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
