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
 * the two characters before `from`, where nothing is found to begin.
 */
export function findPersonalData(text: string, types: ReadonlySet<PersonalDataType>, from = 0): PersonalData[] {
  const found: PersonalData[] = [];
  const at: { start: number; end: number; nextEmail: Span | null } = { start: from, end: from, nextEmail: types.has("email") ? findEmail(text, from) : null };
  const take = (type: PersonalDataType, start: number, end: number): void => {
    found.push({ type, start, end });
    at.start = end;
  };
  while (at.start < text.length) {
    if (at.nextEmail !== null && at.nextEmail.start <= at.start) {
      if (at.nextEmail.start === at.start) take("email", at.nextEmail.start, at.nextEmail.end);
      at.nextEmail = findEmail(text, at.start);
      continue;
    }
    const match = findAt(text, at.start, types);
    if (match === null) at.start++;
    else take(match.type, at.start, match.end);
  }
  return found;
}

interface Span {
  start: number;
  end: number;
}

/** What begins at this place. The order decides: a checksum says more than a form. */
function findAt(text: string, start: number, types: ReadonlySet<PersonalDataType>): { type: PersonalDataType; end: number } | null {
  const code = text.charCodeAt(start);
  const isOfDigits = isDigit(code) || code === 0x2b || code === 0x28;
  if (!isOfDigits && !isHexLetter(code) && code !== 0x3a && !(isLetter(code) && isDigit(text.charCodeAt(start + 2)))) return null;
  if (start > 0 && isWordCharacter(text.charCodeAt(start - 1))) return null;
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

/** The next email address from a place on. */
function findEmail(text: string, from: number): Span | null {
  for (let sign = text.indexOf("@", from); sign !== -1; sign = text.indexOf("@", sign + 1)) {
    let start = sign;
    while (start > from && sign - start < longestLocalPart && isOfLocalPart(text.charCodeAt(start - 1))) start--;
    while (start < sign && text[start] === ".") start++;
    let end = sign + 1;
    while (end < text.length && end - sign <= longestDomain && isOfDomain(text.charCodeAt(end))) end++;
    while (end > sign && (text[end - 1] === "." || text[end - 1] === "-")) end--;
    let dot = end - 1;
    while (dot > sign && text[dot] !== ".") dot--;
    // The top-level domain has two letters or more: no sizes such as icon@2.5x.
    if (start < sign && dot > sign + 1 && end - dot > 2 && isLetter(text.charCodeAt(dot + 1)) && isLetter(text.charCodeAt(dot + 2)) && !fileEndings.has(text.slice(dot + 1, end).toLowerCase())) return { start, end };
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

export function isLetter(code: number): boolean {
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
