import type { GatewayCatalog } from "./gateway-catalog.ts";
import { keyNamesOf } from "./provider-environment.ts";

/** Of a provider that a route names and that is not there: where it is looked for, if it is, and what brings it back. A sentence or two. */
export function goneProvider(catalog: Pick<GatewayCatalog, "whereabouts">, name: string): string {
  return `The provider ${name} ${catalog.whereabouts(name) ?? `is not there any more: ${howToAdd(name)}.`}`;
}

/** Without a capital and a stop: a part of a sentence. */
export function howToAdd(name: string): string {
  const names = keyNamesOf(name);
  return `enter it with \`slipway gateway set-provider ${name} --kind ${names.length === 0 ? "KIND" : `${name} --key-from FILE`}\`${names.length === 0 ? "" : `, or start the server with ${names.join(" or ")}`}`;
}
