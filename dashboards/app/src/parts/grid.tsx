// A table of values that stays fluid with many rows: only those in sight are in the page.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, type ReactNode } from "react";

export interface Column {
  name: string;
  note?: string;
  isNumber?: boolean;
}

interface Grid {
  label: string;
  columns: Column[];
  count: number;
  cell: (row: number, column: number) => ReactNode;
  /** A row below all others, always in sight: what they sum up to. */
  foot?: ReactNode[];
  /** At most so high, in pixels. */
  height?: number;
}

const ROW = 31;

export function Grid({ label, columns, count, cell, foot, height = 420 }: Grid) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count, getScrollElement: () => box.current, estimateSize: () => ROW, overscan: 12 });
  const shown = rows.getVirtualItems();
  const before = shown[0]?.start ?? 0;
  const after = rows.getTotalSize() - (shown.at(-1)?.end ?? 0);
  const kind = (column: Column) => (column.isNumber ? "number" : undefined);
  return (
    <div className="grid" ref={box} style={{ maxHeight: height }} tabIndex={0} role="region" aria-label={label}>
      <table aria-rowcount={count + (foot ? 2 : 1)}>
        <thead>
          <tr>{columns.map((column, index) => <th key={index} scope="col" className={kind(column)}>{column.name}{column.note && <small>{column.note}</small>}</th>)}</tr>
        </thead>
        <tbody>
          {before > 0 && <tr aria-hidden="true" className="filler"><td colSpan={columns.length} style={{ height: before }} /></tr>}
          {shown.map(({ index }) => (
            <tr key={index} aria-rowindex={index + 2}>{columns.map((column, at) => <td key={at} className={kind(column)}>{cell(index, at)}</td>)}</tr>
          ))}
          {after > 0 && <tr aria-hidden="true" className="filler"><td colSpan={columns.length} style={{ height: after }} /></tr>}
        </tbody>
        {foot && <tfoot><tr aria-rowindex={count + 2}>{foot.map((value, at) => (at === 0 ? <th key={at} scope="row">{value}</th> : <td key={at} className={kind(columns[at] ?? { name: "" })}>{value}</td>))}</tr></tfoot>}
      </table>
    </div>
  );
}
