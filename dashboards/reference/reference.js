// Shows /openapi.json. Everything becomes text nodes: nothing of the document is ever read as HTML.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH_MAX = 6;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const resolve = (all, value) =>
  value?.$ref ? value.$ref.slice(2).split("/").reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], all) : value;
const nameOf = (schema) => schema?.$ref?.split("/").pop();

function typeOf(all, schema) {
  if (schema === true || schema === undefined) return "anything";
  const name = nameOf(schema);
  if (name) return resolve(all, schema)?.enum ? typeOf(all, resolve(all, schema)) : name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const forms = schema.oneOf ?? schema.anyOf;
  if (forms) return forms.map((form) => typeOf(all, form)).join(" | ");
  if (schema.allOf) return schema.allOf.map((form) => typeOf(all, form)).join(" & ");
  const types = [schema.type ?? "anything"].flat();
  return types.map((type) => (type === "array" ? `${typeOf(all, schema.items)}[]` : schema.format ? `${type} (${schema.format})` : type)).join(" | ");
}

function boundsOf(schema) {
  const words = { minLength: "at least", maxLength: "at most", minimum: "from", maximum: "to", minItems: "at least", maxItems: "at most" };
  const units = { minLength: " characters", maxLength: " characters", minItems: " items", maxItems: " items" };
  const bounds = Object.entries(words).filter(([key]) => schema?.[key] !== undefined);
  return bounds.map(([key, word]) => `${word} ${schema[key]}${units[key] ?? ""}`).join(", ");
}

function members(all, schema, depth = 0) {
  const whole = resolve(all, schema);
  if (!whole || depth > DEPTH_MAX) return null;
  const forms = whole.oneOf ?? whole.anyOf ?? whole.allOf;
  if (forms) return group(forms.map((form) => members(all, form, depth + 1)));
  if (whole.items) return members(all, whole.items, depth + 1);
  if (!whole.properties) return null;
  const required = new Set(whole.required ?? []);
  const lines = Object.entries(whole.properties).map(([name, part]) => {
    const inner = members(all, part, depth + 1);
    const bounds = boundsOf(resolve(all, part));
    const about = part.description ?? resolve(all, part)?.description;
    const line = [
      element("code", {}, name), ` ${typeOf(all, part)}`, required.has(name) ? "" : element("span", { className: "note" }, " optional"),
      bounds && element("span", { className: "note" }, ` ${bounds}`), about && element("span", { className: "note" }, ` ${about}`),
    ];
    return inner ? element("details", {}, element("summary", {}, ...line.filter(Boolean)), inner) : element("div", {}, ...line.filter(Boolean));
  });
  return element("div", { className: "fields" }, ...lines);
}

function group(parts) {
  const there = parts.filter(Boolean);
  return there.length ? element("div", {}, ...there) : null;
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell ?? ""))))));
}

function body(all, content) {
  const kinds = Object.entries(content ?? {});
  return group(kinds.map(([kind, { schema }], index) =>
    element("div", {}, element("code", {}, kind), ` ${typeOf(all, schema)}`, index === 0 ? members(all, schema) : null)));
}

function operation(all, path, method, it) {
  const parameters = (it.parameters ?? []).map((one) => resolve(all, one));
  const responses = Object.entries(it.responses ?? {}).map(([status, one]) => [status, resolve(all, one)]);
  const who = it["x-permission"] ? `Needs the permission ${it["x-permission"]}` : `No permission: ${it["x-no-permission"]}`;
  const more = [who, it["x-step-up"] && "a fresh second factor", it["x-idempotent"] && "honours Idempotency-Key", `costs ${it["x-cost"]}`];
  return element("article", { id: it.operationId },
    element("h3", {}, element("span", { className: "method" }, method.toUpperCase()), element("span", { className: "path" }, path)),
    element("p", {}, it.summary ?? ""),
    element("p", { className: "note" }, `${more.filter(Boolean).join("; ")}.`),
    parameters.length ? element("h4", {}, "Parameters") : null,
    parameters.length ? table(["name", "in", "type", ""], parameters.map((one) => [
      element("code", {}, one.name + (one.required ? " *" : "")), one.in, `${typeOf(all, one.schema)} ${boundsOf(resolve(all, one.schema))}`, one.description])) : null,
    it.requestBody ? element("h4", {}, "Body") : null,
    it.requestBody ? body(all, it.requestBody.content) : null,
    element("h4", {}, "Answers"),
    table(["status", ""], responses.map(([status, answer]) => [element("code", {}, status), group([
      ...(answer.description ?? "").split("\n").map((line) => element("p", {}, line)),
      status < "400" ? body(all, answer.content) : null])])));
}

function show(all) {
  const main = document.getElementById("main");
  const index = document.getElementById("index");
  document.title = `${all.info.title} · API reference`;
  document.getElementById("title").textContent = `${all.info.title} ${all.info.version}`;
  main.replaceChildren(element("p", {}, all.info.description ?? ""), element("p", { className: "note" }, "The document itself: ", element("a", { href: "/openapi.json" }, "/openapi.json")));
  for (const tag of all.tags ?? []) {
    main.append(element("h2", {}, tag.name), element("p", {}, tag.description ?? ""));
    index.append(element("li", { className: "tag" }, tag.name));
    for (const [path, item] of Object.entries(all.paths)) {
      for (const method of METHODS.filter((name) => item[name]?.tags?.includes(tag.name))) {
        const it = item[method];
        main.append(operation(all, path, method, it));
        index.append(element("li", {}, element("a", { href: `#${it.operationId}`, title: it.summary ?? "" }, element("span", { className: "method" }, method.toUpperCase()), path)));
      }
    }
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const line of index.querySelectorAll("li:not(.tag)")) line.hidden = !line.textContent.toLowerCase().includes(wanted);
  });
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  show(await answer.json());
} catch (error) {
  document.getElementById("main").replaceChildren(element("p", {}, `The document cannot be shown: ${error.message}`));
}
