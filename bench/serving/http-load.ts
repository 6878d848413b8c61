import { connect, type Socket } from "node:net";

export interface LoadResult {
  requests: number;
  failures: number;
  seconds: number;
  requestsPerSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** One HTTP/1.1 request as bytes, ready to be written again and again. */
export function requestBytes(port: number, path: string, headers: Record<string, string>, body: Uint8Array): Buffer {
  const head = Object.entries({ Host: `127.0.0.1:${port}`, "Content-Length": String(body.byteLength), ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join("")}\r\n`), body]);
}

/**
 * Closed loop over kept connections: each sends its next request when its answer is whole. Sockets are read by hand, so
 * that on two cores the generator costs as little as it can. Ends after `seconds`, or `maxRequests` where that is earlier.
 * Several requests are sent in turn.
 */
export function httpLoad(port: number, request: Buffer | readonly Buffer[], connections: number, seconds: number, maxRequests = Infinity): Promise<LoadResult> {
  const times: number[] = [];
  let failures = 0;
  let sent = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let sentAt = 0;
      let received = 0;
      let expected = -1;
      let head = "";
      const send = (): void => {
        received = 0;
        expected = -1;
        head = "";
        sent++;
        const next = Buffer.isBuffer(request) ? request : request[sent % request.length]!;
        sentAt = performance.now();
        socket.write(next);
      };
      socket.on("connect", send);
      socket.on("error", reject);
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (expected < 0) {
          head += chunk.toString("latin1", 0, 2048);
          const stop = head.indexOf("\r\n\r\n");
          if (stop < 0) return;
          const length = /content-length: (\d+)/i.exec(head);
          if (length === null) return void reject(new Error(`No length in ${head}`));
          expected = stop + 4 + Number(length[1]);
          if (!head.startsWith("HTTP/1.1 200")) failures++;
        }
        if (received < expected) return;
        const now = performance.now();
        times.push(now - sentAt);
        if (now < end && sent < maxRequests) send();
        else {
          socket.destroy();
          resolve();
        }
      });
    });
  return Promise.all(Array.from({ length: connections }, one)).then(() => summary(times, failures, (performance.now() - begin) / 1000));
}

export function summary(times: readonly number[], failures: number, seconds: number): LoadResult {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
  return { requests: times.length, failures, seconds, requestsPerSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}
