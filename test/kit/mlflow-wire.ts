/** What became of a request: `unknown` when nobody answered for it, so that it may have been done or not. */
export type WireOutcome = { kind: "done"; body: Record<string, unknown> } | { kind: "refused"; status: number; code: string; message: string } | { kind: "unknown" };

/** Statuses that say nothing of what was done. */
const isUnknown = (status: number): boolean => status >= 500 || status === 408 || status === 429;

/** A caller of MLflow's wire that tells what was acknowledged from what nobody knows; it tries nothing again. */
export class MlflowWire {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** `path` begins behind `/api/2.0/mlflow/`. */
  async send(method: "POST" | "PATCH" | "DELETE", path: string, fields: object): Promise<WireOutcome> {
    return this.#outcomeOf(`/api/2.0/mlflow/${path}`, { method, body: JSON.stringify(fields), headers: { "content-type": "application/json" } });
  }

  /** `path` as artifact URIs have it, without their scheme. */
  async put(path: string, content: Uint8Array<ArrayBuffer>): Promise<WireOutcome> {
    return this.#outcomeOf(`/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: "PUT", body: content });
  }

  /** Throws unless it is answered. `fields` with a list become repeated keys. */
  async get(path: string, fields: Readonly<Record<string, string | readonly string[]>> = {}): Promise<Record<string, unknown>> {
    const pairs = Object.entries(fields).flatMap(([key, value]) => (typeof value === "string" ? [value] : value).map((each) => [key, each]));
    const query = new URLSearchParams(pairs as [string, string][]);
    return answered(await this.#outcomeOf(`/api/2.0/mlflow/${path}?${query.toString()}`, { method: "GET" }));
  }

  /** Throws unless it is done. */
  async post(path: string, fields: object): Promise<Record<string, unknown>> {
    return answered(await this.send("POST", path, fields));
  }

  /** Null where there is no such file. */
  async file(path: string): Promise<Uint8Array | null> {
    const response = await fetch(`${this.#url}/api/2.0/mlflow-artifacts/artifacts/${path}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (response.status === 404) return null;
    if (response.status !== 200) throw new Error(`${response.status} for ${path}: ${Buffer.from(bytes).toString()}`);
    return bytes;
  }

  /** Names of what is in a folder. */
  async folder(path: string): Promise<{ name: string; isFolder: boolean; bytes: number | undefined }[]> {
    const { files } = answered(await this.#outcomeOf(`/api/2.0/mlflow-artifacts/artifacts?path=${encodeURIComponent(path)}`, { method: "GET" }));
    return (files as { path: string; is_dir: boolean; file_size?: number }[]).map(({ path: name, is_dir: isFolder, file_size: bytes }) => ({ name, isFolder, bytes }));
  }

  async #outcomeOf(path: string, init: RequestInit): Promise<WireOutcome> {
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${this.#url}${path}`, init);
      status = response.status;
      text = await response.text();
    } catch {
      return { kind: "unknown" };
    }
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    if (status === 200) return { kind: "done", body };
    if (isUnknown(status)) return { kind: "unknown" };
    return { kind: "refused", status, code: String(body["error_code"]), message: String(body["message"]) };
  }
}

function answered(outcome: WireOutcome): Record<string, unknown> {
  if (outcome.kind === "done") return outcome.body;
  throw new Error(outcome.kind === "unknown" ? "Nobody answered." : `${outcome.status} ${outcome.code}: ${outcome.message}`);
}
