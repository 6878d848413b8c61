import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localCaller, type Grant } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import { ProviderSettings, type GatewayProvider } from "../schemas.ts";
import type { GatewayCatalog } from "./gateway-catalog.ts";
import { listedProviders } from "./listed-providers.ts";
import { missingSecret } from "./missing-secret.ts";

const places = { variable: "environment", file: "file", sealed: "value", plain: "value", open: "none" } as const;
const secrets: Record<keyof typeof places, () => string | null> = {
  variable: () => { throw missingSecret("variable", { from: "environment", name: "SLIPWAY_PROVIDER_X" }, null); }, file: () => { throw missingSecret("file", { from: "file", path: "x.key" }, new AppError("INVALID_REQUEST", "It is a folder.")); },
  sealed: () => { throw new Error("unsealed with /secret/key sk-of-somebody"); }, plain: () => "sk-of-somebody", open: () => null,
};
const names = Object.keys(places) as (keyof typeof places)[];
const views = names.map((name): GatewayProvider => ({ name, settings: ProviderSettings.parse({ kind: "openai" }), secret: places[name], origin: "stored", revision: 1, updatedAt: 0, updatedBy: "local" }));
const catalog = { providers: () => views, provider: (name: keyof typeof places) => ({ name, secret: secrets[name] }) } as unknown as GatewayCatalog;

describe("listedProviders", () => {
  it("says which secret cannot be read, where it should be and what to do, to administrators of the server", () => {
    const listed = listedProviders(catalog, localCaller);
    assert.deepEqual(listed.map(({ name }) => name), ["file", "open", "plain", "sealed", "variable"]);
    const troubles = Object.fromEntries(listed.map(({ name, trouble }) => [name, trouble]));
    const enterIt = (name: string): string => `: \`slipway gateway set-provider ${name} --kind openai --key-from FILE\`. Until then its calls fail.`;
    assert.deepEqual(troubles, {
      open: null, plain: null, file: `The provider file has no secret: the file x.key cannot be read. It is a folder. Put the file there: it is read with the next call; or enter the key${enterIt("file")}`,
      sealed: `The secret of the provider sealed cannot be opened: it was sealed with another key than this server's. Start the server with the secret key with which that was done, or enter the key again${enterIt("sealed")}`,
      variable: `The provider variable has no secret: the server has no environment variable SLIPWAY_PROVIDER_X. Start the server with that variable, or enter the key${enterIt("variable")}`,
    });
    assert.doesNotMatch(JSON.stringify(listed), /sk-of/);
  });

  it("tells others that something is missing, and neither variable nor file", () => {
    for (const grant of [{ role: "viewer", team: "*" }, { role: "admin", team: "red" }] satisfies Grant[]) {
      const text = JSON.stringify(listedProviders(catalog, { actor: "key:key_1", name: "one", grants: [grant] }).map(({ name, trouble }) => [name, trouble]));
      assert.match(text, /\["file","The secret of the provider file cannot be read on this server: calls of it fail until an administrator of the server mends that\."\],\["open",null\],\["plain",null\]/);
      assert.doesNotMatch(text, /SLIPWAY_PROVIDER_X|x\.key|sk-of/);
    }
  });
});
