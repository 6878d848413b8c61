import { request } from "node:http";

export interface Visit {
  url: string;
  status: number;
  location: string | undefined;
  setCookie: readonly string[];
  text: string;
}

/** A browser's memory: cookies by host and port, redirects one at a time, nothing else. */
export class CookieBrowser {
  readonly #jars = new Map<string, Map<string, string>>();

  cookiesOf(url: string): Map<string, string> {
    const { host } = new URL(url);
    const jar = this.#jars.get(host) ?? new Map<string, string>();
    this.#jars.set(host, jar);
    return jar;
  }

  visit(url: string, options: { method?: string; form?: Record<string, string>; headers?: Record<string, string> } = {}): Promise<Visit> {
    const jar = this.cookiesOf(url);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const body = options.form === undefined ? undefined : new URLSearchParams(options.form).toString();
    const headers = { ...(cookie === "" ? {} : { Cookie: cookie }), ...(body === undefined ? {} : { "Content-Type": "application/x-www-form-urlencoded" }), ...options.headers };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method: options.method ?? (body === undefined ? "GET" : "POST"), headers }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          const setCookie = response.headers["set-cookie"] ?? [];
          for (const line of setCookie) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
            if (value === "" || /max-age=0(;|$)/i.test(line)) jar.delete(name!);
            else jar.set(name!, value!);
          }
          const location = response.headers.location === undefined ? undefined : new URL(response.headers.location, url).href;
          resolve({ url, status: response.statusCode!, location, setCookie, text });
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  /** Follows redirects until an answer is none, or leads to an address that starts with `until`. */
  async follow(visit: Visit, until = "\0"): Promise<Visit> {
    let at = visit;
    for (let count = 0; count < 20 && at.location !== undefined && !at.location.startsWith(until); count++) at = await this.visit(at.location);
    return at;
  }
}
