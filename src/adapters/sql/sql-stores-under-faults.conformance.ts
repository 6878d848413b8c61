import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { answerOf, FaultyDatabase } from "../../../test/kit/faulty-database.ts";
import { registerViolation, type RegisterOperation } from "../../../test/kit/register-history.ts";
import { seededRandom } from "../../../test/kit/seed.ts";
import { keyOf } from "../../access/access-store.conformance.ts";
import { jsonDigest } from "../../core/canonical-json.ts";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { registryAddition } from "../../registry/registry-store.conformance.ts";
import { Policy } from "../../registry/index.ts";
import { LeaseLost, type WorkflowStore } from "../../workflows/index.ts";
import { leaseBy, newRunOf, stepOf } from "../../workflows/new-run.fixture.ts";
import { accessStoreOn, registryStoreOn } from "./access/access-store.fixture.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { SqlTruthStore } from "./serving/sql-truth-store.ts";
import { workflowStoresOn } from "./workflow-stores.fixture.ts";

const now = epochMs(1_700_000_000_000);
const by = { actor: "key:key_maker", now };
const digestOf = (marker: number): string => `sha256:${createHash("sha256").update(String(marker)).digest("hex")}`;
const oneTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const together = (clients: number, client: (number: number) => Promise<void>): Promise<void[]> => Promise.all(Array.from({ length: clients }, (_, number) => client(number)));

/**
 * Every acknowledged change is there, and none is there in part or twice, acknowledged or not: what the stores promise on a
 * database that fails before the work, after it and within it. `open` gives a new, empty database.
 */
