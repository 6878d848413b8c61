/** A name as SQL takes it, whatever characters it has. Throws RangeError for NUL, at which DuckDB ends a statement. */
export function sqlName(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** A text as SQL takes it; DuckDB knows no escapes but the doubled quote. Throws RangeError for NUL. */
export function sqlText(text: string): string {
  return `'${withoutNul(text).replaceAll("'", "''")}'`;
}

export function sqlList(texts: readonly string[]): string {
  return `[${texts.map(sqlText).join(", ")}]`;
}

function withoutNul(text: string): string {
  if (text.includes("\0")) throw new RangeError("NUL cannot stand in SQL");
  return text;
}
