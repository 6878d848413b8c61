import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { stat as facts } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { FaultyFileSystem } from "../../../test/kit/faulty-file-system.ts";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import type { CallBegun } from "../../ledger/index.ts";
import { ledgerEntry } from "../../ledger/ledger-store.conformance.ts";
import { FileCallJournal } from "./file-call-journal.ts";

const noon = 1_795_262_400_000;
const { attribution } = ledgerEntry();
const call = (id: string, change: Partial<CallBegun> = {}): CallBegun => ({ id, time: epochMs(noon), attribution, provider: "p", kind: "openai", model: "m", tier: null, inputTokens: 1, mostOutputTokens: 2, searchUnits: 0, reservation: null, ...change });

describe("FileCallJournal", () => {
  let directory: string;
  let clock: ManualClock;
  const journals: FileCallJournal[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-call-journal-"));
    clock = new ManualClock(noon);
  });
  afterEach(async () => {
    for (const journal of journals.splice(0)) await journal.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const open = async (options: Partial<Parameters<typeof FileCallJournal.open>[0]> = {}): Promise<FileCallJournal> => {
    const journal = await FileCallJournal.open({ directory, clock, logger: silentLogger, ...options });
    journals.push(journal);
    return journal;
  };
  const interrupted = async (): Promise<string[]> => (await (await open()).interrupted()).map(({ id, model }) => `${id} ${model}`).sort();

  it("tells the next process what was begun and not ended, as it was last said, and when the former was last seen", async () => {
    const journal = await open();
    journal.note([call("a"), call("b"), call("c", { reservation: { id: "rsv_1", scopes: [{ id: "s", limit: 5, endsAt: epochMs(noon), owner: "o", window: "day", team: "t" }] } })], [], epochMs(noon));
    journal.note([call("a", { model: "n" })], ["b"], epochMs(noon + 20));
    journal.note([], [], epochMs(noon + 1020));
    await journal.close();
    const next = await open();
    const found = await next.interrupted();
    assert.deepEqual(found.map(({ id, model, lastSeenAt }) => [id, model, lastSeenAt]), [["a", "n", noon + 1020], ["c", "m", noon + 1020]]);
    assert.equal(found[1]!.reservation!.scopes[0]!.limit, 5);
    await next.forget();
    assert.deepEqual([await interrupted(), readdirSync(directory)], [[], []]);
  });

  it("makes no file for what was over before it could be written, and leaves none when all is over", async () => {
    const journal = await open();
    journal.note([], [], epochMs(noon));
    await journal.close();
    const second = await open();
    second.note([call("a")], [], epochMs(noon));
    second.note([], ["a"], epochMs(noon + 1));
    await second.close();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("passes over a line that a crash cut", async () => {
    const journal = await open();
    journal.note([call("a")], [], epochMs(noon));
    await journal.close();
    appendFileSync(join(directory, readdirSync(directory)[0]!), "5f0c");
    assert.deepEqual(await interrupted(), ["a m"]);
  });

  it("has what is under way in a small file, whatever came and went", async () => {
    const steps = fc.array(fc.tuple(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), fc.boolean()), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (notes) => {
        const journal = await open({ fileBytes: 2000 });
        const under = new Set<string>();
        for (const [begins, ends, waits] of notes) {
          const [begun, ended] = [begins.map(String), ends.map(String)];
          for (const id of begun) under.add(id);
          for (const id of ended) under.delete(id);
          journal.note(begun.map((id) => call(id)), ended, clock.now());
          clock.advance(300);
          if (waits) await new Promise((resolve) => { setImmediate(resolve); });
        }
        await journal.close();
        assert.deepEqual(await interrupted(), [...under].map((id) => `${id} m`).sort());
        assert.ok(readdirSync(directory).every((name) => statSync(join(directory, name)).size < 40_000));
        await (await open()).forget();
      }),
      { numRuns: 40 },
    );
  });

  it("goes on in another file when the disk fails, and forgets nothing", async () => {
    for (let at = 1; ; at++) {
      const fileSystem = new FaultyFileSystem();
      const journal = await open({ fileSystem, fileBytes: 1500 });
      fileSystem.plan({ at, lasts: "once" });
      for (let step = 0; step < 12; step++) {
        journal.note([call(`${step}`)], step > 1 ? [`${step - 2}`] : [], clock.now());
        clock.advance(6000);
        // As long as operations of a disk take, so that not all is one write.
        for (let times = 0; times < 6; times++) await facts(tmpdir());
      }
      journal.note([], [], clock.now());
      await journal.close();
      // What was under way is there. Files that could not be removed may have more, whose entries are in the ledger.
      const found = await interrupted();
      for (const id of ["10", "11"]) assert.ok(found.includes(`${id} m`), `operation ${at}: ${id} of ${found.join()}`);
      rmSync(directory, { recursive: true, force: true });
      if (!fileSystem.fired) break;
    }
  });
});
