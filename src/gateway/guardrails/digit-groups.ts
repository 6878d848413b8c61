/** Digits with what separates them, from one place on. */
export interface DigitGroups {
  digits: string;
  /** Behind each digit. */
  ends: number[];
  /** What stands before each group but the first. */
  separators: string[];
  /** How many digits each group has. */
  sizes: number[];
}

/** Reads at most `most` digits; between two of them at most one of `separators`, or two where a bracket is one of them. */
export function readDigitGroups(text: string, start: number, most: number, separators: string): DigitGroups {
  const groups: DigitGroups = { digits: "", ends: [], separators: [], sizes: [] };
  let at = start;
  let between = "";
  let hasBracket = false;
  while (groups.digits.length <= most && at < text.length) {
    const character = text.charAt(at);
    if (character >= "0" && character <= "9") {
      if (groups.digits === "" || between !== "") groups.sizes.push(0);
      if (groups.digits !== "" && between !== "") groups.separators.push(between);
      between = "";
      hasBracket = false;
      groups.digits += character;
      groups.ends.push(at + 1);
      groups.sizes[groups.sizes.length - 1] = (groups.sizes.at(-1) ?? 0) + 1;
    } else {
      if (!separators.includes(character)) break;
      between += character;
      hasBracket ||= character === "(" || character === ")";
      if (between.length > (hasBracket ? 2 : 1)) break;
    }
    at++;
  }
  return groups;
}
