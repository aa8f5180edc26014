// Live: activity as it arrives, the newest first.

import { useEffect, useState } from "react";
import { useProject } from "../frame/project";
import { ago } from "../parts/format";
import { Empty, PageHead } from "../parts/states";

interface Arrived {
  event?: string;
  distinct_id?: string;
  timestamp?: string;
  city?: string;
  country?: string;
}
const SHOWN_MAX = 60;
const STATES = { joining: "Connecting …", live: "Live", away: "The stream broke off; connecting again …" } as const;

export default function Live() {
  const project = useProject().id;
  const [state, setState] = useState<keyof typeof STATES>("joining");
  const [seen, setSeen] = useState<{ key: number; item: Arrived }[]>([]);
  const [count, setCount] = useState(0);
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    let key = Date.now();
    const source = new EventSource(`/v1/projects/${encodeURIComponent(project)}/live`);
    source.addEventListener("listening", () => setState("live"));
    source.addEventListener("error", () => setState("away"));
    source.addEventListener("activity", (event) => {
      const { count, activities } = JSON.parse(event.data) as { count: number; activities: Arrived[] };
      setCount((before) => before + count);
      setSeen((before) => [...activities.map((item) => ({ key: key++, item })).reverse(), ...before].slice(0, SHOWN_MAX));
    });
    return () => source.close();
  }, [project, isHeld]);
  return (
    <>
      <PageHead title="Live" about={<span role="status">{isHeld ? "Held" : STATES[state]} · {count} arrived since you opened this page</span>}>
        <button type="button" className="plain" aria-pressed={isHeld} onClick={() => setHeld(!isHeld)}>{isHeld ? "Go on" : "Hold"}</button>
      </PageHead>
      <section className="card" aria-label="Arrivals">
        {seen.length === 0 && <Empty>Nothing has arrived since. Send something with a write key, or let <code>footfall demo --rate 20</code> do it.</Empty>}
        <ol className="stream">
          {seen.map(({ key, item }) => (
            <li key={key}><i className="dot" aria-hidden="true" /><div><b>{item.event ?? "(no name)"}</b> <span className="soft">{[item.distinct_id, item.city, item.country].filter(Boolean).join(" · ")}</span></div>{item.timestamp && <time dateTime={item.timestamp}>{ago(item.timestamp)}</time>}</li>
          ))}
        </ol>
      </section>
    </>
  );
}
