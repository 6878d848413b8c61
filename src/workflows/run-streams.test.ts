import assert from "node:assert/strict";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { localCaller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { RunStreams } from "./run-streams.ts";
import type { LogLine, WorkflowRun } from "./schemas.ts";
import type { RunEvent, WorkflowService } from "./workflow-service.ts";

const line = (sequence: number): RunEvent => ({ type: "line", line: { sequence, step: "a", time: 1, stream: "log", line: "x".repeat(1000) } as LogLine });
const end: RunEvent = { type: "end", run: { id: "wfr_1", state: "succeeded" } as WorkflowRun };

/** Follows a run that tells `events` and then, unless it has ended, nothing more. */
function streamsOf(events: Iterable<RunEvent>): { streams: RunStreams; told: () => number; left: () => number } {
  let told = 0;
  let left = 0;
  const follow = async function* (_run: string, _after: number, signal: AbortSignal): AsyncGenerator<RunEvent> {
    try {
      for (const event of events) {
        told++;
        yield event;
        if (event.type === "end") return;
      }
      if (!signal.aborted) await once(signal, "abort");
    } finally {
      left++;
    }
  };
  return { streams: new RunStreams({ follow } as unknown as WorkflowService), told: () => told, left: () => left };
}

/** Reads until the text has come, and then no further. */
async function heard(stream: Readable, wanted: string): Promise<void> {
  for (let read = ""; !read.includes(wanted); ) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) await once(stream, "readable");
    else read += chunk.toString();
  }
}

describe("RunStreams", () => {
  it("tells what happens, with the sequence of lines as ids, and ends with the run", async () => {
    const { streams } = streamsOf([line(7), end]);
    const told = await text(streams.open("wfr_1", 0, new AbortController().signal, localCaller));
    assert.match(told, /^retry: 2000\n\nid: 7\nevent: line\ndata: \{"sequence":7,.*\}\n\nevent: end\ndata: \{"run":\{"id":"wfr_1","state":"succeeded"\}\}\n\n$/);
  });

  it("reads no more than somebody takes", async () => {
    const { streams, told, left } = streamsOf(Array.from({ length: 10_000 }, (_, index) => line(index)));
    const caller = new AbortController();
    const stream = streams.open("wfr_1", 0, caller.signal, localCaller);
    stream.on("error", () => {});
    await heard(stream, "event: line");
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(told() < 200, `${told()} lines were read`);
    stream.destroy();
    caller.abort();
    await once(stream, "close");
    assert.equal(left(), 1);
  });

  it("ends when the caller leaves and when the server goes down, and takes so many at once", async () => {
    const { streams, left } = streamsOf([line(1)]);
    const caller = new AbortController();
    const first = streams.open("wfr_1", 0, caller.signal, localCaller);
    const others = Array.from({ length: 199 }, () => streams.open("wfr_1", 0, new AbortController().signal, localCaller));
    assert.throws(() => streams.open("wfr_1", 0, new AbortController().signal, localCaller), (error) => error instanceof AppError && error.code === "QUEUE_FULL");
    await heard(first, "event: line");
    const rest = text(first);
    caller.abort();
    assert.equal(await rest, "");
    assert.equal(left(), 1);
    streams.open("wfr_1", 0, AbortSignal.abort(), localCaller).resume();
    const all = others.map((stream) => text(stream));
    streams.stop();
    await Promise.all(all);
  });

  it("bears a store that fails while its reader leaves", async () => {
    const caller = new AbortController();
    const follow = async function* (): AsyncGenerator<RunEvent> {
      yield line(1);
      await Promise.resolve();
      throw new AppError("DATABASE_UNAVAILABLE", "The database does not answer.");
    };
    const stream = new RunStreams({ follow } as unknown as WorkflowService).open("wfr_1", 0, caller.signal, localCaller);
    const unheard: unknown[] = [];
    const note = (reason: unknown): void => void unheard.push(reason);
    process.on("unhandledRejection", note);
    stream.on("data", (chunk: Buffer) => {
      if (String(chunk).includes("event: line")) caller.abort();
    });
    await once(stream, "close");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    assert.deepEqual(unheard, []);
  });
});
