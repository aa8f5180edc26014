// Rows are read wherever the text of the answer is cut.

import { expect, test } from "vitest";
import { RowReader } from "./row_reader";

const columns = [{ name: 'odd "rows":[ name', type: "text" }, { name: "n", type: "int" }];
const rows = [["a]b[\\", 1], ['"', null], [{ nested: ["x", { y: "]" }] }, 2], ["ends with \\\\", [1, [2]]], ["", -0.5]];
const text = JSON.stringify({ columns, rows, row_count: rows.length });

test("an answer in one piece", () => {
  const reader = new RowReader();
  reader.take(text);
  expect([reader.columns, reader.rows, reader.isWhole]).toEqual([columns, rows, true]);
});

test("an answer cut at every place, and into single signs", () => {
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new RowReader();
    reader.take(text.slice(0, cut));
    expect(rows.slice(0, reader.rows.length)).toEqual(reader.rows);
    reader.take(text.slice(cut));
    expect([reader.rows, reader.isWhole]).toEqual([rows, true]);
  }
  const reader = new RowReader();
  for (const sign of text) reader.take(sign);
  expect([reader.rows, reader.isWhole]).toEqual([rows, true]);
});

test("what is not there yet is not told, and an answer that breaks off is not whole", () => {
  const reader = new RowReader();
  reader.take('{"columns":[{"name":"a","type":"text"}],"ro');
  expect([reader.columns, reader.rows]).toEqual([undefined, []]);
  reader.take('ws":[["x"],["y"');
  expect([reader.columns?.length, reader.rows, reader.isWhole]).toEqual([1, [["x"]], false]);
});

test("an answer without rows", () => {
  const reader = new RowReader();
  reader.take('{"columns":[],"rows":[],"row_count":0}');
  expect([reader.columns, reader.rows, reader.isWhole]).toEqual([[], [], true]);
});
