/** A program that a step runs. Never through a shell. */
export interface CommandSpec {
  /** The program and its arguments. */
  command: readonly [string, ...string[]];
  /** Written as JSON to the file that `SLIPWAY_INPUT` names. */
  input?: unknown;
  /** Files in the working folder, by relative path; contents as text. */
  files?: Readonly<Record<string, string>>;
  /** Beside PATH, HOME and what programs need to run; nothing of the server's own environment. */
  environment?: Readonly<Record<string, string>>;
  /** Largest resident memory of each of its processes; unlimited by default. */
  maxMemoryBytes?: number;
  /** Most processes and threads of its user that it may add; 256 by default, where the system can limit it. */
  maxProcesses?: number;
  /** Largest output file; 16 MiB by default. */
  maxOutputBytes?: number;
}

export interface CommandResult {
  exitCode: 0;
  /** What the program wrote as JSON to the file that `SLIPWAY_OUTPUT` names; null when it wrote none. */
  output: unknown;
  durationMs: number;
}

/** Runs programs for steps. Adapters prove themselves with `command-runner.conformance.ts`. */
export interface CommandRunner {
  /**
   * Settles when the whole process group is gone. Throws STEP_FAILED with the exit code or signal and the last words,
   * and when the output is not JSON or too large. An abort of `signal` kills the group. Lines of stdout and stderr go to
   * `onLine`, cut at 4,000 characters; a program that writes faster than `onLine` takes them loses lines, and a line says
   * how many.
   */
  run(
    spec: CommandSpec,
    options: { signal: AbortSignal; environment?: Readonly<Record<string, string>>; onLine: (stream: "stdout" | "stderr", line: string) => void },
  ): Promise<CommandResult>;
}
