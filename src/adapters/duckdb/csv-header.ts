import { AppError } from "../../core/errors.ts";

export interface CsvHeader {
  delimiter: string;
  /** Column names in the order of the file; a column without a name is called `Unnamed: <position>`, as pandas does. */
  names: string[];
}

const delimiters = [",", ";", "\t", "|"];

/**
 * Reads the header row from the beginning of a file. The delimiter is the one that splits the header into the most
 * columns. Throws REFERENCE_INVALID for what is not text, has no header, or names two columns alike.
 */
export function readCsvHeader(beginning: Uint8Array, isWholeFile: boolean): CsvHeader {
  const text = decode(beginning, isWholeFile).replace(/^\ufeff/, "");
  if (text.trim() === "") throw new AppError("REFERENCE_INVALID", "The CSV file is empty.");
  if (/^[\r\n]/.test(text)) throw new AppError("REFERENCE_INVALID", "The first line of the CSV file is empty; it must name the columns.");
  let best: CsvHeader | undefined;
  for (const delimiter of delimiters) {
    const names = firstRecord(text, delimiter, isWholeFile);
    if (names !== null && (best === undefined || names.length > best.names.length)) best = { delimiter, names };
  }
  if (best === undefined) throw new AppError("REFERENCE_INVALID", "The first line of the CSV file does not end, or a quote in it does not.");
  const names = best.names.map((name, index) => (name.trim() === "" ? `Unnamed: ${index}` : name));
  return { delimiter: best.delimiter, names };
}

/** Refuses names that a contract could not tell apart. */
export function assertDistinctColumns(names: readonly string[]): void {
  const duplicates = names.filter((name, index) => names.indexOf(name) !== index);
  if (duplicates.length === 0) return;
  const problems = [...new Set(duplicates)].map((name) => ({ path: `columns.${name}`, message: "is there more than once" }));
  throw new AppError("REFERENCE_INVALID", `The file has two columns named ${JSON.stringify(duplicates[0])}.`, { problems });
}

function decode(bytes: Uint8Array, isWhole: boolean): string {
  try {
    // `stream` forgives a character that the end of the sample cuts in two.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !isWhole });
    if (!text.includes("\0")) return text;
  } catch (cause) {
    throw new AppError("REFERENCE_INVALID", "The file is not a CSV file in UTF-8.", { cause });
  }
  throw new AppError("REFERENCE_INVALID", "The file is not a CSV file: it has bytes that text does not have.");
}

/** Fields of the first record by RFC 4180; null when it does not end within the text. */
function firstRecord(text: string, delimiter: string, endOfTextEndsIt: boolean): string[] | null {
  const fields: string[] = [];
  let field = "";
  for (let index = 0; index < text.length; ) {
    const character = text[index]!;
    if (character === '"' && field === "") {
      const closing = closingQuote(text, index);
      if (closing < 0) return null;
      field = text.slice(index + 1, closing).replaceAll('""', '"');
      index = closing + 1;
    } else if (character === delimiter) {
      fields.push(field);
      field = "";
      index++;
    } else if (character === "\n" || character === "\r") {
      return [...fields, field];
    } else {
      field += character;
      index++;
    }
  }
  return endOfTextEndsIt ? [...fields, field] : null;
}

function closingQuote(text: string, opening: number): number {
  for (let index = text.indexOf('"', opening + 1); index >= 0; index = text.indexOf('"', index + 2)) {
    if (text[index + 1] !== '"') return index;
  }
  return -1;
}
