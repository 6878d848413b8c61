import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { SlipwayClient, type NewRollout, type Prediction, type Rollout } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { identityModel, identityThatDiesOnMinusOne, identityThatDoublesAboveZero, identityThatThrowsFromTen, loopsAsOftenAsTold, shiftedModel, slowModel, squareRootModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { SeededRandom } from "../kit/seeded-random.ts";

type Plan = NonNullable<NewRollout["plan"]>;
type Gate = Plan["phases"][number]["gates"][number];

/** What the one phase of a plan judges by, and the reason that it ends with. */
interface Way {
  gates?: Gate[];
  reason: RegExp;
}

interface BadCandidate {
  name: string;
  stable?: () => Uint8Array;
  candidate: () => Uint8Array;
  /** What callers send, in turn; the right answer is the same number. */
  values: readonly number[];
  /** How far what the candidate answers is off: an answer all the same. Null where none of its own may reach a caller. */
  shift: number | null;
  /** Of its attempts; `ok` where it answers. */
  outcome: string;
  /** Truth comes for each answer. */
  hasTruth?: boolean;
  canary: Way;
  shadow: Way;
  /** Its process does not outlive an input of the callers. */
  endsProcess?: boolean;
  /** The plan's; null for what the product does by itself. By default so long that no busy machine makes a failure of an answer. */
  latencyMs?: number | null;
  skip?: string | false;
}

interface Answer {
  predictionId: string;
  version: string;
}

const callersAtOnce = 4;
const patientMs = 20_000;
/** Answers after the end of a rollout that are looked at. */
const answersAfter = 30;
const openStates: readonly Rollout["state"][] = ["preparing", "running", "paused"];

const random = new SeededRandom(5);
/** Sums of uniform numbers: near enough to normal, with a deviation of 1. */
const plausible = Array.from({ length: 2000 }, () => Math.fround(Array.from({ length: 12 }, () => random.next()).reduce((sum, value) => sum + value, -6)));
const noise = Array.from({ length: 1999 }, () => random.next() - 0.5);

const latency: Gate = { kind: "latency", quantile: "p50", maxMs: null, maxRatio: 1.5, fromMs: 1, onFailure: "roll back" };
const distribution: Gate = { kind: "distribution", output: null, maxDistance: 0.2, onFailure: "roll back" };
const paired: Gate = { kind: "paired", maxDisagreement: null, maxDifference: 0.5, onFailure: "roll back" };
const accuracy: Gate = { kind: "accuracy", maxLoss: 0.02, minTruths: 100, required: false, onFailure: "roll back" };

/** Hard failures end it at once, whatever the gates. `last`: what the last of them may be, such as that the process had been ended for the one before. */
const failsHard = (outcome: string, last = outcome): Pick<BadCandidate, "outcome" | "canary" | "shadow" | "shift"> => {
  const reason = new RegExp(`(failed 3 times on one server, the last time with: (${last})$|^hard failures: .*(${last}))`);
  return { outcome, shift: null, canary: { reason }, shadow: { reason } };
};

const candidates: BadCandidate[] = [
  { name: "throws", candidate: identityThatThrowsFromTen, values: [10, 11, 500], ...failsHard("MODEL_RUN_FAILED") },
  { name: "hangs", candidate: loopsAsOftenAsTold, values: [Math.fround(1e18)], ...failsHard("CANDIDATE_TIMEOUT", "CANDIDATE_TIMEOUT|RUNNER_CRASHED"), endsProcess: true, latencyMs: null },
  { name: "dies", candidate: identityThatDiesOnMinusOne, values: [-1, 5, 6], ...failsHard("RUNNER_CRASHED"), endsProcess: true, skip: process.arch === "x64" ? false : "integer division traps on x86 only" },
  { name: "answers what is no number", candidate: squareRootModel, values: [-1, -4], ...failsHard("INVALID_OUTPUT") },
  { name: "answers another shape than it declared", candidate: identityThatDoublesAboveZero, values: [1, 2, 3], ...failsHard("INVALID_OUTPUT") },
  { name: "is ten times slower", stable: () => slowModel(2), candidate: () => slowModel(20), values: [1, 2, 3], shift: 0, outcome: "ok", canary: { gates: [latency], reason: /^latency p50: .* times the stable version's/ }, shadow: { gates: [latency], reason: /^latency p50: .* times the stable version's/ } },
  { name: "is subtly wrong, and no truth is known", candidate: () => shiftedModel(0.75), values: plausible, shift: 0.75, outcome: "ok", canary: { gates: [distribution], reason: /^distribution: the predictions are .* away/ }, shadow: { gates: [paired], reason: /^paired: .* standard deviations apart/ } },
  { name: "is subtly wrong, as truth tells that arrives", candidate: () => shiftedModel(0.5), values: plausible, shift: 0.5, outcome: "ok", hasTruth: true, canary: { gates: [accuracy], reason: /^accuracy: mean absolute error/ }, shadow: { gates: [accuracy], reason: /^accuracy: mean absolute error/ } },
];

describe("a version that is bad", { timeout: 300_000, concurrency: 3 }, () => {
  let server: RunningServer;
  let admin: SlipwayClient;
  let callerKey: string;
  before(async () => {
    server = await startServer({ flags: ["--access", "keys"] });
    const token = await waitFor(() => server.logLines.map((line) => / setup (\S+) /.exec(line)?.[1]).find((found) => found !== undefined));
    const made = (await (await post("/api/setup", { token, name: "owner" })).json()) as { key: { key: string } };
    admin = new SlipwayClient({ url: server.url, apiKey: made.key.key });
    callerKey = (await admin.api.send<{ key: string }>("POST", "/api/keys", { name: "callers", grants: [{ role: "viewer" }] })).key;
  });
  after(() => server.stop());

  const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(server.url + path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });

  /** Over HTTP as it is, with no client that would try again; anything but the right answer of one of the two versions throws. */
  async function ask(model: string, value: number, key: string, shift: number | null): Promise<Answer> {
    const response = await post(`/v2/models/${model}/infer`, { inputs: [{ name: "x", datatype: "FP32", shape: [1, 1], data: [value] }] }, { Authorization: `Bearer ${callerKey}`, "Slipway-Key": key });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const { model_version: version, parameters, outputs } = JSON.parse(text) as { model_version: string; parameters: { prediction_id: string }; outputs: { shape: number[]; data: number[] }[] };
    assert.deepEqual(outputs[0]!.shape, [1, 1]);
    assert.equal(Math.fround(outputs[0]!.data[0]!), Math.fround(version === "2" ? value + Math.fround(shift ?? 0) : value), `of version ${version}`);
    return { predictionId: parameters.prediction_id, version };
  }

  async function deployed(model: string, { stable = () => identityModel("FP32", ["batch", 1]), candidate }: BadCandidate): Promise<string> {
    await admin.deploy({ file: await server.file(`${model}-1.onnx`, stable()), name: model });
    await admin.deploy({ file: await server.file(`${model}-2.onnx`, candidate()), name: model, activate: false });
    return model;
  }

  /** Callers in constant load, from before the rollout of version 2 until it has ended and some more were answered. Answers with its reason. */
  async function rolledBack(model: string, { values, shift, hasTruth = false, latencyMs = patientMs, ...bad }: BadCandidate, way: "canary" | "shadow"): Promise<void> {
    let isOver = false;
    let goesOn = true;
    let answersNow = 0;
    const afterwards: string[] = [];
    const truths: { predictionId: string; value: number }[] = [];
    const caller = async (number: number): Promise<void> => {
      for (let index = number; goesOn; index += callersAtOnce) {
        const wasOver = isOver;
        const value = values[index % values.length]!;
        const { predictionId, version } = await ask(model, value, `user-${index}`, shift);
        answersNow++;
        await pause();
        if (wasOver) afterwards.push(version);
        if (hasTruth) truths.push({ predictionId, value: value + noise[index % noise.length]! });
      }
    };
    const tellTruth = async (): Promise<void> => {
      while (hasTruth && goesOn) {
        const records = truths.splice(0, 1000);
        if (records.length > 0) await admin.sendTruth(records);
        await betweenLooks();
      }
    };
    const load = Promise.all([...Array.from({ length: callersAtOnce }, (_, number) => caller(number)), tellTruth()]);
    /** Ends with the callers, who end where one does not get what it is to get. */
    const whileLoaded = <Result>(work: Promise<Result>): Promise<Result> => Promise.race([work, load.then(() => assert.fail("the callers ended"))]);
    const until = (isThere: () => boolean): Promise<true> => whileLoaded(waitFor(() => isThere() || undefined, () => goesOn));
    try {
      await until(() => answersNow >= 40);
      const phase = { phase: way, weight: way === "canary" ? 0.5 : 0, shadow: way === "canary" ? 0 : 1, minSeconds: 3600, gates: bad[way].gates ?? [] };
      const plan = { phases: [phase, { phase: "full", weight: 1 }], hard: { failures: 3, latencyMs }, shadow: { maxConcurrent: 4, maxPerSecond: 1000 } } as unknown as Plan;
      await admin.rollouts.start(model, { version: "2", plan });
      const { rollout, route } = await whileLoaded(waitFor(async () => {
        const status = await admin.rollouts.status(model);
        return openStates.includes(status.rollout.state) ? undefined : status;
      }, () => goesOn));
      isOver = true;
      assert.equal(rollout.state, "rolled back", rollout.reason);
      assert.match(rollout.reason, bad[way].reason);
      assert.equal(route, null);
      await until(() => afterwards.length >= answersAfter);
    } finally {
      goesOn = false;
      await load;
    }
    assert.deepEqual([...new Set(afterwards)], ["1"]);
    assert.deepEqual((await admin.model(model)).model.aliases, { champion: "1" });
    assert.deepEqual(await admin.predictions(model, { outcome: "error" }), []);
  }

  /** The newest of those predictions, looked for page by page. */
  async function newest(model: string, isMeant: (prediction: Prediction) => boolean, shadow = false): Promise<Prediction | undefined> {
    for (let before: string | undefined; ; ) {
      const page = await admin.predictions(model, { limit: 500, shadow, ...(before === undefined ? {} : { before }) });
      const found = page.find(isMeant);
      before = page.at(-1)?.id;
      if (found !== undefined || before === undefined) return found;
    }
  }

  async function explainsCanary(model: string, outcome: string): Promise<void> {
    if (outcome === "ok") {
      const answered = await newest(model, ({ version, assignment }) => version === "2" && assignment?.phase === "canary");
      const { prediction } = await admin.why(answered!.id);
      assert.deepEqual([prediction.assignment?.arm, prediction.assignment?.failed], ["candidate", null]);
      return;
    }
    const failedOver = await newest(model, ({ assignment }) => assignment?.failed?.outcome === outcome);
    const { prediction } = await admin.why(failedOver!.id);
    assert.deepEqual([prediction.version, prediction.outcome, prediction.assignment?.arm, prediction.assignment?.failed?.arm, prediction.assignment?.failed?.version], ["1", "ok", "stable", "candidate", "2"]);
    assert.deepEqual(prediction.outputs[0]!.data?.map(Number), prediction.inputs[0]!.data?.map(Number));
  }

  async function explainsShadow(model: string, outcome: string): Promise<void> {
    // It is written down when the caller has the answer already.
    const asked = await waitFor(() => newest(model, (prediction) => prediction.outcome === outcome && prediction.assignment?.shadowOf?.startsWith("prd_") === true, true));
    const { prediction, shadow } = await admin.why(asked.assignment!.shadowOf!);
    assert.deepEqual([prediction.version, prediction.outcome, prediction.assignment?.arm], ["1", "ok", "stable"]);
    assert.deepEqual([shadow?.id, shadow?.version, shadow?.outcome], [asked.id, "2", outcome]);
  }

  for (const bad of candidates) {
    it(`${bad.name}: it is rolled back as canary and as shadow, and callers notice nothing`, { skip: bad.skip ?? false }, async () => {
      const name = bad.name.replaceAll(/[^a-z]+/g, "-");
      const model = await deployed(name, bad);
      await rolledBack(model, bad, "canary");
      await explainsCanary(model, bad.outcome);
      // Warmed up with what callers sent, it would not come so far again.
      const shadowed = bad.endsProcess === true ? await deployed(`${name}-shadow`, bad) : model;
      await rolledBack(shadowed, bad, "shadow");
      await explainsShadow(shadowed, bad.outcome);
    });
  }
});

/** Asks again and again until there is something, or nobody waits for it any more. */
async function waitFor<Found>(look: () => Found | undefined | Promise<Found | undefined>, isWaited: () => boolean = () => true): Promise<Found> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(isWaited(), "nobody waits for it");
    await betweenLooks();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
