import { connect, type Socket } from "node:net";
import { summary, type LoadResult } from "../serving/http-load.ts";

/**
 * Open loop: a request each `1 / perSecond` seconds, over kept connections, whatever the answers take. A latency counts from the moment
 * at which the request was due, so that a pause of the server is seen by all that it held up.
 */
export async function pacedLoad(
  port: number, request: (index: number) => Buffer, { perSecond, seconds, connections, until }: { perSecond: number; seconds: number; connections: number; until?: () => boolean },
): Promise<LoadResult> {
  const times: number[] = [];
  let failures = 0;
  const idle: PacedConnection[] = [];
  const waiting: number[] = [];
  const pool = await Promise.all(Array.from({ length: connections }, () => PacedConnection.open(port)));
  idle.push(...pool);
  let index = 0;
  const begin = performance.now();
  const count = perSecond * seconds;
  const send = (connection: PacedConnection, dueAt: number): void => {
    void connection.send(request(index++)).then((isOk) => {
      times.push(performance.now() - dueAt);
      if (!isOk) failures++;
      const next = waiting.shift();
      if (next === undefined) idle.push(connection);
      else send(connection, next);
    });
  };
  for (let due = 0; due < count && until?.() !== true; ) {
    const now = performance.now();
    for (; due < count && begin + (due * 1000) / perSecond <= now; due++) {
      const dueAt = begin + (due * 1000) / perSecond;
      const connection = idle.pop();
      if (connection === undefined) waiting.push(dueAt);
      else send(connection, dueAt);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (idle.length < pool.length) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const connection of pool) connection.close();
  return summary(times, failures, (performance.now() - begin) / 1000);
}

/** One request at a time over one socket, read by hand. */
class PacedConnection {
  readonly #socket: Socket;
  #answered: (isOk: boolean) => void = () => undefined;
  #head = "";
  #received = 0;
  #expected = -1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => this.#answered(false));
    socket.on("close", () => this.#answered(false));
  }

  static open(port: number): Promise<PacedConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("connect", () => resolve(new PacedConnection(socket)));
      socket.once("error", reject);
    });
  }

  send(bytes: Buffer): Promise<boolean> {
    this.#head = "";
    this.#received = 0;
    this.#expected = -1;
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#expected < 0) {
      this.#head += chunk.toString("latin1", 0, 2048);
      const stop = this.#head.indexOf("\r\n\r\n");
      if (stop < 0) return;
      this.#expected = stop + 4 + Number(/content-length: (\d+)/i.exec(this.#head)?.[1] ?? 0);
    }
    if (this.#received >= this.#expected) this.#answered(this.#head.startsWith("HTTP/1.1 200"));
  }
}
