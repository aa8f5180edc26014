// Compiles against the example's document, and would not if the types were looser than it: every @ts-expect-error has
// to be an error.

import { createClient, everything, idempotencyKey, isProblem, revisionOf } from "../src/index.js";
import type { components, paths } from "./notes.js";

type Note = components["schemas"]["Note"];

export async function notes(token: string): Promise<Note[]> {
  const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8080", token });

  const created = await client.POST("/v1/notes", {
    params: { header: { "Idempotency-Key": idempotencyKey() } },
    body: { title: "first", mood: "calm", tags: [] },
  });
  if (created.error) {
    const code: "rate_limited" | string = isProblem(created.error) ? created.error.code : "unknown";
    throw new Error(code);
  }
  const { id } = created.data;
  const path = { id };
  const header = { "If-Match": revisionOf(created.response) };
  await client.PATCH("/v1/notes/{id}", { params: { path, header }, body: { text: null } });

  // @ts-expect-error: a title is never null
  await client.PATCH("/v1/notes/{id}", { params: { path, header }, body: { title: null } });
  // @ts-expect-error: If-Match is needed
  await client.PATCH("/v1/notes/{id}", { params: { path }, body: {} });
  // @ts-expect-error: there is no such mood
  await client.POST("/v1/notes", { body: { title: "second", mood: "sad", tags: [] } });
  // @ts-expect-error: there is no such path
  await client.GET("/v1/nothing");
  // @ts-expect-error: there is no such parameter
  await client.GET("/v1/notes", { params: { query: { moood: "calm" } } });

  const all: Note[] = [];
  for await (const note of everything<Note>((cursor) => client.GET("/v1/notes", { params: { query: { limit: 200, cursor } } }))) {
    all.push(note);
  }
  return all;
}
