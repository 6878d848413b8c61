import { readDigitGroups } from "./digit-groups.ts";

/** Lengths of an account number by country. Source: IBAN registry, SWIFT, release 99. */
const accountLengths: Readonly<Record<string, number>> = {
  AD: 24, AE: 23, AL: 28, AT: 20, AZ: 28, BA: 20, BE: 16, BG: 22, BH: 22, BI: 27, BR: 29, BY: 28, CH: 21, CR: 22, CY: 28, CZ: 24, DE: 22, DJ: 27, DK: 18, DO: 28, EE: 20, EG: 29, ES: 24, FI: 18, FK: 18, FO: 18, FR: 27, GB: 22, GE: 22,
  GI: 23, GL: 18, GR: 27, GT: 28, HN: 28, HR: 21, HU: 28, IE: 22, IL: 23, IQ: 23, IS: 26, IT: 27, JO: 30, KW: 30, KZ: 20, LB: 28, LC: 32, LI: 21, LT: 20, LU: 20, LV: 21, LY: 25, MC: 27, MD: 24, ME: 22, MK: 19, MN: 20, MR: 27, MT: 31,
  MU: 30, NI: 28, NL: 18, NO: 15, OM: 23, PK: 24, PL: 28, PS: 29, PT: 25, QA: 29, RO: 24, RS: 22, RU: 33, SA: 24, SC: 31, SD: 18, SE: 24, SI: 19, SK: 24, SM: 27, SO: 23, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20, YE: 30,
};

