// The editor: CodeMirror in a shadow tree, where its styles are sheets and no text, as the page's policy demands.

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import { flushSync } from "react-dom";

const THEME = EditorView.theme({
  "&": { backgroundColor: "var(--card)", color: "var(--ink)", fontSize: "13px", minHeight: "190px" },
  ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--ink)", minHeight: "186px" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--faint)", border: "0" },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--line-firm)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--fault)", textUnderlineOffset: "3px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--fault)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
});
const HIGHLIGHT = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: tags.string, color: "var(--people)" },
  { tag: tags.number, color: "var(--hue-2)" },
  { tag: tags.comment, color: "var(--faint)" },
]);

type Schema = Record<string, string[]>;
const languageOf = (schema: Schema) => sql({ dialect: PostgreSQL, schema, upperCaseKeywords: true });

interface Editor {
  text: string;
  schema: Schema;
  change: (text: string) => void;
  run: () => void;
  /** Where the server found something wrong, counted from 1. */
  fault?: { line: number; column: number; told: string };
}

export default function Editor({ text, schema, change, run, fault }: Editor) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ change, run });
  latest.current = { change, run };
  const language = useRef(new Compartment());
  const isGiven = useRef(false);
  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const extensions = [
      lineNumbers(), lintGutter(), history(), bracketMatching(), autocompletion({ icons: false }), language.current.of(languageOf(schema)), THEME, syntaxHighlighting(HIGHLIGHT), EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "SQL" }),
      Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (latest.current.run(), true) }])),
      keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
      // At once: a later rendering with an earlier text would take back what was typed meanwhile, and run something else than what is seen.
      EditorView.updateListener.of((update) => {
        if (update.docChanged && !isGiven.current) flushSync(() => latest.current.change(update.state.doc.toString()));
      }),
    ];
    view.current = new EditorView({ state: EditorState.create({ doc: text, extensions }), parent: root, root });
    return () => view.current?.destroy();
  }, []);
  // The tables come later than the editor, which keeps its text, its cursor and the focus.
  useEffect(() => view.current?.dispatch({ effects: language.current.reconfigure(languageOf(schema)) }), [schema]);
  useEffect(() => {
    const shown = view.current;
    if (!shown || shown.state.doc.toString() === text) return;
    isGiven.current = true;
    shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: text } });
    isGiven.current = false;
  }, [text]);
  useEffect(() => {
    const shown = view.current;
    if (!shown) return;
    const { doc } = shown.state;
    const line = fault && doc.line(Math.min(Math.max(1, fault.line), doc.lines));
    const from = line && fault ? Math.min(line.to, line.from + fault.column - 1) : 0;
    const word = /^[\w$"'.]+/.exec(doc.sliceString(from, line?.to ?? 0))?.[0].length ?? 1;
    shown.dispatch(setDiagnostics(shown.state, fault ? [{ from, to: Math.min(doc.length, from + word), severity: "error", message: fault.told }] : []));
  }, [fault?.line, fault?.column, fault?.told]);
  return <div className="editor" ref={host} />;
}
