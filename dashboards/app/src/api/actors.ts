// Names for those who changed something; whoever may not see the members sees ids.

import { useAnswer } from "./answer";
import { api, good } from "./client";
import { everything } from "./definitions";

interface Member {
  account_id: string;
  email: string;
  name?: string;
}

export function useActors(organisation: string): (actor: string) => string {
  const members = useAnswer(organisation, (signal) =>
    everything<Member>((query) => good(api.GET("/v1/organisations/{organisation}/members", { params: { path: { organisation }, query }, signal }))).catch(() => []));
  return (actor) => {
    const known = members.value?.find(({ account_id }) => account_id === actor);
    return known ? known.name || known.email : actor === "system" ? "the program itself" : actor.length > 20 ? `${actor.slice(0, 8)}…` : actor;
  };
}
