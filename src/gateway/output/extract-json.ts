export type ExtractedJson =
  | { found: true; text: string; value: unknown; /** What had to be done to it: nothing, or what stood around it or within it. */ changed: boolean }
  | { found: false; message: string };

/**
 * The JSON document in what a model wrote: all of it, or in a code fence, or with words around it, or with commas before closing brackets. What is not closed is not closed here: a cut answer is no answer. Linear.
 */
export function extractJson(text: string): ExtractedJson {
  const trimmed = text.trim();
  if (trimmed === "") return { found: false, message: "is empty" };
  const whole = parse(trimmed);
  if (whole !== null) return { found: true, text: trimmed, value: whole.value, changed: false };
  let message = "is not JSON";
  // A fence may hold prose, and prose may hold brackets: the first document that parses is it, of few that are tried.
  for (let at = 0, tries = 0; tries < 8; tries++) {
    const start = firstBracket(trimmed, at);
    if (start === -1) break;
    const end = endOfDocument(trimmed, start);
    if (end === null) {
      message = "is not closed: the JSON ends in the middle";
      at = start + 1;
      continue;
    }
    const document = trimmed.slice(start, end);
    const parsed = parse(document);
    if (parsed !== null) return { found: true, text: document, value: parsed.value, changed: true };
    const withoutCommas = dropCommas(document);
    const repaired = parse(withoutCommas);
    if (repaired !== null) return { found: true, text: withoutCommas, value: repaired.value, changed: true };
    message = "is not JSON";
    at = end;
  }
  return { found: false, message };
}

function parse(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

function firstBracket(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === "{" || text[at] === "[") return at;
  return -1;
}

/** Behind the bracket that closes the one at `start`; null where none does. */
function endOfDocument(text: string, start: number): number | null {
  let depth = 0;
  let isInString = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return at + 1;
  }
  return null;
}

/** Without the commas that stand before a closing bracket, outside of strings. */
function dropCommas(text: string): string {
  let kept = "";
  let isInString = false;
  let last = 0;
  let comma = -1;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
      continue;
    }
    if (character === ",") comma = at;
    else if ((character === "}" || character === "]") && comma !== -1) {
      kept += text.slice(last, comma);
      last = comma + 1;
      comma = -1;
    } else if (character.trim() !== "") {
      comma = -1;
      isInString = character === '"';
    }
  }
  return kept + text.slice(last);
}
