import { hasRepeatedField } from "../../core/repeated-fields.ts";
import type { PersonalData, PersonalDataType } from "./find-personal-data.ts";
import { endIn, placeIn } from "./fold-text.ts";
import { atOnce, personalDataInSteps } from "./long-texts.ts";

export interface RedactedText {
  text: string;
  findings: number;
}

/** Finds that are named before others have their turn. */
const namesAtOnce = 1000;

/**
 * Puts names in the place of personal data: `[EMAIL_1]`, `[CARD_2]`. The same value has the same name in the whole of one call, in its request and its answer, so that a model can tell two people apart; nothing is put back.
 * Holds the values for as long as the call lasts.
 */
export class Redactor {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<PersonalDataType, number>();

  /** Returns the text itself where nothing was found. What stands before and after it is not changed, and decides with where words begin and end; nothing found in the text may reach into `after`. */
  redact(text: string, types: ReadonlySet<PersonalDataType>, before = "", after = ""): RedactedText {
    return atOnce(this.redactInSteps(text, types, before, after));
  }

  /** The same, for texts that take longer than others can wait. */
  *redactInSteps(text: string, types: ReadonlySet<PersonalDataType>, before = "", after = ""): Generator<undefined, RedactedText> {
    if (types.size === 0) return { text, findings: 0 };
    const whole = before + text + after;
    const textEnd = before.length + text.length;
    const { folded, found } = yield* personalDataInSteps(whole, types, before.length);
    let redacted = "";
    let findings = 0;
    let last = before.length;
    for (const data of found) {
      const start = placeIn(folded, data.start);
      if (start >= textEnd) break;
      redacted += whole.slice(last, start) + this.#nameOf(data, folded.text);
      last = endIn(folded, data.end);
      if (++findings % namesAtOnce === 0) yield;
    }
    return findings === 0 ? { text, findings } : { text: redacted + whole.slice(last, textEnd), findings };
  }

  /**
   * The same for a text that should be JSON: the strings and numbers in it are looked at as what they mean, and it stays JSON. A number with personal data becomes a string. What is no JSON is text. Of a field that
   * stands there twice the last stays, which was looked at.
   * `redact` is asked for each string and number, in order.
   */
  redactJson(text: string, types: ReadonlySet<PersonalDataType>, redact = (leaf: string): RedactedText => this.redact(leaf, types)): RedactedText {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return redact(text);
    }
    let findings = 0;
    const isRepeated = hasRepeatedField(text, value);
    const walk = (item: unknown): unknown => {
      if (typeof item === "string" || typeof item === "number") {
        const redacted = redact(String(item));
        findings += redacted.findings;
        return redacted.findings === 0 ? item : redacted.text;
      }
      if (Array.isArray(item)) return item.map(walk);
      if (typeof item !== "object" || item === null) return item;
      return Object.fromEntries(Object.entries(item).map(([key, member]) => [walk(key), walk(member)]));
    };
    try {
      value = walk(value);
    } catch {
      // Nested too deeply to be walked.
      return redact(text);
    }
    return findings === 0 && !isRepeated ? { text, findings } : { text: JSON.stringify(value), findings };
  }

  #nameOf({ type, start, end }: PersonalData, folded: string): string {
    const value = folded.slice(start, end).toLowerCase();
    const key = `${type}:${type === "email" || type === "ip" ? value : value.replaceAll(/[^a-z0-9]/g, "")}`;
    let name = this.#names.get(key);
    if (name === undefined) {
      const count = (this.#counts.get(type) ?? 0) + 1;
      this.#counts.set(type, count);
      this.#names.set(key, (name = `[${type.toUpperCase()}_${count}]`));
    }
    return name;
  }
}
