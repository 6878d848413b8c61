import { resolve } from "node:path";
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { CommandResult, CommandRunner, CommandSpec } from "../../workflows/command-runner.ts";
import { findLimitPrograms, launchArguments, markVariable, type LimitPrograms } from "./launch-script.ts";
import { defaultLineAllowance, OutputLines, ReadingPace, type LineAllowance } from "./output-lines.ts";
import { ProcessGroup } from "./process-group.ts";
import { countTasks } from "./process-table.ts";
import { ResourceGuard } from "./resource-guard.ts";
import { findProgram, WorkingFolder } from "./working-folder.ts";

const defaultMaxOutputBytes = 16 << 20;
const defaultMaxProcesses = 256;

export interface ProcessCommandRunnerOptions {
  /** Holds the working folders; this runner's alone, for what is in it is removed at the start. */
  directory: string;
  /** What programs need to run, such as PATH and HOME; no secret belongs in it. */
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  /** Between SIGTERM and SIGKILL; 5 s by default. */
  graceMs?: number;
  lineAllowance?: LineAllowance;
  pace?: ReadingPace;
}

interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  startError?: unknown;
}

/** Runs programs as child processes, each in a session, a process group and a working folder of its own. Not on Windows. */
export class ProcessCommandRunner implements CommandRunner {
  readonly #options: ProcessCommandRunnerOptions;
  readonly #pace: ReadingPace;
  #programs: Promise<LimitPrograms> | undefined;

  private constructor(options: ProcessCommandRunnerOptions) {
    this.#options = options;
    this.#pace = options.pace ?? new ReadingPace();
  }

  /** Removes what killed servers left in the directory. */
  static async open(options: ProcessCommandRunnerOptions): Promise<ProcessCommandRunner> {
    // A program runs in another folder: what it is told of its files must hold there too.
    const directory = resolve(options.directory);
    await WorkingFolder.removeAll(directory);
    return new ProcessCommandRunner({ ...options, directory });
  }

  async run(
    spec: CommandSpec,
    options: { signal: AbortSignal; environment?: Readonly<Record<string, string>>; onLine: (stream: "stdout" | "stderr", line: string) => void },
  ): Promise<CommandResult> {
    if (process.platform === "win32") throw new AppError("NOT_SUPPORTED", "Command steps need process groups, which Windows does not have.");
    options.signal.throwIfAborted();
    assertNoNul(spec, options.environment ?? {});
    const startedAt = this.#options.clock.monotonic();
    const folder = await WorkingFolder.create(this.#options.directory, { input: spec.input, files: spec.files ?? {} });
    try {
      const environment: Record<string, string> = {
        ...this.#options.environment, ...options.environment, ...spec.environment,
        SLIPWAY_INPUT: folder.input, SLIPWAY_OUTPUT: folder.output, TMPDIR: folder.temporary,
      };
      const program = await findProgram(spec.command[0], folder.work, environment.PATH ?? "");
      await this.#runProgram(program, spec, folder, environment, options);
      return {
        exitCode: 0,
        output: await folder.readOutput(spec.maxOutputBytes ?? defaultMaxOutputBytes),
        durationMs: Math.round(this.#options.clock.monotonic() - startedAt),
      };
    } finally {
      await folder.remove();
    }
  }

  /** Settles when everything that the program started is gone. Throws STEP_FAILED unless it ended well, and the signal's reason after an abort. */
  async #runProgram(
    program: string,
    spec: CommandSpec,
    folder: WorkingFolder,
    environment: Readonly<Record<string, string>>,
    { signal, onLine }: { signal: AbortSignal; onLine: (stream: "stdout" | "stderr", line: string) => void },
  ): Promise<void> {
    const mark = randomBytes(16).toString("hex");
    const maxProcesses = spec.maxProcesses ?? defaultMaxProcesses;
    // Not before: most servers run no program, and trying these two is a tenth of what a start takes.
    const programs = await (this.#programs ??= findLimitPrograms(this.#options.environment));
    const tasks = await countTasks();
    signal.throwIfAborted();
    const parameters = launchArguments(programs, {
      mark, program, parameters: spec.command.slice(1), maxMemoryBytes: spec.maxMemoryBytes,
      processes: tasks === null ? null : tasks + maxProcesses,
    });
    // stdin, stdout, stderr, and the lifeline of the watchdog. A session of its own, so a process group too.
    const child = spawn("/bin/sh", parameters, { stdio: ["ignore", "pipe", "pipe", "pipe"], env: environment, cwd: folder.work, detached: true });
    const ended = programEnd(child);
    const outputs = (["stdout", "stderr"] as const).map((name) => {
      const { clock, lineAllowance = defaultLineAllowance } = this.#options;
      const lines = new OutputLines({ take: (line) => onLine(name, line), pace: this.#pace, allowance: lineAllowance, monotonic: () => clock.monotonic() });
      const stream = child[name];
      if (stream !== null) lines.listen(stream);
      return lines;
    });
    let excess: string | undefined;
    if (child.pid !== undefined) {
      const group = new ProcessGroup(child.pid, `${markVariable}=${mark}`, this.#options.graceMs ?? 5000);
      const abort = (): void => group.terminate();
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      const guard = new ResourceGuard(child.pid, `${markVariable}=${mark}`, { maxMemoryBytes: spec.maxMemoryBytes, maxProcesses: maxProcesses + 1 }, (reason) => {
        excess = reason;
        group.kill();
      });
      await ended;
      guard.stop();
      signal.removeEventListener("abort", abort);
      await group.end();
    }
    const end = await ended;
    await outputRead(child);
    for (const lines of outputs) lines.end();
    signal.throwIfAborted();
    const words = outputs[1]!.tail() || outputs[0]!.tail();
    const name = spec.command[0].split("/").at(-1)!.slice(0, 100);
    if (end.startError !== undefined) throw new AppError("STEP_FAILED", `${name} could not be started.`, { cause: end.startError });
    if (excess !== undefined) throw new AppError("STEP_FAILED", `${name} was killed: ${excess}.`);
    if (end.code === 0) return;
    throw new AppError("STEP_FAILED", `${name} ended with ${end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`}${words === "" ? "." : `: ${words}`}`);
  }
}

function programEnd(child: ChildProcess): Promise<ProgramEnd> {
  // Without file descriptors Node makes no streams, and says so twice.
  for (const stream of Array.isArray(child.stdio) ? child.stdio : []) stream?.on("error", () => {});
  return new Promise((resolve) => {
    child.on("error", (startError) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, startError });
    });
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
}

/** All that wrote is dead; what is in the pipes still arrives. One who fled with a pipe in hand is not waited for. */
async function outputRead(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream): stream is Readable => stream !== null && stream !== undefined);
  const closed = Promise.all(streams.map((stream) => new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once("close", resolve)))));
  const patience = 10_000;
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([closed, new Promise<void>((resolve) => (timer = setTimeout(resolve, patience)))]);
  clearTimeout(timer);
  for (const stream of Array.isArray(child.stdio) ? child.stdio : []) stream?.destroy();
}

function assertNoNul(spec: CommandSpec, environment: Readonly<Record<string, string>>): void {
  const variables = Object.entries({ ...environment, ...spec.environment });
  if (spec.command.some((part) => part.includes("\0"))) throw new AppError("STEP_FAILED", "The command holds a NUL character.");
  for (const [name, value] of variables) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new AppError("STEP_FAILED", `"${name.slice(0, 100)}" is no name of an environment variable.`);
    if (value.includes("\0")) throw new AppError("STEP_FAILED", `The environment variable ${name} holds a NUL character.`);
  }
}
