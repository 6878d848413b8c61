import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../test/kit/fast-check.ts";
import { canonicalJson, jsonDigest } from "../core/canonical-json.ts";
import { epochMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { registryLifecycleConformance } from "./registry-lifecycle.conformance.ts";
import { registrySearchConformance } from "./registry-search.conformance.ts";
import { contractOf, digestOfLetter, registryAddition } from "./registry-addition.fixture.ts";
import type { RegistryStores } from "./registry-store.ts";
import { Policy, type PolicyRevision } from "./policy-schemas.ts";
import type { Contract } from "./schemas.ts";

const now = epochMs(1_700_000_000_000);

export { registryAddition };

/** What every RegistryStore promises. `open` gives a store over a new, empty database. */
export function registryStoreConformance(adapterName: string, open: () => Promise<RegistryStores>): void {
  registryLifecycleConformance(adapterName, open);
  registrySearchConformance(adapterName, open);
  describe(`RegistryStore: ${adapterName}`, () => {
    it("is empty at first", async () => {
      const store = await open();
      assert.deepEqual(await store.listModels(), []);
      assert.equal(await store.findModel("flights"), null);
      assert.deepEqual(await store.listVersions("flights"), []);
      assert.equal(await store.findVersion("flights", "1"), null);
      assert.equal(await store.currentPolicy("flights"), null);
      assert.deepEqual(await store.listPolicyRevisions("flights"), []);
      assert.deepEqual(await store.listArtifactDigests(), []);
    });

    it("adds the model with its first version, and reads both back as they were", async () => {
      const store = await open();
      const added = await store.addVersion({ ...registryAddition("flights"), description: "Late or not?" });
      const contract = contractOf("flights", "1", null);
      assert.deepEqual(added, {
        model: "flights", version: "1", createdAt: now, updatedAt: now, contractDigest: jsonDigest(contract), contract, description: "", tags: [], stage: "None",
        status: "READY", statusMessage: "", source: "", runId: null, runLink: "", loggedModel: null, owner: "key:key_1",
      });
      assert.deepEqual(await store.findVersion("flights", "1"), added);
      assert.deepEqual(await store.listVersions("flights"), [added]);
      const model = {
        name: "flights", createdAt: now, updatedAt: now, description: "Late or not?", tags: [], aliases: {}, latestVersion: "1", team: "default", owner: "key:key_1",
      };
      assert.deepEqual(await store.findModel("flights"), model);
      assert.deepEqual(await store.listModels(), [model]);
    });

    it("numbers versions one by one, names the one before as the parent, lists the newest first", async () => {
      const store = await open();
      for (let count = 0; count < 12; count++) await store.addVersion(registryAddition("flights"));
      const versions = await store.listVersions("flights");
      assert.deepEqual(versions.map(({ version }) => version), ["12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]);
      assert.deepEqual(versions.map(({ contract }) => contract.lineage.parentVersion), ["11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1", undefined]);
      assert.equal((await store.findModel("flights"))?.latestVersion, "12");
    });

    it("gives 50 registrations at once the numbers 1 to 50, each with its own contract", async () => {
      const store = await open();
      const added = await Promise.all(Array.from({ length: 50 }, () => store.addVersion({ ...registryAddition("flights"), alias: "champion" })));
      const numbers = added.map(({ version }) => Number(version)).sort((left, right) => left - right);
      assert.deepEqual(numbers, Array.from({ length: 50 }, (_, index) => index + 1));
      for (const { version, contract } of await store.listVersions("flights")) assert.equal(contract.version, version);
      assert.deepEqual((await store.findModel("flights"))?.aliases, { champion: "50" });
    });

    it("keeps what is said of a version beside its contract", async () => {
      const store = await open();
      const facts = { description: "the third", tags: [{ key: "b", value: "" }, { key: "a", value: "1" }, { key: "b", value: "2" }], source: "runs:/r/model", runId: "r", runLink: "link", loggedModel: "m-1" };
      const added = await store.addVersion({ ...registryAddition("flights"), facts });
      assert.deepEqual(await store.findVersion("flights", "1"), added);
      const { description, tags, source, runId, runLink, loggedModel } = added;
      assert.deepEqual({ description, tags, source, runId, runLink, loggedModel }, { ...facts, tags: [{ key: "a", value: "1" }, { key: "b", value: "2" }] });
    });

    it("adds a version to a model that is there only, where it is told to", async () => {
      const store = await open();
      await assert.rejects(store.addVersion({ ...registryAddition("flights"), mayAddModel: false }), hasCode("MODEL_NOT_FOUND"));
      assert.deepEqual(await store.listModels(), []);
    });

    it("takes a version that has no file at all", async () => {
      const store = await open();
      await store.addVersion({
        ...registryAddition("flights"),
        makeContract: (version, parent) => {
          const { sourceDigest: _, ...runtime } = contractOf("flights", version, parent).runtime;
          const contract: Contract = { ...contractOf("flights", version, parent), referenceProfile: null, lineage: { datasets: [] }, runtime: { ...runtime, kind: "none", artifacts: [] } };
          return { contract, digest: jsonDigest(contract) };
        },
      });
      assert.deepEqual(await store.listArtifactDigests(), []);
      assert.equal((await store.findVersion("flights", "1"))?.contract.runtime.kind, "none");
    });

    it("counts each model for itself", async () => {
      const store = await open();
      const names = ["a", "b", "c", "a", "b", "a"];
      const added = await Promise.all(names.map((name) => store.addVersion(registryAddition(name))));
      assert.deepEqual(added.map(({ model, version }) => `${model} ${version}`).sort(), ["a 1", "a 2", "a 3", "b 1", "b 2", "c 1"]);
    });

    it("leaves nothing when makeContract throws, not even a new model or a gap in the numbers", async () => {
      const store = await open();
      const failure = new Error("planted");
      const failing = { ...registryAddition("flights"), alias: "champion", makeContract: () => { throw failure; } };
      await assert.rejects(store.addVersion(failing), (error) => error === failure);
      assert.deepEqual(await store.listModels(), []);
      await store.addVersion(registryAddition("flights"));
      await assert.rejects(store.addVersion({ ...failing, description: "changed" }), (error) => error === failure);
      assert.equal((await store.findModel("flights"))?.description, "");
      assert.equal((await store.addVersion(registryAddition("flights"))).version, "2");
      assert.deepEqual((await store.findModel("flights"))?.aliases, {});
    });

    it("does not let one failing registration touch the ones beside it", async () => {
      const store = await open();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          store.addVersion(index % 3 === 0 ? { ...registryAddition("flights"), makeContract: () => { throw new Error("planted"); } } : registryAddition("flights")),
        ),
      );
      assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 7);
      assert.deepEqual((await store.listVersions("flights")).map(({ version }) => Number(version)), [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    });

    it("refuses a contract that does not have the digest it is given with", async () => {
      const store = await open();
      const request = { ...registryAddition("flights"), makeContract: () => ({ contract: contractOf("flights", "1", null), digest: digestOfLetter("0") }) };
      await assert.rejects(store.addVersion(request), hasCode("INTERNAL"));
      assert.deepEqual(await store.listModels(), []);
    });

    it("keeps every contract exactly, whatever text and numbers are in it", async () => {
      const store = await open();
      const text = fc.oneof(fc.string({ unit: codePoint }), fc.constantFrom("\0", "\ud800", "'; drop table models; --", "__proto__", "💥"));
      const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
      await fc.assert(
        fc.asyncProperty(fc.dictionary(text, number), fc.array(text), async (evaluation, notes) => {
          const added = await store.addVersion({
            ...registryAddition("flights"),
            makeContract: (version, parent) => {
              const contract = contractOf("flights", version, parent);
              const full = { ...contract, evaluation, runtime: { ...contract.runtime, notes } };
              return { contract: full, digest: jsonDigest(full) };
            },
          });
          const found = await store.findVersion("flights", added.version);
          assert.equal(canonicalJson(found?.contract.evaluation), canonicalJson(evaluation));
          assert.deepEqual(found?.contract.runtime.notes, notes);
          assert.equal(jsonDigest(found?.contract), added.contractDigest);
        }),
        { numRuns: 50 },
      );
    });

    it("keeps the description until another one is given", async () => {
      const store = await open();
      await store.addVersion({ ...registryAddition("flights"), description: "first 'quoted' 💡" });
      await store.addVersion(registryAddition("flights"));
      assert.equal((await store.findModel("flights"))?.description, "first 'quoted' 💡");
      await store.addVersion({ ...registryAddition("flights"), description: "second" });
      const model = await store.findModel("flights");
      assert.equal(model?.description, "second");
      assert.equal(model?.createdAt, now);
    });

    it("refuses text that no database carries, and leaves nothing", async () => {
      const store = await open();
      for (const description of ["nul \0", "half \ud83d"]) {
        await assert.rejects(store.addVersion({ ...registryAddition("flights"), description }), hasCode("INVALID_REQUEST"));
      }
      assert.deepEqual(await store.listModels(), []);
    });

    it("keeps a model with the team and the owner of its first version", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      await store.addVersion({ ...registryAddition("flights"), actor: "user:usr_2" });
      const { team, owner } = (await store.findModel("flights"))!;
      assert.deepEqual([team, owner, await store.teamOf("flights"), await store.teamOf("trains")], ["default", "key:key_1", "default", null]);
      await assert.rejects(store.addVersion({ ...registryAddition("flights"), team: "other" }), hasCode("NAME_TAKEN"));
      assert.equal((await store.findModel("flights"))?.latestVersion, "2");
    });

    it("adds no model to a team that is not there", async () => {
      const store = await open();
      await assert.rejects(store.addVersion({ ...registryAddition("flights"), team: "nobody" }), hasCode("TEAM_NOT_FOUND"));
      assert.deepEqual(await store.listModels(), []);
    });

    it("lists models in the order of their code points", async () => {
      const store = await open();
      for (const name of ["b", "a", "B", "a-1", "a.1", "a1", "A"]) await store.addVersion(registryAddition(name));
      assert.deepEqual((await store.findModels(["b", "nobody", "A", "A"])).map(({ name }) => name), ["A", "b"]);
      assert.deepEqual(await store.findModels([]), []);
      assert.deepEqual((await store.listModels()).map(({ name }) => name), ["A", "B", "a", "a-1", "a.1", "a1", "b"]);
    });

    it("points aliases at versions, with the version or later, back and forth", async () => {
      const store = await open();
      await store.addVersion({ ...registryAddition("flights"), alias: "champion" });
      await store.addVersion(registryAddition("flights"));
      await store.addVersion({ ...registryAddition("trains"), alias: "champion" });
      assert.deepEqual((await store.findModel("flights"))?.aliases, { champion: "1" });
      await store.setAlias({ model: "flights", alias: "challenger", version: "2", actor: "local", now });
      await store.setAlias({ model: "flights", alias: "champion", version: "2", actor: "local", now });
      assert.deepEqual((await store.findModel("flights"))?.aliases, { challenger: "2", champion: "2" });
      await store.setAlias({ model: "flights", alias: "champion", version: "1", actor: "local", now });
      assert.deepEqual((await store.listModels()).map(({ aliases }) => aliases), [{ challenger: "2", champion: "1" }, { champion: "1" }]);
    });

    it("takes any name for an alias as data", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      for (const alias of ["__proto__", "constructor"]) await store.setAlias({ model: "flights", alias, version: "1", actor: "local", now });
      const aliases = (await store.findModel("flights"))?.aliases;
      assert.deepEqual(Object.entries(aliases ?? {}), [["__proto__", "1"], ["constructor", "1"]]);
    });

    it("refuses an alias for a version that is not there, and changes nothing", async () => {
      const store = await open();
      await store.addVersion({ ...registryAddition("flights"), alias: "champion" });
      await assert.rejects(store.setAlias({ model: "flights", alias: "champion", version: "2", actor: "local", now }), hasCode("VERSION_NOT_FOUND"));
      await assert.rejects(store.setAlias({ model: "trains", alias: "champion", version: "1", actor: "local", now }), hasCode("VERSION_NOT_FOUND"));
      assert.deepEqual((await store.listModels()).map(({ name, aliases }) => [name, aliases]), [["flights", { champion: "1" }]]);
    });

    it("counts policy revisions from 1 and refuses any other number", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      const first = revisionOf("flights", 1);
      const second = { ...revisionOf("flights", 2), policy: Policy.parse({ log: { sampleRate: 0.5, redact: ["age"] } }) };
      await assert.rejects(store.addPolicyRevision(revisionOf("flights", 0)), hasCode("POLICY_CONFLICT"));
      await assert.rejects(store.addPolicyRevision(revisionOf("flights", 2)), hasCode("POLICY_CONFLICT"));
      await store.addPolicyRevision(first);
      await assert.rejects(store.addPolicyRevision(first), hasCode("POLICY_CONFLICT"));
      await store.addPolicyRevision(second);
      assert.deepEqual(await store.currentPolicy("flights"), second);
      assert.deepEqual(await store.listPolicyRevisions("flights"), [second, first]);
    });

    it("refuses a policy for a model that is not there", async () => {
      const store = await open();
      await assert.rejects(store.addPolicyRevision(revisionOf("flights", 1)), hasCode("MODEL_NOT_FOUND"));
      assert.equal(await store.currentPolicy("flights"), null);
    });

    it("lets one of many equal policy changes win and tells the others", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => store.addPolicyRevision({ ...revisionOf("flights", 1), author: `author ${index}` })));
      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      assert.equal(refused.length, 9);
      for (const { reason } of refused) assert.ok(hasCode("POLICY_CONFLICT")(reason));
      const won = outcomes.findIndex(({ status }) => status === "fulfilled");
      assert.equal((await store.currentPolicy("flights"))?.author, `author ${won}`);
    });

    it("lists the newest 100 policy revisions", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      for (let revision = 1; revision <= 103; revision++) await store.addPolicyRevision(revisionOf("flights", revision));
      const revisions = (await store.listPolicyRevisions("flights")).map(({ revision }) => revision);
      assert.deepEqual([revisions.length, revisions[0], revisions.at(-1)], [100, 103, 4]);
    });

    it("names every blob that a version needs, once", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      await store.addVersion(registryAddition("flights"));
      await store.addVersion({
        ...registryAddition("trains"),
        makeContract: (version, parent) => {
          const { runtime, ...rest } = contractOf("trains", version, parent);
          const contract: Contract = { ...rest, referenceProfile: null, lineage: { datasets: [] }, runtime: { ...runtime, sourceDigest: digestOfLetter("f") } };
          return { contract, digest: jsonDigest(contract) };
        },
      });
      assert.deepEqual(await store.listArtifactDigests(), ["a", "b", "c", "d", "f"].map(digestOfLetter));
    });
  });
}

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}

function revisionOf(model: string, revision: number): PolicyRevision {
  return { model, revision, author: "ada", changedAt: now + revision, reason: "Because.", policy: Policy.parse({}) };
}
