import { isIPv6 } from "node:net";
import type { GuardrailSettings } from "../schemas.ts";
import { findBankAccount, findCard, findPhone, findSocialSecurity } from "./find-numbers.ts";

export type PersonalDataType = Extract<GuardrailSettings, { kind: "pii" }>["types"][number];

export interface PersonalData {
  type: PersonalDataType;
  start: number;
  end: number;
}

/** No find is longer, but for email addresses. */
export const longestNumber = 64;
const longestLocalPart = 64;
const longestDomain = 255;
/** Of names such as icon@2x.png; none is a top-level domain. */
const fileEndings = new Set(["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "ts"]);

/**
 * Personal data in a folded text, in order, apart from each other. Time is linear: each place is looked at by scanners that see at most some 300 characters around it. Scanners look at
 * the two characters before `from`, where nothing is found to begin, nor from `until` on. Going on from `until`, or from where the last find ends, finds the rest.
 */
export function findPersonalData(text: string, types: ReadonlySet<PersonalDataType>, from = 0, until = text.length): PersonalData[] {
  const found: PersonalData[] = [];
  let email = types.has("email") ? findEmail(text, from, until) : null;
  let emailStart = email?.start ?? until;
  let at = from;
  while (at < until) {
    if (at >= emailStart) {
      if (email !== null && email.start === at) {
        found.push({ type: "email", start: at, end: email.end });
        at = email.end;
      }
      email = findEmail(text, at, until);
      emailStart = email?.start ?? until;
      continue;
    }
    const code = text.charCodeAt(at);
    // Most characters begin nothing, and most letters stand within a word.
    const match = code < 128 && beginnings[code] === 1 && (at === 0 || !isWordCharacter(text.charCodeAt(at - 1))) ? findAt(text, at, code, types) : null;
    if (match === null) at++;
    else {
      found.push({ type: match.type, start: at, end: match.end });
      at = match.end;
    }
  }
  return found;
}

/** 1 for what a number, an account or an address can begin with. */
const beginnings = new Uint8Array(128);
for (const character of "+(:0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") beginnings[character.charCodeAt(0)] = 1;

interface Span {
  start: number;
  end: number;
}

/** What begins at this place. The order decides: a checksum says more than a form. */
function findAt(text: string, start: number, code: number, types: ReadonlySet<PersonalDataType>): { type: PersonalDataType; end: number } | null {
  // A letter begins an account number, or an address of version 6.
  if (isLetter(code) && !isDigit(text.charCodeAt(start + 2)) && !(isHexLetter(code) && types.has("ip"))) return null;
  for (const [type, find] of scanners) {
    if (!types.has(type)) continue;
    const end = find(text, start);
    if (end !== null) return { type, end };
  }
  return null;
}

/** From the place where something begins to where it ends; null for nothing. */
const scanners: readonly (readonly [PersonalDataType, (text: string, start: number) => number | null])[] = [
  ["iban", findBankAccount], ["card", findCard], ["ssn", findSocialSecurity], ["ip", findAddress], ["phone", findPhone],
];

/** The next email address that begins from a place on and before `until`. */
function findEmail(text: string, from: number, until: number): Span | null {
  for (let sign = text.indexOf("@", from); sign !== -1 && sign < until + longestLocalPart; sign = text.indexOf("@", sign + 1)) {
    let start = sign;
    while (start > from && sign - start < longestLocalPart && isOfLocalPart(text.charCodeAt(start - 1))) start--;
    while (start < sign && text[start] === ".") start++;
    let end = sign + 1;
    while (end < text.length && end - sign <= longestDomain && isOfDomain(text.charCodeAt(end))) end++;
    while (end > sign && (text[end - 1] === "." || text[end - 1] === "-")) end--;
    let dot = end - 1;
    while (dot > sign && text[dot] !== ".") dot--;
    // The top-level domain has two letters or more: no sizes such as icon@2.5x.
    if (start < sign && start < until && dot > sign + 1 && end - dot > 2 && isLetter(text.charCodeAt(dot + 1)) && isLetter(text.charCodeAt(dot + 2)) && !fileEndings.has(text.slice(dot + 1, end).toLowerCase())) return { start, end };
  }
  return null;
}

function findAddress(text: string, start: number): number | null {
  return findVersionFour(text, start) ?? findVersionSix(text, start);
}

function findVersionFour(text: string, start: number): number | null {
  if (!isDigit(text.charCodeAt(start)) || text[start - 1] === "." || text[start - 1] === "-") return null;
  let at = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text[at++] !== ".") return null;
    const first = at;
    while (at - first < 4 && isDigit(text.charCodeAt(at))) at++;
    const length = at - first;
    if (length === 0 || length > 3 || (length > 1 && text[first] === "0") || Number(text.slice(first, at)) > 255) return null;
  }
  if (isWordCharacter(text.charCodeAt(at)) || (text[at] === "." && isDigit(text.charCodeAt(at + 1)))) return null;
  return at;
}

function findVersionSix(text: string, start: number): number | null {
  if (text[start - 1] === ":" || text[start - 1] === ".") return null;
  let end = start;
  let colons = 0;
  let hexDigits = 0;
  while (end < text.length && end - start <= 46) {
    const code = text.charCodeAt(end);
    if (code === 0x3a) colons++;
    else if (isDigit(code) || isHexLetter(code)) hexDigits++;
    else if (code !== 0x2e) break;
    end++;
  }
  if (colons < 2 || hexDigits === 0 || isWordCharacter(text.charCodeAt(end))) return null;
  while (text[end - 1] === "." || (text[end - 1] === ":" && text[end - 2] !== ":")) end--;
  return isIPv6(text.slice(start, end)) ? end : null;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0xc0 && code < 0x530 && code !== 0xd7 && code !== 0xf7);
}

function isHexLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
}

function isWordCharacter(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 0x5f;
}

function isOfLocalPart(code: number): boolean {
  return isWordCharacter(code) || code === 0x2e || code === 0x25 || code === 0x2b || code === 0x2d || code === 0x27;
}

function isOfDomain(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 0x2e || code === 0x2d;
}

/** Whether a character can stand in anything that is found, spaces aside. */
export function isPersonalDataCharacter(code: number): boolean {
  return isOfLocalPart(code) || code === 0x40 || code === 0x3a || code === 0x28 || code === 0x29 || code === 0x2f;
}
