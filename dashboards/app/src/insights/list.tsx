// A list of people: a file or lines of ids, which it gets as well, loses, or becomes.

import { useState, type ChangeEvent, type FormEvent } from "react";
import { useProject } from "../frame/project";
import { ChoiceField, Field, TextField } from "../parts/field";
import { counted, number } from "../parts/format";
import { Failure } from "../parts/states";
import { LIST_IDS, LIST_MODES, cohortsChanged, uploadList, type Listed, type Listing } from "./saved";

/** Lines of a file that are shown; all of it is sent. */
const SHOWN = 200_000;

export function ListFields({ listing, set, hasMode }: { listing: Listing; set: (listing: Listing) => void; hasMode?: boolean }) {
  const [file, setFile] = useState<string>();
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = event.target.files?.[0];
    if (chosen) void chosen.text().then((text) => (setFile(chosen.name), set({ ...listing, text })));
  };
  const isLong = listing.text.length > SHOWN;
  return (
    <>
      <Field label="A file" hint="CSV with ids in the first column, or text with one per line; up to a million.">{(given) => <input {...given} type="file" accept=".csv,.txt,text/csv,text/plain" onChange={choose} />}</Field>
      {isLong ? <p className="soft small">{file}: {counted(listing.text.trimEnd().split("\n").length, "line")}.</p> : <TextField label="Ids" hint="One per line." rows={8} value={listing.text} set={(text) => set({ ...listing, text })} />}
      <ChoiceField label="Kind of ids" value={listing.ids} options={LIST_IDS} set={(ids) => set({ ...listing, ids: ids as Listing["ids"] })} />
      {hasMode && <ChoiceField label="What to do with them" value={listing.mode} options={LIST_MODES} set={(mode) => set({ ...listing, mode: mode as Listing["mode"] })} />}
    </>
  );
}

export function ListForm({ name: key, back }: { name: string; back: () => void }) {
  const project = useProject().id;
  const [listing, setListing] = useState<Listing>({ mode: "add", ids: "distinct", text: "" });
  const [fault, setFault] = useState<unknown>();
  const [done, setDone] = useState<Listed>();
  const [isBusy, setBusy] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFault(undefined);
    setDone(undefined);
    setBusy(true);
    void uploadList(project, key, listing).then((listed) => (cohortsChanged(), setDone(listed)), setFault).finally(() => setBusy(false));
  };
  return (
    <form className="stack" onSubmit={submit}>
      <p>The list of <code>{key}</code>. Uploading the same again changes nothing more.</p>
      <ListFields listing={listing} set={setListing} hasMode />
      {fault ? <Failure fault={fault} /> : null}
      <p role="status" className="soft">{done && `${number(done.added)} added, ${number(done.removed)} removed; ${number(done.people)} in the list.`}</p>
      <div className="line"><button type="submit" className="primary" disabled={isBusy}>Upload</button><button type="button" className="plain" onClick={back}>Back</button></div>
    </form>
  );
}
