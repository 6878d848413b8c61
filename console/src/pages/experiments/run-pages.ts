import type { Cell, TablePage } from "../../data/tracking.ts";

/** Asks the server for a page; `after` is what the page before answered. */
export type LoadPage = (columns: string[], after: string | null, limit: number) => Promise<TablePage>;

interface Page {
  after: string | null;
  /** Index of its first row. */
  start: number;
  ids: string[];
  columns: Map<string, Cell[]>;
  pending: Set<string>;
}

/** So many rows are shown; beyond, a filter helps more than scrolling. */
const maxRows = 10_000;
const firstPage = 100;
const laterPage = 2000;
/** The server takes 200 columns in one question. */
const columnsAtOnce = 150;

/** Every page has these. */
const coreColumns = ["attributes.name", "attributes.status"] as const;

/**
 * The rows of a search, kept by column. The names of all rows come page by page; the cells of a column come for those pages
 * that are looked at, and only once the column is shown. What no longer fits (a run was added or reordered meanwhile) sets `stale`.
 */
export class RunPages {
  readonly #load: LoadPage;
  readonly #changed: () => void;
  #pages: Page[] = [];
  #wanted: string[] = [];
  #closed = false;
  count = 0;
  /** All rows are here, or as many as are shown. */
  complete = false;
  /** There are more than are shown. */
  cut = false;
  stale = false;
  error: unknown = null;
  /** Grows with each change, so that what is computed out of the cells knows when to do so again. */
  generation = 0;

  constructor(load: LoadPage, changed: () => void) {
    this.#load = load;
    this.#changed = changed;
  }

  /** Loads the first page with these columns, then the names of all others. */
  async start(columns: readonly string[]): Promise<void> {
    this.#wanted = columns.slice(0, columnsAtOnce);
    let after: string | null = null;
    try {
      do {
        const limit: number = Math.min(after === null ? firstPage : laterPage, maxRows - this.count);
        const names: string[] = [...new Set([...coreColumns, ...(after === null ? this.#wanted : [])])];
        const answer: TablePage = await this.#load(names, after, limit);
        if (this.#closed) return;
        this.#pages.push({ after, start: this.count, ids: answer.runs, columns: columnsOf(names, answer), pending: new Set() });
        this.count += answer.runs.length;
        after = answer.runs.length === 0 ? null : answer.next;
        this.cut = after !== null && this.count >= maxRows;
        this.complete = after === null || this.cut;
        this.#notify();
      } while (!this.complete);
    } catch (thrown) {
      this.error = thrown;
      this.#notify();
    }
  }

  close(): void {
    this.#closed = true;
  }

  id(row: number): string | undefined {
    const page = this.#pageOf(row);
    return page?.ids[row - page.start];
  }

  /** Undefined while it is not known; null where the run has no such entry. */
  cell(row: number, column: string): Cell | undefined {
    const page = this.#pageOf(row);
    return page?.columns.get(column)?.[row - page.start];
  }

  /** Asks for the cells of these columns in the pages of these rows, unless they are here or on their way. */
  need(columns: readonly string[], from: number, to: number): void {
    for (const page of this.#pages) {
      if (page.start >= to || page.start + page.ids.length <= from) continue;
      const missing = columns.filter((column) => !page.columns.has(column) && !page.pending.has(column));
      for (let at = 0; at < missing.length; at += columnsAtOnce) void this.#fill(page, missing.slice(at, at + columnsAtOnce));
    }
  }

  /** Asks again for the first page, where new runs usually show as other ids, and for those in view in which a run goes on, whose metrics move. */
  refresh(columns: readonly string[], from: number, to: number): void {
    if (this.#pages.length === 0) return;
    const goesOn = (row: number): boolean => this.cell(row, "attributes.status") === "RUNNING";
    const moving = this.#pages.filter(({ start, ids }) => {
      for (let row = Math.max(start, from); row < Math.min(start + ids.length, to); row++) if (goesOn(row)) return true;
      return false;
    });
    for (const page of new Set([this.#pages[0]!, ...moving])) {
      if (page.pending.size === 0) void this.#fill(page, [...new Set([...coreColumns, ...columns])].slice(0, columnsAtOnce));
    }
  }

  async #fill(page: Page, columns: string[]): Promise<void> {
    for (const column of columns) page.pending.add(column);
    try {
      // A page that may have grown is asked for one row more than it has.
      const last = page.start + page.ids.length === this.count && this.complete && !this.cut;
      const answer = await this.#load(columns, page.after, Math.max(1, page.ids.length + (last ? 1 : 0)));
      if (this.#closed) return;
      if (answer.runs.length !== page.ids.length || answer.runs.some((id, index) => id !== page.ids[index])) this.stale = true;
      else for (const [column, cells] of columnsOf(columns, answer)) page.columns.set(column, cells);
    } catch (thrown) {
      this.error = thrown;
    } finally {
      for (const column of columns) page.pending.delete(column);
      if (!this.#closed) this.#notify();
    }
  }

  #pageOf(row: number): Page | undefined {
    return this.#pages.findLast(({ start }) => start <= row);
  }

  #notify(): void {
    this.generation++;
    this.#changed();
  }
}

function columnsOf(names: readonly string[], { rows }: TablePage): Map<string, Cell[]> {
  return new Map(names.map((name, index) => [name, rows.map((row) => row[index] ?? null)]));
}
