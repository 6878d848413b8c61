import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogLine, WorkflowRun, WorkflowStep } from "../../data/types.ts";
import { emptyFeed, lastSequence, maxLines, takeNews, type RunNews } from "./run-feed.ts";

const line = (sequence: number): RunNews => ({ type: "line", line: { sequence, step: "a", time: 0, stream: "stdout", line: `line ${sequence}` } satisfies LogLine });
const run = (state: WorkflowRun["state"]): WorkflowRun => ({ id: "wfr_1", state }) as WorkflowRun;
const step = (name: string, state: WorkflowStep["state"]): RunNews => ({ type: "step", step: { step: name, state } as WorkflowStep });

describe("takeNews", () => {
  it("takes each line once, also when a connection was lost in between", () => {
    const before = takeNews(emptyFeed, [line(1), line(2), line(5)]);
    const after = takeNews(before, [line(2), line(5), line(6)]);
    assert.deepEqual(after.lines.map(({ sequence }) => sequence), [1, 2, 5, 6]);
    assert.equal(lastSequence(after), 6);
  });

  it("keeps the newest word on each step, and forgets the end when the run goes on", () => {
    const ended = takeNews(emptyFeed, [step("a", "running"), step("b", "running"), step("a", "failed"), { type: "end", run: run("failed") }]);
    assert.deepEqual([...ended.steps.values()].map(({ state }) => state), ["failed", "running"]);
    assert.equal(ended.ended, true);
    assert.equal(takeNews(ended, [{ type: "run", run: run("queued") }]).ended, false);
  });

  it("keeps the last lines of an endless log, and counts the others", () => {
    const feed = takeNews(emptyFeed, Array.from({ length: maxLines + 7 }, (_, index) => line(index + 1)));
    assert.equal(feed.lines.length, maxLines);
    assert.equal(feed.dropped, 7);
    assert.equal(feed.lines[0]!.sequence, 8);
  });

  it("leaves what did not change as it was, so that nothing is drawn anew", () => {
    const feed = takeNews(emptyFeed, [line(1), step("a", "running")]);
    const after = takeNews(feed, [{ type: "run", run: run("running") }]);
    assert.equal(after.lines, feed.lines);
    assert.equal(after.steps, feed.steps);
  });
});
