import { nearestName } from "../../core/nearest-name.ts";
import { priceTable, listedPrice } from "./price-table.ts";

/** What else is known of: the providers that are set up, with their kinds, and the models that routes name. */
export interface KnownNames {
  providers: readonly { name: string; kind: string }[];
  models: readonly { provider: string; model: string }[];
}

/** Kinds that the table has nothing of. */
const otherKinds = ["ollama", "compatible", "echo", "scripted"];

/** What to say of a price whose provider or model nobody knows here, with the nearest name that is; null where both are known, or the provider has models of any name. The price is kept all the same: they may come. */
export function remarkOnPrice({ provider, model }: { provider: string; model: string }, known: KnownNames, at: number): string | null {
  const kinds = [...Object.keys(priceTable), ...otherKinds];
  const kind = known.providers.find(({ name }) => name === provider)?.kind ?? (kinds.includes(provider) ? provider : null);
  if (kind === null) return `No provider or kind of providers named ${JSON.stringify(provider)} is known here${nearest(provider, [...known.providers.map(({ name }) => name), ...kinds])}. The price holds when there is one.`;
  if (!Object.hasOwn(priceTable, kind)) return null;
  const models = [...priceTable[kind]!.flatMap((line) => line.models), ...known.models.filter((each) => each.provider === provider).map((each) => each.model)];
  const isKnown = model.endsWith("*") ? models.some((name) => name.startsWith(model.slice(0, -1))) : models.includes(model) || listedPrice(kind, model, at) !== null;
  return isKnown ? null : `No model named ${JSON.stringify(model)} of ${provider} is known here${nearest(model.replace(/\*$/, ""), models)}. The price holds when it is called by this name.`;
}

function nearest(asked: string, names: readonly string[]): string {
  const name = nearestName(asked, names);
  return name === null ? "" : `; the nearest is ${name}`;
}
