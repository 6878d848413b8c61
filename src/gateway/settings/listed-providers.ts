import { mayOnServer, type Caller } from "../../core/caller.ts";
import { inNameOrder } from "../../core/name-order.ts";
import type { GatewayProvider, ListedProvider } from "../schemas.ts";
import type { GatewayCatalog } from "./gateway-catalog.ts";
import { secretTrouble } from "./missing-secret.ts";

/** What brings a secret back, by where it should be. The provider's kind stands in the command: it can be run as it is. */
const advice: Readonly<Record<Exclude<GatewayProvider["secret"], "none">, string>> = {
  environment: "Start the server with that variable, or enter the key", file: "Put the file there: it is read with the next call; or enter the key", value: "Start the server with the secret key with which that was done, or enter the key again",
};

/** All providers by name, each with what keeps its secret from being read on this server. Administrators of the server learn which variable or file is missing, others that something is: what stands there is told to nobody. */
export function listedProviders(catalog: Pick<GatewayCatalog, "providers" | "provider">, caller: Caller): ListedProvider[] {
  const mayKnow = mayOnServer(caller, "admin");
  return inNameOrder(catalog.providers()).map((provider) => {
    const ready = catalog.provider(provider.name);
    const trouble = ready === null || provider.secret === "none" ? null : secretTrouble(ready);
    return { ...provider, trouble: trouble === null ? null : mayKnow ? `${trouble} ${howToMend(provider)}` : `The secret of the provider ${provider.name} cannot be read on this server: calls of it fail until an administrator of the server mends that.` };
  });
}

function howToMend({ name, secret, settings: { kind } }: GatewayProvider): string {
  return secret === "none" ? "" : `${advice[secret]}: \`slipway gateway set-provider ${name} --kind ${kind} --key-from FILE\`. Until then its calls fail.`;
}
