import { terminalText } from "./terminal-text.ts";

/** Columns aligned with spaces, for people; numbers are not rounded here. A cell stays one line, whatever its text is. */
export function textTable(headers: readonly string[], texts: readonly (readonly string[])[]): string {
  const rows = texts.map((cells) => cells.map((cell) => terminalText(cell.replaceAll(/[\t\n\r\u2028\u2029]+/g, " "))));
  const widths = headers.map((header, column) => Math.max(header.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd();
  return [line(headers), ...rows.map(line)].join("\n");
}
