// Not imported: an import reads every export, and with them Node loads its WebSocket.
const { request } = process.getBuiltinModule("node:http");

/** Where servers of language models listen by default on the machine that they were started on. */
const usual = [
  { name: "ollama", port: 11_434, kind: "ollama", base: "" },
  { name: "llamacpp", port: 8080, kind: "compatible", base: "/v1" },
  { name: "vllm", port: 8000, kind: "compatible", base: "/v1" },
  { name: "lmstudio", port: 1234, kind: "compatible", base: "/v1" },
] as const;

const host = "127.0.0.1";
const mostBytes = 1 << 20;

export interface LocalProviderFound {
  name: string;
  kind: (typeof usual)[number]["kind"];
  baseUrl: string;
}

/** Addresses that may be called though they are of this machine. */
export const localProviderHosts: readonly string[] = usual.map(({ port }) => `${host}:${port}`);

/** Servers on this machine that answer OpenAI's list of models at a usual port within `timeoutMs`. */
export async function findLocalProviders(timeoutMs = 500, ports: Readonly<Record<string, number>> = {}): Promise<LocalProviderFound[]> {
  const found = await Promise.all(usual.map(async ({ name, port, kind, base }) => {
    const at = ports[name] ?? port;
    return (await listsModels(at, timeoutMs)) ? { name, kind, baseUrl: `http://${host}:${at}${base}` } : null;
  }));
  return found.filter((each) => each !== null);
}

function listsModels(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path: "/v1/models", headers: { accept: "application/json" }, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
      const parts: Buffer[] = [];
      let length = 0;
      answer.on("data", (part: Buffer) => {
        length += part.length;
        if (length > mostBytes) answer.destroy();
        else parts.push(part);
      });
      answer.once("close", () => resolve(answer.statusCode === 200 && isList(Buffer.concat(parts))));
    });
    asked.once("error", () => resolve(false));
    asked.end();
  });
}

function isList(body: Buffer): boolean {
  try {
    const { object, data } = JSON.parse(body.toString("utf8")) as { object?: unknown; data?: unknown };
    return object === "list" && Array.isArray(data);
  } catch {
    return false;
  }
}
