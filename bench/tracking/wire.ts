import { Agent, request } from "node:http";

/** A client of MLflow's REST API over kept connections. */
export class Wire {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  post(path: string, body: object): Promise<Record<string, never>> {
    return this.#send("POST", `/api/2.0/mlflow/${path}`, JSON.stringify(body));
  }

  get(path: string): Promise<Record<string, never>> {
    return this.#send("GET", `/api/2.0/mlflow/${path}`, null);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, body: string | null): Promise<Record<string, never>> {
    return new Promise((resolve, reject) => {
      const headers = body === null ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
      const sent = request(`${this.#url}${path}`, { method, agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text) as Record<string, never>);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
        });
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

export interface Timing {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
  p95: number;
  p99: number;
  /** All of them, ascending. */
  times: readonly number[];
}

/** So many callers in closed loops until `count` calls were made, or `seconds` have passed. */
export async function timed(call: (index: number) => Promise<unknown>, { callers, count, seconds }: { callers: number; count: number; seconds: number }): Promise<Timing> {
  const times: number[] = [];
  let next = 0;
  const begin = performance.now();
  const loop = async (): Promise<void> => {
    while (next < count && performance.now() - begin < seconds * 1000) {
      const index = next++;
      const start = performance.now();
      await call(index);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: callers }, loop));
  const elapsed = (performance.now() - begin) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.ceil(share * times.length) - 1)] ?? NaN;
  return { perSecond: times.length / elapsed, p50: at(0.5), p95: at(0.95), p99: at(0.99), times };
}
