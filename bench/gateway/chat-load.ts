import { connect, type Socket } from "node:net";
import { requestBytes, summary, type LoadResult } from "../serving/http-load.ts";

export interface ChatTarget {
  port: number;
  model: string;
  headers?: Readonly<Record<string, string>>;
}

export interface ChatLoadOptions {
  connections: number;
  stream: boolean;
  seconds: number;
  /** Ends after so many requests where that is earlier. */
  most?: number;
}

const path = "/v1/chat/completions";
const digits = 12;
const blank = "0".repeat(digits);
/** A connection that is lost is opened again; beyond this nothing is measured any more. */
const mostLost = 100;
let asked = 0;

/**
 * Closed loop of chats over kept connections. No two requests of a run ask the same, so that a cache is looked up and has nothing. Times are until the answer is whole, of a stream until its first token.
 * An answer other than 200 is a failure, and so are a stream without a token or its [DONE], and a connection that breaks off.
 */
export function chatLoad({ port, model, headers = {} }: ChatTarget, { connections, stream, seconds, most = Infinity }: ChatLoadOptions): Promise<LoadResult> {
  const messages = [{ role: "system", content: "You answer in one short sentence." }, { role: "user", content: `Question ${blank}: what is the capital of the country whose name comes first in the alphabet, and why was it chosen?` }];
  const body = Buffer.from(JSON.stringify({ model, messages, temperature: 0.2, max_tokens: 64, ...(stream ? { stream } : {}) }));
  const template = requestBytes(port, path, { "Content-Type": "application/json", ...headers }, body);
  const place = template.indexOf(blank);
  const times: number[] = [];
  let failures = 0;
  let lost = 0;
  let sent = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = Buffer.from(template);
      const answer = new AnswerReader(stream);
      let sentAt = 0;
      const open = (): void => {
        const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
        const send = (): void => {
          answer.reset();
          sent++;
          request.write(String(++asked).padStart(digits, "0"), place, "latin1");
          sentAt = performance.now();
          socket.write(request);
        };
        socket.on("connect", send);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          if (answer.isWhole) return resolve();
          failures++;
          if (++lost > mostLost) return reject(new Error(`The server at port ${port} breaks connections off.`));
          open();
        });
        socket.on("data", (chunk: Buffer) => {
          answer.push(chunk);
          if (!answer.isWhole) return;
          if (answer.isGood) times.push(answer.firstAt - sentAt);
          else failures++;
          if (performance.now() < end && sent < most) send();
          else socket.destroy();
        });
      };
      open();
    });
  return Promise.all(Array.from({ length: connections }, one)).then(() => summary(times, failures, (performance.now() - begin) / 1000));
}

/** As little of HTTP/1.1 as tells where an answer ends, and when its first token came. */
class AnswerReader {
  readonly #stream: boolean;
  /** Until what is looked for was found in it. */
  #text = "";
  #tail = "";
  #length: number | null = null;
  #received = 0;
  #hasHead = false;
  #isOk = false;
  isWhole = false;
  firstAt = NaN;

  constructor(stream: boolean) {
    this.#stream = stream;
  }

  get isGood(): boolean {
    return this.#isOk && !Number.isNaN(this.firstAt) && (!this.#stream || this.#tail.includes("[DONE]"));
  }

  reset(): void {
    this.#text = this.#tail = "";
    this.#length = null;
    this.#received = 0;
    this.#hasHead = this.#isOk = this.isWhole = false;
    this.firstAt = NaN;
  }

  push(chunk: Buffer): void {
    this.#received += chunk.length;
    if (!this.#hasHead || (this.#stream && Number.isNaN(this.firstAt))) this.#look(chunk);
    if (!this.#hasHead) return;
    if (this.#length === null || this.#stream) this.#tail = (this.#tail + chunk.toString("latin1", Math.max(0, chunk.length - 64))).slice(-64);
    this.isWhole = this.#length === null ? this.#tail.endsWith("\r\n0\r\n\r\n") : this.#received >= this.#length;
    if (this.isWhole && !this.#stream) this.firstAt = performance.now();
  }

  #look(chunk: Buffer): void {
    this.#text += chunk.toString("latin1");
    if (!this.#hasHead) {
      const stop = this.#text.indexOf("\r\n\r\n");
      if (stop < 0) return;
      const length = /content-length: (\d+)/i.exec(this.#text);
      this.#length = length === null ? null : stop + 4 + Number(length[1]);
      this.#isOk = this.#text.startsWith("HTTP/1.1 200");
      this.#hasHead = true;
    }
    if (this.#stream && /"content": ?"t/.test(this.#text)) this.firstAt = performance.now();
  }
}
