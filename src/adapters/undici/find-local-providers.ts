// Not imported: an import reads every export, and with them Node loads its WebSocket.
const { request } = process.getBuiltinModule("node:http");

/** Where a server of language models may listen on this machine. */
export interface LocalServer {
  name: string;
  port: number;
  kind: "ollama" | "compatible";
  /** Path of its base URL. */
  base: string;
}

/** Where they listen by default on the machine that they were started on. */
export const usualServers: readonly LocalServer[] = [
  { name: "ollama", port: 11_434, kind: "ollama", base: "" },
  { name: "llamacpp", port: 8080, kind: "compatible", base: "/v1" },
  { name: "vllm", port: 8000, kind: "compatible", base: "/v1" },
  { name: "lmstudio", port: 1234, kind: "compatible", base: "/v1" },
];

/** What is looked for, and how often. Milliseconds. */
export interface LocalSearch {
  servers: readonly LocalServer[];
  everyMs: number;
  timeoutMs: number;
}

export const usualSearch: LocalSearch = { servers: usualServers, everyMs: 60_000, timeoutMs: 500 };

const host = "127.0.0.1";
const mostBytes = 1 << 20;

export interface LocalProviderFound {
  name: string;
  kind: LocalServer["kind"];
  baseUrl: string;
}

/** Addresses that may be called though they are of this machine. */
export const localProviderHosts = (servers: readonly LocalServer[]): string[] => servers.map(({ port }) => `${host}:${port}`);

/** What a server is while it is there. */
export function localProviderAt({ name, kind, port, base }: LocalServer): LocalProviderFound {
  return { name, kind, baseUrl: `http://${host}:${port}${base}` };
}

/**
 * Servers on this machine that answer OpenAI's list of models in time. One that was there `before` stays where it takes longer: it is busy with what it is asked, and those calls are not to lose it; it is gone
 * where nobody listens, or something else answers.
 */
export async function findLocalProviders({ servers, timeoutMs }: Omit<LocalSearch, "everyMs">, before: readonly LocalProviderFound[] = []): Promise<LocalProviderFound[]> {
  const found = await Promise.all(servers.map(async (server) => {
    const lists = await listsModels(server.port, timeoutMs);
    return lists === "yes" || (lists === "late" && before.some((each) => each.name === server.name)) ? localProviderAt(server) : null;
  }));
  return found.filter((each) => each !== null);
}

/** Looks now and then, one time after the other, and tells what is there where it has changed. Answers with what ends it. */
export function followLocalProviders(search: LocalSearch, changed: (found: readonly LocalProviderFound[]) => void): () => void {
  let before: readonly LocalProviderFound[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const look = async (): Promise<void> => {
    const found = await findLocalProviders(search, before);
    if (isOver) return;
    if (found.map(({ name }) => name).join() !== before.map(({ name }) => name).join()) changed(found);
    before = found;
    timer = setTimeout(() => void look(), search.everyMs).unref();
  };
  void look();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

function listsModels(port: number, timeoutMs: number): Promise<"yes" | "no" | "late"> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request({ host, port, path: "/v1/models", headers: { accept: "application/json" }, signal }, (answer) => {
      const parts: Buffer[] = [];
      let length = 0;
      // Where it breaks off, what came is no list.
      answer.on("error", () => undefined);
      answer.on("data", (part: Buffer) => {
        length += part.length;
        if (length > mostBytes) answer.destroy();
        else parts.push(part);
      });
      answer.once("close", () => resolve(signal.aborted ? "late" : answer.statusCode === 200 && isList(Buffer.concat(parts)) ? "yes" : "no"));
    });
    asked.once("error", () => resolve(signal.aborted ? "late" : "no"));
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
