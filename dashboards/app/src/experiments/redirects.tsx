// An experiment on whole pages: which pages, where visitors of each variation are sent, in which environments.

import type { Experiment } from "../api/definitions";
import { Select } from "../parts/choice";
import { TextField } from "../parts/field";
import { GoingButton } from "../parts/going";

type Redirects = NonNullable<Experiment["redirects"]>;
type Page = Redirects["pages"][number];
const FIRST: Redirects = { pages: [{ by: "simple", pattern: "", excludes: false }], addresses: {}, keeps_query: true };
const BY = [["simple", "address, * for anything"], ["regex", "regular expression"]] as const;
const WHICH = [["in", "these pages"], ["out", "but not these"]] as const;

interface Props {
  draft: Experiment;
  set: (part: Partial<Experiment>) => void;
  environments: string[];
}

export function RedirectFields({ draft, set, environments }: Props) {
  const { redirects, variations } = draft;
  if (!redirects) {
    return (
      <section className="stack" aria-label="Pages">
        <h3>Pages <span className="soft small">An experiment on whole pages needs no flag.</span></h3>
        <div className="line"><GoingButton className="plain" onClick={() => set({ redirects: FIRST })}>Send visitors to other pages</GoingButton></div>
      </section>
    );
  }
  const change = (part: Partial<Redirects>) => set({ redirects: { ...redirects, ...part } });
  const changePage = (index: number, part: Partial<Page>) => change({ pages: redirects.pages.map((one, at) => (at === index ? { ...one, ...part } : one)) });
  const send = (variation: string, address: string) => {
    const { [variation]: _, ...others } = redirects.addresses;
    change({ addresses: address ? { ...others, [variation]: address } : others });
  };
  return (
    <section className="stack" aria-label="Pages">
      <h3>Pages <span className="soft small">GrowthBook’s SDKs in browsers send visitors of these pages to the address of their variation.</span></h3>
      {redirects.pages.map((page, index) => (
        <div className="page-rule" role="group" aria-label={`Page ${index + 1}`} key={index}>
          <Select label="Counts as" isQuiet value={page.excludes ? "out" : "in"} options={WHICH} choose={(which) => changePage(index, { excludes: which === "out" })} />
          <TextField label="Pattern" value={page.pattern} set={(pattern) => changePage(index, { pattern })} placeholder="https://shop.example/start*" />
          <Select label="Read as" isQuiet value={page.by} options={BY} choose={(by) => changePage(index, { by })} />
          {redirects.pages.length > 1 && <GoingButton className="remove" aria-label={`Remove page ${index + 1}`} onClick={() => change({ pages: redirects.pages.filter((_, at) => at !== index) })}>×</GoingButton>}
        </div>
      ))}
      <div className="line"><button type="button" className="plain" onClick={() => change({ pages: [...redirects.pages, { by: "simple", pattern: "", excludes: false }] })}>Add a page</button></div>
      <div className="pair">
        {variations.map(({ key }) => <TextField key={key} label={`${key} is sent to`} value={redirects.addresses[key] ?? ""} set={(address) => send(key, address)} placeholder="stays where it is" />)}
      </div>
      <label className="check"><input type="checkbox" checked={redirects.keeps_query ?? false} onChange={(event) => change({ keeps_query: event.target.checked })} />The query of the page goes along</label>
      {environments.length > 1 && (
        <fieldset className="line plain-set"><legend className="soft small">Where visitors are sent</legend>
          {environments.map((name) => {
            const isHere = redirects.environments?.includes(name) ?? true;
            const next = environments.filter((one) => (one === name ? !isHere : (redirects.environments?.includes(one) ?? true)));
            return <label className="check" key={name}><input type="checkbox" checked={isHere} onChange={() => change({ environments: next.length === environments.length ? null : next })} />{name}</label>;
          })}
        </fieldset>
      )}
      <div className="line"><GoingButton className="quiet" onClick={() => set({ redirects: null })}>Send nobody</GoingButton></div>
    </section>
  );
}

/** In one line, for people who read. */
export const redirectsInWords = ({ pages, addresses, environments }: Redirects) =>
  `${pages.map(({ pattern, excludes }) => `${excludes ? "not " : ""}${pattern}`).join(", ")} → ${Object.entries(addresses).map(([variation, address]) => `${variation}: ${address}`).join(" · ")}${environments ? `, in ${environments.join(", ") || "no environment"}` : ""}`;
