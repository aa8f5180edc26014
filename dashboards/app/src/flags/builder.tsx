// For whom: rows that all have to hold, with proposals of attributes, or the condition as JSON.

import { useState } from "react";
import { made, type Item } from "../api/definitions";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo } from "../parts/combo";
import { Field } from "../parts/field";
import { GoingButton } from "../parts/going";
import { Failure } from "../parts/states";
import { GroupForm } from "./groups";
import { TESTS, conditionOf, hasNoValue, lackOf, rowsOf, type Row, type Types } from "./condition";

export interface Vocabulary {
  attributes: Item<"attributes">[];
  groups: string[];
  changed: () => void;
}

const ALWAYS = ["id", "distinct_id", "url"];
export const typesOf = ({ attributes }: Vocabulary): Types => Object.fromEntries(attributes.map(({ key, definition }) => [key, definition.type]));

export function ConditionBuilder({ label, condition, set, vocabulary }: { label: string; condition: unknown; set: (condition: unknown) => void; vocabulary: Vocabulary }) {
  const types = typesOf(vocabulary);
  const [rows, setRows] = useState<Row[] | undefined>(() => rowsOf(condition));
  const [text, setText] = useState(() => JSON.stringify(condition ?? {}, null, 2));
  const [fault, setFault] = useState<string>();
  const [isBeyond, setBeyond] = useState(false);
  const change = (rows: Row[]) => {
    setRows(rows);
    set(conditionOf(rows, types));
  };
  const write = (text: string) => {
    setText(text);
    setBeyond(false);
    try {
      const read: unknown = JSON.parse(text);
      set(typeof read === "object" && read !== null && Object.keys(read).length === 0 ? null : read);
      setFault(undefined);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  const turn = () => {
    if (rows) {
      setText(JSON.stringify(conditionOf(rows, types) ?? {}, null, 2));
      setFault(undefined);
      setBeyond(false);
      setRows(undefined);
      return;
    }
    if (fault) return;
    const read = rowsOf(condition);
    if (read) setRows(read);
    else setBeyond(true);
  };
  return (
    <div className="stack" role="group" aria-label={label}>
      {rows ? (
        <>
          {rows.map((row, index) => <RowFields key={index} row={row} vocabulary={vocabulary} set={(row) => change(rows.map((old, at) => (at === index ? row : old)))} remove={() => change(rows.filter((_, at) => at !== index))} />)}
          <div className="line">
            <button type="button" className="plain" onClick={() => change([...rows, { attribute: "", test: "$eq", value: "" }])}>{rows.length ? "And" : "Add a condition"}</button>
            <button type="button" className="quiet" onClick={turn}>As JSON</button>
            {rows.length === 0 && <span className="soft small">Everybody.</span>}
          </div>
        </>
      ) : (
        <>
          <Field label={`${label} as JSON`} fault={fault ?? (isBeyond ? "Rows cannot say this condition; it stays JSON." : undefined)}>{(given) => <textarea {...given} ref={(field) => field?.setCustomValidity(fault ? `This is no JSON: ${fault}` : "")} rows={6} value={text} onChange={(event) => write(event.target.value)} />}</Field>
          <div className="line"><button type="button" className="quiet" onClick={turn}>As rows</button></div>
        </>
      )}
    </div>
  );
}

function RowFields({ row, vocabulary, set, remove }: { row: Row; vocabulary: Vocabulary; set: (row: Row) => void; remove: () => void }) {
  const { id: project, permissions } = useProject();
  const [fault, setFault] = useState<unknown>();
  const [isMaking, setMaking] = useState(false);
  const names = [...ALWAYS, ...vocabulary.attributes.map(({ key }) => key)];
  const isNew = row.attribute !== "" && !names.includes(row.attribute.split(".")[0] ?? "");
  const add = (type: "string" | "number" | "boolean") => made(project, "attributes", row.attribute, { type, identifies: false, description: "" }).then(vocabulary.changed, setFault);
  const isGroup = row.test === "$inGroup" || row.test === "$notInGroup";
  const isSwitch = vocabulary.attributes.find(({ key }) => key === row.attribute)?.definition.type === "boolean";
  const lack = lackOf(row, typesOf(vocabulary));
  return (
    <>
      <span className="filter">
        <Combo label="Attribute" value={row.attribute} placeholder="attribute" proposals={names.map((value) => ({ value, note: vocabulary.attributes.find(({ key }) => key === value)?.definition.type }))} choose={(attribute) => set({ ...row, attribute })} />
        <Select label="Test" isQuiet value={row.test} options={TESTS} choose={(test) => set({ ...row, test })} />
        {!hasNoValue(row.test) && <Combo label="Value" value={row.value} placeholder={row.test === "$in" || row.test === "$nin" ? "one, two, three" : "value"} proposals={(isGroup ? vocabulary.groups : isSwitch ? ["true", "false"] : []).map((value) => ({ value }))} choose={(value) => set({ ...row, value })} />}
        {isGroup && permissions.has("flags.write") && <button type="button" className="quiet" onClick={() => setMaking(true)}>New group</button>}
        <GoingButton className="remove" aria-label="Remove the condition" onClick={remove}>×</GoingButton>
      </span>
      {isNew && permissions.has("flags.write") && (
        <span className="line small"><span>{row.attribute} is no attribute yet. Make it</span>{(["string", "number", "boolean"] as const).map((type) => <button type="button" className="link" key={type} onClick={() => void add(type)}>a {type === "string" ? "text" : type}</button>)}</span>
      )}
      {lack && <p className="wrong small" role="status">{lack}</p>}
      {fault ? <Failure fault={fault} /> : null}
      {isMaking && <GroupForm close={() => setMaking(false)} done={(value) => (vocabulary.changed(), set({ ...row, value }))} />}
    </>
  );
}
