import { Command as Program, Option, type OptionValues } from "commander";
import type { Command, CommandContext } from "../core/command.ts";
import type { ApiClient } from "../core/api-client.ts";
import { toAppError, type AppError } from "../core/errors.ts";
import { terminalText } from "../core/terminal-text.ts";
import { untoldProblems } from "../core/untold-problems.ts";
import { nameKeys } from "./name-keys.ts";

export interface CliParts {
  version: string;
  commands: readonly Command[];
  serverUrl: string;
  makeClient: (url: string) => ApiClient;
  /** Runs the server until it is stopped; flags are camel-cased settings. */
  up: (flags: Record<string, string | boolean | undefined>) => Promise<void>;
}

/** The command line: results on stdout, progress and errors on stderr, exit code 1 for a failure and 2 for wrong usage. */
export async function runCli(argv: readonly string[], parts: CliParts): Promise<number> {
  // Not an option of the program: it would be taken from commands that have a --version of their own.
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    process.stdout.write(`${parts.version}\n`);
    return 0;
  }
  let exitCode = 0;
  /** What was printed last has no line end yet; null where nothing was printed. */
  let isLineOpen: boolean | null = null;
  const endLine = (): void => {
    if (isLineOpen === true) process.stdout.write("\n");
    isLineOpen &&= false;
  };
  const program = new Program("slipway")
    .description("The last mile of machine learning in one process.")
    .usage("[options] <command>\n       slipway --version")
    .option("--url <url>", "server to talk to", parts.serverUrl)
    .option("--json", "print results as JSON")
    .option("--quiet", "no progress on stderr")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride((error) => {
      exitCode = error.exitCode === 0 ? 0 : 2;
      throw error;
    });
  addUp(program, parts);
  for (const command of parts.commands) {
    addCommand(program, command, async (positionals, options) => {
      const globals = program.opts<{ url: string; json?: boolean; quiet?: boolean }>();
      const context: CommandContext = {
        api: parts.makeClient(globals.url),
        progress(text) {
          if (globals.quiet === true) return;
          endLine();
          process.stderr.write(`${terminalText(text)}\n`);
        },
        print(text, value, end = "\n") {
          process.stdout.write(globals.json === true ? `${terminalText(JSON.stringify(value))}\n` : overwriting(text) + end);
          isLineOpen = globals.json !== true && end !== "\n";
        },
      };
      const result = await command.run(context, { positionals, options });
      const text = async (): Promise<string> => command.render(command.namesKeys === true ? await nameKeys(result, context.api) : result, options);
      const shown = terminalText(globals.json === true ? JSON.stringify(result, null, 2) : await text());
      endLine();
      if (shown !== "" || isLineOpen === null) process.stdout.write(`${shown}\n`);
    });
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (thrown) {
    if (thrown instanceof Error && "exitCode" in thrown) return exitCode;
    endLine();
    reportFailure(toAppError(thrown), program.opts<{ json?: boolean }>().json === true);
    return 1;
  }
  return exitCode;
}

