import { assertJsonBounds } from "./json-bounds.ts";

const unbounded = { depth: Infinity, containers: Infinity, neighbours: Infinity };

/** How many fields the objects of a value have that `JSON.parse` gave: fewer than stand in its text where one stands there twice, of which the last is read. */
export function countFields(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") count += countFields(item);
    return count;
  }
  for (const name in value) {
    count++;
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === "object") count += countFields(member);
  }
  return count;
}

/** Whether a field stands twice in a text of JSON, whose value this is. */
export function hasRepeatedField(text: string, value: unknown): boolean {
  return text.includes(":") && countFields(value) !== assertJsonBounds(Buffer.from(text), unbounded);
}

interface Open {
  /** Null for a list. */
  names: Set<string> | null;
  /** How many of a list were begun. */
  items: number;
  /** The field or item that this is in what it stands in. */
  step: string;
}

const strings = /"(?:[^"\\]|\\.)*"|[[\]{},:]/gs;
/** Names are the caller's, and can be as long as the body. */
const longestName = 60;

/** Where a field stands for the second time, such as `messages[0].content`; null where none does. For a text that `JSON.parse` has taken: linear, and slow beside it. */
export function findRepeatedField(text: string): string | null {
  const open: Open[] = [];
  let step = "";
  let last = "";
  for (const { 0: token } of text.matchAll(strings)) {
    const inside = open.at(-1);
    switch (token) {
      case "{":
      case "[":
        if (inside?.names === null) step = `[${inside.items}]`;
        open.push({ names: token === "{" ? new Set() : null, items: 0, step });
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        if (inside !== undefined) inside.items++;
        break;
      case ":": {
        const name = JSON.parse(last) as string;
        step = `.${name.length > longestName ? `${name.slice(0, longestName)}...` : name}`;
        if (inside?.names?.has(name) === true) return (open.map((one) => one.step).join("") + step).replace(/^\./, "");
        inside?.names?.add(name);
        break;
      }
      default:
        last = token;
    }
  }
  return null;
}
