import type { ProblemList } from "./problem-list.ts";
import { assertWithin } from "./wire-limits.ts";

const comma = 0x2c;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;
/** Stands for a cell that is not empty. */
const unread = "…";

/**
 * Visits the lines of CSV as RFC 4180 has it: commas, quotes that double within quotes, line ends of either kind. Empty
 * lines are passed over. The cells given to `visit` are only good until it returns; where `headerOnly` says so, cells after
 * the first line are not read out, only counted. An open quote is a problem and ends it.
 */
export function forEachCsvLine(text: string, problems: ProblemList, headerOnly: boolean, visit: (cells: readonly string[]) => void): void {
  const cells: string[] = [];
  let width = 0;
  let line = 0;
  let at = text.startsWith("\ufeff") ? 1 : 0;
  const refuse = (message: string): void => problems.add(line === 0 ? "csv header" : `csv[${line - 1}]`, message);
  const endLine = (): void => {
    if (width > 1 || cells[0] !== "") {
      if (cells.length !== width) cells.length = width;
      visit(cells);
      line++;
    }
    width = 0;
  };
  while (at < text.length) {
    if (text.charCodeAt(at) === quote) {
      const end = closingQuote(text, at + 1);
      if (end < 0) return refuse("has a quote that does not close");
      cells[width++] = headerOnly && line > 0 && end > at + 1 ? unread : text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      const start = at;
      while (at < text.length && !endsCell(text.charCodeAt(at))) at++;
      cells[width++] = headerOnly && line > 0 && at > start ? unread : text.slice(start, at);
    }
    assertWithin("columns", width, "columns");
    if (at >= text.length) break;
    const code = text.charCodeAt(at);
    if (code === comma) {
      at++;
      if (at === text.length) cells[width++] = "";
    } else if (code === lineFeed || code === carriageReturn) {
      at += code === carriageReturn && text.charCodeAt(at + 1) === lineFeed ? 2 : 1;
      endLine();
    } else {
      return refuse("goes on after a closing quote");
    }
  }
  if (width > 0) endLine();
}

function endsCell(code: number): boolean {
  return code === comma || code === lineFeed || code === carriageReturn;
}

/** The position of the quote that closes a cell; -1 without one. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text.charCodeAt(at + 1) !== quote) return at;
  }
  return -1;
}
