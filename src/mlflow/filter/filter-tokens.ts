import { AppError } from "../../core/errors.ts";

/** A piece of a filter or an ordering with its place, counted from 1 in characters of the text. */
export interface FilterToken {
  kind: "word" | "quoted" | "backticked" | "number" | "operator" | "dot" | "open" | "close" | "comma" | "end";
  /** Without quotes. */
  text: string;
  /** As it was written. */
  raw: string;
  position: number;
}

/** Says where a filter goes wrong and what would be right there. */
export function filterProblem(what: string, token: Pick<FilterToken, "position" | "raw">, expected: string): AppError {
  const found = token.raw === "" ? "the end" : JSON.stringify(token.raw.slice(0, 80));
  return new AppError("FILTER_INVALID", `Invalid ${what}: at position ${token.position} expected ${expected}, found ${found}.`);
}

const patterns: readonly [FilterToken["kind"], RegExp][] = [
  ["quoted", /'(?:[^']|'')*'|"[^"]*"/y],
  ["backticked", /`[^`]*`/y],
  ["number", /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w/-])/y],
  // A key may hold what names of metrics and params may hold, as far as no other piece begins with it.
  ["word", /[\p{L}\p{N}_](?:[\p{L}\p{N}_/-]|:(?=[\p{L}\p{N}_]))*/uy],
  ["operator", /!=|>=|<=|=|>|</y],
  ["dot", /\./y],
  ["open", /\(/y],
  ["close", /\)/y],
  ["comma", /,/y],
];

/** All pieces, with one of the kind `end` at last. Throws FILTER_INVALID. */
export function filterTokens(what: string, text: string): FilterToken[] {
  const tokens: FilterToken[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++;
    const position = at + 1;
    if (at >= text.length) {
      tokens.push({ kind: "end", text: "", raw: "", position });
      return tokens;
    }
    const token = tokenAt(text, at);
    if (token === null) throw filterProblem(what, { position, raw: text.slice(at, at + 1) }, "a comparison such as metrics.loss < 0.1");
    tokens.push({ ...token, position });
    at += token.raw.length;
  }
}

function tokenAt(text: string, at: number): Omit<FilterToken, "position"> | null {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const raw = pattern.exec(text)?.[0];
    if (raw !== undefined) return { kind, raw, text: unquoted(kind, raw) };
  }
  return null;
}

function unquoted(kind: FilterToken["kind"], raw: string): string {
  if (kind === "backticked") return raw.slice(1, -1);
  if (kind !== "quoted") return raw;
  return raw.startsWith("'") ? raw.slice(1, -1).replaceAll("''", "'") : raw.slice(1, -1);
}
