import { apart, askingWords, beforeVerb, dutiful, equalWords, frames, measures, negations, numbers, pairs, persons, withoutContent, withS, yesOrNo } from "./meaning-words.ts";

/**
 * Whether two short texts surely ask the same: the second guess of the semantic cache, for an embedding puts "enable 2FA" and "disable 2FA" next to each other. It sees form, not sense: what carries content
 * (words, names, numbers with their units, negations, identifiers, signs, quoted text) must be the same in the same order once words that only ask are left out and words that stand for each other are made one.
 * So it lets through other ways to ask, and no other thing that is asked. A word that it does not know must stand in both. What it refuses costs a call and nothing else.
 */
export function sameMeaning(first: string, second: string): boolean {
  if (first === second) return true;
  const [one, other] = [read(first), read(second)];
  if (one.content !== other.content || one.asks !== other.asks) return false;
  if (dutiful.some((words) => says(one, words) !== says(other, words))) return false;
  return apart.every((sides) => sides.every((side, index) => !says(one, side) || sides.every((against, place) => place === index || !says(other, against) || says(one, against) || says(other, side))));
}

interface Reading {
  words: ReadonlySet<string>;
  content: string;
  asks: string;
}

function says({ words }: Reading, any: ReadonlySet<string>): boolean {
  for (const word of any) if (words.has(word)) return true;
  return false;
}

/** Quoted text; flags; words with what identifiers have inside (`array.slice`, `a_b`, `C++`, `x/y`, `don't`); numbers; any other sign by itself. Alternatives begin differently: it is linear. */
const token = /`[^`]*`|"[^"]*"|“[^”]*”|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])|(?<!\S)--?\p{L}[\p{L}\p{N}-]*|\p{N}+(?:[.,:/]\p{N}+)*|[\p{L}_](?:[\p{L}\p{N}\p{M}_]|[./:@'’](?=[\p{L}\p{N}_]))*[+#]*|[^\s.,?!;:()"'’“”`-]|(?<=\s)-(?=\S)|(?<=\p{N}\s*)-/gu;
const camel = /^\p{Ll}+\p{Lu}/u;
const capitals = /^\p{Lu}+$/u;
const identifier = /[._/:@+#]|\p{N}/u;

function read(text: string): Reading {
  const tokens: readonly string[] = text.match(token) ?? [];
  const words: string[] = [];
  const content: string[] = [];
  const framed = frameOf(tokens);
  for (let index = 0; index < tokens.length; index++) {
    const raw = tokens[index]!;
    const before = content.at(-1) ?? "";
    if (index >= framed && isExact(raw, index)) {
      content.push(raw.startsWith("-") ? raw : raw.replace(/^["'“]|["'”]$/gu, "\""));
      continue;
    }
    if (/^\p{N}/u.test(raw)) {
      content.push(numeral(raw));
      continue;
    }
    const [word, isNegated] = plain(raw);
    words.push(word);
    if (index < framed) continue;
    // What is denied is told by where the denial stands.
    if (isNegated || negations.has(word)) {
      content.push(word === "without" ? word : "not");
      continue;
    }
    const pair = pairs.get(`${word} ${plain(tokens[index + 1] ?? "")[0]}`);
    if (pair !== undefined) {
      content.push(pair);
      index++;
    } else if (persons.has(word)) content.push(persons.get(word)!);
    else if (word === "am" && /^\d/.test(before)) content.push(word);
    else if (word === "to" ? !beforeVerb.has(words.at(-2) ?? "") : !withoutContent.has(word)) content.push(canonical(word));
  }
  return { words: new Set(words), content: content.join("\u0000"), asks: kindOf(words, content) };
}

/** How many words only begin the question. */
function frameOf(tokens: readonly string[]): number {
  let length = 0;
  for (let found = true; found;) {
    const start = length;
    const frame = frames.find((words) => words.every((word, index) => tokens[start + index] !== undefined && plain(tokens[start + index]!)[0] === word && !plain(tokens[start + index]!)[1]));
    found = frame !== undefined;
    length += frame?.length ?? 0;
  }
  return length;
}

/** Quoted, or a name in capitals or an identifier, where case and form count. */
function isExact(raw: string, index: number): boolean {
  if (/^[`"“'-]/u.test(raw)) return true;
  if (camel.test(raw)) return true;
  return capitals.test(raw) && (raw.length > 1 ? true : index > 0 && raw !== "I");
}

/** The word in small letters, without what is tied to it; whether that denied it. */
function plain(raw: string): [word: string, isNegated: boolean] {
  const word = raw.toLowerCase().replaceAll("’", "'");
  if (word.endsWith("n't") || word === "cannot") return [word === "can't" || word === "cannot" ? "can" : word.slice(0, -3), true];
  return [word.replace(/'(?:s|re|ll|ve|m|d)$/u, ""), false];
}

function canonical(word: string): string {
  const number = numbers.get(word);
  if (number !== undefined) return number;
  if (identifier.test(word)) return word;
  return equalWords.get(word) ?? equalWords.get(singular(word)) ?? singular(word);
}

function singular(word: string): string {
  if (word.length < 4 || !word.endsWith("s") || withS.has(word) || /(?:ss|us|is)$/u.test(word)) return word;
  if (word.endsWith("ies") && word.length > 4) return `${word.slice(0, -3)}y`;
  return /(?:s|x|z|ch|sh)es$/u.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}

/** `1,000` and `1000.0` are one number; times and versions (`9:30`, `3.11.2`) stay as they are. */
function numeral(raw: string): string {
  const bare = /^\d{1,3}(?:,\d{3})+$/u.test(raw) ? raw.replaceAll(",", "") : raw;
  // 3.1 and 3.10 are two versions, and one number: versions are asked about more.
  return /^\d+$/u.test(bare) && bare.length < 16 ? String(Number(bare)) : bare;
}

function kindOf(words: readonly string[], content: readonly string[]): string {
  for (const [index, word] of words.entries()) {
    const kind = askingWords.get(word);
    if (kind !== undefined) return kind;
    const next = words[index + 1] ?? "";
    // "What does it cost" asks for the same.
    if (word === "how" && measures.has(next)) return next === "much" && content.includes("cost") ? "open" : `how ${next}`;
    if (word === "how" || word === "what" || word === "which") return "open";
  }
  const [first = "", second = ""] = words;
  return yesOrNo.has(first) && second !== "you" ? "yes or no" : "open";
}
