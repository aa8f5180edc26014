// Rows of an answer in SQL as they come: the server writes `{"columns":[…],"rows":[[…],…],"row_count":n}` while it works it out.

import type { Cell, Rows } from "./rows";

/** What the columns end with. In a text of JSON the quotes would be written otherwise. */
const ROWS = '"rows":[';
const [QUOTE, BACKSLASH, OPENS, CLOSES, LEFT, RIGHT] = [34, 92, 91, 93, 123, 125];

/** Takes the text of an answer piece by piece, and has the rows that are whole. */
export class RowReader {
  columns: Rows["columns"] | undefined;
  readonly rows: Cell[][] = [];
  /** All rows are there. */
  isWhole = false;
  #text = "";
  #at = 0;
  #depth = 0;
  #inText = false;

  take(piece: string): void {
    this.#text += piece;
    if (!this.columns && !this.#readHead()) return;
    if (!this.isWhole) this.#readRows();
  }

  #readHead(): boolean {
    const end = this.#text.indexOf(ROWS);
    if (end < 0) return false;
    this.columns = (JSON.parse(`${this.#text.slice(0, end + ROWS.length)}]}`) as Rows).columns;
    this.#text = this.#text.slice(end + ROWS.length);
    return true;
  }

  /** Goes over what is new, and reads all rows up to the last whole one at once. */
  #readRows(): void {
    const text = this.#text;
    let whole = 0;
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (this.#inText) {
        // A sign behind a backslash that has not come yet is looked at with the next piece.
        if (code === BACKSLASH) {
          if (this.#at + 1 >= text.length) break;
          this.#at++;
        } else if (code === QUOTE) this.#inText = false;
      } else if (code === QUOTE) this.#inText = true;
      else if (code === OPENS || code === LEFT) this.#depth++;
      else if (code === CLOSES && this.#depth === 0) {
        this.isWhole = true;
        break;
      } else if ((code === CLOSES || code === RIGHT) && --this.#depth === 0) whole = this.#at + 1;
    }
    if (whole > 0) {
      for (const row of JSON.parse(`[${text.slice(0, whole).replace(/^\s*,/, "")}]`) as Cell[][]) this.rows.push(row);
      this.#text = text.slice(whole);
      this.#at -= whole;
    }
  }
}
