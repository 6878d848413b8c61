const comma = 0x2c;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;
/** Stands for a cell that is not empty. */
const unread = "…";

export interface CsvReader {
  /** Given each line that is not empty; the cells are only good until it returns. */
  visit(cells: readonly string[]): void;
  /** Cells behind the first line are not read out, only counted: they are empty, or another text. */
  headerOnly?: boolean;
  /** Told of each cell how many its line has until there; may throw. */
  onCell?(width: number): void;
  /** Told of what is no CSV, in a line counted from the header as 0: nothing more is read. Without it the text is read as well as can be: an open quote ends with the text, and what stands behind a closing one is passed over. */
  broken?(line: number, message: string): void;
}

/**
 * Reads the lines of CSV as RFC 4180 has it: commas, quotes that double within quotes, line ends of either kind, a byte order mark before all. Empty lines are passed over. A text may come in pieces: what `read` leaves of one stands
 * before the next.
 */
export class CsvLines {
  readonly #reader: CsvReader;
  readonly #cells: string[] = [];
  #line = 0;
  #isFirst = true;

  constructor(reader: CsvReader) {
    this.#reader = reader;
  }

  /** Reads the lines that are whole, and with `isLast` the one that the text ends with. Answers with where the first begins that was not read. */
  read(text: string, isLast: boolean): number {
    const { headerOnly = false, onCell, broken } = this.#reader;
    const cells = this.#cells;
    let at = this.#isFirst && text.startsWith("\uFEFF") ? 1 : 0;
    this.#isFirst &&= text === "";
    let lineStart = at;
    let width = 0;
    let isCounted = headerOnly && this.#line > 0;
    while (at < text.length) {
      if (text.charCodeAt(at) === quote) {
        let end = closingQuote(text, at + 1);
        if (end < 0) {
          if (!isLast) return lineStart;
          if (broken !== undefined) return this.#broken("has a quote that does not close", text);
          end = text.length;
        }
        cells[width++] = isCounted && end > at + 1 ? unread : text.slice(at + 1, end).replaceAll('""', '"');
        at = end + 1;
        if (broken === undefined) while (at < text.length && !endsCell(text.charCodeAt(at))) at++;
      } else {
        const start = at;
        while (at < text.length && !endsCell(text.charCodeAt(at))) at++;
        cells[width++] = isCounted && at > start ? unread : text.slice(start, at);
      }
      onCell?.(width);
      if (at >= text.length) break;
      const code = text.charCodeAt(at);
      if (code === comma) {
        at++;
        if (at === text.length) cells[width++] = "";
      } else if (code === lineFeed || code === carriageReturn) {
        at += code === carriageReturn && text.charCodeAt(at + 1) === lineFeed ? 2 : 1;
        this.#visit(width);
        width = 0;
        isCounted = headerOnly && this.#line > 0;
        lineStart = at;
      } else {
        return this.#broken("goes on after a closing quote", text);
      }
    }
    if (!isLast) return lineStart;
    if (width > 0) this.#visit(width);
    return text.length;
  }

  /** An empty line has one cell with nothing. */
  #visit(width: number): void {
    const cells = this.#cells;
    if (width === 1 && cells[0] === "") return;
    if (cells.length !== width) cells.length = width;
    this.#reader.visit(cells);
    this.#line++;
  }

  #broken(message: string, { length }: string): number {
    this.#reader.broken!(this.#line, message);
    return length;
  }
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
