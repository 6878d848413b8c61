/** The rows of a CSV file, its header first: cells between commas, where those with commas, line ends or quotes stand in quotes, and a quote within stands twice. Lines without anything are left out. */
export function* csvRows(text: string): Generator<string[], void, undefined> {
  const ends = /[,\r\n]/g;
  let cells: string[] = [];
  for (let at = 0; at <= text.length; at++) {
    const quotedTo = text[at] === "\"" ? closingQuote(text, at + 1) : -1;
    ends.lastIndex = Math.max(at, quotedTo);
    const end = ends.exec(text)?.index ?? text.length;
    cells.push(quotedTo < 0 ? text.slice(at, end) : text.slice(at + 1, quotedTo).replaceAll("\"\"", "\""));
    if (text[end] !== ",") {
      if (cells.length > 1 || cells[0] !== "") yield cells;
      cells = [];
    }
    at = end;
  }
}

/** Where a cell's quotes end: at the first that does not stand twice. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf("\"", from); at >= 0; at = text.indexOf("\"", at + 2)) if (text[at + 1] !== "\"") return at;
  return text.length;
}

/** Whether a row of a CSV file with a header has the value in the column. */
export function csvColumnHas(text: string, column: string, value: string): boolean {
  // Most files do not have it anywhere.
  if (!text.includes(value)) return false;
  let place: number | undefined;
  for (const cells of csvRows(text)) {
    if (place === undefined) place = cells.findIndex((cell) => cell.replace(/^\uFEFF/, "").trim() === column);
    else if (cells[place] === value) return true;
    if (place === -1) return false;
  }
  return false;
}
