import type { ReadyProvider } from "../routing/call-plan.ts";

/** After so many calls a server is asked again whether it has it by now. */
const callsUntilAsked = 100;
/** How servers say that they have no such path. */
const noSuchPath: ReadonlySet<number> = new Set([404, 405, 501]);

/** Servers of one's own that answered chat completions in the place of `/responses`, with the calls since; forgotten with the next change of settings. */
const known = new WeakMap<ReadyProvider, number>();

/** Whether a call in OpenAI's responses protocol goes to the provider as chat completions: where its settings say so, and where it was found out. */
export function lacksResponses(provider: ReadyProvider): boolean {
  if (provider.settings.responses !== undefined) return provider.settings.responses === "chat";
  const calls = known.get(provider);
  if (calls === undefined) return false;
  if (calls >= callsUntilAsked) known.delete(provider);
  else known.set(provider, calls + 1);
  return calls < callsUntilAsked;
}

/** It answered chat completions where it had none of the other. */
export function noteLacking(provider: ReadyProvider): void {
  if (provider.settings.responses === undefined && !known.has(provider)) known.set(provider, 0);
}

/** Whether the status may mean that the server has no `/responses`. OpenAI's own says that of models, and of answers that it did not keep. */
export function mayLack({ settings: { kind, responses } }: ReadyProvider, status: number): boolean {
  return kind === "compatible" && responses === undefined && noSuchPath.has(status);
}
