import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { HeldSecret } from "../settings/held-secret.ts";
import { AnswerMemory } from "../../core/answer-memory.ts";
import { attemptsOfFailure, type OpenedCall } from "./call-plan.ts";
import { callStage, preparedCall, routeOf, type Step } from "./call-stage.fixture.ts";

const well: Step = { body: ['"well"'] };
const refused = (secret: string): Step => ({ status: 401, body: [`Incorrect API key provided: ${secret}.`] });
const outcomes = ({ attempts }: Pick<OpenedCall<string>, "attempts">): string[] => attempts.map(({ provider, outcome }) => `${provider} ${outcome}`);
const thrown = (error: AppError): AppError => error;

/** One target with its secret in a file, which starts as `old-secret`. */
function stageOf(script: Step[], breaker = { failures: 2, openSeconds: 60 }) {
  const file = { text: "old-secret" as string | null };
  const read = (): string => {
    if (file.text === null) throw new AppError("PROVIDER_UNAUTHORIZED", "It is gone.");
    return file.text;
  };
  const stage = callStage({ a: script }, { a: { breaker } }, new AnswerMemory(1 << 20), (time) => {
    const held = new HeldSecret(read, true, time);
    return { secret: held.value, hasNewSecret: held.isRenewed };
  });
  return { file, ...stage, ask: () => stage.time.until(stage.runner.run(stage.order(routeOf(["a"])))), used: () => stage.transport.requests.map(({ request }) => request.headers.authorization) };
}

describe("a target whose secret is replaced in its file", () => {
  it("is asked with the new one in the call that the old one was refused in", async () => {
    const { file, ask, used, health } = stageOf([well, refused("old-secret"), well, refused("new-secret")]);
    await ask();
    file.text = "new-secret";
    assert.deepEqual(outcomes(await ask()), ["a unauthorized", "a ok"]);
    assert.deepEqual(used(), ["Bearer old-secret", "Bearer old-secret", "Bearer new-secret"]);
    assert.deepEqual([health.views()[0]!.failures, health.views()[0]!.errors], [0, 0]);
    const error = await ask().then(() => assert.fail("It answered."), thrown);
    assert.equal(error.code, "PROVIDER_UNAUTHORIZED");
    assert.equal(attemptsOfFailure.get(error)!.length, 1);
  });

  it("is asked at once where it was left alone for the old one", async () => {
    const { file, ask, time, used } = stageOf([refused("old-secret"), refused("old-secret"), well]);
    for (let call = 0; call < 2; call++) await assert.rejects(ask(), { code: "PROVIDER_UNAUTHORIZED" });
    await assert.rejects(ask(), { message: /left alone for/ });
    file.text = "new-secret";
    await time.pass(1000);
    assert.deepEqual(outcomes(await ask()), ["a ok"]);
    assert.equal(used().at(-1), "Bearer new-secret");
  });

  it("is left alone as before where the breaker opened for another reason", async () => {
    const { file, ask, time } = stageOf([refused("old-secret"), { status: 500 }, { status: 500 }, well], { failures: 2, openSeconds: 60 });
    for (let call = 0; call < 2; call++) await ask().catch(thrown);
    file.text = "new-secret";
    await time.pass(1000);
    await assert.rejects(ask(), { message: /left alone for/ });
  });

  it("is asked as soon as a secret can be read that was not there", async () => {
    const { file, ask, time, used } = stageOf([well]);
    file.text = null;
    for (let call = 0; call < 2; call++) await assert.rejects(ask(), { code: "PROVIDER_UNAUTHORIZED" });
    assert.deepEqual(used(), []);
    file.text = "new-secret";
    await time.pass(1000);
    assert.deepEqual(outcomes(await ask()), ["a ok"]);
  });

  it("is asked anew once in a call, however often its secret changes", async () => {
    const { time, transport, runner, order } = callStage({ a: [refused("x")] }, {}, new AnswerMemory(1 << 20), () => ({ secret: () => "x", hasNewSecret: () => true }));
    await assert.rejects(time.until(runner.run(order(routeOf(["a"])))), { code: "PROVIDER_UNAUTHORIZED" });
    assert.equal(transport.requests.length, 2);
  });

  it("has neither the old nor the new one in what is told of a refusal", async () => {
    const { file, ask } = stageOf([well, refused("old-secret"), refused("new-secret")]);
    await ask();
    file.text = "new-secret";
    const error = await ask().then(() => assert.fail("It answered."), thrown);
    assert.doesNotMatch(error.message, /new-secret/);
    assert.doesNotMatch(attemptsOfFailure.get(error)![0]!.message!, /old-secret/);
  });
});

describe("a call that can be put otherwise", () => {
  it("is prepared anew for the target that answered with that status, which says nothing of its health", async () => {
    const { time, runner, order, health, transport } = callStage({ a: [{ status: 404 }, well], b: [well] });
    let prepared = 0;
    const prepare = () => ({ ...preparedCall(false, `{"form":${++prepared}}`), otherwise: (status: number) => status === 404 && prepared === 1 });
    const opened = await time.until(runner.run(order(routeOf(["a", "b"]), { prepare })));
    assert.deepEqual(outcomes(opened), ["a not-found", "a ok"]);
    assert.deepEqual(transport.requests.map(({ request }) => request.body), ['{"form":1}', '{"form":2}']);
    assert.equal(health.views()[0]!.errors, 0);
  });
});
