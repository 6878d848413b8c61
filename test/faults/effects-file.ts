import { appendFileSync, readFileSync, writeFileSync } from "node:fs";

/**
 * What processes did, in the order in which they did it, kept by a file so that it outlasts them. `effect`: a step did to the
 * world what it is for. `acknowledged`: the journal answered that it has the step. `found`: whoever came after a death read
 * in the journal that the step is finished.
 */
type Mark = "effect" | "acknowledged" | "found";

/** Appended whole, by any number of processes. */
export function mark(file: string, owner: string, what: Mark, run: string, steps: readonly string[]): void {
  if (steps.length > 0) appendFileSync(file, steps.map((step) => `${what}\t${run}\t${step}\t${owner}\n`).join(""));
}

export class EffectsFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    writeFileSync(path, "");
  }

  read(): { what: Mark; run: string; step: string; owner: string }[] {
    const lines = readFileSync(this.path, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => line.split("\t") as [Mark, string, string, string]).map(([what, run, step, owner]) => ({ what, run, step, owner }));
  }

  /** What must not be: a finished step that was done again, or a step that one process did twice. */
  repetitions(): string[] {
    const finished = new Map<string, Mark>();
    const done = new Set<string>();
    const wrong: string[] = [];
    for (const { what, run, step, owner } of this.read()) {
      const name = `${run} ${step}`;
      if (what !== "effect") finished.set(name, what);
      else if (finished.has(name)) wrong.push(`${name}: finished (${finished.get(name)}), and done again by ${owner}`);
      else if (done.has(`${name} ${owner}`)) wrong.push(`${name}: done twice by ${owner}`);
      if (what === "effect") done.add(`${name} ${owner}`);
    }
    return wrong;
  }
}
