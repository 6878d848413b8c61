import type { Command } from "../core/command.ts";
import type { NewKey } from "./schemas.ts";

export const setupCommands: readonly Command[] = [
  {
    words: ["setup"],
    summary: "make the first admin key of a new server, with the token that it wrote when it started",
    positionals: [{ name: "<token>", description: "from the server's standard error" }],
    options: [{ flags: "--name <name>", description: "whose key it is", default: "first admin" }],
    run: async ({ api }, { positionals, options }) => api.send("POST", "/api/setup", { token: positionals[0], name: String(options.name) }),
    render: ({ key }: { key: NewKey }) =>
      [`The admin key ${key.name} (${key.id}) is made. It is shown this once; keep it where you keep passwords:`, "", `  ${key.key}`, "", "The commands take it from the environment: export SLIPWAY_API_KEY=..."].join("\n"),
  },
];
