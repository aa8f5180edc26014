// The line above everything: the brand, the project, who is signed in.

import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { Project, Session } from "../api/session";
import { go, useAddress } from "./address";
import { Link } from "./link";
import { placeOf } from "./project";

export function Top({ session, project, place }: { session?: Session; project?: Project; place: string }) {
  const signOut = async () => {
    await api.POST("/v1/sign-out").catch(() => undefined);
    location.assign("/account/sign-in");
  };
  return (
    <header className="top">
      <Link className="brand" href={project ? placeOf(project.id, "insights") : "/app"} aria-label="Footfall">
        <Mark />
        <span>Footfall</span>
      </Link>
      {session && <Projects session={session} project={project} place={place} />}
      <div className="top-side">
        {project && <a className="quiet" href={`/account/organisations/${encodeURIComponent(project.organisation_id)}`}>Administration</a>}
        {session && <a className="quiet who" href="/account">{session.email}</a>}
        <MenuButton />
        {session && <button type="button" className="quiet" onClick={signOut}>Sign out</button>}
      </div>
    </header>
  );
}

function Projects({ session, project, place }: { session: Session; project?: Project; place: string }) {
  if (session.projects.length === 0) return null;
  const organisations = [...new Set(session.projects.map(({ organisation }) => organisation))];
  return (
    <select className="project" aria-label="Project" value={project?.id ?? ""} onChange={(event) => go(placeOf(event.target.value, place))}>
      {!project && <option value="">Choose a project</option>}
      {organisations.map((name) => (
        <optgroup key={name} label={name}>
          {session.projects.filter(({ organisation }) => organisation === name).map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </optgroup>
      ))}
    </select>
  );
}

/** On narrow windows the pages are behind it. */
function MenuButton() {
  const { path } = useAddress();
  const [isOpen, setOpen] = useState(false);
  // Whoever has chosen a page sees it, and no menu above it.
  useEffect(() => setOpen(false), [path]);
  useEffect(() => document.getElementById("places")?.setAttribute("data-open", String(isOpen)), [isOpen]);
  return <button type="button" className="quiet menu" aria-expanded={isOpen} aria-controls="places" onClick={() => setOpen(!isOpen)}>Menu</button>;
}

const Mark = () => (
  <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
    <rect width="32" height="32" rx="9" className="mark-ground" />
    <g className="mark-foot">
      <rect x="8.2" y="11.5" width="6" height="8.6" rx="3" transform="rotate(-8 11 16)" /><circle cx="12.6" cy="23.3" r="2.1" />
      <rect x="17.8" y="6" width="6" height="8.6" rx="3" transform="rotate(8 21 10)" /><circle cx="19.4" cy="17.8" r="2.1" />
    </g>
  </svg>
);
