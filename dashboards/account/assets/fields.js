// Fields that several pages have.

import { choices, field } from "./form.js?v=1";

const DAY = 86_400_000;

export const nameField = (more) => field({ name: "name", label: "Your name", autocomplete: "name", maxlength: "100", ...more });

export const newPassword = (more) => field({ name: "password", label: "New password", type: "password", autocomplete: "new-password",
  hint: "At least ten characters; a few words in a row are good.", ...more });

const LIVES = [["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["none", "No end"]];

/** How long a key or token is good. */
export const lifeField = (value = "90") => field({ name: "days", label: "Good for", options: LIVES, value });

/** The end of a life that begins now. */
export const endOf = (days) => (days === "none" ? null : new Date(Date.now() + Number(days) * DAY).toISOString());

const OVERLAPS = [["0", "At once"], ["3600", "An hour"], ["86400", "A day"], ["604800", "A week"], ["2592000", "30 days"]];

/** How long the old key of a rotation stays good. */
export const overlapField = () => field({ name: "overlap", label: "The old one ends after", options: OVERLAPS, value: "86400" });

/** The id of a project. */
export const projectField = (more) => field({ label: "Id", maxlength: "64", pattern: "[A-Za-z0-9_.\\-]+",
  wrong: "Use letters, digits, dots, dashes and underscores only.", ...more });

/** What no personal token may do (`Permission::is_dangerous`). */
const DANGEROUS = [
  "organisation.delete", "members.write", "roles.write", "projects.delete", "keys.write", "audit.export", "activity.export", "activity.delete", "persons.erase",
];
export const harmless = (held) => [...held].filter((permission) => !DANGEROUS.includes(permission));

/** Permissions out of those one holds: nobody gives more. */
export const scopesField = (held, more) => choices({ name: "scopes", label: "What it may do", options: [...held].sort(), ...more });

export const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
