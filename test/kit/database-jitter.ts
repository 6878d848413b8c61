import { Worker } from "node:worker_threads";

/*
 * Preloaded (`npm test -- --jitter 2`), it keeps what is sent to SQLite's thread back for a random time, in its order, in the tests and in the servers that they start. What comes after a write for no
 * reason but that it is quick then comes too early in some run: such faults else wait for a busier machine.
 *
 * JITTER: how many times as long, 1 unless it says so.
 */
interface Kept {
  message: object;
  transfer: Parameters<Worker["postMessage"]>[1];
  waitMs: number;
}

const scale = Number(process.env["JITTER"] ?? 1);
const keptOf = new WeakMap<Worker, Kept[]>();
const send = Worker.prototype.postMessage;

Worker.prototype.postMessage = function (this: Worker, message: unknown, transfer?: Kept["transfer"]): void {
  const kept = keptOf.get(this) ?? [];
  keptOf.set(this, kept);
  const waitMs = isOfDatabase(message) ? drawMs() : 0;
  if (!isOfDatabase(message) || (kept.length === 0 && waitMs === 0)) return send.call(this, message, transfer);
  // As it is now: whoever sends it may change it afterwards.
  kept.push({ message: transfer === undefined ? structuredClone(message) : message, transfer, waitMs });
  if (kept.length === 1) setTimeout(() => sendNext(this, kept), waitMs);
};

function sendNext(worker: Worker, kept: Kept[]): void {
  const { message, transfer } = kept.shift()!;
  send.call(worker, message, transfer);
  if (kept.length > 0) setTimeout(() => sendNext(worker, kept), kept[0]!.waitMs);
}

/** Most go at once, some wait for milliseconds, few for long. */
function drawMs(): number {
  const draw = Math.random();
  if (draw < 0.75) return 0;
  return scale * (draw < 0.95 ? Math.random() * 15 : 20 + Math.random() * 80);
}

function isOfDatabase(message: unknown): message is object {
  return typeof message === "object" && message !== null && "kind" in message && "request" in message;
}
