import type { ProblemList } from "./problem-list.ts";

const quoteCode = 0x22;

/**
 * Lines of CSV as RFC 4180 has it: commas, quotes that double within quotes, line ends of either kind. Empty lines are
 * passed over. An open quote is a problem.
 */
export function parseCsv(text: string, problems: ProblemList): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  const place = (): string => (lines.length === 0 ? "csv header" : `csv[${lines.length - 1}]`);
  const endLine = (): void => {
    if (cells.length > 1 || cells[0] !== "") lines.push(cells);
    cells = [];
  };
  for (;;) {
    if (text.charCodeAt(at) === quoteCode) {
      let cell = "";
      for (at++; ; at++) {
        const quote = text.indexOf('"', at);
        if (quote < 0) {
          problems.add(place(), "has a quote that does not close");
          return lines;
        }
        cell += text.slice(at, quote);
        at = quote + 1;
        if (text[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
    } else {
      const start = at;
      for (; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code === 0x2c || code === 0x0a || code === 0x0d) break;
      }
      cells.push(text.slice(start, at));
    }
    if (at >= text.length) break;
    if (text[at] === ",") {
      at++;
    } else if (text[at] === "\n" || text[at] === "\r") {
      at += text.startsWith("\r\n", at) ? 2 : 1;
      endLine();
      if (at >= text.length) return lines;
    } else {
      problems.add(place(), "goes on after a closing quote");
      return lines;
    }
  }
  endLine();
  return lines;
}