export function sqlStoresUnderFaultsConformance(adapter: string, open: () => Promise<SqlDatabase>): void {
  describe(`SQL stores on a database that misbehaves: ${adapter}`, () => {
    it("registry: versions, aliases and their events are whole, and readers see them in one order", async () => {
      const random = seededRandom("registry");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      const { store } = registryStoreOn(faulty);
      let moment = 0;
      let lastMarker = 0;
      const writes: { marker: number; version: number | null; start: number; end: number }[] = [];
      const reads: RegisterOperation[] = [];
      await together(3, async () => {
        for (let turn = 0; turn < 25; turn++) {
          const start = ++moment;
          if (random.integer(0, 2) === 0) {
            const read = await answerOf(() => store.findModel("m"));
            const alias = read?.result?.aliases["champion"];
            if (read !== undefined) reads.push({ kind: "read", register: "champion", value: alias === undefined ? null : Number(alias), start, end: ++moment });
          } else {
            const marker = ++lastMarker;
            const write: (typeof writes)[number] = { marker, version: null, start, end: Infinity };
            writes.push(write);
            const added = await answerOf(() => store.addVersion({ ...markedAddition(marker), alias: "champion" }));
            if (added !== undefined) Object.assign(write, { version: Number(added.result.version), end: ++moment });
          }
        }
      });

      const { store: kept, events } = registryStoreOn(real);
      const versions = (await kept.listVersions("m")).toReversed();
      assert.deepEqual(versions.map(({ version }) => Number(version)), oneTo(versions.length), "numbers without a gap");
      assert.equal((await kept.findModel("m"))!.latestVersion, String(versions.length));
      const versionOf = new Map(versions.map(({ version, contract }) => [contract.runtime.sourceDigest!, Number(version)]));
      assert.equal(versionOf.size, versions.length, "none twice");
      for (const { marker, version } of writes) if (version !== null) assert.equal(versionOf.get(digestOf(marker)), version, `version ${version} was answered`);
      const digests = new Set(await kept.listArtifactDigests());
      for (const digest of versionOf.keys()) assert.ok(digests.has(digest), "a version without its files");
      assert.equal([...digests].filter((digest) => writes.some(({ marker }) => digestOf(marker) === digest)).length, versions.length, "files without a version");
      const told = (await events()).map(({ type, payload }) => `${type} ${(payload as { version: string }).version}`);
      assert.deepEqual(told, versions.flatMap(({ version }) => [`model.version.registered ${version}`, `model.alias.changed ${version}`]));
      const made = writes.flatMap(({ marker, start, end }): RegisterOperation[] => {
        const value = versionOf.get(digestOf(marker));
        return value === undefined ? [] : [{ kind: "write", register: "champion", value, start, end }];
      });
      assert.equal(registerViolation([...made, ...reads]), null);
      assertMet(faulty, writes.some(({ version }) => version === null) && made.length > 0);
    });

    it("registry: policies follow each other without a gap, each with its event, and refused ones are nowhere", async () => {
      const random = seededRandom("policies");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      await registryStoreOn(real).store.addVersion(registryAddition("m"));
      const { store } = registryStoreOn(faulty);
      const answered = new Map<string, number>();
      const refused = new Set<string>();
      let last = 0;
      await together(3, async () => {
        for (let turn = 0; turn < 20; turn++) {
          const current = await answerOf(() => store.currentPolicy("m"));
          if (current === undefined) continue;
          const revision = (current.result?.revision ?? 0) + 1;
          const reason = `change ${++last}`;
          try {
            const added = await answerOf(() => store.addPolicyRevision({ model: "m", revision, author: "a", changedAt: now, reason, policy: Policy.parse({}) }));
            if (added !== undefined) answered.set(reason, revision);
          } catch (error) {
            assert.ok(error instanceof AppError && error.code === "POLICY_CONFLICT", String(error));
            refused.add(reason);
          }
        }
      });
      const { store: kept, events } = registryStoreOn(real);
      const revisions = (await kept.listPolicyRevisions("m")).toReversed();
      assert.deepEqual(revisions.map(({ revision }) => revision), oneTo(revisions.length));
      const revisionOf = new Map(revisions.map(({ reason, revision }) => [reason, revision]));
      assert.equal(revisionOf.size, revisions.length);
      for (const [reason, revision] of answered) assert.equal(revisionOf.get(reason), revision, reason);
      for (const reason of refused) assert.ok(!revisionOf.has(reason), reason);
      const told = (await events()).filter(({ type }) => type === "model.policy.changed").map(({ payload }) => (payload as { reason: string }).reason);
      assert.deepEqual(told, revisions.map(({ reason }) => reason));
      assertMet(faulty, answered.size > 0);
    });

    it("truth: all rows of one report or none, read in one order, each correction counted once", async () => {
      const random = seededRandom("truth");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      const store = new SqlTruthStore(faulty);
      const rows = [0, 1, 2];
      const operations: RegisterOperation[] = [];
      let moment = 0;
      let last = 0;
      await together(4, async () => {
        for (let turn = 0; turn < 30; turn++) {
          const register = `prd_${random.integer(1, 3)}`;
          const operation: RegisterOperation = { kind: "write", register, value: null, start: ++moment, end: Infinity };
          if (random.integer(0, 1) === 0) {
            const read = await answerOf(() => store.read(register));
            if (read === undefined) continue;
            const [value = null, ...others] = new Set(read.result.map(({ value: each }) => each as number));
            assert.deepEqual(others, [], "rows of several reports");
            assert.ok(read.result.length === 0 || read.result.length === rows.length, "half a report");
            operations.push({ ...operation, kind: "read", value, end: ++moment });
          } else {
            const value = (operation.value = ++last);
            operations.push(operation);
            const written = await answerOf(() => store.write(rows.map((row) => ({ predictionId: register, row, value })), now));
            if (written === undefined) continue;
            operation.end = ++moment;
            assert.deepEqual(Object.values(written.result).toSorted((left, right) => left - right), [0, 0, rows.length], "each row the same");
          }
        }
      });
      for (const register of new Set(operations.map((operation) => operation.register))) {
        const kept = await new SqlTruthStore(real).read(register);
        const writes = operations.filter((operation) => operation.kind === "write" && operation.register === register);
        const [corrections = -1, ...others] = new Set(kept.map((row) => row.corrections));
        assert.deepEqual(others, []);
        const answered = writes.filter(({ end }) => end < Infinity).length;
        assert.ok(corrections + 1 >= answered && corrections + 1 <= writes.length, `${corrections} corrections by ${answered} of ${writes.length} writes`);
        const final = (kept[0]?.value ?? null) as number | null;
        operations.push({ kind: "read", register, value: final, start: ++moment, end: ++moment });
      }
      assert.equal(registerViolation(operations), null);
      assertMet(faulty, operations.some(({ end }) => end === Infinity));
    });

    it("keys: one that was answered is there, a revoked one stays revoked, and whoever follows hears of each once", async () => {
      const random = seededRandom("keys");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      const { keys } = accessStoreOn(faulty).store;
      const added = new Set<string>();
      const asked = new Set<string>();
      const revoked = new Set<string>();
      const heard: string[] = [];
      let { position } = await accessStoreOn(real).store.keys.changedSince(null);
      const listen = async (): Promise<void> => {
        const since = await answerOf(() => keys.changedSince(position));
        if (since === undefined) return;
        heard.push(...since.result.ids);
        position = since.result.position;
      };
      let last = 0;
      await together(3, async (client) => {
        for (let turn = 0; turn < 20; turn++) {
          const id = `key_${++last}`;
          if ((await answerOf(() => keys.add(keyOf(String(last)), createHash("sha256").update(id).digest()))) !== undefined) added.add(id);
          const victim = `key_${random.integer(1, last)}`;
          asked.add(victim);
          if ((await answerOf(() => keys.revoke(victim, by)))?.result?.revokedAt === now) {
            revoked.add(victim);
            // From the answer on, everybody who asks is told.
            const found = await answerOf(() => keys.find(victim));
            if (found !== undefined) assert.equal(found.result?.revokedAt, now);
          }
          // One follower, as one process has: its questions come one after the other.
          if (client === 0) await listen();
        }
      });
      faulty.heal();
      await listen();
      const { store: kept, events } = accessStoreOn(real);
      const all = await kept.keys.list();
      for (const id of added) assert.deepEqual(all.filter((key) => key.id === id).length, 1, id);
      for (const { id, revokedAt } of all) {
        assert.equal((await kept.keys.findByHash(createHash("sha256").update(id).digest()))?.key.id, id);
        if (revoked.has(id)) assert.equal(revokedAt, now);
        if (revokedAt !== null) assert.ok(asked.has(id), `nobody asked for ${id}`);
      }
      const sorted = (ids: readonly string[]): string[] => ids.toSorted();
      const gone = all.flatMap(({ id, revokedAt }) => (revokedAt === null ? [] : [id]));
      assert.deepEqual(sorted(heard), sorted(gone));
      const told = await events();
      const toldOf = (type: string): string[] => sorted(told.flatMap((event) => (event.type === type ? [event.object.slice("key:".length)] : [])));
      assert.deepEqual(toldOf("key.created"), sorted(all.map(({ id }) => id)));
      assert.deepEqual(toldOf("key.revoked"), sorted(gone));
      assertMet(faulty, added.size > 0 && gone.length > 0);
    });

    it("workflows: one run for each key, no finished step is written again, one end, whole pieces of log", async () => {
      const random = seededRandom("workflows");
      const real = await open();
      const faulty = new FaultyDatabase(real, random);
      const clock = new ManualClock(now);
      const { store } = workflowStoresOn(faulty, clock);
      const { directory, events, store: kept } = workflowStoresOn(real, clock);
      const runs = 8;
      let lastId = 0;
      await together(runs, async (client) => {
        const key = `start ${client % (runs / 2)}`;
        while ((await answerOf(() => store.addRun(newRunOf(++lastId, { idempotencyKey: key })))) === undefined);
      });
      const all = await directory.list({ limit: 100 });
      assert.equal(all.length, runs / 2, "one for each key");

      const results = new Map<string, unknown>();
      const logged: string[] = [];
      const isOver = async (): Promise<boolean> => (await directory.list({ limit: 100 })).every(({ state }) => state === "succeeded");
      await together(2, async (client) => {
        for (let turn = 0; !(await isOver()); turn++) {
          assert.ok(turn < 1000, "everything ends");
          const request = { ...leaseBy(`owner ${client}`, clock.now()), limit: 2 };
          const leased = await answerOf(() => store.lease(request));
          if (leased === undefined || leased.result.length === 0) clock.advance(request.leaseMs + 1);
          for (const { run, epoch } of leased?.result ?? []) {
            await workOn(store, run.id, epoch, { results, logged, by: `${client} ${turn}`, clock }).catch((error: unknown) => assert.ok(error instanceof LeaseLost, String(error)));
          }
        }
      });
      const ends = (await events()).filter(({ type }) => type === "workflow.run.succeeded").map(({ payload }) => payload["run"]);
      assert.deepEqual(ends.toSorted(), all.map(({ id }) => id).toSorted(), "one end of each");
      for (const { id } of all) {
        const steps = await kept.readSteps(id);
        assert.deepEqual(steps.map(({ step }) => step), ["s1", "s2", "s3"]);
        assert.deepEqual(steps[0]!.result, steps[1]!.result, "written together");
        for (const { step, result } of steps) assert.equal(result, results.get(`${id} ${step}`) ?? result, `${id} ${step} was finished`);
        const log = await directory.readLog(id, 0, 10_000);
        assert.deepEqual(log.map(({ sequence }) => sequence), oneTo(log.length));
        const lines = log.map(({ line }) => line);
        assert.equal(new Set(lines).size, lines.length, "no line twice");
        assert.deepEqual(lines.filter((_, index) => index % 2 === 0).map((line) => `${line} goes on`), lines.filter((_, index) => index % 2 === 1));
        for (const line of logged.filter((each) => each.startsWith(id))) assert.ok(lines.includes(line), line);
      }
      assertMet(faulty, results.size > 0 && logged.length > 0);
    });
  });
}

