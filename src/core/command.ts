import type { ApiClient } from "./api-client.ts";

export interface CommandOption {
  /** In the notation of help texts: `--name <name>`, `--json`, `--port <number>`. */
  flags: string;
  description: string;
  default?: string | boolean;
  required?: boolean;
}

export interface CommandContext {
  api: ApiClient;
  /** Progress and remarks, on stderr; silent with --quiet. */
  progress(text: string): void;
  /** A part of the result that is not waited for the whole of, on stdout: as text for people, with --json as one line of JSON. `end` stands behind the text in place of a line end: what comes on stderr, or at the end, begins a line all the same. */
  print(text: string, value: unknown, end?: string): void;
}

/** What the command line offers; a module declares it, the CLI door runs it. */
export interface Command {
  /** Words after `slipway`, such as `["models", "show"]`. */
  words: readonly string[];
  summary: string;
  /** In the notation of help texts: `<file>` is required, `[model]` is not. */
  positionals?: readonly { name: string; description: string }[];
  options?: readonly CommandOption[];
  /** Stands behind what is told of wrong usage, where somebody may have meant another command. */
  afterWrongUse?: string;
  /** Its result tells who did what: where it is made text, keys (`key:ID`) have their names. */
  namesKeys?: true;
  /** The result is printed as JSON with --json, else as `render` makes it, which may look at the options again; an empty text behind printed parts is no line. */
  run(context: CommandContext, input: { positionals: string[]; options: Record<string, string | boolean | undefined> }): Promise<unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- a table of commands with different results
  render(result: any, options?: Record<string, string | boolean | undefined>): string;
}
