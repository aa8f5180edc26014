// The frame: who is signed in, the project, its pages, and the page of the address.

import { Suspense, useEffect, useRef, type RefObject } from "react";
import { useAnswer } from "../api/answer";
import { session, type Project, type Session } from "../api/session";
import { Failure, Loading, Nothing } from "../parts/states";
import { partsOf, useAddress } from "./address";
import { Boundary } from "./boundary";
import { Link } from "./link";
import { PLACES, type Place } from "./places";
import { ProjectContext, placeOf } from "./project";
import { Top } from "./top";

export function App() {
  const signedIn = useAnswer("session", session);
  const { path } = useAddress();
  const [wanted, at, ...rest] = partsOf(path);
  const projects = signedIn.value?.projects ?? [];
  const project = wanted === undefined ? projects[0] : projects.find(({ id }) => id === wanted);
  const places = project ? PLACES.filter(({ needs }) => !needs || project.permissions.has(needs)) : [];
  const place = at === undefined ? places[0] : places.find(({ path }) => path === at);
  return (
    <>
      <a className="skip" href="#main">Skip to the content</a>
      <Top session={signedIn.value} project={project} place={place?.path ?? "insights"} />
      <div className="frame">
        <Places places={places} project={project} current={place} />
        <main id="main" tabIndex={-1}>
          {signedIn.fault ? <Failure fault={signedIn.fault} again={signedIn.again} /> : !signedIn.value ? <Loading what="your projects" />
            : <Shown session={signedIn.value} project={project} place={place} first={places[0]} rest={rest} />}
        </main>
      </div>
    </>
  );
}

function Places({ places, project, current }: { places: Place[]; project?: Project; current?: Place }) {
  return (
    <nav className="places" id="places" aria-label="Pages">
      <ul>
        {project && places.map((place) => (
          <li key={place.path}>
            <Link href={placeOf(project.id, place.path)} aria-current={place === current ? "page" : undefined}>{place.name}</Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** `first`: of the pages that this person may see. */
function Shown({ session, project, place, first, rest }: { session: Session; project?: Project; place?: Place; first?: Place; rest: string[] }) {
  const moved = useRef(false);
  const address = `${project?.id}/${place?.path}/${rest.join("/")}`;
  if (session.projects.length === 0) {
    return <Nothing title="There is no project for you yet">Somebody who owns an organisation can invite you, or <a href="/account/organisations">make one</a>.</Nothing>;
  }
  if (!project) return <Nothing title="There is no such project">It may have another name now, or is not yours to see. <Link href="/app">Go to your first project</Link>.</Nothing>;
  if (!place) return <Nothing title="There is no such page">The link may be cut off, or your role does not show this page. {first ? <Link href={placeOf(project.id, first.path)}>Go to {first.name}</Link> : "Ask whoever invited you for another role"}.</Nothing>;
  const Page = place.page;
  return (
    <ProjectContext value={project}>
      <Boundary key={address}>
        <Suspense fallback={<Loading what={place.name.toLowerCase()} />}><Page rest={rest} /><Arrived moved={moved} /></Suspense>
      </Boundary>
    </ProjectContext>
  );
}

/** Stands beside a page, so that it comes when the page has been loaded: its title then gets the focus, but for the first page's. */
function Arrived({ moved }: { moved: RefObject<boolean> }) {
  useEffect(() => {
    if (moved.current) {
      scrollTo(0, 0);
      document.querySelector<HTMLElement>("main h1")?.focus();
    }
    moved.current = true;
  }, []);
  return null;
}
