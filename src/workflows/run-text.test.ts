import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lineText, plainText, runsText, runText } from "./run-text.ts";
import type { WorkflowRun, WorkflowStep } from "./schemas.ts";

const run: WorkflowRun = {
  id: "wfr_1", workflow: "report", version: 2, state: "running", input: { day: "2026-03-01" }, output: null, error: null, idempotencyKey: null, priority: 0,
  concurrencyKey: null, team: "default", owner: "local", schedule: null, createdAt: 0, dueAt: 0, startedAt: 1000, endedAt: null, cancelRequested: false,
  progress: 0.424, progressNote: "reading",
};
const step: WorkflowStep = { step: "read", kind: "function", position: 1, state: "succeeded", attempts: 2, startedAt: 1000, endedAt: 75_000, wakeAt: null, result: 1, error: null };

describe("runs as text", () => {
  it("shows a run with its steps", () => {
    const waiting: WorkflowStep = { ...step, step: "approval", kind: "signal", position: 2, state: "waiting", attempts: 1, endedAt: null, wakeAt: 86_400_000 };
    assert.equal(runText(run, [step, waiting]), [
      "wfr_1  running 42%",
      "  workflow  report version 2",
      "  started   1970-01-01T00:00:01.000Z by local, team default",
      "  input     {\"day\":\"2026-03-01\"}",
      "  progress  reading",
      "  due       1970-01-01T00:00:00.000Z",
      "#  STEP      KIND      STATE      ATTEMPTS  TOOK                            ERROR",
      "1  read      function  succeeded  2         1 min 14 s",
      "2  approval  signal    waiting    1         until 1970-01-02T00:00:00.000Z",
    ].join("\n"));
  });

  it("shows the end of a run", () => {
    const failed = runText({ ...run, state: "failed", endedAt: 3_661_000, error: { code: "STEP_FAILED", message: "no rows", step: "read" } }, []);
    assert.match(failed, /error {5}STEP_FAILED in step read: no rows/);
    assert.doesNotMatch(failed, /due|output/);
    assert.match(runsText([{ ...run, state: "succeeded", endedAt: 3_661_000, schedule: "nightly" }]), /succeeded +1970\S+ +1 h 1 min +schedule nightly/);
    assert.match(runsText([{ ...run, cancelRequested: true }]), /running 42% \(cancelling\)/);
  });

  it("lets no program steer the terminal", () => {
    assert.equal(plainText("\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007tab\there\u009b"), "red ]0;titletab\there");
    assert.equal(lineText({ sequence: 1, step: "a", time: 0, stream: "stderr", line: "\u001b[2Jgone" }), "1970-01-01T00:00:00.000Z  a stderr  gone");
  });
});
