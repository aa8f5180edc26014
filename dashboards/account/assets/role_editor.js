// The dialog for a custom role: permissions, the rows of activity it sees, and what is hidden from it.

import { formDialog } from "./dialog.js?v=1";
import { linesOf } from "./fields.js?v=1";
import { choices, field } from "./form.js?v=1";

const VIEWS = [
  ["everything", "All rows"],
  ["nothing", "No rows"],
  ["is", "Only rows where …"],
  ["is_not", "All but rows where …"],
  ["json", "As JSON, for more"],
];

const isSimple = (rows) => typeof rows === "object" && ["is", "is_not"].includes(Object.keys(rows)[0]);

/** A row filter as a sentence. */
export function rowsInWords(rows) {
  if (rows === "nothing") return "Sees no activity";
  if (!isSimple(rows)) return `Sees activity by ${JSON.stringify(rows)}`;
  const [kind, { value, one_of, none_of }] = Object.entries(rows)[0];
  const [source, name] = Object.entries(value)[0];
  return `Sees activity whose ${source} ${name} is ${kind === "is" ? "one of" : "none of"} ${(one_of ?? none_of).join(", ")}`;
}

/** The fields of a row filter, and what reads them. */
function rowFields(rows) {
  const view = typeof rows === "string" ? rows : isSimple(rows) ? Object.keys(rows)[0] : "json";
  const [, simple] = isSimple(rows) ? Object.entries(rows)[0] : [undefined, { value: { column: "country" }, one_of: [] }];
  const [source, name] = Object.entries(simple.value)[0];
  const fields = {
    view: field({ name: "rows", label: "Activity it sees", options: VIEWS, value: view }),
    source: field({ name: "source", label: "Compare", options: [["column", "a column of activity"], ["property", "a property"]], value: source }),
    name: field({ name: "of", label: "Called", value: name, required: false, plain: true, hint: "As “country” or “plan”." }),
    values: field({ name: "values", label: "With", lines: 3, value: (simple.one_of ?? simple.none_of ?? []).join("\n"), required: false, plain: true, hint: "One value per line." }),
    json: field({ name: "json", label: "Row filter", lines: 5, value: JSON.stringify(rows, null, 2), required: false, plain: true, hint: "As the API has it." }),
  };
  const adapt = () => {
    const isOpen = ["is", "is_not"].includes(fields.view.read());
    for (const part of [fields.source, fields.name, fields.values]) part.element.hidden = !isOpen;
    fields.json.element.hidden = fields.view.read() !== "json";
  };
  fields.view.control.addEventListener("change", adapt);
  adapt();
  return Object.values(fields);
}

function filterOf({ rows, source, of, values, json }) {
  if (rows === "json") return parsed(json);
  if (rows !== "is" && rows !== "is_not") return rows;
  const value = { [source]: of.trim() };
  return rows === "is" ? { is: { value, one_of: linesOf(values) } } : { is_not: { value, none_of: linesOf(values) } };
}

function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    throw Object.assign(new Error("The row filter is not valid JSON."), { status: 0, errors: [{ pointer: "/json", detail: "this is not valid JSON" }] });
  }
}

/** Asks for a role; `act(draft)` makes or changes it. Permissions one does not hold stay as they are. */
export function editRole(title, { role, held, submit, act }) {
  const chosen = role?.permissions ?? [];
  const options = [...new Set([...held, ...chosen])].sort();
  return formDialog(title, "You can give only what you hold yourself.", {
    parts: [
      field({ name: "name", label: "Name", value: role?.name, maxlength: "100" }),
      choices({ name: "permissions", label: "What it may do", options, chosen }),
      ...rowFields(role?.rows ?? "everything"),
      field({ name: "masks", label: "Hidden columns and properties", lines: 3, value: role?.masks.join("\n"), required: false, hint: "One per line, like “email” or “ip”. They look as if they were missing." }),
    ],
    submit,
    act: ({ name, permissions, masks, ...filter }) => act({ name, permissions, rows: filterOf(filter), masks: linesOf(masks) }),
  });
}
