/**
 * The first rows of a CSV text (RFC 4180: quotes around fields, doubled inside). A field that the text ends in the middle of is left out with
 * its row when `whole` is false: the text was cut there.
 */
export function csvRows(text: string, options: { limit: number; whole: boolean; separator?: string }): string[][] {
  const { limit, whole, separator = "," } = options;
  const rows: string[][] = [];
  let [row, field, quoted] = [[] as string[], "", false];
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  for (; at < text.length && rows.length < limit; at++) {
    const char = text[at]!;
    if (quoted) {
      if (char !== '"') field += char;
      else if (text[at + 1] === '"') {
        field += '"';
        at++;
      } else quoted = false;
    } else if (char === '"' && field === "") quoted = true;
    else if (char === separator) {
      row.push(field);
      field = "";
    } else if (char === "\n") {
      row.push(field.endsWith("\r") ? field.slice(0, -1) : field);
      rows.push(row);
      [row, field] = [[], ""];
    } else field += char;
  }
  if (rows.length < limit && whole && (field !== "" || row.length > 0)) rows.push([...row, field]);
  return rows;
}
