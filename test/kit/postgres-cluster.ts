import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { appendFile, chmod, chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "pg";
import { freePort } from "./free-port.ts";

const run = promisify(execFile);
/** Beside what the build keeps. */
const cache = fileURLToPath(new URL("../../node_modules/.cache/slipway/", import.meta.url));

export interface PostgresClusterOptions {
  /** Syncs every commit to the disk. Off by default: a stopped server loses nothing by that, only a stopped machine would. */
  fsync?: boolean;
  /** Lines for postgresql.conf. */
  settings?: Readonly<Record<string, string>>;
}

/**
 * A real Postgres with a temporary data directory, on a free port of loopback and a Unix socket. It can be stopped, killed,
 * frozen and followed by a standby. Needs Debian's postgresql; as root it runs as the user postgres.
 */
export class PostgresCluster {
  readonly port: number;
  readonly folder: string;
  #server: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  static async start({ fsync = false, settings = {} }: PostgresClusterOptions = {}): Promise<PostgresCluster> {
    const cluster = await PostgresCluster.#prepare();
    await cluster.#initialize();
    const lines = {
      fsync: fsync ? "on" : "off", listen_addresses: "'127.0.0.1'", unix_socket_directories: `'${cluster.folder}'`, port: String(cluster.port),
      shared_buffers: "16MB", max_connections: "60", deadlock_timeout: "50ms", wal_level: "replica", max_wal_senders: "4", hot_standby: "on", log_min_messages: "fatal",
      ...settings,
    };
    await appendFile(join(cluster.#data, "postgresql.conf"), Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`).join(""));
    await appendFile(join(cluster.#data, "pg_hba.conf"), "host replication all 127.0.0.1/32 trust\n");
    await cluster.restart();
    return cluster;
  }

  static async #prepare(): Promise<PostgresCluster> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-postgres-"));
    const owner = await serverOwner();
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
    return new PostgresCluster(folder, await freePort());
  }

  /** A copy of the first one that was made here: `initdb` takes seven times as long. Clusters that are alike in their system identifier never meet. */
  async #initialize(): Promise<void> {
    const program = binary("initdb");
    const settings = ["--username", "slipway", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"];
    const key = createHash("sha256").update(JSON.stringify([settings, program, statSync(program).mtimeMs, process.getuid?.()])).digest("hex").slice(0, 16);
    const made = join(cache, `postgres-${key}`);
    if (!existsSync(made)) {
      await this.#tool("initdb", ["--pgdata", this.#data, ...settings]);
      await mkdir(cache, { recursive: true });
      const own = await mkdtemp(`${made}-`);
      await run("cp", ["--archive", this.#data, join(own, "data")]);
      // Whole or not at all; of several at once the first one stays.
      await rename(join(own, "data"), made).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      });
      await rm(own, { recursive: true });
    } else await run("cp", ["--archive", made, this.#data]);
  }

  get #data(): string {
    return join(this.folder, "data");
  }

  /** `schema` must be there; without it the default schema is used. `port` is that of a proxy. */
  url({ schema, port = this.port, parameters = "" }: { schema?: string; port?: number; parameters?: string } = {}): string {
    const options = schema === undefined ? "" : `&options=${encodeURIComponent(`-c search_path=${schema}`)}`;
    return `postgres://slipway@127.0.0.1:${port}/postgres?sslmode=disable${options}${parameters}`;
  }

  /** Past everything that is tested. Answers with the rows of the last statement. */
  async query<Row>(sql: string): Promise<Row[]> {
    const client = new Client({ host: this.folder, port: this.port, user: "slipway", database: "postgres" });
    await client.connect();
    try {
      const result = (await client.query(sql)) as unknown as { rows: Row[] } | { rows: Row[] }[];
      return Array.isArray(result) ? result.at(-1)!.rows : result.rows;
    } finally {
      await client.end();
    }
  }

  async createSchema(name: string): Promise<string> {
    await this.query(`create schema ${name}`);
    return name;
  }

  /** Gives files to the server's user, who alone may read them. */
  async own(...paths: string[]): Promise<void> {
    const owner = await serverOwner();
    for (const path of paths) {
      await chmod(path, 0o600);
      if (owner !== undefined) await chown(path, owner.uid, owner.gid);
    }
  }

  /** Starts the server, or starts it again; answers when it takes connections. */
  async restart(): Promise<void> {
    if (this.#server !== undefined) await this.stop("immediate");
    const server = spawn(binary("postgres"), ["-D", this.#data], { ...(await identity()), stdio: ["ignore", "ignore", "pipe"], detached: true });
    this.#server = server;
    // A test that dies leaves no server behind.
    const end = (): void => void server.kill("SIGQUIT");
    process.once("exit", end);
    server.once("exit", () => process.off("exit", end));
    this.#exited = new Promise((resolve) => server.once("exit", resolve));
    const lines: string[] = [];
    createInterface({ input: server.stderr! }).on("line", (line) => lines.push(line));
    await this.#ready(() => lines.join("\n"));
  }

  /** `fast` ends sessions and writes everything out; `immediate` is a crash. */
  async stop(mode: "fast" | "immediate"): Promise<void> {
    this.#server?.kill(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await this.#exited;
    this.#server = undefined;
  }

  /** SIGKILL to every process of the server, as if the machine went away without a word to its clients' requests. */
  async kill(): Promise<void> {
    await this.#signal("SIGKILL");
    await this.#exited;
    this.#server = undefined;
    await rm(join(this.#data, "postmaster.pid"), { force: true });
  }

  /** Connections stay open and nothing answers, until `resume`. */
  async pause(): Promise<void> {
    await this.#signal("SIGSTOP");
  }

  async resume(): Promise<void> {
    await this.#signal("SIGCONT");
  }

  /** A standby that follows this server; each commit here waits for it from now on when `synchronous`. */
  async follow({ synchronous }: { synchronous: boolean }): Promise<PostgresCluster> {
    const standby = await PostgresCluster.#prepare();
    await this.#tool("pg_basebackup", [
      "--pgdata", standby.#data, "--host", this.folder, "--port", String(this.port), "--username", "slipway", "--checkpoint", "fast", "--wal-method", "stream", "--no-sync",
    ]);
    const source = `host=127.0.0.1 port=${this.port} user=slipway application_name=standby`;
    await appendFile(join(standby.#data, "postgresql.conf"), [
      `port = ${standby.port}`, `unix_socket_directories = '${standby.folder}'`, `primary_conninfo = '${source}'`, "synchronous_standby_names = ''", "",
    ].join("\n"));
    const signal = join(standby.#data, "standby.signal");
    await writeFile(signal, "");
    await standby.own(signal);
    await standby.restart();
    if (synchronous) await this.query("alter system set synchronous_standby_names = 'standby'").then(() => this.query("select pg_reload_conf()"));
    await this.until(`select 1 from pg_stat_replication where state = 'streaming' and (sync_state = 'sync' or not ${synchronous})`);
    return standby;
  }

  /** A standby becomes a server that takes writes; answers when it does. */
  async promote(): Promise<void> {
    await this.query("select pg_promote(true)");
    await this.until("select 1 where not pg_is_in_recovery()");
  }

  /** Asks until there is a row. */
  async until(sql: string): Promise<void> {
    while ((await this.query(sql)).length === 0) await pause();
  }

  async remove(): Promise<void> {
    await this.resume();
    await this.stop("immediate");
    await rm(this.folder, { recursive: true, force: true });
  }

  async #ready(log: () => string): Promise<void> {
    for (;;) {
      const answer = await this.query("select 1").then(() => true, (error: unknown) => {
        const code = (error as { code?: string }).code;
        if (code === "ECONNREFUSED" || code === "ENOENT" || code === "57P03") return false;
        throw error;
      });
      if (answer) return;
      if (this.#server === undefined || this.#server.exitCode !== null) throw new Error(`Postgres did not start:\n${log()}`);
      await pause();
    }
  }

  /** To the server's own process and its children. */
  async #signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const server = this.#server;
    if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    // A stopped server starts no further children.
    if (signal !== "SIGCONT") server.kill("SIGSTOP");
    const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, "utf8").catch(() => "");
    for (const id of [...children.split(" ").map(Number).filter((each) => each > 0), server.pid]) {
      try {
        process.kill(id, signal);
      } catch (error) {
        // A session may have ended since it was listed.
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  }

  async #tool(name: string, parameters: readonly string[]): Promise<void> {
    await run(binary(name), parameters, { ...(await identity()), cwd: this.folder });
  }
}

function binary(name: string): string {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").sort((left, right) => Number(right) - Number(left)) : [];
  if (versions.length === 0) throw new Error("These tests need Postgres: apt-get install postgresql");
  return join("/usr/lib/postgresql", versions[0]!, "bin", name);
}

/** Postgres refuses to run as root. */
async function serverOwner(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const number = async (flag: string): Promise<number> => Number((await run("id", [flag, "postgres"])).stdout);
  return { uid: await number("-u"), gid: await number("-g") };
}

async function identity(): Promise<{ uid?: number; gid?: number; env: NodeJS.ProcessEnv }> {
  return { ...(await serverOwner()), env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" } };
}

/** Each question is a process of Postgres: asking without a break keeps it from what is waited for. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
