import type { Command } from "./core/command.ts";

interface CommandFile {
  /** First words of its commands. */
  words: readonly string[];
  load(): Promise<readonly Command[]>;
}

/** In the order of the help. A command loads its own file and what that needs, not the modules that a server is made of. */
export const commandFiles: readonly CommandFile[] = [
  { words: ["activate", "deploy", "models", "policy"], load: async () => (await import("./registry/commands.ts")).registryCommands },
  { words: ["models"], load: async () => (await import("./registry/catalog-commands.ts")).catalogCommands },
  { words: ["predictions", "truth", "why"], load: async () => (await import("./serving/commands.ts")).servingCommands },
  { words: ["keys", "teams", "whoami"], load: async () => (await import("./access/commands.ts")).accessCommands },
  { words: ["audit"], load: async () => (await import("./access/audit-commands.ts")).auditCommands },
  { words: ["setup"], load: async () => (await import("./access/setup-commands.ts")).setupCommands },
  { words: ["events", "webhooks"], load: async () => (await import("./events/commands.ts")).eventCommands },
  { words: ["workflows"], load: async () => (await import("./workflows/commands.ts")).workflowCommands },
  { words: ["runs"], load: async () => (await import("./tracking/commands.ts")).runCommands },
  { words: ["traces"], load: async () => (await import("./tracing/commands.ts")).traceCommands },
  { words: ["datasets"], load: async () => (await import("./datasets/commands.ts")).datasetCommands },
  { words: ["import"], load: async () => (await import("./importing/commands.ts")).importCommands },
  { words: ["evaluate"], load: async () => (await import("./evaluation/commands.ts")).evaluationCommands },
  { words: ["export"], load: async () => (await import("./exporting/commands.ts")).exportCommands },
  { words: ["rollback", "rollout"], load: async () => (await import("./rollouts/commands.ts")).rolloutCommands },
  { words: ["abtest"], load: async () => (await import("./rollouts/ab-tests/commands.ts")).abTestCommands },
  { words: ["budgets", "costs", "prices"], load: async () => (await import("./ledger/commands.ts")).ledgerCommands },
  { words: ["gateway"], load: async () => (await import("./gateway/commands.ts")).gatewayCommands },
  { words: ["backup", "doctor", "move", "restore"], load: async () => (await import("./local-commands.ts")).localCommands },
];

/** The commands that these arguments can mean: those of one word, none for the server itself, and all where they are to be listed. */
export async function commandsFor(parameters: readonly string[]): Promise<readonly Command[]> {
  const word = firstWord(parameters);
  if (word === "up" || word === "serve") return [];
  const named = commandFiles.filter(({ words }) => words.includes(word ?? ""));
  return (await Promise.all((named.length > 0 ? named : commandFiles).map((file) => file.load()))).flat();
}

/** What is no option, nor the value of the one option before a command that takes one. */
function firstWord(parameters: readonly string[]): string | undefined {
  return parameters.find((parameter, index) => !parameter.startsWith("-") && parameters[index - 1] !== "--url");
}