/** An IBAN: its country's length, and 1 modulo 97 (ISO 7064) with the first four characters at the end. */
export function findBankAccount(text: string, start: number): number | null {
  if (!isDigitAt(text, start + 2) || !isDigitAt(text, start + 3)) return null;
  const length = accountLengths[text.slice(start, start + 2).toUpperCase()];
  if (length === undefined) return null;
  let account = "";
  let at = start;
  let isAfterSpace = false;
  while (account.length < length && at < text.length) {
    const character = text.charAt(at).toUpperCase();
    if (isAlphanumeric(character)) {
      account += character;
      isAfterSpace = false;
    } else if ((character === " " || character === "-") && !isAfterSpace && account.length % 4 === 0) isAfterSpace = true;
    else return null;
    at++;
  }
  if (account.length < length || isAlphanumeric(text.charAt(at).toUpperCase())) return null;
  let rest = 0;
  for (const character of account.slice(4) + account.slice(0, 4)) {
    const value = character >= "A" ? character.charCodeAt(0) - 55 : Number(character);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1 ? at : null;
}

/** A payment card: first digits and length of a network, and Luhn's sum (ISO/IEC 7812). Groups may be parted by spaces or dashes. */
export function findCard(text: string, start: number): number | null {
  if (!isDigitAt(text, start + 3) || text[start - 1] === "." || (text[start - 1] === "-" && isDigitAt(text, start - 2))) return null;
  const { digits, ends, sizes, separators } = readDigitGroups(text, start, 19, " -");
  if (new Set(separators).size > 1) return null;
  // The whole, or where more groups follow, as many groups as make a card.
  let length = 0;
  let best: number | null = null;
  for (const size of sizes) {
    length += size;
    // Groups of fewer than three digits are dates, times and amounts.
    if (size < 3 && length < digits.length && length < 12) return null;
    const end = ends[length - 1] ?? 0;
    if (length <= 19 && isCard(digits.slice(0, length)) && !isWordAt(text, end)) best = end;
  }
  return best;
}

function isCard(digits: string): boolean {
  const four = Number(digits.slice(0, 4));
  const two = Math.floor(four / 100);
  const isOfNetwork =
    digits[0] === "4" ? [13, 16, 19].includes(digits.length)
    : (two >= 51 && two <= 55) || (four >= 2221 && four <= 2720) ? digits.length === 16
    : two === 34 || two === 37 ? digits.length === 15
    : two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059) ? digits.length >= 14 && digits.length <= 19
    : (four === 6011 || two === 65 || (four >= 6440 && four <= 6499) || two === 62 || two === 35 || two === 50 || (two >= 56 && two <= 58) || two === 60 || two === 63 || two === 67) && digits.length >= (two === 35 || two === 62 ? 16 : 13);
  if (!isOfNetwork) return false;
  let sum = 0;
  for (let index = digits.length - 1, isDoubled = false; index >= 0; index--, isDoubled = !isDoubled) {
    const digit = Number(digits[index]) * (isDoubled ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

/** A US social security number in its written form: AAA-GG-SSSS, or with spaces. Nine digits in a row say nothing. */
export function findSocialSecurity(text: string, start: number): number | null {
  const between = text.charAt(start + 3);
  if ((between !== "-" && between !== " ") || text.charAt(start + 6) !== between || text[start - 1] === "-" || text[start - 1] === ".") return null;
  for (const offset of [0, 1, 2, 4, 5, 7, 8, 9, 10]) if (!isDigitAt(text, start + offset)) return null;
  const end = start + 11;
  if (isWordAt(text, end) || (text[end] === "-" && isDigitAt(text, end + 1))) return null;
  const area = Number(text.slice(start, start + 3));
  // Never given out: 000, 666, 900 and above, group 00, serial 0000 (Social Security Administration).
  return area > 0 && area !== 666 && area < 900 && text.slice(start + 4, start + 6) !== "00" && text.slice(start + 7, end) !== "0000" ? end : null;
}

/**
 * A telephone number: international (`+` and 8 to 15 digits, E.164; `00` with separators), North American (three, three and four digits with separators), and national with a leading 0 and separators (9 to 11 digits).
 * Digits in a row without a sign of any kind are taken for something else.
 */
export function findPhone(text: string, start: number): number | null {
  const before = text[start - 1];
  if (before === "." || before === "/" || before === "=" || ((before === "-" || before === ":") && isDigitAt(text, start - 2))) return null;
  const isInternational = text[start] === "+";
  const isBracketed = text[start] === "(";
  if (isInternational && !isDigitAt(text, start + 1) && text[start + 1] !== "(") return null;
  // Most digits are sent away before anything is read: a number begins with 0, 1 or a group of three.
  const isGroupOfThree = isDigitAt(text, start + 1) && isDigitAt(text, start + 2) && !isDigitAt(text, start + 3);
  const isLongDistance = text[start] === "1" && (text[start + 1] === "(" || text[start + 2] === "(" || (isDigitAt(text, start + 2) && text.charAt(start + 2) >= "2"));
  if (!isInternational && !isBracketed && text[start] !== "0" && !isLongDistance && !isGroupOfThree) return null;
  const { digits, ends, sizes, separators } = readDigitGroups(text, start + (isInternational || isBracketed ? 1 : 0), 15, " -.()/");
  const end = ends.at(-1) ?? 0;
  if (isWordAt(text, end) || digits.length > 15 || ((text[end] === "." || text[end] === "-" || text[end] === ":" || text[end] === "/") && isDigitAt(text, end + 1))) return null;
  if (isBracketed && separators[0]?.startsWith(")") !== true) return null;
  if (isInternational) return digits.length >= 8 && digits[0] !== "0" ? end : null;
  if (separators.length === 0) return null;
  const isAmerican = /^1?[2-9]\d{2}[2-9]\d{6}$/.test(digits) && /^(?:1,)?3,3,4$/.test(sizes.join()) && !separators.some((separator) => separator.includes("/"));
  if (isAmerican) return end;
  // Groups that follow other digits are a part of something longer.
  if (before === " " && isDigitAt(text, start - 2)) return null;
  if (digits.startsWith("00")) return digits.length >= 10 && digits[2] !== "0" && !separators.includes(".") ? end : null;
  if (digits[0] !== "0" || digits.length < 9 || digits.length > 11 || sizes.length > 5) return null;
  // Two, two and four digits are a date.
  if (sizes[0] === 2 && sizes[1] === 2 && sizes[2] === 4) return null;
  return !separators.includes(".") || sizes.join() === "2,2,2,2,2" ? end : null;
}

function isDigitAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function isWordAt(text: string, at: number): boolean {
  return at < text.length && (isAlphanumeric(text.charAt(at).toUpperCase()) || text[at] === "_");
}

function isAlphanumeric(character: string): boolean {
  return (character >= "A" && character <= "Z") || (character >= "0" && character <= "9");
}
