// Compiles against the product's own document: signing in, the second factor, a list, a change.

import { createClient, everything, isProblem, revisionOf } from "../src/index.js";
import type { components, paths } from "../src/schema.js";

type Member = components["schemas"]["Member"];

export async function members(email: string, password: string, code: string): Promise<Member[]> {
  const stranger = createClient<paths>({ baseUrl: "http://127.0.0.1:8080" });
  const begun = await stranger.POST("/v1/sign-in", { body: { email, password } });
  if (begun.error) throw new Error(isProblem(begun.error) ? begun.error.code : "unknown");
  let token: string | null | undefined;
  if (begun.data.status === "factor_needed") {
    const { challenge } = begun.data;
    const done = await stranger.POST("/v1/sign-in/factor", { body: { challenge, proof: { totp: code } } });
    token = done.data?.access_token;
  } else {
    token = begun.data.session.access_token;
  }
  const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8080", token: token ?? undefined });

  const mine = await client.GET("/v1/organisations");
  const organisation = mine.data?.items[0]?.id ?? "";
  const path = { organisation };
  const read = await client.GET("/v1/organisations/{organisation}", { params: { path } });
  const header = { "If-Match": revisionOf(read.response) };
  await client.PATCH("/v1/organisations/{organisation}", { params: { path, header }, body: { factor_required: true } });

  // @ts-expect-error: there is no such permission
  await client.POST("/v1/account/tokens", { body: { name: "x", scopes: ["members.everything"] } });
  // @ts-expect-error: a proof is one of the factors
  await client.POST("/v1/sign-in/factor", { body: { challenge: "x", proof: { password: "y" } } });

  const all: Member[] = [];
  for await (const member of everything<Member>((cursor) =>
    client.GET("/v1/organisations/{organisation}/members", { params: { path, query: { cursor } } }),
  )) {
    all.push(member);
  }
  return all;
}
