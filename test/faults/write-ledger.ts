import { registerViolation, type RegisterOperation } from "../kit/register-history.ts";

/** What one request writes: facts, which nothing else says or takes back, and values of registers, which others overwrite. */
export interface PlannedWrite {
  facts?: readonly string[];
  /** Each value is written once in all; see `nextNumber`. */
  registers?: readonly { register: string; value: number }[];
}

interface Entry {
  facts: readonly string[];
  operations: RegisterOperation[];
  acknowledged: boolean;
}

/** What is there, read by somebody who asks for all of it. */
export interface World {
  facts: ReadonlySet<string>;
  /** Facts that the server chose: there without anybody's asking for them, and to stay when they were answered. */
  chosen: ReadonlySet<string>;
  registers: ReadonlyMap<string, number | null>;
}

/** What callers wrote and what of it was acknowledged, held against what is found afterwards. */
export class WriteLedger {
  readonly #entries: Entry[] = [];
  readonly #reads: RegisterOperation[] = [];
  #moment = 0;
  #number = 0;
  #acknowledged = 0;

  /** Another each time: for names and values, so that each is told from all others. */
  nextNumber(): number {
    return ++this.#number;
  }

  /** Call it before the request is sent. What nobody acknowledges may be done at any time, or never, but whole. */
  begin({ facts = [], registers = [] }: PlannedWrite): Entry {
    const start = ++this.#moment;
    const entry: Entry = { facts, operations: registers.map((each) => ({ ...each, kind: "write", start, end: Infinity })), acknowledged: false };
    this.#entries.push(entry);
    return entry;
  }

  acknowledge(entry: Entry): void {
    entry.acknowledged = true;
    this.#acknowledged++;
    const end = ++this.#moment;
    for (const operation of entry.operations) operation.end = end;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Those that nobody knows of. */
  get unknown(): number {
    return this.#entries.filter(({ acknowledged }) => !acknowledged).length;
  }

  /** Reads registers; what `read` answers is what they held at some moment of the call. */
  async read(read: () => Promise<ReadonlyMap<string, number | null>>): Promise<void> {
    const start = ++this.#moment;
    const found = await read();
    const end = ++this.#moment;
    for (const [register, value] of found) this.#reads.push({ kind: "read", register, value, start, end });
  }

  /** Reads everything. Answers what is lost, half done, or there of itself. */
  async judge(read: () => Promise<World>): Promise<string[]> {
    let world: World | undefined;
    await this.read(async () => {
      world = await read();
      return world.registers;
    });
    const { facts, chosen } = world!;
    const violations: string[] = [];
    const written = new Set<string>();
    for (const entry of this.#entries) {
      const missing = entry.facts.filter((fact) => !facts.has(fact) && !chosen.has(fact));
      for (const fact of entry.facts) written.add(fact);
      if (entry.acknowledged && missing.length > 0) violations.push(`lost: ${missing.join(", ")}`);
      else if (missing.length > 0 && missing.length < entry.facts.length) violations.push(`half done: ${missing.join(", ")} of ${entry.facts.join(", ")}`);
    }
    for (const fact of facts) if (!written.has(fact)) violations.push(`nobody wrote: ${fact}`);
    const violation = registerViolation([...this.#entries.flatMap(({ operations }) => operations), ...this.#reads]);
    if (violation !== null) violations.push(violation);
    return violations;
  }
}
