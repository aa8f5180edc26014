// SDK keys and how each is served, set or not.

import type { components } from "../../../client/src/schema";

type Key = components["schemas"]["Key"];
export type Connection = components["schemas"]["SdkConnection"];
export interface Served {
  id: string;
  name: string;
  about: string;
  environment: string;
  encryption_key: string | null;
  is_remote: boolean;
  records_exposures: boolean;
}

/** What holds of a key that nothing was set for. */
const DEFAULT = { environment: "production", encryption_key: null, is_remote: false, records_exposures: false };

/** Client and write keys in force, the newest first; then those that are set and not listed to whoever asks. */
export function servedOf(keys: Key[], connections: Connection[]): Served[] {
  const set = new Map(connections.map((connection) => [connection.key_id, connection]));
  const own = keys.filter(({ kind, revoked_at }) => (kind === "client" || kind === "write") && !revoked_at);
  const shown = own.map(({ id, name, kind, hint }): Served => ({ ...DEFAULT, ...settings(set.get(id)), id, name, about: `${kind} key that ends with ${hint}` }));
  const known = new Set(keys.map(({ id }) => id));
  const others = connections.filter(({ key_id }) => !known.has(key_id)).map((connection): Served => ({ ...settings(connection), id: connection.key_id, name: connection.key_id, about: "a key that is not listed to you" }));
  return [...shown, ...others];
}

function settings(connection: Connection): Omit<Served, "id" | "name" | "about">;
function settings(connection?: Connection): Partial<Served>;
function settings(connection?: Connection): Partial<Served> {
  if (!connection) return {};
  const { environment, encryption_key, is_remote, records_exposures } = connection;
  return { environment, encryption_key, is_remote, records_exposures };
}