/** Finishes what the journal does not have, as an engine does that asks again until it is answered. Throws LeaseLost. */
async function workOn(store: WorkflowStore, run: string, epoch: number, { results, logged, by, clock }: { results: Map<string, unknown>; logged: string[]; by: string; clock: ManualClock }): Promise<void> {
  const insist = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    for (;;) {
      const answer = await answerOf(work);
      if (answer !== undefined) return answer.result;
    }
  };
  for (const names of [["s1", "s2"], ["s3"]]) {
    const journal = await insist(() => store.readSteps(run));
    if (journal.some(({ step }) => step === names[0])) continue;
    const steps = names.map((name) => stepOf(name, { position: Number(name.slice(1)), result: by }));
    await insist(() => store.writeSteps(run, epoch, steps));
    for (const name of names) {
      assert.ok(!results.has(`${run} ${name}`), `${name} was finished before`);
      results.set(`${run} ${name}`, by);
    }
    const line = `${run} ${names[0]} by ${by}`;
    const lines = [line, `${line} goes on`].map((text) => ({ step: names[0]!, time: clock.now(), stream: "log" as const, line: text }));
    if ((await answerOf(() => store.appendLog(run, lines))) !== undefined) logged.push(line);
  }
  await insist(() => store.release(run, epoch, { state: "succeeded", output: by }, clock.now()));
}

/** A marked contract: what its source file is tells which call made it. */
function markedAddition(marker: number): ReturnType<typeof registryAddition> {
  const addition = registryAddition("m");
  return {
    ...addition,
    makeContract: (version, parent) => {
      const { contract } = addition.makeContract(version, parent);
      const marked = { ...contract, runtime: { ...contract.runtime, sourceDigest: digestOf(marker) } };
      return { contract: marked, digest: jsonDigest(marked) };
    },
  };
}

/** Guards against a test that no fault reached; the plan of any seed meets some of these in so many calls. */
function assertMet({ met }: FaultyDatabase, sawBoth: boolean): void {
  assert.ok(sawBoth && met.before + met.away > 0 && met.after + met.during + met.again > 0, JSON.stringify(met));
}
