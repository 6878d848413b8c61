import type { LangsmithRun } from "./runs.ts";

/** Runs that are not whole, and the characters of all of them together, at most; the oldest are forgotten. */
const mostOpen = 20_000;
const mostCharacters = 64 << 20;
/** Of a number, a bracket, the quotes of a text. */
const leastCharacters = 8;

/** Of a run: `post` is its beginning, `patch` what changed. Clients send them in any order, and whole runs as either. */
export type RunPart = "post" | "patch";

interface OpenRun {
  post?: LangsmithRun;
  patch?: LangsmithRun;
  /** Of all that was ever said of it: to count anew what is kept would cost more with each word. */
  characters: number;
}

/** Puts together what clients say of a run at its beginning and at its end: kept in memory until both are there. */
export class OpenRuns {
  readonly #open = new Map<string, OpenRun>();
  readonly #mostCharacters: number;
  #characters = 0;

  constructor(most = mostCharacters) {
    this.#mostCharacters = most;
  }

  /** Characters of what is kept, by estimate. */
  get characters(): number {
    return this.#characters;
  }

  /** The run with all that was said of it; null where that is not yet enough for a span. What is absent or null in a change stays, and a beginning that comes late takes back nothing. */
  merge(team: string, run: LangsmithRun, part: RunPart): LangsmithRun | null {
    const key = `${team} ${run.id}`;
    const before = this.#open.get(key);
    const said: LangsmithRun = { ...Object.fromEntries(Object.entries(run).filter(([, value]) => value !== null && value !== undefined)), id: run.id };
    const open: OpenRun = { ...before, [part]: { ...before?.[part], ...said }, characters: (before?.characters ?? 0) + charactersOf(said) };
    const merged: LangsmithRun = { ...open.post, ...open.patch, id: run.id };
    this.#forget(key);
    const whole = open.post !== undefined && merged.end_time !== undefined;
    if (!whole) {
      this.#open.set(key, open);
      this.#characters += open.characters;
    }
    while (this.#open.size > mostOpen || this.#characters > this.#mostCharacters) this.#forget(this.#open.keys().next().value!);
    const hasTrace = merged.trace_id !== undefined || open.post !== undefined;
    const hasStart = merged.start_time !== undefined || merged.dotted_order !== undefined;
    return open.post !== undefined || (hasTrace && hasStart) ? merged : null;
  }

  #forget(key: string): void {
    this.#characters -= this.#open.get(key)?.characters ?? 0;
    this.#open.delete(key);
  }
}

/** How deep a body nests was judged before. */
function charactersOf(value: unknown): number {
  if (typeof value === "string") return value.length + leastCharacters;
  if (typeof value !== "object" || value === null) return leastCharacters;
  let sum = leastCharacters;
  for (const [name, inner] of Object.entries(value)) sum += name.length + charactersOf(inner);
  return sum;
}
