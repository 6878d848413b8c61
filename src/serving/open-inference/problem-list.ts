import { AppError, type Problem } from "../../core/errors.ts";

/** Problems kept for one input; more are counted only, so that a hostile body cannot make a huge answer. */
const maxKept = 64;
/** Problems after which the rest is not looked at: who has so many has one that explains them all. */
const maxCounted = 1000;
/** Problems that the message itself names. */
const maxInMessage = 5;

/** Collects everything that is wrong with one input, so that the caller learns it in one answer. */
export class ProblemList {
  readonly kept: Problem[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** True while further problems are still kept: callers may then spend time on describing them. */
  get open(): boolean {
    return this.#count < maxKept;
  }

  /** Throws what was found so far when it is too much to go on. */
  add(path: string, message: string): void {
    this.#count++;
    if (this.kept.length < maxKept) this.kept.push({ path, message });
    if (this.#count === maxCounted) this.throwIfAny();
  }

  /** Throws INVALID_INPUT that names the first few problems and carries all that were kept. */
  throwIfAny(): void {
    if (this.#count === 0) return;
    const named = this.kept.slice(0, maxInMessage).map(({ path, message }) => `${path} ${message}`);
    const rest = this.#count - named.length;
    const start = this.#count === 1 ? "" : `The input has ${this.#count === maxCounted ? "at least " : ""}${this.#count} problems: `;
    throw new AppError("INVALID_INPUT", `${start}${named.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}.`, { problems: this.kept });
  }
}

/** A caller's own text within a message: quoted, and never longer than it needs to be to be recognised. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