/** A command that watches something begins with going back over what it wrote before: the way up, and the rest of the screen cleared. */
function overwriting(text: string): string {
  const [back = ""] = /^\u001b\[\d+A\u001b\[J/.exec(text) ?? [];
  return `${back}${terminalText(text.slice(back.length))}`;
}

function addUp(program: Program, parts: CliParts): void {
  program
    .command("up")
    // What SageMaker calls a container with.
    .alias("serve")
    .description("start the server")
    .option("--host <address>", "address to listen on; beyond loopback it takes keys, allowed hosts and TLS")
    .option("--port <number>", "HTTP port, 0 for any free one")
    .option("--grpc-port <number>", "gRPC port; the HTTP port plus one by default")
    .option("--data <directory>", "where everything is kept")
    .option("--access <mode>", "open, keys, or auto: open where only this machine can call")
    .option("--config <file>", "JSON file with settings")
    .option("--allowed-hosts <hosts>", "further Host values to answer for, comma-separated")
    .option("--tls-certificate <file>", "certificate with its chain, PEM")
    .option("--tls-key <file>", "its private key, PEM")
    .option("--trusted-proxy", "TLS ends at a proxy in front, and nobody can go past it")
    .option("--public-url <url>", "where browsers find this server")
    .option("--scoring-model <name>", "a model that a platform such as SageMaker or Vertex AI calls without a key, at a port of its own")
    .option("--scoring-host <host>", "address of that port (default: 127.0.0.1)")
    .option("--scoring-port <port>", "default: what the platform says, else 8080")
    .option("--workflows <modules>", "modules that define workflows, comma-separated")
    .option("--max-workflow-runs <number>", "workflow runs under way at once; 0 leaves them to other servers")
    .option("--artifact-roots <folders>", "shared folders, comma-separated, to which MLflow's clients write artifacts by themselves and which the server reads")
    .option("--default-artifact-root <uri>", "where new experiments have their artifacts that name no place (default: mlflow-artifacts:/)")
    .option("--max-inference-bytes <bytes>", "largest inference body")
    .option("--intra-op-threads <number>", "threads of one model run")
    .option("--test-reset", "for tests of clients alone: POST /__reset empties everything; on loopback, in a data folder of its own")
    .addOption(new Option("--log-level <level>", "debug, info, warn, error or silent"))
    .action((options: OptionValues) => parts.up(options as Record<string, string | undefined>));
}

function addCommand(
  program: Program,
  command: Command,
  run: (positionals: string[], options: Record<string, string | boolean | undefined>) => Promise<void>,
): void {
  let parent = program;
  for (const word of command.words.slice(0, -1)) {
    parent = parent.commands.find((existing) => existing.name() === word) ?? parent.command(word);
  }
  const name = command.words.at(-1)!;
  const made = (parent.commands.find((existing) => existing.name() === name) ?? parent.command(name)).description(command.summary);
  for (const { name: positional, description } of command.positionals ?? []) made.argument(positional, description);
  for (const { flags, description, default: value, required } of command.options ?? []) {
    if (required === true) made.requiredOption(flags, description, value as string);
    else made.option(flags, description, value);
  }
  if (command.afterWrongUse !== undefined) made.showHelpAfterError(command.afterWrongUse);
  made.action(async (...given: unknown[]) => {
    const count = command.positionals?.length ?? 0;
    const positionals = given.slice(0, count).flat().filter((value): value is string => typeof value === "string");
    await run(positionals, { ...(given[count] as Record<string, string | boolean | undefined>), ...takenByParent(made) });
  });
}

/** `slipway traces sessions --user ann`: where `traces` is a command too and has such an option, it takes what was meant for the one below it. */
function takenByParent(command: Program): OptionValues {
  const { parent } = command;
  const taken = command.options.map((option) => option.attributeName()).filter((name) => command.getOptionValueSource(name) !== "cli" && parent?.getOptionValueSource(name) === "cli");
  return Object.fromEntries(taken.map((name) => [name, parent!.getOptionValue(name) as unknown]));
}

function reportFailure(error: AppError, asJson: boolean): void {
  if (asJson) {
    process.stdout.write(`${terminalText(JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint, problems: error.problems } }, null, 2))}\n`);
  }
  const problems = untoldProblems(error).map((problem) => `  - ${problem.path}: ${problem.message}\n`).join("");
  const cause = error.code === "INTERNAL" && error.cause instanceof Error ? `  ${error.cause.stack ?? error.cause.message}\n` : "";
  // "Correct the problems that the answer lists" says nothing where the message is all there is.
  const advice = error.code === "INVALID_REQUEST" && problems === "" ? "" : `  What to do: ${error.hint}\n`;
  process.stderr.write(terminalText(`Error ${error.code}: ${error.message}\n${problems}${cause}${advice}`));
}
