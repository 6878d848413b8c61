import type { Readable } from "node:stream";

const tailCharacters = 8 * 1024;
const longestLine = 2000;
const loggedLines = 200;

/**
 * What a runner process writes to stdout and stderr: the last 8 KiB are kept for the report of its end, and the first
 * 200 lines of its life go to the log. A model that writes without end can fill neither.
 */
export class OutputCapture {
  readonly #onLine: (line: string, dropping: boolean) => void;
  #tail = "";
  #lines = 0;

  /** `dropping` is true with the last line that is handed over. */
  constructor(onLine: (line: string, dropping: boolean) => void) {
    this.#onLine = onLine;
  }

  listen(stream: Readable): void {
    let unfinished = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      this.#tail = (this.#tail + text).slice(-tailCharacters);
      if (this.#lines >= loggedLines) return;
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop()!.slice(0, longestLine);
      for (const line of lines) this.#log(line);
    });
    stream.on("end", () => this.#log(unfinished));
  }

  tail(): string {
    return this.#tail.trim();
  }

  #log(line: string): void {
    const text = line.trimEnd().slice(0, longestLine);
    if (text === "" || this.#lines >= loggedLines) return;
    this.#lines++;
    this.#onLine(text, this.#lines === loggedLines);
  }
}
